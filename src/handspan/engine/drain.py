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

from handspan.engine.delivery import Delivery, deliver
from handspan.otlp import Kind
from handspan.spool import database, outbox
from handspan.spool.outbox import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handspan.senders import Sender
    from handspan.spool.outbox import Place, Waiting

_log = logging.getLogger("handspan")

# The first pause is short, for a collector that only restarts; the longest is what a person waits without wondering.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
# A server may ask for more, but not for a pause that outlasts an afternoon.
_LONGEST_ASKED = 3_600.0


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
    `path` what follows a place."""

    def __init__(
        self,
        place: Place,
        sender: Sender,
        path: Path,
        seq: int,
        tell: Callable[[Moved], None],
        *,
        file: int = 0,
        read: Callable[[sqlite3.Connection, Kind, int], list[Waiting]] = outbox.after,
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
        self._read = read
        self._chance = chance
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
            except sqlite3.Error as error:
                # The file is being made, or is too busy; a damaged one is found by who writes it.
                _log.debug("The spool can't be read now: %s", error)
                self._stop_asked.wait(_FIRST_PAUSE)
                continue
            if waiting:
                self._send(waiting)
            else:
                self._more.wait()
        if db:
            db.close()

    def _send(self, waiting: list[Waiting]) -> None:
        began = perf_counter()
        delivery = deliver(
            lambda records: self._sender.send(self.kind, records), [w.record for w in waiting], self._refusals
        )
        if delivery.settled:
            self._seq = waiting[delivery.settled - 1].seq
            self._tell(self._moved(waiting, delivery, perf_counter() - began))
        if delivery.why is None:
            self._goes_on()
        else:
            self._wait(delivery)

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
        # Full jitter: many exporters that lost one collector must not all come back at once.
        pause = self._chance() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._failures += 1
        self._refusals = self._refusals + 1 if delivery.refusing else 0
        self._stop_asked.wait(max(pause, min(delivery.after or 0, _LONGEST_ASKED)))
