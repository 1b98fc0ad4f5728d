"""The rules that turn events into telemetry.

    Session.apply(event) -> signals

1. Pure: no clock, no chance, no I/O. Only a `Tick` moves time, and the same events give the same bytes.
2. An event is put into memory, where its order does not matter (taking.py), and what it changes of the picture is
   told at once in log events (openings.py).
3. Spans leave by the agenda, when the settling time has passed since their end (messages.py, leaving.py): made once,
   from all that is known by then, never again. What a span refers to (its parent, a turn's number) can't change any
   more once it has left.
4. Ends that were not said follow from ends that were: a terminal's end ends its turn, a session's end ends everything
   (endings.py).
5. Nothing raises for what a source says, and nothing grows without bound: what can't be used is counted, with a reason.

relations.py answers who belongs to what, timeline.py folds one terminal's statuses, telling.py writes signals out. What
they all work with is the Desk (desk.py), and on it the session's memory (memory.py), which can be dumped and loaded.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.events import Event, Tick, type_of
from handspan.rules import endings, leaving, messages, parts, stuck, taking
from handspan.rules.census import census
from handspan.rules.desk import AGENDA, Desk
from handspan.rules.memory import SECOND, Rules, State, dump_state, load_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handspan.rules.census import Found
    from handspan.signals import Signal

# A dump of another version is not guessed at.
VERSION = 1
# So many events that come later than the settling time are taken in together before they are settled. A report often
# comes in some pieces; thousands of them would make every question of the rules one about thousands of facts.
_PILE = 64
# How long ids of events are kept, at least: repeats within the settling time, and then some. The spool keeps them a
# day.
_REMEMBER = 10 * SECOND

_DO: dict[str, Callable[[Desk, str], None]] = {
    "status": leaving.do_status,
    "sent": messages.do_sent,
    "delivered": messages.do_delivered,
    "marker": leaving.do_marker,
    "delegation": leaving.do_delegation,
    "stuck": stuck.do_stuck,
    "terminal": leaving.do_terminal,
    "idle": endings.do_idle,
    "age": parts.do_age,
    "session": endings.do_session,
}


class Session:
    """One orchestration, from its first event to its last span."""

    def __init__(self, state: State) -> None:
        self._desk = Desk(state)

    @classmethod
    def begin(cls, event: Event, now: int, rules: Rules) -> Session:
        """The session of its first event."""
        source, instance = event.source, event.instance
        state = State(rules=rules, uid=event.session, source=source, instance=instance, start=event.at, now=now)
        session = cls(state)
        desk = session._desk
        desk.touched_session = True
        desk.plan(event.at + rules.settle, "marker", "")
        desk.plan(event.at + rules.part_age, "age", "")
        if rules.idle_after:
            desk.plan(event.at + rules.idle_after, "idle", "")
        return session

    @classmethod
    def load(cls, form: dict[str, Any], rules: Rules) -> Session:
        """The session of a dump. Raises ValueError for a version that this one does not know."""
        if form.get("version") != VERSION:
            raise ValueError(f"a dump of version {form.get('version')!r}; this Handspan reads version {VERSION}")
        return cls(load_state(form["state"], rules))

    def dump(self) -> dict[str, Any]:
        """Everything remembered, as plain JSON: a session loaded from it goes on byte for byte."""
        return {"version": VERSION, "state": dump_state(self._desk.s)}

    @property
    def uid(self) -> str:
        return self._desk.s.uid

    @property
    def over(self) -> bool:
        """Whether the last span has left."""
        return self._desk.s.over

    @property
    def due(self) -> int | None:
        """When the next tick will do something."""
        s = self._desk.s
        return s.agenda[0][0] if s.agenda and not s.over else None

    def census(self, now: int) -> Iterator[Found]:
        """What is open now, for gauges."""
        return census(self._desk.s, now)

    def apply(self, event: Event | Tick) -> list[Signal]:
        """What is to be said because of this event, or because time has come this far."""
        desk = self._desk
        out: list[Signal] = []
        desk.out = out
        if desk.s.over:
            return out
        if isinstance(event, Tick):
            self._tick(event.at)
            return out
        s = desk.s
        desk.count(names.EVENTS, source=s.source, type=type_of(event))
        if event.id in s.seen or event.id in s.seen_before:
            return out
        s.seen[event.id] = event.at
        desk.at = event.at
        taking.take(desk, event)
        self._tell()
        if s.agenda and s.agenda[0][0] <= s.now:
            s.piled += 1
            if s.piled >= _PILE:
                desk.at = s.now
                self._settle()
        return out

    def _tick(self, now: int) -> None:
        s = self._desk.s
        if now <= s.now:
            return
        s.now = self._desk.at = now
        if now - s.seen_since > _REMEMBER:
            s.seen_before, s.seen, s.seen_since = s.seen, {}, now
        self._settle()

    def _settle(self) -> None:
        s = self._desk.s
        s.piled = 0
        self._do_due()
        if parts.cut_if_full(self._desk):
            self._tell()
            # What left at the cut may have made something due at once.
            self._do_due()

    def _do_due(self) -> None:
        s = self._desk.s
        while s.agenda and s.agenda[0][0] <= s.now and not s.over:
            _, rank, key = heapq.heappop(s.agenda)
            _DO[AGENDA[rank]](self._desk, key)
            self._tell()

    def _tell(self) -> None:
        for terminal in self._desk.tell():
            stuck.watch(self._desk, terminal)
