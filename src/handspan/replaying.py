"""A recorded story is told again, to an engine: at once, or in its own time.

Told again, it is another orchestration: its sessions get uids of their own and its times are shifted to now, so that a
backend shows a second trace beside the first.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from handspan.events import MessageSent, SessionStarted, TerminalEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from handspan.engine import Engine
    from handspan.events import Event

    # An event, and when it was said.
    Said = tuple[int, Event]
    When = Callable[[int], int]

_SECOND = 1_000_000_000
# What was told last still has to settle; a death that was found by looking waits longest.
SETTLE = 4
_QUEUED = 1_000


def retold(said: Iterable[Said], suffix: str, when: When) -> Iterator[Said]:
    """The story with other uids, at other times."""
    for at, event in said:
        yield when(at), _retold(event, suffix, when)


def _retold(event: Event, suffix: str, when: When) -> Event:
    changes: dict[str, Any] = {"at": when(event.at)}
    if event.session:
        changes["session"] = f"{event.session}{suffix}"
    if isinstance(event, MessageSent) and event.sender_session:
        changes["sender_session"] = f"{event.sender_session}{suffix}"
    if isinstance(event, SessionStarted) and event.parent_session:
        changes["parent_session"] = f"{event.parent_session}{suffix}"
    if isinstance(event, TerminalEnded) and event.last_seen is not None:
        changes["last_seen"] = when(event.last_seen)
    return dataclasses.replace(event, **changes)


def shifted(by: int) -> When:
    """Every time so much later."""
    return lambda at: at + by


def scaled(begin: int, start: int, speed: float) -> When:
    """What began at `begin` begins at `start` and goes on `speed` times as fast."""
    return lambda at: start + round((at - begin) / speed)


def events_of(fact: Said) -> Sequence[Event]:
    """What is said, for an engine whose clock is the world's."""
    return (fact[1],)


class StoryTime:
    """The clock of an engine that is told a story at once: it moves when an event is taken out of the queue."""

    def __init__(self, begin: int) -> None:
        self._now = begin

    def __call__(self) -> int:
        return self._now

    def translate(self, fact: Said | int) -> Sequence[Event]:
        """What is said at a moment, or (a number) that time has come so far."""
        if isinstance(fact, int):
            self._now = max(self._now, fact)
            return ()
        self._now = max(self._now, fact[0])
        return (fact[1],)


def at_once(engine: Engine, said: Iterable[Said]) -> None:
    """Tell a story to an engine whose clock is `StoryTime`."""
    last = 0
    for number, (at, event) in enumerate(said, 1):
        last = max(last, at)
        # The queue is bounded, and a story is not.
        if number % _QUEUED == 0:
            engine.submit(()).result()
        engine.put((at, event))
    engine.put(last + SETTLE * _SECOND)


def in_time(engine: Engine, said: Iterable[Said]) -> None:
    """Tell a story as it happens: each event when its time has come."""
    for at, event in said:
        time.sleep(max(0, at - time.time_ns()) / _SECOND)
        engine.put((at, event))
    time.sleep(SETTLE)
