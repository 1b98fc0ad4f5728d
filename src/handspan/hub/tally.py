"""The hub's own counters: since it was started, for threads that count at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from handspan import names
from handspan.metrics import Book
from handspan.signals import Count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.engine.drain import Moved
    from handspan.hub.retention import Lost
    from handspan.otlp import Kind
    from handspan.signals import Resource, Series


class Tally:
    def __init__(self) -> None:
        self._book = Book()
        self._lock = threading.Lock()

    def received(self, kind: Kind | str, outcome: str, requests: int = 1) -> None:
        self._add(names.RECEIVED, {"signal": kind, "outcome": outcome}, requests)

    def moved(self, moved: Moved) -> None:
        """What a forward target took of what it was sent."""
        self._exported(moved.destination, moved.kind, "taken", moved.taken)
        self._exported(moved.destination, moved.kind, "refused_in_part", moved.refused_in_part)
        self._exported(moved.destination, moved.kind, "rejected", len(moved.rejected))

    def lost(self, losses: Sequence[Lost]) -> None:
        """What forward targets will never see, since the record has no room for it."""
        for loss in losses:
            self._exported(loss.destination, loss.kind, "lost", loss.records)

    def series(self, resource: Resource) -> list[Series]:
        with self._lock:
            return list(self._book.series(resource))

    def _exported(self, target: str, kind: str, outcome: str, records: int) -> None:
        if records:
            self._add(names.EXPORTED, {"destination": target, "signal": kind, "outcome": outcome}, records)

    def _add(self, name: str, labels: dict[str, str], value: int) -> None:
        with self._lock:
            self._book.add(Count(name=name, labels=labels, value=value), time.time_ns())
