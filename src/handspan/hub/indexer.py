"""The thread that follows the record and fills the index."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handspan.hub.index import Index
    from handspan.hub.record import Entry

_log = logging.getLogger("handspan")
# Requests in one transaction: a commit costs as much as some ten spans, and a page sees nothing before it.
_GROUP = 64
# How often it is looked who has fallen silent, and how long a full disk gets before it is tried again.
_LOOK = 1.0
# How often it is looked where the record begins now: it is cut every ten seconds at most, and by a tenth at once.
_FORGET = 60.0


class Record(Protocol):
    """What is followed."""

    @property
    def id(self) -> str: ...
    def last(self) -> int: ...
    def after(self, seq: int, limit: int) -> Sequence[Entry]: ...
    def wait(self, seq: int, timeout: float) -> bool: ...


class Indexer(threading.Thread):
    """Fills the index and calls `told` after each commit, with the position and the sessions that fell silent."""

    def __init__(
        self,
        record: Record,
        index: Index,
        told: Callable[[int, Sequence[str]], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(name="handspan-indexer", daemon=True)
        self._record = record
        self._index = index
        self._told = told
        self._clock = clock
        self._ended = threading.Event()
        self._first = 0
        self._next = 0.0

    def stop(self, timeout: float) -> None:
        """End after the group at hand."""
        self._ended.set()
        self.join(timeout)

    def run(self) -> None:
        self._index.follow(self._record.id, self._record.last())
        position = self._index.position
        while not self._ended.is_set():
            try:
                position = self._go_on(position)
            except sqlite3.OperationalError:
                # A full disk, a file that somebody holds: it may be better soon. The record has everything meanwhile.
                _log.exception("The index can't be filled now; it is tried again.")
                self._ended.wait(_LOOK)

    def _go_on(self, position: int) -> int:
        self._forget(position)
        if self._record.wait(position, _LOOK):
            entries = self._record.after(position, _GROUP)
            self._fill(entries)
            if entries:
                position = entries[-1].seq
                self._told(position, ())
        else:
            silent = self._index.look(self._clock())
            if silent:
                self._told(position, silent)
        return position

    def _forget(self, position: int) -> None:
        """Let go of what the record has let go of, if its beginning has moved."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _FORGET
        oldest = self._record.after(0, 1)
        first = oldest[0].seq if oldest else position + 1
        if first != self._first:
            self._index.forget(first)
            self._first = first

    def _fill(self, entries: Sequence[Entry]) -> None:
        try:
            self._index.fill(entries)
        except sqlite3.OperationalError:
            raise
        except Exception:
            # Whoever sends OTLP must not be able to stop the index: what can't be taken in alone is left out, counted.
            if len(entries) > 1:
                for entry in entries:
                    self._fill([entry])
                return
            _log.exception("An entry of the record is left out of the index.")
            self._index.skip(entries[0])
