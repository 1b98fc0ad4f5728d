from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from handspan import otlp
from handspan.cao import poller as polling
from handspan.cao import watch
from handspan.config import WrongSetting
from tests.cao.orchestrator import Cao, Database, TmuxBackend, text
from tests.receivers import Says, http_receiver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from pathlib import Path

    from handspan.cao.watch import Watch
    from handspan.signals import Log
    from handspan.sources import cao_facts
    from tests.receivers import HttpReceiver

_PATIENCE = 20.0


class Event:
    """One of CAO's hook events."""

    def __init__(self, event_type: str, **more: str) -> None:
        self.event_type = event_type
        self.__dict__.update(more)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK", 0.02)


@pytest.fixture
def cao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cao:
    cao = Cao(Database(tmp_path / "cao.db"))
    cao.install(monkeypatch)
    return cao


@pytest.fixture
def receiver() -> Generator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def environ(tmp_path: Path, receiver: HttpReceiver) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "HANDSPAN_STATE_DIR": str(tmp_path / "state"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
    }


def watched(environ: dict[str, str], story: Callable[[Watch], Awaitable[None]]) -> None:
    """A life of a server: what its lifespan does with the watch."""

    async def life() -> None:
        begun = watch.begin(environ)
        try:
            await story(begun)
        finally:
            begun.end()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(life())


def logs(receiver: HttpReceiver) -> list[Log]:
    bodies = [request.body for request in receiver.requests if request.path == "/v1/logs"]
    return [log for body in bodies for log in otlp.read("logs", body)]


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def names_in(receiver: HttpReceiver) -> set[str]:
    return {log.name.removeprefix("handspan.") for log in logs(receiver)}


def test_what_hooks_bus_and_tables_say_is_told_to_the_endpoint(
    cao: Cao, environ: dict[str, str], receiver: HttpReceiver
) -> None:
    async def story(begun: Watch) -> None:
        now = text(time.time_ns())
        cao.database.terminal("a1", session_incarnation_id="c0ffee", last_active=now)
        cao.bus.status("a1", "processing")
        cao.bus.status("a1", "idle")
        await until(lambda: "terminal.started" in names_in(receiver))
        begun.hear(Event("post_kill_terminal", terminal_id="a1", session_id="cao-one"))
        begun.hear(Event("post_kill_session", session_id="cao-one", session_name="cao-one"))
        await until(lambda: {"session.ended", "terminal.ended"} <= names_in(receiver))

    watched(environ, story)
    told = {log.attributes["session.id"] for log in logs(receiver) if "session" in log.name}
    assert told == {"c0ffee"}
    assert cao.environments["cao-one"] == {
        "OTEL_RESOURCE_ATTRIBUTES": "session.id=c0ffee,handspan.session.name=cao-one"
    }


def test_after_the_end_nothing_of_ours_is_left(cao: Cao, environ: dict[str, str]) -> None:
    async def story(_: Watch) -> None:
        assert [pattern for pattern, _ in cao.bus.queues] == ["terminal.*.status"]
        assert our_threads() == {"handspan-cao", "handspan-engine"}

    watched(environ, story)
    assert (cao.bus.queues, our_threads()) == ([], set())


def our_threads() -> set[str]:
    """Those that read; what sends may be on its way out."""
    return {thread.name for thread in threading.enumerate()} & {"handspan-cao", "handspan-engine"}


def test_what_was_on_the_bus_at_the_end_is_told(
    cao: Cao, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def hear(_: polling.Poller, fact: cao_facts.Status) -> None:
        heard.append(fact.status)

    monkeypatch.setattr(polling.Poller, "hear", hear)

    async def story(_: Watch) -> None:
        cao.bus.status("a1", "processing")
        cao.bus.status("a1", "idle")

    watched(environ, story)
    assert heard == ["processing", "idle"]


def test_what_is_no_status_does_not_end_the_listening(
    cao: Cao, environ: dict[str, str], receiver: HttpReceiver
) -> None:
    async def story(begun: Watch) -> None:
        cao.bus.queues[0][1].put_nowait("words")
        begun.hear(Event("post_think"))
        cao.database.terminal("a1", session_incarnation_id="c0ffee", last_active=text(time.time_ns()))
        cao.bus.status("a1", "processing")
        await until(lambda: "terminal.started" in names_in(receiver))

    watched(environ, story)


def test_an_endpoint_that_hangs_does_not_hold_up_the_end(cao: Cao, environ: dict[str, str]) -> None:
    with http_receiver(Says(hang=True)) as hanging:

        async def story(begun: Watch) -> None:
            cao.database.terminal("a1", last_active=text(time.time_ns()))
            begun.hear(Event("post_create_terminal", terminal_id="a1", session_id="cao-one"))
            await until(lambda: bool(hanging.requests))
            ends.append(time.monotonic())

        ends: list[float] = []
        watched(environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": hanging.url}, story)
        assert time.monotonic() - ends[0] < 3


def test_a_part_that_is_missing_is_said_and_the_rest_is_watched(
    cao: Cao,
    environ: dict[str, str],
    receiver: HttpReceiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cao.backend = TmuxBackend()
    cao.install(monkeypatch, without="services.event_bus")

    async def story(_: Watch) -> None:
        # Without a bus the table alone shows a terminal.
        cao.database.terminal("a1", last_active=text(time.time_ns()))
        cao.bus.status("a1", "idle")
        await until(lambda: "terminal.started" in names_in(receiver))

    monkeypatch.setattr(polling, "_IDLE_LOOK", 0.02)
    monkeypatch.setattr(watch, "SHOWN_WITHIN", 3_600_000_000_000)
    watched(environ, story)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "this CAO has no services.event_bus.bus, so Handspan can't tell turns, and whether an agent works or waits."
    ]


def test_wrong_settings_begin_nothing(cao: Cao, environ: dict[str, str]) -> None:
    async def life() -> None:
        watch.begin(environ | {"HANDSPAN_SETTLE": "soon", "HANDSPAN_CONTENT": "some"})

    with pytest.raises(WrongSetting) as caught:
        asyncio.run(life())
    assert len(caught.value.problems) == 2
    assert (cao.bus.queues, our_threads()) == ([], set())


def test_a_setting_that_is_none_is_said(cao: Cao, environ: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    async def story(_: Watch) -> None:
        pass

    watched(environ | {"HANDSPAN_SETTEL": "2s"}, story)
    assert any("HANDSPAN_SETTEL is no setting" in message for message in caplog.messages)
