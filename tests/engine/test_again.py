"""What was rejected and asked for, record by record, against a spool of its own."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handspan.engine.again import Again, Retried
from handspan.engine.delivery import PATIENCE
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.spool import Batch, Spool, database, rejected
from handspan.spool.rejected import Rejected
from tests.engine.places import Taking, bodies, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from handspan.otlp import Record
    from handspan.senders import Answer

# What `next` says when there is nothing to do.
IDLE = 1.0


class Desk:
    """A drain's part that is asked by the test, and an engine that commits when the test says so."""

    def __init__(self, spool: Spool, answer: Callable[[Sequence[Record]], Answer], chance: float) -> None:
        self.spool = spool
        self.place = Taking(answer)
        self.told: list[Retried] = []
        self.again = Again(("d", "logs"), self.place.send_logs, self.told.append, file=3, chance=lambda: chance)
        self.db = database.reader(spool.path)

    def reject(self, *held: str, destination: str = "d") -> None:
        records = [Rejected(destination=destination, record=record(body), why="400") for body in held]
        self.spool.commit(Batch(at=1, rejected=records))

    def ask(self, *numbers: int) -> None:
        with closing(database.guest(self.spool.path, writes=True)) as db:
            rejected.ask_again(db, numbers or None)

    def next(self, times: int = 1) -> list[float]:
        return [self.again.next(self.db) for _ in range(times)]

    def commit(self) -> list[dict[int, str | None]]:
        """Commit what was told, and say what that was."""
        told = list(self.told)
        self.told.clear()
        for one in told:
            self.spool.commit(Batch(at=2, retried=dict(one.outcomes)))
            one.committed.set()
        return [one.outcomes for one in told]

    def left(self) -> dict[int, tuple[str, bool]]:
        return {kept.number: (kept.why, kept.again) for kept in rejected.newest(self.db, 100)}


@pytest.fixture
def desk(tmp_path: Path) -> Generator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(answer: Callable[[Sequence[Record]], Answer] = lambda _: Done(), chance: float = 0.0) -> Desk:
        made.append(Desk(Spool(tmp_path / "spool"), answer, chance))
        return made[0]

    yield make
    for one in made:
        one.db.close()
        one.spool.close()


def always(answer: Answer) -> Callable[[Sequence[Record]], Answer]:
    return lambda _: answer


def refusing(*poison: str) -> Callable[[Sequence[Record]], Answer]:
    return lambda records: Refused("bad") if set(bodies(records)) & set(poison) else Done()


def in_turn(*answers: Answer) -> Callable[[Sequence[Record]], Answer]:
    left = list(answers)
    return lambda _: left.pop(0)


def test_only_what_is_asked_for_is_sent_one_by_one(desk: Callable[..., Desk]) -> None:
    made = desk()
    made.reject("1", "2", "3")
    made.reject("4", destination="other")
    assert made.next() == [IDLE]
    made.ask(1, 3, 4)
    assert made.next() == [0]
    assert made.told == [Retried(destination="d", kind="logs", outcomes={1: None}, file=3)]
    assert made.commit() == [{1: None}]
    assert made.next() == [0]
    assert made.commit() == [{3: None}]
    assert made.next(2) == [0, IDLE]
    assert bodies(made.place.taken) == ["1", "3"]
    assert made.left() == {2: ("400", False), 4: ("400", True)}


def test_nothing_is_sent_twice_while_what_became_of_it_is_not_committed(desk: Callable[..., Desk]) -> None:
    made = desk()
    made.reject("1")
    made.ask()
    assert made.next(4) == [0, IDLE, IDLE, IDLE]
    assert made.place.requests == 1
    made.commit()
    assert made.next(2) == [0, IDLE]
    assert made.place.requests == 1


def test_what_is_refused_once_more_is_rejected_when_another_was_taken_after_it(desk: Callable[..., Desk]) -> None:
    made = desk(refusing("1", "3"))
    made.reject("1", "2", "3")
    made.ask()
    assert made.next() == [0]
    assert made.told == []
    assert made.next() == [0]
    assert made.commit() == [{2: None}, {1: "bad"}]
    assert made.next(2) == [0, 0]
    assert made.left() == {1: ("bad", False), 3: ("400", True)}
    # Its own delivery is what shows it for the last one.
    made.again.taken()
    assert made.commit() == [{3: "bad"}]
    assert made.left() == {1: ("bad", False), 3: ("bad", False)}


