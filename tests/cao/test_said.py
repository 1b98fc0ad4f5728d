from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest

from handspan.cao import said
from handspan.sources import cao_facts as cao
from tests.cao.orchestrator import NOW, SECOND


class Orchestration(StrEnum):
    ASSIGN = "assign"


@dataclass
class Event:
    """As CAO's events: what does not apply is there, and says nothing."""

    event_type: str
    timestamp: Any
    session_id: str | None = "cao-one"
    traceparent: str | None = None
    sender: str = ""
    receiver: str = ""
    message: str = ""
    orchestration_type: Any = ""


def test_a_hook_says_what_its_event_has() -> None:
    timestamp = datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
    event = Event("post_send_message", timestamp, None, "00-a-b-01", "lead", "coder", "Write it.", Orchestration.ASSIGN)
    assert said.hook(event, NOW + SECOND) == cao.Hook(
        at=NOW + SECOND,
        event_type="post_send_message",
        timestamp=NOW + 123_456_000,
        traceparent="00-a-b-01",
        sender="lead",
        receiver="coder",
        message="Write it.",
        orchestration_type="assign",
    )


def test_the_type_of_an_orchestration_is_a_plain_text() -> None:
    event = Event("post_send_message", None, orchestration_type=Orchestration.ASSIGN)
    fact = said.hook(event, NOW)
    assert fact
    assert type(fact.orchestration_type) is str


@pytest.mark.parametrize("timestamp", [None, "yesterday", datetime(2026, 11, 20, 10), 7])  # noqa: DTZ001
def test_a_hook_without_a_time_is_of_now(timestamp: object) -> None:
    nothing = cao.Hook(at=NOW, event_type="post_kill_session", timestamp=NOW, session_id="cao-one")
    assert said.hook(Event("post_kill_session", timestamp), NOW) == nothing


@pytest.mark.parametrize("event", [None, object(), SimpleNamespace(event_type=None), Event("post_think", None)])
def test_what_is_no_hook_of_ours_says_nothing(event: object) -> None:
    assert said.hook(event, NOW) is None


def test_a_message_that_is_no_text_is_none() -> None:
    event = SimpleNamespace(event_type="post_send_message", message=b"bytes", sender=["a"], receiver=7)
    assert said.hook(event, NOW) == cao.Hook(at=NOW, event_type="post_send_message", timestamp=NOW)


def test_a_status_says_of_which_terminal() -> None:
    event = {"topic": "terminal.4f1a.status", "data": {"status": "waiting_user_answer"}}
    assert said.status(event, NOW) == cao.Status(at=NOW, terminal="4f1a", status="waiting_user_answer")


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"topic": "terminal.4f1a.status"},
        {"topic": "terminal.4f1a.status", "data": None},
        {"topic": "terminal.4f1a.status", "data": {"status": "dreaming"}},
        {"topic": "terminal.4f1a.status", "data": {"status": ["idle"]}},
        {"topic": "terminal.4f1a.output", "data": {"status": "idle"}},
        {"topic": "terminal..status", "data": {"status": "idle"}},
        {"topic": "terminal.a.b.status", "data": {"status": "idle"}},
        {"topic": 7, "data": {"status": "idle"}},
    ],
    ids=str,
)
def test_what_is_no_status_says_nothing(event: object) -> None:
    assert said.status(event, NOW) is None
