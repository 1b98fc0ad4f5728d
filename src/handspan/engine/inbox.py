"""The queue between the host's threads and the engine's: bounded, and never in the host's way."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handspan.engine.again import Retried
from handspan.engine.drain import Moved
from handspan.events import Event
from handspan.signals import Series

if TYPE_CHECKING:
    from collections.abc import Sequence


# What comes within this time is committed together: one sync to the disk for many events, and nobody sees the delay.
_GATHER = 0.02
_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Submitted:
    """Events whose sender waits for the commit."""

    events: tuple[Event, ...]
    committed: Future[int]


@dataclass(frozen=True, slots=True)
class Flush:
    """Somebody waits until all that is before this is committed: the answer is the last place of each kind."""

    committed: Future[dict[str, int]]


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants the metrics as they stand."""

    answer: Future[list[Series]]


class Close:
    """The end: nothing that comes after this is waited for."""


@dataclass(slots=True)
class Found:
    """What was in the queue, by what is done with it."""

    facts: list[Any] = field(default_factory=list[Any])
    submitted: list[Submitted] = field(default_factory=list[Submitted])
    flushes: list[Flush] = field(default_factory=list[Flush])
    moved: list[Moved] = field(default_factory=list[Moved])
    retried: list[Retried] = field(default_factory=list[Retried])
    asked: list[Ask] = field(default_factory=list[Ask])
    # Facts that found the queue full.
    overflow: int = 0

    def add(self, item: Any) -> None:
        match item:
            case Moved():
                self.moved.append(item)
            case Retried():
                self.retried.append(item)
            case Submitted():
                self.submitted.append(item)
            case Flush():
                self.flushes.append(item)
            case Ask():
                self.asked.append(item)
            case Close():
                pass
            case _:
                self.facts.append(item)

    def give_up(self) -> None:
        """Tell whoever waits that this will not be committed."""
        for submitted in self.submitted:
            submitted.committed.set_exception(RuntimeError("the engine has ended: these events are not committed"))

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for this to be committed."""
        return bool(self.submitted or self.flushes or self.asked)


class Closing:
    """Whether the engine is to end, and by when."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._by = float("inf")

    def ask(self, timeout: float) -> None:
        """End within `timeout` seconds; who asked first, counts."""
        if not self._asked.is_set():
            self._by = time.monotonic() + timeout
            self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, pause: float) -> bool:
        """Wait, but not past the end. False if there is no time any more."""
        if not self._asked.wait(pause):
            return True
        time.sleep(max(0.0, min(pause, self.left)))
        return self.left > 0

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self._by - time.monotonic()


class Inbox:
    """Takes facts from any thread; one thread gathers them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._overflow = 0
        self.shut = False

    def put(self, fact: Any) -> None:
        if self._has_room():
            self._queue.put(fact)

    def submit(self, events: Sequence[Event]) -> Future[int]:
        future: Future[int] = Future()
        # Whoever stops waiting for it can't cancel it: by then the engine may be about to answer.
        future.set_running_or_notify_cancel()
        if self._has_room():
            self._queue.put(Submitted(tuple(events), future))
        else:
            future.set_exception(queue.Full("as many facts wait to be committed as may"))
        return future

    def _has_room(self) -> bool:
        if not self.shut and self._queue.qsize() < self._most:
            return True
        with self._lock:
            self._overflow += 1
        return False

    def tell(self, word: Moved | Retried | Flush | Ask | Close) -> None:
        """Our own words, for which there is always room."""
        self._queue.put(word)

    def forked(self) -> None:
        """In a child process: the queue is its parent's, and another thread may have held the lock in the fork."""
        self.shut = True
        self._lock = threading.Lock()

    def abandon(self) -> int:
        """Take nothing in any more, and give up what is there: the number of facts and submissions."""
        self.shut = True
        left = Found()
        with contextlib.suppress(queue.Empty):
            while True:
                left.add(self._queue.get_nowait())
        left.give_up()
        return len(left.facts) + len(left.submitted)

    @property
    def empty(self) -> bool:
        return self._queue.empty()

    def gather(self, longest: float) -> Found:
        """What is there, or comes within `longest` seconds, and what follows it at once."""
        found = Found()
        until = time.monotonic() + longest
        for _ in range(_TOGETHER):
            try:
                found.add(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
            until = min(until, time.monotonic() + _GATHER)
            if found.urgent:
                until = 0.0
        with self._lock:
            found.overflow, self._overflow = self._overflow, 0
        return found