def test_a_destination_that_refuses_costs_nothing_and_is_left_alone_ever_longer(desk: Callable[..., Desk]) -> None:
    made = desk(always(Refused("401")), chance=1.0)
    made.reject("1", "2")
    made.ask()
    # Both, the end of the round, and then nothing for the first pause.
    assert made.next(3) == [0, 0, 0]
    assert 0.3 < made.next()[0] <= 0.5
    vars(made.again)["_not_before"] = 0.0
    assert made.next(3) == [0, 0, 0]
    assert 0.5 < made.next()[0] <= 1.0
    assert (made.told, made.left()) == ([], {1: ("400", True), 2: ("400", True)})


def test_pauses_begin_anew_after_whatever_was_taken(desk: Callable[..., Desk]) -> None:
    made = desk(in_turn(Retry("down"), Retry("down"), Done(), Retry("down")), chance=1.0)
    made.reject("1", "2")
    made.ask()
    for least, most in ((0.3, 0.5), (0.5, 1.0)):
        assert made.next() == [0]
        assert least < made.next()[0] <= most
        vars(made.again)["_not_before"] = 0.0
    assert made.next() == [0]
    assert made.commit() == [{1: None}]
    assert made.next() == [0]
    assert 0.3 < made.next()[0] <= 0.5


@pytest.mark.parametrize(("answer", "why"), [(Done(), None), (TooLarge("413"), "413")])
def test_what_was_refused_and_then_is_not_any_more_is_told_once(
    desk: Callable[..., Desk], answer: Answer, why: str | None
) -> None:
    made = desk(in_turn(Refused("401"), answer))
    made.reject("1")
    made.ask()
    assert made.next(3) == [0, 0, 0]
    made.again.taken()
    assert made.commit() == [{1: why}]


def test_after_many_refusals_in_a_row_it_is_left_alone_too(desk: Callable[..., Desk]) -> None:
    made = desk(always(Refused("401")), chance=1.0)
    made.reject(*map(str, range(PATIENCE + 1)))
    made.ask()
    assert made.next(PATIENCE) == [0] * PATIENCE
    assert made.next()[0] > 0
    assert made.place.requests == PATIENCE


@pytest.mark.parametrize(
    ("answer", "why"),
    [(TooLarge("413"), "413"), (Done(rejected=1), "the request was taken, and the record in it was not")],
)
def test_what_alone_is_not_taken_is_rejected_at_once(desk: Callable[..., Desk], answer: Answer, why: str) -> None:
    made = desk(always(answer))
    made.reject("1")
    made.ask()
    made.next()
    assert made.commit() == [{1: why}]
    assert made.left() == {1: (why, False)}


def test_a_destination_that_is_away_is_asked_again_when_it_says(desk: Callable[..., Desk]) -> None:
    made = desk(in_turn(Retry("down", 0.4), Done()))
    made.reject("1")
    made.ask()
    assert made.next() == [0]
    assert 0.2 < made.next()[0] <= 0.4
    assert made.left() == {1: ("400", True)}
    vars(made.again)["_not_before"] = 0.0
    assert made.next() == [0]
    assert made.commit() == [{1: None}]


def test_it_may_be_asked_for_again_and_again(desk: Callable[..., Desk]) -> None:
    made = desk(always(TooLarge("413")))
    made.reject("1", "2")
    for _ in range(3):
        made.ask(2)
        made.next(2)
        assert made.commit() == [{2: "413"}]
        made.ask(1)
        made.next(2)
        assert made.commit() == [{1: "413"}]
    assert made.place.requests == 6


def test_what_was_dropped_meanwhile_is_not_sent(desk: Callable[..., Desk]) -> None:
    made = desk(refusing("1"))
    made.reject("1", "2")
    made.ask()
    made.next()
    with closing(database.guest(made.spool.path, writes=True)) as db:
        rejected.drop(db, None)
    made.next(3)
    made.again.taken()
    assert made.commit() == [{1: "bad"}]
    assert (made.left(), made.place.requests) == ({}, 1)


def test_equal_words_are_equal_whether_or_not_they_are_committed() -> None:
    told = Retried(destination="d", kind="logs", outcomes={1: None})
    told.committed.set()
    assert told == replace(told)
