from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from handspan.engine.again import Retried
from handspan.engine.drain import Drain, Moved
from handspan.senders import Done, Refused, Retry
from handspan.spool import Batch, Spool, database, rejected
from handspan.spool.rejected import Rejected
from tests.engine.places import Hanging, Taking, bodies, record

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from handspan.otlp import Record
    from handspan.senders import Answer

GOES_AT_ONCE = 0.0


@pytest.fixture
def spool(tmp_path: Path) -> Generator[Spool]:
    spool = Spool(tmp_path / "spool")
    spool.expect([("d", "logs")])
    yield spool
    spool.close()


def hold(spool: Spool, *held: str) -> None:
    spool.commit(Batch(at=1, records=[("s", record(body)) for body in held]))


def rejects(spool: Spool, *held: str) -> None:
    """Have these among the rejected, and asked for again."""
    spool.commit(Batch(at=1, rejected=[Rejected(destination="d", record=record(body), why="400") for body in held]))
    with closing(database.guest(spool.path, writes=True)) as db:
        rejected.ask_again(db, None)


class Told:
    """What a drain tells, by what it is."""

    def __init__(self) -> None:
        self.moved: queue.SimpleQueue[Moved] = queue.SimpleQueue()
        self.retried: queue.SimpleQueue[Retried] = queue.SimpleQueue()

    def __call__(self, word: Moved | Retried) -> None:
        if isinstance(word, Moved):
            self.moved.put(word)
        else:
            self.retried.put(word)


@contextmanager
def draining(
    spool: Spool, place: Taking, chance: Callable[[], float] = lambda: GOES_AT_ONCE
) -> Generator[tuple[Drain, queue.SimpleQueue[Moved]]]:
    told = Told()
    drain = Drain(("d", "logs"), place, spool.path, 0, told, file=3, chance=chance)
    drain.start()
    try:
        yield drain, told.moved
    finally:
        drain.stop()
        drain.join(10)
        assert not drain.is_alive()


def in_turn(*answers: Answer) -> Callable[[Sequence[Record]], Answer]:
    """These answers, and then everything is taken."""
    left = list(answers)
    return lambda _: left.pop(0) if left else Done()


def test_what_waits_is_sent_and_told(spool: Spool) -> None:
    hold(spool, "a", "b")
    place = Taking()
    with draining(spool, place) as (drain, moved):
        first = moved.get(timeout=10)
        assert first == Moved(destination="d", kind="logs", seq=2, file=3, taken=2, seconds=first.seconds)
        assert first.seconds > 0
        hold(spool, "c")
        drain.wake()
        assert moved.get(timeout=10).seq == 3
        assert drain.goes_well
    assert bodies(place.taken) == ["a", "b", "c"]


def test_poison_is_told_with_what_it_was_and_why(spool: Spool) -> None:
    hold(spool, "a", "b", "c")
    place = Taking(lambda records: Refused("bad") if "b" in bodies(records) else Done(rejected=1))
    with draining(spool, place) as (_, moved):
        told = moved.get(timeout=10)
    (rejected,) = told.rejected
    assert (told.seq, told.taken, told.refused_in_part) == (3, 0, 2)
    assert rejected == Rejected(destination="d", record=rejected.record, why="bad")
    assert (rejected.record.body, rejected.record.kind) == (b"b", "logs")


def test_an_outage_is_said_once_when_it_begins_and_once_when_it_is_over(
    spool: Spool, caplog: pytest.LogCaptureFixture
) -> None:
    hold(spool, "a")
    with (
        caplog.at_level(logging.WARNING, "handspan"),
        draining(spool, Taking(in_turn(*[Retry("down")] * 5))) as (drain, moved),
    ):
        moved.get(timeout=10)
        hold(spool, "b")
        drain.wake()
        moved.get(timeout=10)
    assert caplog.messages == [
        f"place does not take logs: down. Nothing is lost: what waits is kept in {spool.path} and sent when it can be.",
        "place takes logs again.",
    ]


