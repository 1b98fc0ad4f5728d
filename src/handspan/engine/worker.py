"""The engine's thread at work: what was gathered is applied, and committed with all that it causes."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.engine.drain import Drain
from handspan.engine.inbox import Ask
from handspan.engine.intake import Intake
from handspan.engine.push import Push
from handspan.events import Event
from handspan.gauges import gauges
from handspan.metrics import Book
from handspan.otlp import Encoder, Record
from handspan.rules import Rules
from handspan.senders import Sender
from handspan.sessions import Sessions
from handspan.signals import Count, Log, Observation, Resource, Series
from handspan.spool import Batch, database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.engine.drain import Moved
    from handspan.engine.inbox import Closing, Found, Inbox
    from handspan.spool import Spool
    from handspan.spool.outbox import Place

_log = logging.getLogger("handspan")

_SECOND = 1_000_000_000
# Without anything to do the thread looks around this often: the clock may have been set.
_IDLE = 1.0
# Recovery applies at most about this many events again.
_JOURNAL = 2_000
# While it closes.
_GLANCE = 0.02
# How often what has left is removed from the file.
_TRIM = 1.0
# Of the time there is to close, what is kept for the last checkpoint.
_LAST_WORDS = 0.4
# How long a push waits for the engine's thread: it may just be writing a large checkpoint.
_LOOK = 5.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All that an engine is handed by whoever hosts it."""

    folder: Path
    destinations: Mapping[str, Sender]
    source: str
    instance: str
    push_every: float
    translate: Callable[[Any], Iterable[Event]]
    scrub: Callable[[Event], Event]
    told: Callable[[Sequence[Log]], None]
    counted: Callable[[], Iterable[Count]]
    rules: Rules
    encoder: Encoder
    clock: Callable[[], int]
    queue: int
    spool_bytes: int
    spool_age: int


