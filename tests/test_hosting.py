"""A host as an orchestrator's process has it: real receivers, and the settings as a user would write them."""

from __future__ import annotations

import json
import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from handspan import config, names, otlp
from handspan.hosting import Host, spool_folder
from handspan.testing import Story
from tests.receivers import free_port, http_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from handspan.events import Event
    from handspan.signals import Log
    from tests.receivers import HttpReceiver

LONG = 10.0
SECRET = "sk-ant-" + "api03-" + "x" * 40


def settings_of(tmp_path: Path, environ: dict[str, str]) -> config.Settings:
    home = {"HOME": str(tmp_path), "HANDSPAN_STATE_DIR": str(tmp_path / "state"), "HANDSPAN_SETTLE": "0.1s"}
    return config.read({**home, **environ}).settings


@contextmanager
def hosting(tmp_path: Path, environ: dict[str, str]) -> Generator[Host]:
    host = Host(
        settings_of(tmp_path, environ),
        environ,
        source="story",
        instance="i",
        translate=lambda event: (event,),
        looks=True,
    )
    host.start()
    try:
        yield host
    finally:
        host.close()


def told() -> list[Event]:
    """A session with a message, now."""
    story = Story("s", begin=time.time_ns() - 10_000_000_000).session().terminal("t", "dev")
    return story.at(1).sent("m", "t", text=f"use {SECRET} and no other").at(2).end().events


def logs_at(receiver: HttpReceiver) -> list[Log]:
    bodies = [request.body for request in receiver.requests if request.path == "/v1/logs"]
    return [log for body in bodies for log in otlp.read("logs", body)]


def tell(host: Host) -> None:
    for event in told():
        host.put(event)
    # What was told last is seen to have settled by its session's end.
    eventually(lambda: [s for s in host.metrics(LONG) if s.name == names.SESSIONS_ENDED])
    assert host.flush(LONG)


def test_what_is_put_arrives_by_otlp_and_as_cloud_events(tmp_path: Path) -> None:
    with http_receiver() as receiver, http_receiver() as called:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "HANDSPAN_CALLBACK_URL": f"{called.url}/hook"}
        with hosting(tmp_path, environ) as host:
            tell(host)
        sent = [log for log in logs_at(receiver) if log.name == names.MESSAGE_SENT]
        assert [log.attributes[names.MESSAGE_ID] for log in sent] == ["m"]
        assert {request.path for request in receiver.requests} == {"/v1/traces", "/v1/logs"}
        events = [json.loads(request.body) for request in called.requests]
        assert [event["data"]["event_type"] for event in events] == [
            *("session_created", "terminal_created", "message_sent", "session_killed", "terminal_killed")
        ]
        assert {request.path for request in called.requests} == {"/hook"}


@pytest.mark.parametrize(
    ("mode", "text"),
    [("off", None), ("redacted", "use [redacted: anthropic key] and no other"), ("full", f"use {SECRET} and no other")],
)
def test_no_more_leaves_than_the_content_mode_allows(mode: str, text: str | None, tmp_path: Path) -> None:
    with http_receiver() as receiver, http_receiver() as called:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "CAO_EVENT_CALLBACK_URL": called.url}
        with hosting(tmp_path, {**environ, "HANDSPAN_CONTENT": mode}) as host:
            tell(host)
        (sent,) = [log for log in logs_at(receiver) if log.name == names.MESSAGE_SENT]
        assert sent.attributes.get(names.MESSAGE_TEXT) == text
        assert sent.attributes[names.MESSAGE_SIZE] == len(f"use {SECRET} and no other")
        (event,) = [one for r in called.requests if (one := json.loads(r.body)["data"])["event_type"] == "message_sent"]
        assert event.get("message") == text
        kept = b"".join(path.read_bytes() for path in host.folder.iterdir())
        assert (SECRET.encode() in kept) == (mode == "full")


def test_what_a_callback_did_not_take_is_told_by_the_next_host(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        with hosting(tmp_path, {**environ, "HANDSPAN_CALLBACK_URL": f"http://127.0.0.1:{free_port()}"}) as host:
            for event in told():
                host.put(event)
        with http_receiver() as called:
            with hosting(tmp_path, {**environ, "HANDSPAN_CALLBACK_URL": called.url}) as host:
                assert host.flush(LONG)
            assert json.loads(called.requests[0].body)["data"]["event_type"] == "session_created"


def test_a_disabled_sdk_sends_nothing_but_what_was_asked_for_beside_it(tmp_path: Path) -> None:
    with http_receiver() as receiver, http_receiver() as called:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_SDK_DISABLED": "true"}
        with hosting(tmp_path, {**environ, "HANDSPAN_CALLBACK_URL": called.url}) as host:
            tell(host)
        assert receiver.requests == []
        assert len(called.requests) == 5


def test_what_is_not_asked_for_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "handspan")
    with hosting(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}):
        pass
    folder = tmp_path / "state" / "story-i"
    assert [record.getMessage() for record in caplog.records][:3] == [
        f"What story does is told to otlp_http http://127.0.0.1:9; what waits for it is kept in {folder}.",
        "No callback URL is set: nobody gets CloudEvents.",
        "No plugin is installed: no hook is called.",
    ]


def test_what_plugins_fail_at_is_counted(tmp_path: Path) -> None:
    with hosting(tmp_path, {"OTEL_SDK_DISABLED": "true", "HANDSPAN_CHAT_FILE": str(tmp_path / "absent")}) as host:
        assert eventually(lambda: counted(host)) == [({"hook": "Chat", "outcome": "skipped"}, 1)]


def counted(host: Host) -> list[tuple[Any, Any]]:
    found = [series for series in host.metrics(LONG) if series.name == names.HOOK_FAILURES]
    return [(point.labels, point.value) for series in found for point in series.points]


def eventually(look: Callable[[], list[Any]]) -> list[Any]:
    until = time.monotonic() + LONG
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


def test_a_state_directory_that_can_t_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file", "utf-8")
    with hosting(tmp_path, {"OTEL_SDK_DISABLED": "true"}) as host:
        host.put(told()[0])
        assert "until the next start, digests are of their own" in caplog.text


def test_two_orchestrators_have_two_spools(tmp_path: Path) -> None:
    assert spool_folder(tmp_path, "cao", "a") != spool_folder(tmp_path, "cao", "b")


def test_what_is_never_started_can_be_closed(tmp_path: Path) -> None:
    host = Host(settings_of(tmp_path, {}), {}, source="story", instance="i", translate=lambda e: (e,), looks=True)
    host.put(told()[0])
    assert not host.close(0.1)
    assert not (tmp_path / "state" / "story-i").exists()


def test_the_plugins_that_are_switched_on_are_called(tmp_path: Path) -> None:
    environ = {"HANDSPAN_AUDIT_FILE": "on", "OTEL_SDK_DISABLED": "true"}
    with hosting(tmp_path, environ) as host:
        host.put(told()[0])
        written = tmp_path / "state" / "audit.jsonl"
        eventually(lambda: written.read_text("utf-8").splitlines() if written.exists() else [])
