"""A thread for each destination and kind: it reads the outbox, sends, and tells the engine how far it has come.

It only reads. What hangs or is down holds up nobody but itself.
"""

from __future__ import annotations

import logging
import random
import sqlite3
import threading
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from handspan.engine.again import Again
from handspan.engine.backoff import pause
from handspan.engine.delivery import Delivery, deliver
from handspan.otlp import Kind
from handspan.spool import database, outbox, rejected
from handspan.spool.rejected import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handspan.engine.again import Retried
    from handspan.otlp import Record
    from handspan.senders import Answer, Sender
    from handspan.spool.outbox import Place, Waiting

_log = logging.getLogger("handspan")

# Until a file that can't be read now is looked at again.
_BUSY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How far a destination has come, and what it did with what it was sent."""

    destination: str
    kind: Kind
    seq: int
    # Which file of the engine's this is a place in.
    file: int = 0
    taken: int = 0
    refused_in_part: int = 0
    rejected: tuple[Rejected, ...] = ()
    seconds: float = 0


class Drain(threading.Thread):
    """Sends what is in the outbox of one kind to one destination, until it is stopped. `read` finds in the file at
    `path` what follows a place, and `read_again` what somebody asked to be sent again."""

    def __init__(
        self,
        place: Place,
        sender: Sender,
        path: Path,
        seq: int,
        tell: Callable[[Moved | Retried], None],
        *,
        file: int = 0,
        read: Callable[[sqlite3.Connection, Kind, int], list[Waiting]] | None = None,
        read_again: Callable[[sqlite3.Connection, Place, int], Waiting | None] = rejected.next_again,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.destination: str = place[0]
        self.kind: Kind = place[1]
        super().__init__(name=f"handspan-{self.destination}-{self.kind}", daemon=True)
        self._sender = sender
        self._path = path
        self._seq = seq
        self._tell = tell
        self._file = file
        self._read = read or outbox.after
        self._chance = chance
        self._again = Again(place, self._request, tell, file=file, read=read_again, chance=chance)
        self._more = threading.Event()
        self._stop_asked = threading.Event()
        # Why the last request was not taken.
        self.trouble: str | None = None
        # How often in a row it had to wait, and how often of these because it refuses.
        self._failures = 0
        self._refusals = 0

    def wake(self) -> None:
        """There may be something to send."""
        self._more.set()

    @property
    def goes_well(self) -> bool:
        """Whether the last request was taken."""
        return not self._failures

    def stop(self) -> None:
        self._stop_asked.set()
        self._more.set()

    def run(self) -> None:
        db: sqlite3.Connection | None = None
        while True:
            # In this order: a stop after it was looked for leaves `more` set.
            self._more.clear()
            if self._stop_asked.is_set():
                break
            try:
                db = db or database.reader(self._path)
                waiting = self._read(db, self.kind, self._seq)
                patience = 0.0 if waiting else self._again.next(db)
            except sqlite3.Error as error:
                # The file is being made, or is too busy; a damaged one is found by who writes it.
                _log.debug("The spool can't be read now: %s", error)
                self._stop_asked.wait(_BUSY)
                continue
            if waiting:
                self._send(waiting)
            else:
                self._more.wait(patience)
        if db:
            db.close()

    def _send(self, waiting: list[Waiting]) -> None:
        began = perf_counter()
        delivery = deliver(self._request, [w.record for w in waiting], self._refusals)
        if delivery.settled:
            self._seq = waiting[delivery.settled - 1].seq
            self._tell(self._moved(waiting, delivery, perf_counter() - began))
        if delivery.taken or delivery.refused_in_part:
            self._again.taken()
        if delivery.why is None:
            self._goes_on()
        else:
            self._wait(delivery)

    def _request(self, records: Sequence[Record]) -> Answer:
        return self._sender.send(self.kind, records)

    def _moved(self, waiting: list[Waiting], delivery: Delivery, seconds: float) -> Moved:
        return Moved(
            destination=self.destination,
            kind=self.kind,
            seq=self._seq,
            file=self._file,
            taken=delivery.taken,
            refused_in_part=delivery.refused_in_part,
            rejected=tuple(
                Rejected(destination=self.destination, record=waiting[at].record, why=why)
                for at, why in delivery.rejected
            ),
            seconds=seconds,
        )

    def _goes_on(self) -> None:
        if self._failures:
            _log.warning("%s takes %s again.", self._sender.name, self.kind)
        self._failures = self._refusals = 0
        self.trouble = None

    def _wait(self, delivery: Delivery) -> None:
        if not self._failures or (delivery.refusing and not self._refusals):
            how = "refuses" if delivery.refusing else "does not take"
            _log.warning(
                "%s %s %s: %s. Nothing is lost: what waits is kept in %s and sent when it can be.",
                self._sender.name,
                how,
                self.kind,
                delivery.why,
                self._path,
            )
        self.trouble = delivery.why
        if delivery.settled:
            self._failures = 0
        seconds = pause(self._failures, self._chance(), delivery.after)
        self._failures += 1
        self._refusals = self._refusals + 1 if delivery.refusing else 0
        self._stop_asked.wait(seconds)
