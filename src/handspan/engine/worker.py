"""The engine's thread at work: what was gathered is applied, and committed with all that it causes."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sqlite3
from concurrent.futures import Future
from typing import TYPE_CHECKING

from handspan import names
from handspan.engine.departures import Departures, what_left
from handspan.engine.inbox import Ask
from handspan.engine.keeping import Keeper
from handspan.engine.translating import Translator
from handspan.gauges import gauges
from handspan.signals import Count, Log, Observation, Resource, Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.engine.inbox import Closing, Found, Inbox
    from handspan.engine.setup import Setup
    from handspan.otlp import Record
    from handspan.spool import Batch, Spool

_log = logging.getLogger("handspan")

_SECOND = 1_000_000_000
# Without anything to do the thread looks around this often: the clock may have been set.
_IDLE = 1.0
# While it closes.
_GLANCE = 0.02
# Of the time there is to close, what is kept for the last checkpoint.
_LAST_WORDS = 0.4
# How long it is waited for requests that are on their way: one that goes well has its answer by then. And as much of
# the time there is to close is kept for closing.
_GONE = 0.2
# How long a push waits for the engine's thread: it may just be writing a large checkpoint.
_LOOK = 5.0


class Worker:
    """Owns the sessions and writes the spool, from one start to its end."""

    def __init__(self, setup: Setup, spool: Spool, inbox: Inbox, closing: Closing) -> None:
        self._setup = setup
        self._spool = spool
        self._inbox = inbox
        self._closing = closing
        self.departures = Departures(setup.destinations, spool.path, inbox.tell, self._look, setup.push_every)
        self._keeper = Keeper(setup, spool, self.departures, closing)
        self._translator = Translator(setup.translate, setup.scrub, self._count_invalid)
        # Events that could not be committed before the end.
        self.lost = 0
        # The types of error that have been told.
        self._failing: set[type[Exception]] = set()

    # --- beginning and end -------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._keeper.begin()

    def end(self) -> None:
        """Do what is left in the queue, give what goes well time to leave, and write down what is open."""
        while not self._inbox.empty and self._closing.left > 0:
            self.turn()
        last = self._keeper.last()
        while self._closing.left > _LAST_WORDS and self.departures.waits_for(last):
            self.turn()
        with contextlib.suppress(sqlite3.Error):
            self._keeper.checkpoint()

    def close(self) -> None:
        self.departures.stop()
        self.departures.gone(min(_GONE, self._closing.left - _GONE))
        self._spool.close()

    # --- one turn ----------------------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Gather what is there, and do it."""
        found = self._inbox.gather(self._patience())
        now = self._setup.clock()
        for signal in self._own_counts(found):
            self._keeper.intake.book.add(signal, now)
        events = self._translator.facts(found.facts)
        events += self._translator.events(event for one in found.submitted for event in one.events)
        batch, logs = self._keeper.intake.take(events)
        self.departures.put_down(batch, found)
        if not self._keeper.commit(batch, len(events)):
            found.give_up()
            self.lost += len(events)
            return
        self._after(found, batch, logs)
        self._keeper.keep_house(now)

    def _patience(self) -> float:
        due = self._keeper.intake.sessions.due
        if self._closing.asked:
            return _GLANCE
        if due is None:
            return _IDLE
        return min(_IDLE, max(0.0, (due - self._setup.clock()) / _SECOND))

    def _dropped(self, reason: str, records: int = 1) -> Count:
        return Count(name=names.EVENTS_DROPPED, labels={"source": self._setup.source, "reason": reason}, value=records)

    def _own_counts(self, found: Found) -> Iterator[Count | Observation]:
        if found.overflow:
            yield self._dropped("queue_full", found.overflow)
        yield from what_left(found)
        yield from self._setup.counted()

    def _count_invalid(self) -> None:
        self._keeper.intake.book.add(self._dropped("invalid"), self._setup.clock())

    def _after(self, found: Found, batch: Batch, logs: list[Log]) -> None:
        for submitted in found.submitted:
            submitted.committed.set_result(len(submitted.events))
        self.departures.committed(batch, found)
        if logs:
            self._tell(logs)
        for ask in found.asked:
            ask.answer.set_result(list(self._series()))
        last = self._keeper.last() if found.flushes else {}
        for flush in found.flushes:
            flush.committed.set_result(last)

    def _tell(self, logs: list[Log]) -> None:
        try:
            self._setup.told(logs)
        except Exception as error:
            # Whoever listens must not be able to stop what is listened to.
            if type(error) not in self._failing:
                self._failing.add(type(error))
                _log.exception("Somebody who is told what happens has failed.")

    # --- metrics -----------------------------------------------------------------------------------------------------

    def _series(self) -> Iterator[Series]:
        """All metrics as they stand."""
        setup, sessions = self._setup, self._keeper.intake.sessions
        resource = Resource(service=setup.source, namespace=setup.source, instance=setup.instance)
        yield from self._keeper.intake.book.series(resource)
        now = setup.clock()
        census = (found for session in sessions for found in session.census(now))
        yield from gauges(itertools.chain(census, self._spool.census(now)), resource)

    def _look(self) -> list[Record]:
        """The same as records, for another thread."""
        answer: Future[list[Series]] = Future()
        self._inbox.tell(Ask(answer))
        return [self._setup.encoder.metric(series, self._setup.clock()) for series in answer.result(_LOOK)]
