"""All that leaves: a Drain for each destination and kind, a Push for each that takes metrics, and how far they are."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from handspan import names
from handspan.engine.drain import Drain
from handspan.engine.push import Push
from handspan.signals import Count, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from handspan.engine.again import Retried
    from handspan.engine.drain import Moved
    from handspan.engine.inbox import Found
    from handspan.otlp import Record
    from handspan.senders import Sender
    from handspan.spool import Batch
    from handspan.spool.outbox import Place


class Departures:
    """It belongs to the engine's thread, but for what is said to be for any."""

    def __init__(
        self,
        senders: Mapping[str, Sender],
        path: Path,
        tell: Callable[[Moved | Retried], None],
        look: Callable[[], list[Record]],
        push_every: float,
    ) -> None:
        self._senders = senders
        self._path = path
        self._tell = tell
        self._look = look
        self._push_every = push_every
        self._drains: list[Drain] = []
        self._pushes: list[Push] = []
        # Those that were told to stop.
        self._leaving: list[Drain | Push] = []
        # How many files were begun. What is told of a place in another file says nothing about this one.
        self.file = 0
        # Where each destination stands, for whoever waits for it.
        self._places: dict[Place, int] = {}
        self._moved = threading.Condition()

    @property
    def wanted(self) -> list[Place]:
        """The places in the outbox that are kept. Metrics are not queued: they are pushed as they stand."""
        return [(name, kind) for name, sender in self._senders.items() for kind in sender.kinds if kind != "metrics"]

    def begin(self, standing: Mapping[Place, int]) -> None:
        """Send, from where each destination stands."""
        self._places = {place: standing[place] for place in self.wanted}
        for place, seq in self._places.items():
            drain = Drain(place, self._senders[place[0]], self._path, seq, self._tell, file=self.file)
            self._drains.append(drain)
            drain.start()
        for sender in self._senders.values():
            if "metrics" in sender.kinds:
                push = Push(sender, self._look, self._push_every)
                self._pushes.append(push)
                push.start()

    def stop(self) -> None:
        """End what sends from this file; nobody waits for a request that is on its way."""
        threads: list[Drain | Push] = [*self._drains, *self._pushes]
        for thread in threads:
            thread.stop()
        self._leaving += threads
        self._drains.clear()
        self._pushes.clear()

    def gone(self, seconds: float) -> None:
        """Wait until nothing is sent any more, but no longer than this."""
        until = time.monotonic() + seconds
        for thread in self._leaving:
            thread.join(max(0.0, until - time.monotonic()))

    # --- what is told ------------------------------------------------------------------------------------------------

    def put_down(self, batch: Batch, found: Found) -> None:
        """What destinations did goes into the batch that is committed next."""
        for moved in found.moved:
            if moved.file == self.file:
                batch.places[moved.destination, moved.kind] = moved.seq
            batch.rejected += moved.rejected
        for retried in found.retried:
            if retried.file == self.file:
                batch.retried |= retried.outcomes

    def committed(self, batch: Batch, found: Found) -> None:
        """All of that is in the file."""
        for retried in found.retried:
            retried.committed.set()
        if batch.records or found.retried:
            for drain in self._drains:
                drain.wake()
        if batch.places:
            with self._moved:
                self._places |= batch.places
                self._moved.notify_all()

    def waits_for(self, last: Mapping[str, int]) -> bool:
        """Whether a destination that takes what it is sent has not come as far as this."""
        return any(drain.goes_well and self._behind(drain, last) for drain in self._drains)

    def _behind(self, drain: Drain, last: Mapping[str, int]) -> bool:
        place: Place = (drain.destination, drain.kind)
        return self._places[place] < last.get(drain.kind, 0)

    def wait_for(self, last: Mapping[str, int], timeout: float) -> bool:
        """Whether every destination has come as far as this, within `timeout` seconds. For any thread."""
        with self._moved:
            return self._moved.wait_for(
                lambda: all(seq >= last.get(kind, 0) for (_, kind), seq in self._places.items()), timeout
            )

    def troubles(self) -> list[str]:
        """Why what waits is not taken. For any thread."""
        return [drain.trouble for drain in list(self._drains) if drain.trouble]


def what_left(found: Found) -> Iterator[Count | Observation]:
    """What destinations did, as numbers."""
    for moved in found.moved:
        where = {"destination": moved.destination, "signal": moved.kind}
        for outcome, number in (
            ("taken", moved.taken),
            ("refused_in_part", moved.refused_in_part),
            ("rejected", len(moved.rejected)),
        ):
            if number:
                yield Count(name=names.EXPORTED, labels={**where, "outcome": outcome}, value=number)
        yield Observation(name=names.EXPORT_SECONDS, labels=where, value=moved.seconds)
    for retried in found.retried:
        # What is refused once more was counted the first time.
        if taken := sum(why is None for why in retried.outcomes.values()):
            where = {"destination": retried.destination, "signal": retried.kind, "outcome": "taken"}
            yield Count(name=names.EXPORTED, labels=where, value=taken)
