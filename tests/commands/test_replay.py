"""`handspan replay` against a real receiver: what arrives, what another replay makes of it, and what is said."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, cast

import pytest

from handspan import ids, names
from handspan.commands import Failure
from handspan.commands.replay import Replay, replay
from handspan.events import to_line
from handspan.otlp import read
from handspan.testing import SECOND, Story, logs, play, spans
from tests.golden_files import GOLDEN
from tests.receivers import HttpReceiver, Says, free_port, http_receiver

if TYPE_CHECKING:
    from pathlib import Path

    from handspan.signals import Log, Span

HANDOFF = str(GOLDEN / "cao" / "07_handoff")


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the user's."""
    monkeypatch.setenv("HANDSPAN_STATE_DIR", str(tmp_path / "state"))


def asked(path: str, to: str, *, speed: float | None = None, same_ids: bool = False) -> Replay:
    return Replay(path=path, to=to, speed=speed, same_ids=same_ids, as_json=False)


def story() -> Story:
    told = Story("s").session().terminal("a", "alice").at(1).status("a", "ready").at(2).status("a", "working")
    return told.at(3).status("a", "ready").at(4).end()


def written(folder: Path) -> str:
    path = folder / "events.jsonl"
    path.write_text("".join(f"{to_line(event)}\n" for event in story().events))
    return str(path)


def arrived(receiver: HttpReceiver) -> tuple[list[Span], list[Log]]:
    found: dict[str, list[Span | Log]] = {"traces": [], "logs": []}
    for request in receiver.requests:
        kind = request.path.rpartition("/")[2]
        assert kind in {"traces", "logs"}
        found[kind] += read("traces" if kind == "traces" else "logs", request.body)
    return cast("list[Span]", found["traces"]), cast("list[Log]", found["logs"])


def test_a_replay_with_the_same_ids_is_what_the_story_says(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        replay(asked(written(tmp_path), receiver.url, same_ids=True))
        made, told = arrived(receiver)
    expected = play(story().events)
    assert sorted(made, key=lambda span: span.span_id) == sorted(spans(expected), key=lambda span: span.span_id)
    assert sorted(told, key=lambda log: log.uid) == sorted(logs(expected), key=lambda log: log.uid)


def test_two_replays_are_two_traces_that_end_now(tmp_path: Path) -> None:
    path = written(tmp_path)
    with http_receiver() as receiver:
        said = [replay(asked(path, receiver.url)) for _ in range(2)]
        made, _ = arrived(receiver)
    traces = list(dict.fromkeys(span.trace_id for span in made))
    assert len(traces) == 2
    assert ids.trace_id("s") not in traces
    assert said == [f"6 events were told to otlp_http {receiver.url}.\nThe trace:\n  {trace}" for trace in traces]
    roots = [span for span in made if span.parent_span_id is None]
    assert all(span.end - span.start == 4 * SECOND for span in roots)
    assert all(0 < time.time_ns() - span.end < 30 * SECOND for span in roots)
    assert len({span.attributes[names.SESSION_ID] for span in made}) == 2


def test_with_a_speed_it_is_told_as_it_happens(tmp_path: Path) -> None:
    before = time.time_ns()
    with http_receiver() as receiver:
        replay(asked(written(tmp_path), receiver.url, speed=8))
        made, _ = arrived(receiver)
    (root,) = [span for span in made if span.parent_span_id is None]
    assert root.start >= before
    assert root.end - root.start == 4 * SECOND // 8


def test_a_recording_is_told_to_a_file_as_json_lines(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    said = replay(asked(HANDOFF, str(out)))
    kinds = {kind for line in out.read_text().splitlines() for kind in json.loads(line)}
    assert kinds == {"resourceSpans", "resourceLogs"}
    assert said.startswith(f"18 events were told to file {out}.\nThe trace:\n  ")


def test_what_is_sent_is_said_as_json_where_a_program_reads_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    with http_receiver() as receiver:
        line = replay(Replay(path=path, to=receiver.url, speed=None, same_ids=True, as_json=True))
    assert json.loads(line) == {
        "events": 6,
        "refused": 0,
        "to": f"otlp_http {receiver.url}",
        "traces": [ids.trace_id("s")],
    }


def test_lines_that_are_no_events_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f"{to_line(event)}\nnonsense\n" for event in story().events))
    with http_receiver() as receiver:
        said = replay(asked(str(path), receiver.url))
    assert "6 events were told" in said
    assert "6 lines were no events and were left out." in said


def test_a_receiver_that_comes_back_gets_all_of_it(tmp_path: Path) -> None:
    with http_receiver(Says(503), Says(503), Says()) as receiver:
        replay(asked(written(tmp_path), receiver.url, same_ids=True))
        made, _ = arrived(receiver)
    assert {span.span_id for span in made} == {span.span_id for span in spans(play(story().events))}


def test_a_receiver_that_is_not_there_is_named_with_the_reason(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Failure, match=rf"otlp_http {url} has not taken all of it within 1 s \(.*refused"):
        replay(asked(written(tmp_path), url), patience=1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "tells of no session"), ("nonsense\n", "tells of no session")],
)
def test_nothing_to_tell_is_said(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(text)
    with pytest.raises(Failure, match=problem):
        replay(asked(str(path), "http://127.0.0.1:9"))


def test_a_wrong_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    with pytest.raises(Failure, match="OTEL_EXPORTER_OTLP_TIMEOUT"):
        replay(asked(written(tmp_path), "http://127.0.0.1:9"))


def test_what_is_asked_for_goes_before_what_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces")
    with http_receiver() as receiver:
        replay(asked(written(tmp_path), receiver.url))
        assert {request.path for request in receiver.requests} == {"/v1/traces", "/v1/logs"}


@pytest.mark.parametrize(("mode", "text"), [(None, None), ("full", "between us")])
def test_what_agents_wrote_leaves_only_where_it_is_asked_for(
    mode: str | None, text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode:
        monkeypatch.setenv("HANDSPAN_CONTENT", mode)
    path = tmp_path / "events.jsonl"
    events = Story("s").session().terminal("a", "alice").at(1).sent("m", "a", text="between us").at(2).end().events
    path.write_text("".join(f"{to_line(event)}\n" for event in events))
    with http_receiver() as receiver:
        replay(asked(str(path), receiver.url, same_ids=True))
        replay(asked(str(path), receiver.url, same_ids=True))
        _, told = arrived(receiver)
    first, again = [log for log in told if log.name == names.MESSAGE_SENT]
    assert first.attributes.get(names.MESSAGE_TEXT) == text
    assert again == first
