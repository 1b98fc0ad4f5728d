from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from handspan import names
from handspan.demo import story
from handspan.otel_env import Target
from handspan.otlp import Encoder, Record
from handspan.rules.memory import Rules
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.cloudevents import Callback, cloud_event
from handspan.signals import Log
from handspan.testing import play
from tests.receivers import HttpReceiver, Says, http_receiver

if TYPE_CHECKING:
    from handspan.senders import Answer

LOGS = [signal for signal in play(story()) if isinstance(signal, Log)]
RECORDS = [Encoder().record(log) for log in LOGS]
FIVE = ("session.started", "session.ended", "terminal.started", "terminal.ended", "message_sent")
TOLD = [log for log in LOGS if log.name.removeprefix("handspan.") in FIVE]


def first(name: str) -> Log:
    return next(log for log in LOGS if log.name == f"handspan.{name}")


def event_of(log: Log) -> dict[str, Any]:
    """All that is told of a log event, or nothing."""
    event = cloud_event(Encoder().record(log))
    return {} if event is None else {**event.get_attributes(), "data": event.get_data()}


def called(*logs: Log, says: tuple[Says, ...] = (), **settings: Any) -> tuple[Answer, HttpReceiver]:
    with http_receiver(*says) as receiver:
        sender = Callback(Target(endpoint=f"{receiver.url}/hook", timeout=5), **settings)
        answer = sender.send("logs", [Encoder().record(log) for log in logs])
        sender.close()
    return answer, receiver


def test_each_of_the_five_is_one_post_in_its_order() -> None:
    with http_receiver() as receiver:
        sender = Callback(Target(endpoint=f"{receiver.url}/hook", timeout=5))
        assert sender.send("logs", RECORDS) == Done()
        sender.close()
    told = [json.loads(request.body) for request in receiver.requests]
    assert [event["id"] for event in told] == [log.uid for log in TOLD]
    assert [(event["type"], event["data"]["event_type"]) for event in told][:3] == [
        ("dev.handspan.session_started", "session_created"),
        ("dev.handspan.terminal_started", "terminal_created"),
        ("dev.handspan.message_sent", "message_sent"),
    ]
    assert told[-1]["type"] == "dev.handspan.session_ended"
    assert told[-1]["data"]["event_type"] == "session_killed"


def test_structured_the_body_is_the_event() -> None:
    answer, receiver = called(first("message_sent"))
    (request,) = receiver.requests
    assert answer == Done()
    assert request.headers["content-type"] == "application/cloudevents+json"
    log = first("message_sent")
    assert json.loads(request.body) == {
        "specversion": "1.0",
        "id": log.uid,
        "source": "/handspan/demo/demo",
        "type": "dev.handspan.message_sent",
        "subject": "brief",
        "time": "2026-11-20T10:00:21Z",
        "datacontenttype": "application/json",
        "traceparent": f"00-{log.trace_id}-{log.span_id}-01",
        "data": {
            "event_type": "message_sent",
            "session_id": "demo-checkout-1",
            "session_name": "checkout",
            "message_id": "brief",
            "orchestration_type": "send_message",
            "sender": "unknown",
            "sender_agent": "unknown",
            "receiver": "sup-1",
            "receiver_agent": "supervisor",
            "message_size": 412,
        },
    }


def test_binary_the_headers_are_the_event() -> None:
    _, structured = called(*TOLD)
    _, binary = called(*TOLD, binary=True)
    assert binary.requests[0].headers["ce-id"] == TOLD[0].uid
    assert binary.requests[0].headers["content-type"] == "application/json"
    for one, other in zip(structured.requests, binary.requests, strict=True):
        assert read(one.headers, one.body) == read(other.headers, other.body)


def read(headers: dict[str, str], body: bytes) -> tuple[dict[str, Any], Any]:
    """An event as the library of its receiver reads it."""
    event = from_http_event(HTTPMessage(headers, body))
    return event.get_attributes(), event.get_data()


