"""POST /v1/events: into a real hub, and what can be read in which form."""

from __future__ import annotations

import json
import queue
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from handspan.demo import story
from handspan.events import from_json, to_json, to_line
from handspan.hub import events_door
from handspan.hub.answers import JSON, Refusal
from handspan.hub.app import application
from handspan.hub.events_door import CLOUDEVENT, CLOUDEVENTS, NDJSON, PATH
from handspan.sources.jsonl import Refused
from tests.hub.hubs import running
from tests.hub.served import served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handspan.events import Event

EVENTS = list(story())
FORMS = [to_json(event) for event in EVENTS]
LINES = "\n".join(map(to_line, EVENTS)).encode()
BAD = {**FORMS[0], "at": "yesterday"}
BAD_SAYS: dict[str, Any] = {"line": 2, "field": "at", "problem": "'yesterday' is no RFC 3339 time with an offset"}


def envelope(form: dict[str, Any]) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "x", "source": "s", "type": "t", "data": form}


def test_a_story_becomes_a_trace_in_the_record_and_comes_only_once(tmp_path: Path) -> None:
    with running(tmp_path) as hub:
        answers = [hub.http.post(PATH, LINES, NDJSON[0]) for _ in range(2)]
        assert [(one.status, one.json()) for one in answers] == [(202, {"accepted": len(EVENTS), "refused": []})] * 2
        hub.until(2)
        assert hub.hub.flush(10)
        names = [signal.name for signal in hub.signals()]
    assert names.count("handspan.session.started") == 1
    assert names.count("handspan.message_sent") == len([e for e in EVENTS if type(e).__name__ == "MessageSent"])


def test_what_was_answered_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as hub:
        assert hub.http.post(PATH, LINES, NDJSON[0]).status == 202
    with running(tmp_path) as hub:
        # It is known, and changes nothing.
        assert hub.http.post(PATH, LINES, NDJSON[0]).json() == {"accepted": len(EVENTS), "refused": []}
        assert hub.hub.flush(10)
        assert [signal.name for signal in hub.signals()].count("handspan.session.started") == 1


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "events"),
    [
        ({"content-type": JSON}, json.dumps(FORMS[0]).encode(), EVENTS[:1]),
        ({"content-type": f"{JSON}; charset=utf-8"}, json.dumps(FORMS).encode(), EVENTS),
        ({"content-type": NDJSON[0]}, LINES, EVENTS),
        ({"content-type": NDJSON[1]}, LINES + b"\n\n", EVENTS),
        ({"content-type": NDJSON[2]}, LINES.replace(b"\n", b"\r\n"), EVENTS),
        ({"content-type": CLOUDEVENT}, json.dumps(envelope(FORMS[0])).encode(), EVENTS[:1]),
        ({"content-type": CLOUDEVENTS}, json.dumps([envelope(form) for form in FORMS]).encode(), EVENTS),
        ({"content-type": JSON, "ce-specversion": "1.0", "ce-id": "x"}, json.dumps(FORMS[0]).encode(), EVENTS[:1]),
    ],
)
def test_every_form(headers: dict[str, str], body: bytes, events: list[Event]) -> None:
    assert events_door.read(headers, body) == events


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (JSON, json.dumps([FORMS[0], BAD, FORMS[1]]).encode()),
        (NDJSON[0], "\n".join(map(json.dumps, [FORMS[0], BAD, FORMS[1]])).encode()),
        (CLOUDEVENTS, json.dumps([envelope(form) for form in (FORMS[0], BAD, FORMS[1])]).encode()),
    ],
)
def test_one_that_can_t_be_read_costs_only_itself(kind: str, body: bytes) -> None:
    assert events_door.read({"content-type": kind}, body) == [EVENTS[0], Refused(**BAD_SAYS), EVENTS[1]]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (JSON, b"[]", 400),
        (NDJSON[0], b"\n \n", 400),
        (JSON, b"{", 400),
        (JSON, "{}".encode("utf-16"), 400),
        (JSON, b"[" * 100_000, 400),
        (CLOUDEVENT, b"", 400),
        ("application/x-protobuf", b"", 415),
        ("", b"{}", 415),
    ],
)
def test_what_holds_no_events(kind: str, body: bytes, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        events_door.read({"content-type": kind}, body)
    assert refusal.value.status == status


# --- answers ---------------------------------------------------------------------------------------------------------


def answered(
    folder: Path, result: int | Exception, body: bytes = LINES, kind: str = NDJSON[0]
) -> tuple[int, Any, str | None]:
    """What the door says where the commit ends so."""

    def submit(_: Sequence[Event]) -> Future[int]:
        future: Future[int] = Future()
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
        return future

    with served(application([events_door.events(submit)], folder)) as http:
        answer = http.post(PATH, body, kind)
    return answer.status, answer.json(), answer.headers.get("retry-after")


def test_what_is_refused_is_told_by_line_beside_what_was_taken(tmp_path: Path) -> None:
    body = json.dumps([FORMS[0], BAD]).encode()
    assert answered(tmp_path, 1, body, JSON) == (202, {"accepted": 1, "refused": [BAD_SAYS]}, None)
    all_bad = json.dumps([7, BAD]).encode()
    refused = [{"line": 1, "field": "event", "problem": "must be a JSON object, not a number"}, BAD_SAYS]
    assert answered(tmp_path, 0, all_bad, JSON) == (400, {"accepted": 0, "refused": refused}, None)
    assert answered(tmp_path, 0, b"", JSON)[0] == 400


def test_what_can_t_be_committed_may_come_again(tmp_path: Path) -> None:
    later = {"error": "as many events wait to be committed as may: come back in a moment"}
    assert answered(tmp_path, queue.Full()) == (429, later, "1")
    again = {"error": "these events can't be committed now: send them again, none counts twice"}
    assert answered(tmp_path, RuntimeError("the engine has ended")) == (503, again, "5")


def test_what_is_not_committed_in_time_may_come_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(events_door, "_PATIENCE", 0.05)
    app = application([events_door.events(lambda _: Future())], tmp_path)
    with served(app) as http:
        assert http.post(PATH, LINES, NDJSON[0]).status == 503


def test_the_event_of_every_type_is_in_openapi(tmp_path: Path) -> None:
    app = application([events_door.events(lambda _: Future())], tmp_path)
    content = app.openapi()["paths"][PATH]["post"]["requestBody"]["content"]
    assert set(content) == {JSON, *NDJSON, CLOUDEVENT, CLOUDEVENTS}
    assert from_json(FORMS[0]) == EVENTS[0]
