"""Requests as the hub's record holds them, from signals, and a record in memory."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from handspan import names
from handspan.hub.index import Index
from handspan.hub.record import Entry
from handspan.otlp import Encoder, request
from handspan.signals import Log, Point, Resource, Series, Span
from handspan.sources.cao import Translator
from handspan.sources.cao_facts import from_line
from handspan.testing import BEGIN, SECOND, Player
from tests.golden_files import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handspan.otlp import Record
    from handspan.signals import Signal


def entries(signals: Iterable[Signal], *, size: int = 20, at: int = BEGIN, first: int = 1) -> list[Entry]:
    """The signals as a sender sends them: in their order, spans and log events in requests of their own."""
    encoder = Encoder()
    records = [encoder.record(signal) for signal in signals if isinstance(signal, Span | Log)]
    runs = [list(run) for _, run in itertools.groupby(records, key=lambda record: record.kind)]
    requests = [run[start : start + size] for run in runs for start in range(0, len(run), size)]
    return [entry(seq, requested, at) for seq, requested in enumerate(requests, first)]


def entry(seq: int, records: Sequence[Record], at: int = BEGIN) -> Entry:
    return Entry(seq=seq, at=at, kind=records[0].kind, encoding="protobuf", body=request(records))


def pushed(seq: int, instance: str, at: int) -> Entry:
    """The metrics of an orchestrator, as they came at a moment."""
    about = Resource(service="cao", namespace="cao", instance=instance)
    point = Point(labels={"source": "cao"}, value=1)
    series = Series(name=names.SESSIONS, kind="gauge", unit="1", says="", start=BEGIN, resource=about, points=(point,))
    return entry(seq, [Encoder().metric(series, at)], at)


class Recorded:
    """A record that forgets everything when it goes."""

    def __init__(self, id: str = "record") -> None:
        self.id = id
        self._entries: list[Entry] = []
        self._grown = threading.Condition()

    def append(self, *found: Entry) -> int:
        """Take in entries at the end; returns the place of the last."""
        with self._grown:
            self._entries += [each._replace(seq=len(self._entries) + n) for n, each in enumerate(found, 1)]
            self._grown.notify_all()
            return len(self._entries)

    def after(self, seq: int, limit: int) -> list[Entry]:
        with self._grown:
            return self._entries[seq : seq + limit]

    def last(self) -> int:
        with self._grown:
            return len(self._entries)

    def wait(self, seq: int, timeout: float) -> bool:
        with self._grown:
            return self._grown.wait_for(lambda: len(self._entries) > seq, timeout)


# --- indexes ---------------------------------------------------------------------------------------------------------


def indexed(signals: Iterable[Signal], *, at: int = BEGIN) -> Index:
    """An index in memory of all that has left."""
    index = Index(":memory:")
    index.fill(entries(signals, at=at))
    return index


def recording(name: str, seconds: float = 3_600) -> list[Signal]:
    """What has left so many seconds after the first fact of a recording of CAO."""
    facts = [from_line(line) for line in (GOLDEN / "cao" / name / "facts.jsonl").read_text().splitlines()]
    until = facts[0].at + round(seconds * SECOND)
    player, translator = Player(), Translator("golden")
    for fact in facts:
        if fact.at <= until:
            for event in translator.translate(fact):
                player.say(event, max(fact.at, player.sessions.now))
    player.until(min(until, player.sessions.now + 10 * SECOND))
    return player.signals