def test_terminals_say_whose_they_are_and_why_they_ended() -> None:
    assert event_of(first("terminal.started"))["data"] == {
        "event_type": "terminal_created",
        "session_id": "demo-checkout-1",
        "session_name": "checkout",
        "terminal_id": "sup-1",
        "agent_name": "supervisor",
        "provider": "claude_code",
        "model": "claude-opus-4",
    }
    died = next(log for log in LOGS if names.EXIT_CODE in log.attributes)
    assert event_of(died)["subject"] == "write-1"
    assert event_of(died)["data"] == {
        "event_type": "terminal_killed",
        "session_id": "demo-checkout-1",
        "session_name": "checkout",
        "terminal_id": "write-1",
        "agent_name": "writer",
        "reason": "exited",
        "exit_code": 137,
        "error": "killed by the kernel: out of memory",
    }


def test_the_text_is_told_where_the_log_event_has_it() -> None:
    log = first("message_sent")
    log = replace(log, attributes={**log.attributes, names.MESSAGE_TEXT: 'Fix "it"\né'})
    _, receiver = called(log)
    assert json.loads(receiver.requests[0].body)["data"]["message"] == 'Fix "it"\né'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (names.OUTCOME, "continued"),
        (names.OUTCOME, "retracted"),
        (names.CONTINUES, "b7ad6b7169203331"),
        (names.REVISION, 2),
    ],
)
@pytest.mark.parametrize("log", ["session.started", "session.ended", "terminal.started", "terminal.ended"])
def test_what_goes_on_or_was_taken_back_or_told_already_is_no_event(log: str, name: str, value: str | int) -> None:
    changed = replace(first(log), attributes={**first(log).attributes, name: value})
    assert event_of(first(log)) != {} == event_of(changed)


def test_a_session_in_several_parts_is_created_and_killed_once() -> None:
    cut = [log for log in play(story(), rules=Rules(part_age=60 * 1_000_000_000)) if isinstance(log, Log)]
    assert sum(log.name == "handspan.session.started" for log in cut) > 1
    types = [event["data"]["event_type"] for event in map(event_of, cut) if event]
    whole = [event["data"]["event_type"] for event in map(event_of, LOGS) if event]
    assert sorted(types) == sorted(whole)


def test_what_is_none_of_the_five_is_done_without_a_post() -> None:
    answer, receiver = called(*(log for log in LOGS if log not in TOLD))
    assert (answer, receiver.requests) == (Done(), [])


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        (Says(503, {"Retry-After": "7"}), Retry("HTTP 503 Service Unavailable", 7.0, 2)),
        (Says(413), TooLarge("HTTP 413 Request Entity Too Large", 2)),
        (Says(400), Refused("HTTP 400 Bad Request", 2)),
    ],
    ids=["retry", "too large", "refused"],
)
def test_the_first_events_are_not_sent_again_when_a_later_one_fails(says: Says, answer: Answer) -> None:
    got, receiver = called(*TOLD[:5], says=(Says(), Says(), says, Says()))
    assert got == answer
    assert [json.loads(request.body)["id"] for request in receiver.requests] == [log.uid for log in TOLD[:3]]


def test_what_is_no_event_before_the_one_that_fails_is_done_too() -> None:
    other = next(log for log in LOGS if log not in TOLD)
    answer, _ = called(other, TOLD[0], other, TOLD[1], says=(Says(), Says(500)))
    assert answer == Refused("HTTP 500 Internal Server Error", 3)


def test_a_time_out_is_for_all_events_together() -> None:
    with http_receiver(Says(), Says(hang=True)) as receiver:
        sender = Callback(Target(endpoint=receiver.url, timeout=0.3))
        answer = sender.send("logs", [Encoder().record(log) for log in TOLD])
        sender.close()
        assert len(receiver.requests) == 2
    assert isinstance(answer, Retry)
    assert answer.done == 1


def test_a_record_that_cannot_be_read_is_refused() -> None:
    broken = Record(kind="logs", key="x", resource=b"", body=b"\xff\xff")
    with http_receiver() as receiver:
        sender = Callback(Target(endpoint=receiver.url, timeout=5))
        answer = sender.send("logs", [Encoder().record(TOLD[0]), broken])
        sender.close()
    assert isinstance(answer, Refused)
    assert answer.done == 1


def test_a_name_holds_no_secret() -> None:
    sender = Callback(Target(endpoint="https://me:word@hooks.example/cao?token=word"))
    assert sender.name == "callback https://hooks.example/cao"
    assert sender.kinds == {"logs"}
