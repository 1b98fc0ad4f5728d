from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from handspan import names
from handspan.events import Event, MessageSent
from handspan.testing import Story
from tests.engine.desks import TOLD, desk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def fails_at_text(fact: Any) -> Iterable[Event]:
    if isinstance(fact, str):
        raise KeyError(fact)
    return (fact,)


def test_a_fact_that_can_not_be_translated_costs_itself_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path, translate=fails_at_text) as made, caplog.at_level(logging.ERROR, "handspan"):
        made.tell("one", TOLD[0], "two", TOLD[1])
        assert made.counts(names.EVENTS_DROPPED) == {"story, invalid": 2}
        assert len(made.heard) == 3
    assert caplog.messages == ["A fact (str) could not be understood, and is left out."]


@pytest.mark.parametrize("fact", [None, "text", 7, [TOLD[0]], object()])
def test_what_is_no_event_costs_itself(tmp_path: Path, fact: Any) -> None:
    with desk(tmp_path) as made:
        made.tell(fact, *TOLD)
        assert made.counts(names.EVENTS_DROPPED) == {"story, invalid": 1}
        assert len(made.heard) == 3


def fails_at_messages(event: Event) -> Event:
    if isinstance(event, MessageSent):
        raise TypeError("a planted fault")
    return event


def test_an_event_that_can_not_be_scrubbed_is_not_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = Story().sent("m", "t", text="the planted text").events
    with desk(tmp_path, scrub=fails_at_messages) as made:
        made.tell(*TOLD, *secret)
        made.inbox.submit(secret)
        made.turn()
        assert made.counts(names.EVENTS_DROPPED) == {"story, invalid": 2}
        assert b"the planted text" not in made.file.read_bytes()
    assert len(caplog.records) == 1
    assert "the planted text" not in caplog.text
