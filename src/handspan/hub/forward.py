"""What arrives goes on to other OTLP endpoints: each has its place in the record, for each kind, and its own pace.

Record ──▶ a Drain for each target and kind ──▶ Onward
   ▲ places, rejected ──┘
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from handspan.engine.drain import Drain, Moved
from handspan.hub.onward import KINDS, request_of
from handspan.hub.record import Move, Rejected, entries_after
from handspan.spool.outbox import Waiting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from handspan.engine.again import Retried
    from handspan.hub.onward import Onward
    from handspan.hub.record import Record
    from handspan.hub.tally import Tally
    from handspan.otlp import Kind
    from handspan.spool.outbox import Place

# What is read at once. They are sent one by one, and how far they are is noted after the last.
_TOGETHER = 20
# How soon a stop is noticed, where nothing arrives.
_GLANCE = 0.2


class Forward:
    """Nothing may have been appended to the record since it was opened."""

    def __init__(self, record: Record, targets: Sequence[Onward], tally: Tally) -> None:
        self._record = record
        self._targets = targets
        self._tally = tally
        record.keep_places([target.name for target in targets], KINDS)
        places = record.places()
        self._drains = [
            Drain(
                (target.name, kind),
                target,
                record.path,
                places[target.name, kind],
                self._moved,
                read=_after,
                read_again=_none,
            )
            for target in targets
            for kind in KINDS
        ]
        self._stopped = threading.Event()
        self._waking = threading.Thread(target=self._wake, name="handspan-forward", daemon=True)

    def start(self) -> None:
        for drain in self._drains:
            drain.start()
        if self._drains:
            self._waking.start()

    def stop(self, timeout: float) -> None:
        """What is not sent stays in the record. A request that is on its way is not waited for any longer than this."""
        self._stopped.set()
        for drain in self._drains:
            drain.stop()
        if self._waking.is_alive():
            self._waking.join(timeout)

    def troubles(self) -> list[str]:
        """Why what waits is not taken."""
        return [f"{drain.destination}: {drain.trouble}" for drain in self._drains if drain.trouble]

    def _wake(self) -> None:
        seen = self._record.last()
        while not self._stopped.is_set():
            if self._record.wait(seen, _GLANCE):
                seen = self._record.last()
                for drain in self._drains:
                    drain.wake()

    def _moved(self, moved: Moved | Retried) -> None:
        # Nothing is sent again that was rejected.
        assert isinstance(moved, Moved)
        self._tally.moved(moved)
        rejected = tuple(
            Rejected(encoding="json" if one.record.key == "json" else "protobuf", body=one.record.body, why=one.why)
            for one in moved.rejected
        )
        self._record.move(Move(target=moved.destination, kind=moved.kind, seq=moved.seq, rejected=rejected))


def _none(_db: sqlite3.Connection, _place: Place, _after: int) -> None:
    """Nobody can ask for what was rejected."""


def _after(db: sqlite3.Connection, kind: Kind, seq: int) -> list[Waiting]:
    return [
        Waiting(entry.seq, request_of(entry.kind, entry.encoding, entry.body))
        for entry in entries_after(db, seq, _TOGETHER, kind)
    ]
