"""What an engine has in memory, and the file that holds the same: recovered at the start, committed with every batch.

A file that can't be written is waited for. One that is damaged is set aside, and memory is written into another.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
import time
from typing import TYPE_CHECKING

from handspan import names
from handspan.engine import recovery
from handspan.engine.intake import Intake
from handspan.metrics import Book
from handspan.signals import Count
from handspan.spool import Batch, database

if TYPE_CHECKING:
    from handspan.engine.departures import Departures
    from handspan.engine.inbox import Closing
    from handspan.engine.setup import Setup
    from handspan.spool import Spool

_log = logging.getLogger("handspan")

# Recovery applies at most about this many events again.
_JOURNAL = 2_000
# How often what has left is removed from the file.
_TRIM = 1.0
# How many sessions a log line names.
_NAMED = 5
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Keeper:
    """Belongs to the engine's thread. Raises OSError or sqlite3.Error where the file can't be used at all now."""

    def __init__(self, setup: Setup, spool: Spool, departures: Departures, closing: Closing) -> None:
        self._setup = setup
        self._spool = spool
        self._departures = departures
        self._closing = closing
        # Events since the last checkpoint.
        self._uncovered = 0
        self._trimmed = 0.0
        self._failing: set[type[Exception]] = set()
        self.intake = self._recovered()

    # --- the beginning -----------------------------------------------------------------------------------------------

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
        self._spool.expect(self._departures.wanted)
        kept = self._spool.recover()
        setup = self._setup
        sessions, unread = recovery.load(kept, setup.rules)
        intake = Intake(
            sessions=sessions,
            book=Book(kept.metrics),
            encoder=setup.encoder,
            known=self._known,
            clock=setup.clock,
        )
        for steps in kept.steps:
            intake.again(steps)
        if unread:
            self._end_unread(intake.book, unread)
        return intake

    def _end_unread(self, book: Book, unread: list[str]) -> None:
        now = self._setup.clock()
        labels = {"source": self._setup.source, "reason": "unknown"}
        book.add(Count(name=names.SESSIONS_ENDED, labels=labels, value=len(unread)), now)
        self._spool.end_unread(unread, book.changed(), now)
        # With the first few by name: there may be thousands.
        _log.error(
            "What was written down of %d sessions can't be read by this version of Handspan: nothing more is told of"
            " them. (%s)",
            len(unread),
            ", ".join(unread[:_NAMED]),
        )

    def begin(self) -> None:
        """Let everything leave, from where it stands in this file."""
        self._spool.expect(self._departures.wanted)
        self._departures.begin(self._spool.places())

    # --- one turn ----------------------------------------------------------------------------------------------------

    def _known(self, event: bytes, at: int) -> bool:
        try:
            return self._spool.known(event, at)
        except sqlite3.Error as error:
            # The commit that follows finds what is wrong. A repeat that comes soon is dropped by its session.
            _log.debug("The spool can't be asked for an event: %s", error)
            return False

    def last(self) -> dict[str, int]:
        """The place of the newest record of each kind; out of reach if that can't be read."""
        try:
            return self._spool.last_of_kinds()
        except sqlite3.Error as error:
            _log.debug("The spool can't be asked for its last records: %s", error)
            return {kind: sys.maxsize for _, kind in self._departures.wanted}

    def commit(self, batch: Batch, events: int) -> bool:
        """Commit what so many events caused, however long it takes; False if the engine closes first."""
        if batch and not self._commit(batch):
            return False
        self._uncovered += events + 1 if batch.steps else 0
        return True

    def _commit(self, batch: Batch, damage: sqlite3.Error | None = None) -> bool:
        """With `damage`, into another file."""
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
        self.intake.sessions.all_changed()
        self.intake.book.all_changed()
        try:
            self.checkpoint()
        except sqlite3.Error:
            # After the next commit that succeeds.
            self._uncovered = _JOURNAL
        # What the batch did is in the checkpoint. Applied again, it would be done twice.
        batch.steps = ""
        batch.metrics = self.intake.book.changed()
        batch.places.clear()
        batch.retried.clear()
        self.begin()

    def _set_aside(self, error: Exception) -> None:
        self._departures.stop()
        self._departures.file += 1
        aside = self._spool.begin_again()
        _log.error("%s is damaged (%s). It is kept as %s, and a new one was begun.", self._spool.path, error, aside)

    def keep_house(self, now: int) -> None:
        """Put the file in order, when it is time."""
        try:
            if self._uncovered >= _JOURNAL:
                self.checkpoint()
            if time.monotonic() - self._trimmed >= _TRIM:
                self._trimmed = time.monotonic()
                self._trim(now)
        except sqlite3.Error as error:
            if database.is_damage(error):
                self._commit(Batch(at=now), error)
            elif type(error) not in self._failing:
                self._failing.add(type(error))
                # A full disk, mostly: the file stays as it is, and it is tried again.
                _log.warning("%s could not be put in order (%s). It is tried again.", self._spool.path, error)

    def checkpoint(self) -> None:
        """Write down what is open. Raises sqlite3.Error."""
        sessions = self.intake.sessions
        self._spool.checkpoint(sessions.changes(), self._setup.clock())
        sessions.stored()
        self._uncovered = 0

    def _trim(self, now: int) -> None:
        for loss in self._spool.trim(now, self._setup.spool_bytes, self._setup.spool_age):
            labels = {"destination": loss.destination, "signal": loss.kind, "outcome": "lost"}
            self.intake.book.add(Count(name=names.EXPORTED, labels=labels, value=loss.records), now)
            if loss.destination not in self._setup.destinations:
                self._spool.forget(loss.destination)
