"""What is taken in at once becomes one batch to commit: events are applied, and what they cause is encoded.

The journal's line of a batch holds the ticks and the events in the order in which the rules saw them, so that recovery
sees them in that order too. Ticks that caused nothing to leave are written down with the next batch that does.
"""

from __future__ import annotations

import json
import logging
from hashlib import blake2b
from typing import TYPE_CHECKING

from handspan import names
from handspan.events import InvalidEvent, Tick, from_json, to_line, type_of
from handspan.signals import Count, Log, Observation, Span
from handspan.spool import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handspan.events import Event
    from handspan.metrics import Book
    from handspan.otlp import Encoder
    from handspan.sessions import Sessions
    from handspan.signals import Signal

_log = logging.getLogger("handspan")


class Intake:
    """All that happens to facts before they are committed. It belongs to the engine's thread."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        book: Book,
        encoder: Encoder,
        known: Callable[[bytes, int], bool],
        clock: Callable[[], int],
    ) -> None:
        self.sessions = sessions
        self.book = book
        self._encoder = encoder
        self._known = known
        self._clock = clock
        # Ticks and events that are not in a batch yet.
        self._steps: list[str] = []
        self._failing: set[type[Exception]] = set()

    def take(self, events: Iterable[Event]) -> tuple[Batch, list[Log]]:
        """The batch of what is said by now, and the log events in it."""
        now = self._clock()
        batch = Batch(at=now)
        signals: list[Signal] = []
        for event, line in self._unknown(batch, events, signals):
            # What has piled up is told in its own time: what was due between two events leaves between them.
            signals += self._tick(min(now, event.at), due=True)
            signals += self._apply(event)
            self._steps.append(line)
        signals += self._tick(now)
        if signals:
            batch.steps = f"[{','.join(self._steps)}]"
            self._steps = []
        return batch, self._put(batch, signals)

    def again(self, steps: str) -> None:
        """Apply what had been committed. What it causes to leave was committed with it."""
        for step in json.loads(steps):
            if isinstance(step, int):
                self._apply(Tick(at=step))
                continue
            try:
                self._apply(from_json(step))
            except InvalidEvent as error:
                _log.warning("An event in the spool can't be read any more, and is left out: %s", error)

    def _tick(self, now: int, *, due: bool = False) -> list[Signal]:
        """Let time pass until `now`. A tick at which nothing is due is not written down, unless it is `due` itself."""
        signals: list[Signal] = []
        while (moment := self.sessions.moment(now)) is not None:
            if due or (self.sessions.due is not None and self.sessions.due <= moment):
                self._steps.append(str(moment))
            signals += self._apply(Tick(at=moment))
        return signals

    def _unknown(self, batch: Batch, events: Iterable[Event], signals: list[Signal]) -> Iterable[tuple[Event, str]]:
        ids: set[bytes] = set()
        for event in events:
            line = to_line(event)
            try:
                line.encode()
            except UnicodeEncodeError:
                signals.append(self._count(names.EVENTS, event, type=type_of(event)))
                signals.append(self._count(names.EVENTS_DROPPED, event, reason="invalid"))
                continue
            key = blake2b(f"{event.session}\0{event.id}".encode(), digest_size=16).digest()
            if key in ids or self._known(key, batch.at):
                signals.append(self._count(names.EVENTS, event, type=type_of(event)))
                continue
            ids.add(key)
            yield event, line
        batch.ids += ids

    @staticmethod
    def _count(name: str, event: Event, **labels: str) -> Count:
        return Count(name=name, labels={"source": event.source, **labels})

    def _apply(self, event: Event | Tick) -> list[Signal]:
        try:
            return self.sessions.apply(event)
        except Exception as error:
            # A fault of the rules must cost one event and not all that follows. Recovery meets it again, at the same
            # event, and goes on from the same state.
            return self._failed(event, error)

    def _failed(self, event: Event | Tick, error: Exception) -> list[Signal]:
        # By its type: an error's text may be another one each time.
        if type(error) not in self._failing:
            self._failing.add(type(error))
            _log.exception("This event could not be applied, and is left out: %r", event)
        source = "" if isinstance(event, Tick) else event.source
        return [Count(name=names.EVENTS_DROPPED, labels={"source": source, "reason": "failed"})]

    def _put(self, batch: Batch, signals: Iterable[Signal]) -> list[Log]:
        logs: list[Log] = []
        for signal in signals:
            if isinstance(signal, Count | Observation):
                self.book.add(signal, batch.at)
            else:
                self._put_record(batch, signal, logs)
        batch.metrics += self.book.changed()
        return logs

    def _put_record(self, batch: Batch, signal: Span | Log, logs: list[Log]) -> None:
        owner = str(signal.attributes.get(names.SESSION_ID, ""))
        batch.records.append((owner, self._encoder.record(signal)))
        if isinstance(signal, Log):
            logs.append(signal)