def test_a_refusing_destination_is_said_to_refuse(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    hold(spool, "a")
    place = Taking(in_turn(Retry("down"), *[Refused("401")] * 10))
    with caplog.at_level(logging.WARNING, "handspan"), draining(spool, place) as (_, moved):
        assert moved.get(timeout=10).taken == 1
    kept = f"Nothing is lost: what waits is kept in {spool.path} and sent when it can be."
    assert caplog.messages == [
        f"place does not take logs: down. {kept}",
        f"place refuses logs: 401. {kept}",
        "place takes logs again.",
    ]


class Pauses:
    """What a drain would wait for, instead of waiting: its event that ends pauses."""

    def __init__(self, drain: Drain, most: int) -> None:
        self.asked: list[float] = []
        self._most = most
        self._event = threading.Event()
        vars(drain)["_stop_asked"] = self

    def wait(self, pause: float) -> None:
        self.asked.append(pause)
        if len(self.asked) == self._most:
            self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()


def pauses(spool: Spool, place: Taking, chance: float, most: int) -> list[float]:
    drain = Drain(("d", "logs"), place, spool.path, 0, lambda _: None, chance=lambda: chance)
    noted = Pauses(drain, most)
    drain.run()
    return noted.asked


def test_pauses_double_up_to_half_a_minute_and_are_drawn_from_nothing_to_that(spool: Spool) -> None:
    hold(spool, "a")
    bounds = [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30]
    assert pauses(spool, Taking(lambda _: Retry("down")), 1.0, 13) == bounds
    assert pauses(spool, Taking(lambda _: Refused("401")), 0.25, 13) == [bound / 4 for bound in bounds]
    assert pauses(spool, Taking(lambda _: Retry("down")), 0.0, 13) == [0.0] * 13


def test_a_server_that_names_a_time_is_not_asked_before_and_not_for_ever(spool: Spool) -> None:
    hold(spool, "a")
    asked = [Retry("429", 7), Retry("429", 0.1), Retry("429", 1e9), Retry("429")]
    assert pauses(spool, Taking(in_turn(*asked)), 1.0, 4) == [7, 1, 3_600, 4]


def test_pauses_begin_anew_after_whatever_was_taken(spool: Spool) -> None:
    hold(spool, "a", "b")
    asked = [*[Retry("down")] * 4, Retry("down", done=1), Retry("down"), Retry("down")]
    assert pauses(spool, Taking(in_turn(*asked)), 1.0, 7) == [0.5, 1, 2, 4, 0.5, 1, 2]


def test_after_an_outage_everything_leaves_without_a_pause(spool: Spool) -> None:
    hold(spool, *(str(n) for n in range(4_001)))
    drawn: list[float] = []

    def chance() -> float:
        drawn.append(0.0)
        return drawn[-1]

    place = Taking(in_turn(Retry("down")))
    with draining(spool, place, chance) as (_, moved):
        assert [moved.get(timeout=10).taken for _ in range(3)] == [2_000, 2_000, 1]
    assert len(drawn) == 1


def test_stop_is_prompt_in_a_pause(spool: Spool) -> None:
    hold(spool, "a")
    place = Taking(lambda _: Retry("down", 3_600))
    began = time.monotonic()
    with draining(spool, place, lambda: 1.0) as (drain, _):
        assert place.asked.wait(10)
    assert not drain.goes_well
    assert time.monotonic() - began < 5


def test_a_stop_is_seen_whenever_it_comes(spool: Spool) -> None:
    # Also between looking for it and waiting for more: the event is cleared there.
    for _ in range(200):
        with draining(spool, Taking()):
            pass


def test_a_hanging_destination_holds_up_no_other(spool: Spool) -> None:
    hold(spool, "a")
    hanging, live = Hanging(), Taking()
    with draining(spool, hanging), draining(spool, live) as (_, moved):
        assert hanging.asked.wait(10)
        assert moved.get(timeout=10).taken == 1
        hanging.released.set()


def test_a_spool_that_can_not_be_read_yet_is_read_when_it_can(tmp_path: Path) -> None:
    told = Told()
    drain = Drain(("d", "logs"), Taking(), tmp_path / "spool" / "spool.db", 0, told)
    drain.start()
    spool = Spool(tmp_path / "spool")
    hold(spool, "a")
    assert told.moved.get(timeout=10).taken == 1
    drain.stop()
    drain.join(10)
    spool.close()


# --- what was rejected -----------------------------------------------------------------------------------------------


def test_what_is_new_goes_before_what_is_sent_again(spool: Spool) -> None:
    hold(spool, "new")
    rejects(spool, "old")
    place, told = Taking(), Told()
    drain = Drain(("d", "logs"), place, spool.path, 0, told, file=3, chance=lambda: GOES_AT_ONCE)
    drain.start()
    again = told.retried.get(timeout=10)
    assert again == Retried(destination="d", kind="logs", outcomes={1: None}, file=3)
    assert bodies(place.taken) == ["new", "old"]
    drain.stop()
    drain.join(10)


def test_what_is_refused_once_more_holds_up_nothing_and_is_rejected_when_something_else_is_taken(spool: Spool) -> None:
    rejects(spool, "poison")
    place, told = Taking(lambda records: Refused("bad") if bodies(records) == ["poison"] else Done()), Told()
    # Its pauses are so long that nothing would happen in them.
    drain = Drain(("d", "logs"), place, spool.path, 0, told, chance=lambda: 10_000.0)
    drain.start()
    assert place.asked.wait(10)
    hold(spool, "new")
    drain.wake()
    assert told.moved.get(timeout=10).taken == 1
    assert told.retried.get(timeout=10) == Retried(destination="d", kind="logs", outcomes={1: "bad"})
    assert (drain.goes_well, drain.trouble) == (True, None)
    drain.stop()
    drain.join(10)
