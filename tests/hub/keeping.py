"""A record in a folder, and what takes requests into it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from handspan.hub.keeper import Keeper
from handspan.hub.pushed import Pushed
from handspan.hub.record import Record
from handspan.hub.tally import Tally
from handspan.signals import Resource

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class Keeping:
    def __init__(self, folder: Path) -> None:
        self.record = Record(folder / "record.db")
        self.tally = Tally()
        self.pushed = Pushed()
        self.keeper = Keeper(self.record, self.tally, self.pushed.hear)

    @property
    def kept(self) -> list[tuple[str, str, bytes]]:
        return [(entry.kind, entry.encoding, entry.body) for entry in self.record.after(0, 1_000_000)]

    @property
    def counted(self) -> dict[tuple[str, ...], float]:
        """The tally, by the values of its labels."""
        series = self.tally.series(Resource(service="", namespace="", instance=""))
        return {tuple(point.labels.values()): point.value for one in series for point in one.points}


@contextlib.contextmanager
def keeping(folder: Path) -> Generator[Keeping]:
    one = Keeping(folder)
    try:
        yield one
    finally:
        one.record.close()


def until(record: Record, place: tuple[str, str], seq: int) -> None:
    """Wait for a forward target to come so far: that is noted with the next transaction, and nobody is told."""
    for _ in range(1_000):
        if record.places()[place] >= seq:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{place} is at {record.places()[place]}")