class Worker:
    """Owns the sessions and writes the spool, from one start to its end."""

    def __init__(self, setup: Setup, spool: Spool, inbox: Inbox, closing: Closing) -> None:
        self._setup = setup
        self._spool = spool
        self._inbox = inbox
        self._closing = closing
        self._drains: list[Drain] = []
        self._pushes: list[Push] = []
        # Events that could not be committed before the end.
        self.lost = 0
        # Events since the last checkpoint.
        self._uncovered = 0
        self._trimmed = 0.0
        # The types of error that have been told.
        self._failing: set[type[Exception]] = set()
        # How many files were begun. What is told of a place in another file says nothing about this one.
        self._file = 0
        # Where each destination stands, for whoever waits for it.
        self._places: dict[Place, int] = {}
        self._moved = threading.Condition()
        self._intake = self._recovered()

    # --- beginning and end -------------------------------------------------------------------------------------------

    def _recovered(self) -> Intake:
        try:
            return self._folded()
        except (sqlite3.DatabaseError, ValueError) as error:
            # ValueError: rows that can be read, and make no sense. Left where they are, they would stop every start.
            if isinstance(error, sqlite3.Error) and not database.is_damage(error):
                raise
            self._set_aside(error)
            return self._folded()

    def _folded(self) -> Intake:
        self._spool.expect(self._wanted())
        kept = self._spool.recover()
        setup = self._setup
        sessions = Sessions.load(kept.sessions, setup.rules)
        intake = Intake(
            sessions=sessions,
            book=Book(kept.metrics),
            encoder=setup.encoder,
            known=self._known,
            clock=setup.clock,
        )
        for steps in kept.steps:
            intake.again(steps)
        return intake

    def begin(self) -> None:
        senders = self._setup.destinations
        wanted = self._wanted()
        self._spool.expect(wanted)
        standing = self._spool.places()
        self._places = {place: standing[place] for place in wanted}
        for place in wanted:
            sender = senders[place[0]]
            drain = Drain(place, sender, self._spool.path, standing[place], self._inbox.tell, file=self._file)
            self._drains.append(drain)
            drain.start()
        for sender in senders.values():
            if "metrics" in sender.kinds:
                self._pushes.append(Push(sender, self._look, self._setup.push_every))
                self._pushes[-1].start()

    def _wanted(self) -> list[Place]:
        # Metrics are not queued: they are pushed as they stand.
        senders = self._setup.destinations
        return [(name, kind) for name, sender in senders.items() for kind in sender.kinds if kind != "metrics"]

    def end(self) -> None:
        """Do what is left in the queue, give what goes well time to leave, and write down what is open."""
        while not self._inbox.empty and self._closing.left > 0:
            self.turn()
        last = self._last()
        while self._closing.left > _LAST_WORDS and any(
            drain.goes_well and self._behind(drain, last) for drain in self._drains
        ):
            self.turn()
        with contextlib.suppress(sqlite3.Error):
            self._checkpoint()

    def close(self) -> None:
        self.stop_drains()
        self._spool.close()

    def _behind(self, drain: Drain, last: Mapping[str, int]) -> bool:
        place: Place = (drain.destination, drain.kind)
        return self._places[place] < last.get(drain.kind, 0)

    def wait_for(self, last: Mapping[str, int], timeout: float) -> bool:
        """Whether every destination has come as far as this, within `timeout` seconds. For any thread."""
        with self._moved:
            return self._moved.wait_for(
                lambda: all(seq >= last.get(kind, 0) for (_, kind), seq in self._places.items()), timeout
            )

    def troubles(self) -> list[str]:
        """Why what waits is not taken. For any thread."""
        return [drain.trouble for drain in list(self._drains) if drain.trouble]

    def stop_drains(self) -> None:
        for drain in self._drains:
            drain.stop()
        for push in self._pushes:
            push.stop()
        self._drains.clear()
        self._pushes.clear()

    # --- one turn ----------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Gather what is there, and do it."""
        found = self._inbox.gather(self._patience())
        now = self._setup.clock()
        for signal in self._own_counts(found):
            self._intake.book.add(signal, now)
        translate = self._setup.translate
        events = [event for fact in found.facts for event in self._translated(translate, fact)]
        submitted = [event for one in found.submitted for event in one.events]
        events += [event for said in submitted for event in self._translated(_as_it_is, said)]
        batch, logs = self._intake.take(events)
        self._move(batch, found.moved)
        if batch and not self._commit(batch):
            found.give_up()
            self.lost += len(events)
            return
        self._uncovered += len(events) + 1 if batch.steps else 0
        self._after(found, batch, logs)
        self._keep_house(now)

    def _patience(self) -> float:
        due = self._intake.sessions.due
        if self._closing.asked:
            return _GLANCE
        if due is None:
            return _IDLE
        return min(_IDLE, max(0.0, (due - self._setup.clock()) / _SECOND))

    def _translated(self, translate: Callable[[Any], Iterable[Event]], fact: Any) -> list[Event]:
        try:
            return [self._scrubbed(event) for event in translate(fact)]
        except Exception as error:
            # What a source can't read, or can't be scrubbed, must cost that fact, and not all that follow.
            if self._is_first(error):
                # Without the fact itself: it is not scrubbed.
                _log.exception("A fact (%s) could not be understood, and is left out.", type(fact).__name__)
            self._intake.book.add(self._dropped("invalid"), self._setup.clock())
            return []

    def _scrubbed(self, event: Event) -> Event:
        scrubbed = self._setup.scrub(event)
        # A host may put anything.
        if not isinstance(scrubbed, Event):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"this is no event: {type(scrubbed).__name__}")
        return scrubbed

    def _is_first(self, error: Exception) -> bool:
        """Whether no error of this type was told before. An error's text may be another one each time."""
        first = type(error) not in self._failing
        self._failing.add(type(error))
        return first

    def _dropped(self, reason: str, records: int = 1) -> Count:
        return Count(name=names.EVENTS_DROPPED, labels={"source": self._setup.source, "reason": reason}, value=records)

    def _own_counts(self, found: Found) -> Iterator[Count | Observation]:
        if found.overflow:
            yield self._dropped("queue_full", found.overflow)
        for moved in found.moved:
            yield from _exported(moved)
        yield from self._setup.counted()

    def _move(self, batch: Batch, moved: Sequence[Moved]) -> None:
        for move in moved:
            if move.file == self._file:
                batch.places[move.destination, move.kind] = move.seq
            batch.rejected += move.rejected

    def _after(self, found: Found, batch: Batch, logs: list[Log]) -> None:
        for submitted in found.submitted:
            submitted.committed.set_result(len(submitted.events))
        if batch.records:
            for drain in self._drains:
                drain.wake()
        if logs:
            self._tell(logs)
        for ask in found.asked:
            ask.answer.set_result(list(self._series()))
        last = self._last() if found.flushes else {}
        for flush in found.flushes:
            flush.committed.set_result(last)
        if batch.places:
            with self._moved:
                self._places |= batch.places
                self._moved.notify_all()

    def _tell(self, logs: list[Log]) -> None:
        try:
            self._setup.told(logs)
        except Exception as error:
            # Whoever listens must not be able to stop what is listened to.
            if self._is_first(error):
                _log.exception("Somebody who is told what happens has failed.")

    # --- metrics -----------------------------------------------------------------------------------------------------

    def _series(self) -> Iterator[Series]:
        """All metrics as they stand."""
        setup, sessions = self._setup, self._intake.sessions
        resource = Resource(service=setup.source, namespace=setup.source, instance=setup.instance)
        yield from self._intake.book.series(resource)
        now = setup.clock()
        census = (found for session in sessions for found in session.census(now))
        yield from gauges(itertools.chain(census, self._spool.census(now)), resource)

    def _look(self) -> list[Record]:
        """The same as records, for another thread."""
        answer: Future[list[Series]] = Future()
        self._inbox.tell(Ask(answer))
        return [self._setup.encoder.metric(series, self._setup.clock()) for series in answer.result(_LOOK)]

    # --- the file ----------------------------------------------------------------------------------------------------

    def _known(self, event: bytes, at: int) -> bool:
        try:
            return self._spool.known(event, at)
        except sqlite3.Error as error:
            # The commit that follows finds what is wrong. A repeat that comes soon is dropped by its session.
            _log.debug("The spool can't be asked for an event: %s", error)
            return False

    def _last(self) -> dict[str, int]:
        """The place of the newest record of each kind; out of reach if that can't be read."""
        try:
            return self._spool.last_of_kinds()
        except sqlite3.Error as error:
            _log.debug("The spool can't be asked for its last records: %s", error)
            return {kind: sys.maxsize for _, kind in self._places}

    def _commit(self, batch: Batch, damage: sqlite3.Error | None = None) -> bool:
        """Commit, however long it takes; False if the engine closes first. With `damage`, into another file."""
        pause, said = _FIRST_PAUSE, False
        while True:
            try:
                if damage:
                    self._begin_again(damage, batch)
                    damage = None
                self._spool.commit(batch)
            except (OSError, sqlite3.Error) as error:
                if isinstance(error, sqlite3.Error) and database.is_damage(error):
                    damage = error
                elif not said:
                    _log.warning("%s can't be written (%s). What happens waits in memory.", self._spool.path, error)
                    said = True
            else:
                if said:
                    _log.warning("%s is written again.", self._spool.path)
                return True
            if not self._closing.wait(pause):
                return False
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _begin_again(self, error: sqlite3.Error, batch: Batch) -> None:
        """The file is damaged. What is in memory goes into another one, what waited to leave does not."""
        self._set_aside(error)
        self._intake.sessions.all_changed()
        self._intake.book.all_changed()
        try:
            self._checkpoint()
        except sqlite3.Error:
            # After the next commit that succeeds.
            self._uncovered = _JOURNAL
        # What the batch did is in the checkpoint. Applied again, it would be done twice.
        batch.steps = ""
        batch.metrics = self._intake.book.changed()
        batch.places.clear()
        self.begin()

    def _set_aside(self, error: Exception) -> None:
        self.stop_drains()
        self._file += 1
        aside = self._spool.begin_again()
        _log.error("%s is damaged (%s). It is kept as %s, and a new one was begun.", self._spool.path, error, aside)

    def _keep_house(self, now: int) -> None:
        try:
            if self._uncovered >= _JOURNAL:
                self._checkpoint()
            if time.monotonic() - self._trimmed >= _TRIM:
                self._trimmed = time.monotonic()
                self._trim(now)
        except sqlite3.Error as error:
            if database.is_damage(error):
                self._commit(Batch(at=now), error)
            elif self._is_first(error):
                # A full disk, mostly: the file stays as it is, and it is tried again.
                _log.warning("%s could not be put in order (%s). It is tried again.", self._spool.path, error)

    def _checkpoint(self) -> None:
        sessions = self._intake.sessions
        self._spool.checkpoint(sessions.changes(), self._setup.clock())
        sessions.stored()
        self._uncovered = 0

    def _trim(self, now: int) -> None:
        for loss in self._spool.trim(now, self._setup.spool_bytes, self._setup.spool_age):
            labels = {"destination": loss.destination, "signal": loss.kind, "outcome": "lost"}
            self._intake.book.add(Count(name=names.EXPORTED, labels=labels, value=loss.records), now)
            if loss.destination not in self._setup.destinations:
                self._spool.forget(loss.destination)


def _as_it_is(event: Event) -> tuple[Event]:
    return (event,)


def _exported(moved: Moved) -> Iterator[Count | Observation]:
    where = {"destination": moved.destination, "signal": moved.kind}
    for outcome, number in (
        ("taken", moved.taken),
        ("refused_in_part", moved.refused_in_part),
        ("rejected", len(moved.rejected)),
    ):
        if number:
            yield Count(name=names.EXPORTED, labels={**where, "outcome": outcome}, value=number)
    yield Observation(name=names.EXPORT_SECONDS, labels=where, value=moved.seconds)
