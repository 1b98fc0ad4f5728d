"""Takes export requests in, whichever door they came by: read, then committed to the record, then answered."""

from __future__ import annotations

import queue
import sqlite3
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.hub import wire
from handspan.hub.answers import Refusal
from handspan.otlp import Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from handspan.hub.record import Encoding, Record
    from handspan.hub.tally import Tally

# Room is made by the next transaction, in milliseconds; a full disk is seen to by a person.
_AFTER_FULL = 1
_AFTER_FAILURE = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """A request on its way to the disk, and the answer to it once it is there. `committed` is None where nothing of it
    was to be kept."""

    kind: Kind
    committed: Future[int] | None
    answer: bytes
    outcome: str


class Keeper:
    """`pushed` is told each request of metrics."""

    def __init__(self, record: Record, tally: Tally, pushed: Callable[[Any], None]) -> None:
        self._record = record
        self._tally = tally
        self._pushed = pushed

    def take(self, kind: Kind, encoding: Encoding, body: bytes) -> Taken:
        """Begin to keep a request. Raises Refusal for what is none."""
        try:
            arrived = wire.read(kind, encoding, body)
        except wire.Unreadable as error:
            self._tally.received(kind, "unreadable")
            raise Refusal(400, str(error)) from error
        if kind == "metrics":
            self._pushed(arrived.message)
        answer = wire.answer(kind, encoding, arrived.rejected, arrived.why)
        committed = self._record.append(kind, arrived.encoding, arrived.body) if arrived.body else None
        return Taken(kind, committed, answer, "kept_in_part" if arrived.rejected else "kept")

    def done(self, taken: Taken, error: BaseException | None) -> bytes:
        """The answer, once it is known what became of the request. Raises Refusal if it could not be kept."""
        self._tally.received(taken.kind, "not_kept" if error else taken.outcome)
        if isinstance(error, queue.Full):
            raise Refusal(429, "as much waits to be written as may: come back in a moment", _AFTER_FULL)
        if isinstance(error, sqlite3.Error):
            raise Refusal(503, f"the record can't be written ({error}): free its disk, or mend it", _AFTER_FAILURE)
        if error:
            raise error
        return taken.answer
