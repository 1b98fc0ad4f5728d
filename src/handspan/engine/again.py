"""What was rejected is sent again where somebody asked for it: one record at a time, and only while nothing else waits.

So what is new waits for one request at most. A record stays among the rejected until it is taken. If it is refused once
more, it is rejected as before when anything was taken after that (delivery.py); until then it is tried again and again.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handspan.engine.backoff import pause
from handspan.engine.delivery import PATIENCE, deliver
from handspan.otlp import Kind
from handspan.spool import rejected

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from handspan.engine.delivery import Delivery, Send
    from handspan.spool.outbox import Place, Waiting

# Who asks for it is another process, which can't wake us: so often it is looked for.
_LOOK = 1.0
_IN_PART = "the request was taken, and the record in it was not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What became of rejected records, by their numbers: why one was refused once more, or None if it was taken."""

    destination: str
    kind: Kind
    outcomes: dict[int, str | None]
    # Which file of the engine's these are numbers in.
    file: int = 0
    committed: threading.Event = field(default_factory=threading.Event, compare=False)


class Again:
    """The part of a drain that sends again what was rejected. It belongs to the drain's thread."""

    def __init__(
        self,
        place: Place,
        send: Send,
        tell: Callable[[Retried], None],
        *,
        file: int,
        read: Callable[[sqlite3.Connection, Place, int], Waiting | None] = rejected.next_again,
        chance: Callable[[], float],
    ) -> None:
        self._place = place
        self._send = send
        self._tell = tell
        self._file = file
        self._read = read
        self._chance = chance
        # What was told, and may not be committed yet.
        self._told: list[Retried] = []
        # The number of the record that was tried last in this round; 0 before the first.
        self._last = 0
        # What was refused once more, since when nothing has been taken.
        self._suspects: dict[int, str | None] = {}
        self._refusals = 0
        self._failures = 0
        self._not_before = 0.0

    def next(self, db: sqlite3.Connection) -> float:
        """Try the next record, if there is one and it is time: how many seconds to wait before this is called again."""
        left = self._not_before - time.monotonic()
        if left > 0:
            return min(left, _LOOK)
        self._told = [told for told in self._told if not told.committed.is_set()]
        if self._told:
            # The file has them as they were, and they would be sent twice.
            return _LOOK
        found = self._read(db, self._place, self._last)
        if found is None:
            return self._round()
        self._tried(found.seq, deliver(self._send, [found.record]))
        return 0.0

    def taken(self) -> None:
        """The destination has taken something: what it refused before, it refused for what it is."""
        self._failures = self._refusals = 0
        if self._suspects:
            self._settle(self._suspects)
            self._suspects = {}

    def _round(self) -> float:
        """All were tried. Those that were refused are tried again, later; what was asked for meanwhile, at once."""
        if self._last == 0:
            return _LOOK
        self._last = 0
        if self._suspects:
            self._wait(None)
        return 0.0

    def _tried(self, number: int, delivery: Delivery) -> None:
        if delivery.why is not None and not delivery.refusing:
            self._wait(delivery.after)
            return
        self._last = number
        self._suspects.pop(number, None)
        if delivery.why is not None:
            self._suspects[number] = delivery.why
            self._refusals += 1
            if self._refusals % PATIENCE == 0:
                self._wait(None)
        elif delivery.rejected:
            self._settle({number: delivery.rejected[0][1]})
        else:
            self._settle({number: None if delivery.taken else _IN_PART})
            self.taken()

    def _settle(self, outcomes: dict[int, str | None]) -> None:
        self._told.append(Retried(destination=self._place[0], kind=self._place[1], outcomes=outcomes, file=self._file))
        self._tell(self._told[-1])

    def _wait(self, asked: float | None) -> None:
        self._not_before = time.monotonic() + pause(self._failures, self._chance(), asked)
        self._failures += 1
