from __future__ import annotations

import logging
import sqlite3
import time
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from handspan import names
from handspan.engine.drain import Moved
from handspan.engine.inbox import Closing, Flush, Inbox
from handspan.engine.worker import Setup, Worker
from handspan.events import Event, MessageSent
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.signals import Log, Resource
from handspan.spool import Spool
from handspan.testing import SECOND, Clock, Story
from tests.engine.places import BOTH, Taking

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from handspan.senders import Sender

HERE = Resource(service="s", namespace="n", instance="i")
TOLD = Story().session().terminal("t").events


@dataclass
class Desk:
    """A worker whose turns are taken by the test."""

    setup: Setup
    clock: Clock
    heard: list[Log] = field(default_factory=list[Log])

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.setup.queue)
        self.closing = Closing()
        self.spool = Spool(self.setup.folder)
        self.worker = Worker(self.setup, self.spool, self.inbox, self.closing)
        self.worker.begin()

    @property
    def file(self) -> Path:
        return self.setup.folder / "spool.db"

    def tell(self, *facts: Any) -> None:
        for fact in facts:
            self.inbox.put(fact)
        self.turn()

    def turn(self) -> None:
        # A flush makes a turn go on at once, whatever else there is to wait for.
        self.inbox.tell(Flush(Future()))
        self.worker.turn()

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(query).fetchall()

    def counts(self, name: str) -> dict[str, float]:
        book = Book(self.rows("SELECT name, labels, state FROM metrics"))
        return {
            ", ".join(point.labels.values()): point.value
            for series in book.series(HERE)
            if series.name == name
            for point in series.points
        }


def alone(fact: Any) -> Iterable[Event]:
    return (fact,)


def as_it_is(event: Event) -> Event:
    return event


@contextmanager
def desk(
    tmp_path: Path,
    destinations: Mapping[str, Sender] | None = None,
    **given: Any,
) -> Generator[Desk]:
    clock = Clock()
    heard: list[Log] = []
    setup: dict[str, Any] = {
        "folder": tmp_path / "spool",
        "destinations": destinations or {},
        "source": "story",
        "instance": "i",
        "push_every": 10,
        "translate": alone,
        "scrub": as_it_is,
        "told": heard.extend,
        "counted": tuple,
        "rules": Rules(),
        "encoder": Encoder(),
        "clock": lambda: clock.now,
        "queue": 1_000,
        "spool_bytes": 10**9,
        "spool_age": 10**18,
    }
    made = Desk(Setup(**(setup | given)), clock, heard)
    try:
        yield made
    finally:
        made.worker.close()


# --- a turn ----------------------------------------------------------------------------------------------------------


def test_what_is_submitted_is_answered_when_it_is_committed_and_hooks_are_told_after_it(tmp_path: Path) -> None:
    with desk(tmp_path) as made:
        future = made.inbox.submit(TOLD)
        made.turn()
        assert future.result(0) == 2
        assert [log.attributes["handspan.span.name"] for log in made.heard] == ["session s", "terminal t", "boot t"]
        assert made.rows("SELECT count(*) FROM journal") == [(1,)]


def test_what_found_the_queue_full_is_counted(tmp_path: Path) -> None:
    with desk(tmp_path, queue=2) as made:
        made.tell(*TOLD, *TOLD)
        assert made.counts(names.EVENTS_DROPPED) == {"story, queue_full": 2}


def test_what_a_destination_did_is_counted_and_its_place_is_kept(tmp_path: Path) -> None:
    with desk(tmp_path, {"d": Taking(kinds=BOTH)}) as made:
        made.worker.stop_drains()
        made.inbox.tell(Moved(destination="d", kind="logs", seq=7, taken=5, refused_in_part=2, seconds=0.2))
        made.turn()
        assert made.counts(names.EXPORTED) == {"d, logs, taken": 5, "d, logs, refused_in_part": 2}
        assert made.counts(names.EXPORT_SECONDS) == {"d, logs": 0.2}
        assert made.spool.places() == {("d", "logs"): 7, ("d", "traces"): 0}
        assert made.worker.wait_for({"logs": 7}, 0)
        assert not made.worker.wait_for({"logs": 8}, 0)


# --- what fails around it --------------------------------------------------------------------------------------------


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


def test_whoever_is_told_and_fails_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def told(_: Sequence[Log]) -> None:
        raise ValueError("a planted fault")

    with desk(tmp_path, told=told) as made:
        for event in TOLD:
            future = made.inbox.submit([event])
            made.turn()
            assert future.result(0) == 1
    assert caplog.messages == ["Somebody who is told what happens has failed."]


