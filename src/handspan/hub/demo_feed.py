"""The demo in memory: the story of `handspan.demo` in its own time, again and again, for a page that has nothing else.

It goes the way of everything that is shown (rules, OTLP, index) and leaves no trace: it has an index of its own in
memory, and nothing of it is stored, forwarded, notified or counted.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

from handspan import demo
from handspan.events import Tick
from handspan.hub.index import Index
from handspan.hub.record import Entry
from handspan.otlp import Encoder, request
from handspan.replaying import retold, shifted
from handspan.sessions import Sessions
from handspan.signals import Log, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from handspan.events import Event
    from handspan.otlp import Record
    from handspan.signals import Signal

_SECOND = 1_000_000_000
# For 21 s a supervisor waits to be told what to do, and at 58 s it gives work away: a page begins just before that.
_SKIPPED = 55 * _SECOND
# Between two tellings there is time to look at the end of one.
_BETWEEN = 30 * _SECOND


class Demo(threading.Thread):
    """Plays until it is stopped. `told` is called whenever something has changed in `index`."""

    def __init__(self, told: Callable[[int], None], clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__(name="handspan-demo", daemon=True)
        self.index = Index(":memory:", demo=True)
        self._told = told
        self._clock = clock
        self._ended = threading.Event()
        self._sessions = Sessions()
        self._encoder = Encoder()
        self._position = 0

    def end(self) -> None:
        """Play no further; waits for nothing."""
        self._ended.set()

    def stop(self, timeout: float) -> None:
        self.end()
        self.join(timeout)

    def run(self) -> None:
        begin = self._clock() - _SKIPPED
        for telling in itertools.count(1):
            story = list(_told_at(begin, telling))
            begin = story[-1].at + _BETWEEN
            if not self._tell(story) or not self._pass_until(begin):
                return
            # Of what is over nothing is kept: a page that looks begins anew with the next telling.
            self._position = 0
            self.index.follow(f"telling {telling + 1}", 0)

    def _tell(self, story: Iterable[Event]) -> bool:
        for event in story:
            if not self._pass_until(event.at):
                return False
            self._show(self._sessions.apply(event))
        return True

    def _pass_until(self, at: int) -> bool:
        """Let time pass, with a tick whenever something is due. False if the demo is over before."""
        while not self._ended.is_set():
            while (moment := self._sessions.moment(min(at, self._clock()))) is not None:
                self._show(self._sessions.apply(Tick(at=moment)))
            left = at - self._clock()
            if left <= 0:
                return True
            due = self._sessions.due
            pause = left if due is None else max(0, min(left, due - self._clock()))
            self._ended.wait(pause / _SECOND)
        return False

    def _show(self, signals: Iterable[Signal]) -> None:
        records = [self._encoder.record(signal) for signal in signals if isinstance(signal, Span | Log)]
        entries = [self._entry(list(run)) for _, run in itertools.groupby(records, key=lambda record: record.kind)]
        if entries:
            self.index.fill(entries)
            self._told(self._position)

    def _entry(self, records: list[Record]) -> Entry:
        self._position += 1
        return Entry(self._position, self._clock(), records[0].kind, "protobuf", request(records))


class Shown:
    """Which index the page shows: the demo's until anything real has come, and then that one for good."""

    def __init__(self, index: Index, demo: Demo) -> None:
        self._index = index
        self._demo: Demo | None = demo

    def __call__(self) -> Index:
        demo = self._demo
        if demo is None or not self._index.is_empty():
            self._demo = None
            if demo:
                demo.end()
            return self._index
        return demo.index


def _told_at(begin: int, telling: int) -> Iterator[Event]:
    story = demo.story()
    by = shifted(begin - story[0].at)
    for _, event in retold(((event.at, event) for event in story), f"-{telling}", by):
        yield event
