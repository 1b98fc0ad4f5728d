"""All sessions at once: where an event goes, and what becomes of one that goes nowhere."""

from __future__ import annotations

import dataclasses
import heapq
from typing import TYPE_CHECKING, Any

from handspan import ids, names
from handspan.events import Event, Notice, TerminalEnded, Tick, type_of
from handspan.rules import telling
from handspan.rules.memory import SECOND, Rules
from handspan.rules.session import Session
from handspan.signals import Count, Log, Resource, Signal, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

# Clocks of one machine differ by less. An event from further ahead must not pull anything into the future.
AHEAD = 60 * SECOND
# A tmux session may well have lived for weeks when it is first seen; longer than this and a clock was wrong.
BEHIND = 366 * 24 * 3600 * SECOND
# More sessions open at once than any machine can run: something makes them up.
OPEN = 10_000
# A late word about an ended session must not begin it anew, under the ids of spans that have left. Its uid is kept
# until as many more have ended, which on no machine happens in less than weeks.
REMEMBER = 50_000
# Ids of notices that belong to no session are kept as long as a session keeps its events' ids.
_REPEATS = 10 * SECOND


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed since the store was last written: dumps of open sessions, and the uids of ended ones."""

    now: int
    seen: dict[str, int]
    open: dict[str, Any]
    ended: list[str]


class Sessions:
    """Routes events to their sessions, ticks those that are due, and forgets those that are over."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._now = 0
        self._open: dict[str, Session] = {}
        self._ended: dict[str, int] = {}
        self._ended_before: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._due: list[tuple[int, str]] = []
        self._planned: set[tuple[int, str]] = set()
        # The uids of what has changed since the store was last written.
        self._changed: dict[str, None] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(self._open.values())

    @property
    def now(self) -> int:
        return self._now

    @property
    def due(self) -> int | None:
        """The next moment at which a tick will do something."""
        return self._due[0][0] if self._due else None

    def moment(self, now: int) -> int | None:
        """When to tick next on the way to `now`: when something is due, or at its end; None when it is reached."""
        if self.due is not None and self.due < now:
            return max(self.due, self._now + 1)
        return now if now > self._now else None

    def apply(self, event: Event | Tick) -> list[Signal]:
        """What is to be said because of an event, or because time has come this far."""
        if isinstance(event, Tick):
            return self._tick(event.at)
        event, out = self._timed(event)
        event = _sane_look(event)
        if not event.session:
            return out + self._unbound(event)
        session = self._open.get(event.session)
        if session is None:
            if event.session in self._ended or event.session in self._ended_before:
                return [*out, *_dropped(event, "ended")]
            if len(self._open) >= OPEN:
                return [*out, *_dropped(event, "limit")]
            session = self._open[event.session] = Session.begin(event, self._now, self.rules)
        out += session.apply(event)
        self._plan_or_end(session)
        return out

    def _timed(self, event: Event) -> tuple[Event, list[Signal]]:
        """An event from the future, or from long ago, happened now: its clock was wrong."""
        if self._now == 0:
            return event, []
        if event.at > self._now + AHEAD:
            reason = "future"
        elif event.at < self._now - BEHIND:
            reason = "late"
        else:
            return event, []
        out: list[Signal] = [
            Count(name=names.EVENTS_DROPPED, labels={"source": event.source, "reason": reason}),
        ]
        return dataclasses.replace(event, at=self._now), out

    def _tick(self, now: int) -> list[Signal]:
        out: list[Signal] = []
        if now <= self._now:
            return out
        self._now = now
        self._seen = {event: at for event, at in self._seen.items() if now - at <= _REPEATS}
        while self._due and self._due[0][0] <= now:
            planned = heapq.heappop(self._due)
            self._planned.discard(planned)
            uid = planned[1]
            session = self._open.get(uid)
            if session is None or session.due is None or session.due > now:
                continue
            out += session.apply(Tick(at=now))
            self._plan_or_end(session)
        return out

    def _plan_or_end(self, session: Session) -> None:
        self._changed[session.uid] = None
        if not session.over:
            self._plan(session)
            return
        del self._open[session.uid]
        self._ended[session.uid] = self._now
        if len(self._ended) > REMEMBER:
            self._ended_before, self._ended = self._ended, {}

    def _plan(self, session: Session) -> None:
        due = session.due
        if due is not None and (due, session.uid) not in self._planned:
            self._planned.add((due, session.uid))
            heapq.heappush(self._due, (due, session.uid))

    def _unbound(self, event: Event) -> list[Signal]:
        """A notice that belongs to no session: a log event with neither trace nor session."""
        out: list[Signal] = [Count(name=names.EVENTS, labels={"source": event.source, "type": type_of(event)})]
        if not isinstance(event, Notice):
            return _dropped(event, "invalid")
        if event.id in self._seen:
            return out
        self._seen[event.id] = self._now
        attributes: dict[str, Value] = {names.NOTICE_NAME: event.name}
        if event.text:
            attributes[names.NOTICE_TEXT] = event.text
        attributes, cut = telling.short(attributes)
        uid = ids.log_uid("", 1, names.NOTICE, event.id)
        attributes |= {names.EVENT_NAME: names.NOTICE, names.LOG_UID: uid}
        out.append(
            Log(
                uid=uid,
                name=names.NOTICE,
                at=event.at,
                severity=names.SEVERITIES[event.severity],
                body=names.LOG_EVENTS[names.NOTICE].says,
                resource=Resource(service=event.source, namespace=event.source, instance=event.instance),
                attributes=attributes,
            )
        )
        return out + cut

    # --- dumps -------------------------------------------------------------------------------------------------------

    def dump(self) -> dict[str, Any]:
        """Everything remembered, as plain JSON."""
        return {
            "now": self._now,
            "ended": dict(self._ended),
            "ended_before": dict(self._ended_before),
            "seen": dict(self._seen),
            "sessions": [session.dump() for session in self._open.values()],
        }

    def changes(self) -> Changes:
        """What has changed since `stored` was last called, for a store that holds the rest."""
        return Changes(
            now=self._now,
            seen=dict(self._seen),
            open={uid: self._open[uid].dump() for uid in self._changed if uid in self._open},
            ended=[uid for uid in self._changed if uid not in self._open],
        )

    def all_changed(self) -> None:
        """There is another store, with nothing in it."""
        self._changed = dict.fromkeys([*self._open, *self._ended_before, *self._ended])

    def stored(self) -> None:
        """The changes are in the store."""
        self._changed.clear()

    @classmethod
    def load(cls, form: dict[str, Any], rules: Rules | None = None) -> Sessions:
        """What `dump` wrote. Raises ValueError for a session's dump of an unknown version."""
        sessions = cls(rules)
        sessions._now = form["now"]
        sessions._ended, sessions._ended_before = dict(form["ended"]), dict(form["ended_before"])
        sessions._seen = dict(form["seen"])
        for dumped in form["sessions"]:
            session = Session.load(dumped, sessions.rules)
            sessions._open[session.uid] = session
            sessions._plan(session)
        return sessions


def _dropped(event: Event, reason: str) -> list[Signal]:
    return [
        Count(name=names.EVENTS, labels={"source": event.source, "type": type_of(event)}),
        Count(name=names.EVENTS_DROPPED, labels={"source": event.source, "reason": reason}),
    ]


def _sane_look(event: Event) -> Event:
    """A look that was long ago, or is to come, saw nothing that its event does not say."""
    if not isinstance(event, TerminalEnded) or event.last_seen is None:
        return event
    return dataclasses.replace(event, last_seen=min(max(event.last_seen, event.at - BEHIND), event.at))