# --- the file --------------------------------------------------------------------------------------------------------


def overwrite(file: Path) -> None:
    """Damage that SQLite finds when it reads: every page but the first, and what waits in the WAL."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(b"\xa5" * (file.stat().st_size - 4096))


def test_damage_found_while_it_runs_sets_the_file_aside_and_open_sessions_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path) as made:
        made.tell(*Story("before").session().events)
        made.closing.ask(5)
        made.worker.end()
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        overwrite(made.file)
        made.clock.advance(1)
        made.tell(*Story().at(1).terminal("u").events)
        assert [log.attributes["handspan.span.name"] for log in made.heard[3:]] == ["terminal u", "boot u"]
        assert caplog.messages == [
            f"{made.file} is damaged (database disk image is malformed). It is kept as {made.file}.unusable-1, and a new one was begun."
        ]
        assert made.rows("SELECT count(*) FROM outbox") == [(2,)]
        # What the batch did is in the checkpoint, and must not be done again.
        assert made.rows("SELECT count(*) FROM journal") == [(0,)]
        before = made.counts(names.EVENTS)
    with desk(tmp_path) as made:
        assert made.rows("SELECT uid FROM sessions") == [("before",), ("s",)]
        assert before == {"story, session_started": 2, "story, terminal_started": 2} == made.counts(names.EVENTS)


def test_a_place_in_a_file_that_was_set_aside_is_none_in_its_successor(tmp_path: Path) -> None:
    with desk(tmp_path, {"d": Taking(kinds=BOTH)}) as made:
        made.tell(*TOLD)
        overwrite(made.file)
        # Said by a request that was on its way when the damage was found.
        late = Moved(destination="d", kind="logs", seq=5_000, taken=3)
        made.tell(*Story().terminal("u").events)
        made.worker.stop_drains()
        made.inbox.tell(late)
        made.turn()
        assert made.spool.places()["d", "logs"] < 5_000


def test_rows_that_make_no_sense_set_the_file_aside_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        with closing(sqlite3.connect(made.file)) as db, db:
            db.execute("UPDATE journal SET steps = 'no JSON'")
    with desk(tmp_path) as made:
        made.tell(*TOLD)
        assert len(made.heard) == 3
    assert "unusable-1" in caplog.text


def test_a_commit_that_fails_is_tried_again_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with desk(tmp_path) as made, closing(sqlite3.connect(made.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        made.closing.ask(0.3)
        future = made.inbox.submit(TOLD)
        made.worker.turn()
        with pytest.raises(RuntimeError, match="not committed"):
            future.result(0)
        assert made.worker.lost == 2
        assert made.heard == []
    assert caplog.messages == [f"{made.file} can't be written (database is locked). What happens waits in memory."]


def test_recovery_is_bounded_by_checkpoints(tmp_path: Path) -> None:
    def sessions(first: int) -> list[Event]:
        return [event for n in range(first, first + 400) for event in Story(f"s{n}").session().terminal("t").events]

    with desk(tmp_path) as made:
        for first, journal in ((0, 1), (400, 2), (800, 0), (1_200, 1)):
            made.tell(*sessions(first))
            assert made.rows("SELECT count(*) FROM journal") == [(journal,)]
        assert made.rows("SELECT count(*) FROM sessions") == [(1_200,)]


def test_what_is_lost_to_a_bound_is_counted_and_a_destination_of_the_past_holds_nothing_back(tmp_path: Path) -> None:
    with desk(tmp_path, spool_age=60 * SECOND) as made:
        made.spool.expect([("gone", "logs")])
        made.tell(*TOLD)
        made.clock.advance(61)
        vars(made.worker)["_trimmed"] = 0.0
        made.turn()
        made.turn()
        assert made.counts(names.EXPORTED) == {"gone, logs, lost": 3}
        assert made.spool.places() == {}


# --- the end ---------------------------------------------------------------------------------------------------------


def test_the_end_does_what_is_left_lets_it_leave_and_writes_down_what_is_open(tmp_path: Path) -> None:
    place = Taking(kinds=BOTH)
    with desk(tmp_path, {"d": place}) as made:
        for event in TOLD:
            made.inbox.put(event)
        made.closing.ask(5)
        began = time.monotonic()
        made.worker.end()
        assert time.monotonic() - began < 4
        assert len(place.taken) == 3
        assert made.rows("SELECT count(*) FROM journal") == [(0,)]
        assert made.rows("SELECT uid FROM sessions") == [("s",)]
        assert made.worker.lost == 0
