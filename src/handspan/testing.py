"""For tests of sources and of what is built on signals: a clock, a story, and a player of stories.

    story = Story("s1", name="checkout")
    story.at(0).session().terminal("sup", agent="supervisor")
    story.at(2).status("sup", "ready")
    signals = play(story.events)

A story is a list of events with a short way to write it; the player moves time as an engine would: a tick whenever
something is due, and one for each event.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from handspan.events import (
    Activity,
    DelegationEnded,
    DelegationStarted,
    Event,
    MessageDelivered,
    MessageSent,
    Notice,
    SessionEnded,
    SessionStarted,
    StatusChanged,
    TerminalEnded,
    TerminalStarted,
    Tick,
    UsageReported,
)
from handspan.sessions import Sessions
from handspan.signals import Log, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.rules.memory import Rules
    from handspan.signals import Signal

SECOND = 1_000_000_000
# Where stories begin: 2026-11-20T10:00:00Z.
BEGIN = 1_795_168_800 * SECOND


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int = BEGIN) -> None:
        self.now = now

    def advance(self, seconds: float) -> int:
        """Move on by `seconds`; returns the time it is then."""
        self.now += round(seconds * SECOND)
        return self.now


class Story:
    """Events of one session, written with times in seconds from its beginning."""

    def __init__(
        self,
        session: str = "s",
        *,
        name: str | None = None,
        source: str = "story",
        instance: str = "i",
        begin: int = BEGIN,
    ) -> None:
        self.session_id = session
        self.name = session if name is None else name
        self.begin = begin
        self.events: list[Event] = []
        self._source = source
        self._instance = instance
        self._at = begin

    def at(self, seconds: float) -> Story:
        """What follows happens `seconds` after the beginning."""
        self._at = self.begin + round(seconds * SECOND)
        return self

    def add(self, kind: type[Any], /, **fields: Any) -> Story:
        """An event of any type, for what has no method of its own."""
        said = {"at": self._at, "source": self._source, "instance": self._instance, "session": self.session_id}
        self.events.append(kind(**(said | fields)))
        return self

    def session(self, **fields: Any) -> Story:
        return self.add(SessionStarted, **({"name": self.name} | fields))

    def end(self, reason: str = "killed", **fields: Any) -> Story:
        return self.add(SessionEnded, reason=reason, **fields)

    def terminal(self, terminal: str, agent: str | None = None, **fields: Any) -> Story:
        return self.add(TerminalStarted, terminal=terminal, agent=agent or terminal, **fields)

    def gone(self, terminal: str, reason: str = "killed", **fields: Any) -> Story:
        return self.add(TerminalEnded, terminal=terminal, reason=reason, **fields)

    def status(self, terminal: str, status: str, **fields: Any) -> Story:
        return self.add(StatusChanged, terminal=terminal, status=status, **fields)

    def alive(self, terminal: str) -> Story:
        return self.add(Activity, terminal=terminal)

    def sent(
        self, message: str, receiver: str, sender: str | None = None, mode: str = "send_message", **f: Any
    ) -> Story:
        return self.add(MessageSent, message=message, receiver=receiver, sender=sender, mode=mode, **f)

    def delivered(self, message: str, terminal: str) -> Story:
        return self.add(MessageDelivered, message=message, terminal=terminal)

    def typed(self, message: str, receiver: str, sender: str | None = None, **fields: Any) -> Story:
        """A message of which no more is known than that it was typed into its receiver."""
        return self.sent(message, receiver, sender, fields.pop("mode", "send_message"), typed=True, **fields)

    def delegation(self, worker: str, mode: str, caller: str | None = None, **fields: Any) -> Story:
        awaited = fields.pop("awaited", mode != "assign")
        return self.add(DelegationStarted, worker=worker, mode=mode, caller=caller, awaited=awaited, **fields)

    def answered(self, worker: str, outcome: str = "completed", **fields: Any) -> Story:
        return self.add(DelegationEnded, worker=worker, outcome=outcome, **fields)

    def usage(self, terminal: str, **fields: Any) -> Story:
        return self.add(UsageReported, terminal=terminal, **fields)

    def notice(self, name: str, **fields: Any) -> Story:
        return self.add(Notice, name=name, **fields)


class Player:
    """Plays events into sessions as an engine would, and keeps what comes out."""

    def __init__(self, rules: Rules | None = None, sessions: Sessions | None = None) -> None:
        self.sessions = sessions or Sessions(rules)
        self.signals: list[Signal] = []

    def say(self, event: Event, now: int | None = None) -> list[Signal]:
        """Deliver `event` when it is `now`: as it happens, if that is not said."""
        out = self.until(event.at if now is None else now)
        out += self._keep(self.sessions.apply(event))
        return out

    def until(self, now: int) -> list[Signal]:
        """Let time pass until `now`, with a tick whenever something is due."""
        out: list[Signal] = []
        while (moment := self.sessions.moment(now)) is not None:
            out += self._keep(self.sessions.apply(Tick(at=moment)))
        return out

    def _keep(self, out: list[Signal]) -> list[Signal]:
        self.signals += out
        return out


def play(events: Iterable[Event], *, rules: Rules | None = None, after: float = 10.0) -> list[Signal]:
    """All signals of a story, with `after` seconds for what is left to settle."""
    player = Player(rules)
    for event in events:
        player.say(event, max(event.at, player.sessions.now))
    player.until(player.sessions.now + round(after * SECOND))
    return player.signals


def spans(signals: Iterable[Signal]) -> list[Span]:
    """The spans among signals, in the order in which they left."""
    return [s for s in signals if isinstance(s, Span)]


def logs(signals: Iterable[Signal]) -> list[Log]:
    """The log events among signals, in the order in which they left."""
    return [s for s in signals if isinstance(s, Log)]


def moved(events: Iterable[Event], seconds: float) -> list[Event]:
    """The same events, `seconds` later."""
    shift = round(seconds * SECOND)
    return [dataclasses.replace(event, at=event.at + shift) for event in events]
