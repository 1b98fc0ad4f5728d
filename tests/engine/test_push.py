"""Metrics are pushed as they stand, to a receiver that may be away."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from handspan.engine.push import Push
from handspan.otlp import Record
from handspan.senders import Done, Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from handspan.otlp import Kind
    from handspan.senders import Answer

RECORDS = [Record(kind="metrics", key="m", resource=b"r", body=b"b")]


class Receiving:
    """A sender that answers as it is told, and shows what it was given."""

    name = "there"
    kinds: frozenset[Kind] = frozenset({"metrics"})

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.given: queue.SimpleQueue[tuple[Kind, list[Record]]] = queue.SimpleQueue()

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        self.given.put((kind, list(records)))
        return self._answers.pop(0) if self._answers else Done()

    def close(self) -> None:
        """Holds nothing."""


def pushed(sender: Receiving, times: int) -> list[tuple[Kind, list[Record]]]:
    push = Push(sender, lambda: RECORDS, 0.001)
    push.start()
    found = [sender.given.get(timeout=5) for _ in range(times)]
    push.stop()
    push.join(5)
    assert not push.is_alive()
    return found


def test_the_state_is_pushed_again_and_again() -> None:
    assert pushed(Receiving(), 3) == [("metrics", RECORDS)] * 3


def test_an_outage_is_said_once_and_ends_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    pushed(Receiving(Retry("down"), Retry("down"), Done(), Retry("down again"), Done()), 6)
    assert [record.getMessage() for record in caplog.records] == [
        "there does not take metrics: down. They are sent as they stand when it does.",
        "there does not take metrics: down again. They are sent as they stand when it does.",
    ]


def test_nothing_to_tell_is_not_sent_and_an_engine_that_is_busy_is_asked_again() -> None:
    looks: queue.SimpleQueue[list[Record] | None] = queue.SimpleQueue()
    for one in ([], None, RECORDS):
        looks.put(one)

    def look() -> list[Record]:
        found = RECORDS if looks.empty() else looks.get()
        if found is None:
            raise TimeoutError
        return found

    sender = Receiving()
    push = Push(sender, look, 0.001)
    push.start()
    assert sender.given.get(timeout=5) == ("metrics", RECORDS)
    push.stop()
    push.join(5)
