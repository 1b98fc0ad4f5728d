"""What the rules work with: a session's memory, the numbers they go by, and the tray in which signals leave."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.rules import openings, telling
from handspan.rules.memory import Noted
from handspan.rules.relations import (
    Place,
    caused_turn,
    delivered_at,
    sender_here,
    sent_at,
    span_id,
    trace_id,
    turn_at,
)
from handspan.signals import Count, Observation

if TYPE_CHECKING:
    from handspan.rules.memory import Message, Notes, State, Terminal
    from handspan.rules.telling import Piece
    from handspan.rules.timeline import Fact
    from handspan.signals import Signal, Value

# What is due at the same instant is done in this order: turns take up their messages' events before anything else goes,
# and what hangs under something goes before it.
AGENDA = ("status", "sent", "delivered", "marker", "delegation", "stuck", "terminal", "idle", "age", "session")
_RANK = {what: rank for rank, what in enumerate(AGENDA)}


class Desk:
    """One session at work."""

    def __init__(self, state: State) -> None:
        self.s = state
        self.out: list[Signal] = []
        # The moment of what is being worked on: of an event its own, of a tick its time.
        self.at = state.now
        # What the event has changed, and is to be told of.
        self.touched: dict[str, None] = {}
        self.touched_delegations: dict[str, None] = {}
        self.touched_session = False
        # The session is over and leaves: nothing waits any more.
        self.closing = False

    def expect(self, parent: str | None, child: str) -> None:
        """Remember a child whose creator or caller has not been seen, for when it is."""
        s = self.s
        if parent is None or parent in s.terminals or parent in s.gone:
            return
        if len(s.orphans) >= s.rules.terminals:
            self.drop("limit")
            return
        s.orphans.setdefault(parent, {})[child] = 1

    def expect_no_more(self, parent: str | None, child: str) -> None:
        children = self.s.orphans.get(parent or "", {})
        children.pop(child, None)
        if not children:
            self.s.orphans.pop(parent or "", None)

    def earlier(self, at: int, t: Terminal | None = None) -> None:
        """Take an earlier sign of life for the start, as long as the marker has not left."""
        s = self.s
        if not s.marked and at < s.start:
            s.start = at
            self.touched_session = True
        if t and not t.marked:
            t.start = max(min(t.start, at), s.start)

    def touch(self, terminal: str) -> None:
        self.touched[terminal] = None

    def touch_delegation(self, worker: str) -> None:
        self.touched_delegations[worker] = None

    def touch_everything(self) -> None:
        self.touched_session = True
        for terminal in self.s.terminals:
            self.touch(terminal)
        for worker in self.s.delegations:
            self.touch_delegation(worker)

    def touch_recent_delegations(self, t: Terminal) -> None:
        """A status may show that a call was made in another turn than was thought, or that the turn did not go on."""
        for worker in reversed(t.delegated):
            d = self.s.delegations.get(worker)
            if d and d.call < self.s.now - 2 * self.s.rules.settle:
                return
            if d:
                self.touch_delegation(worker)

    def tell(self, cut: int | None = None) -> list[Terminal]:
        """Say what differs from what was told of all that was touched. Returns the terminals among it.

        What lasts ends at `cut`, if there is one.
        """
        s = self.s
        if self.touched_session:
            self.touched_session = False
            self.out += openings.tell(s, s.told, [(openings.session_piece(s, cut), ())], self.at)
        for worker in self.touched_delegations:
            d = s.delegations.get(worker)
            if d and d.mode and not d.left:
                self.out += openings.tell(s, d.opened, [(openings.delegation_piece(s, d, cut), ())], self.at)
        self.touched_delegations.clear()
        told = [s.terminals[terminal] for terminal in self.touched if terminal in s.terminals]
        for t in told:
            self.out += openings.tell(s, t.told, openings.told_terminal(s, t, cut), self.at)
        self.touched.clear()
        return told

    def say_status(self, t: Terminal, fact: Fact, before: str) -> None:
        attributes = telling.common(self.s, t.id)
        attributes[names.STATUS] = fact.word
        attributes[names.PREVIOUS_STATUS] = before
        key = [t.id, fact.at, fact.word]
        place = Place(names.TERMINAL, t.id, t.start)
        self.log(names.STATUS_CHANGED, key, at=fact.at, place=place, attributes=attributes, about=t.id)

    def say_sent(self, m: Message) -> None:
        at = sent_at(self.s, m)
        sender = sender_here(self.s, m)
        attributes = telling.message_attributes(self.s, m, sender)
        place = Place(names.SEND, m.id, at)
        self.log(names.MESSAGE_SENT, m.id, at=at, place=place, attributes=attributes, about=sender)

    def say_received(self, m: Message) -> None:
        s = self.s
        at = delivered_at(s, m)
        attributes = telling.message_attributes(s, m, m.receiver)
        turn = caused_turn(s, m) or turn_at(s, m.receiver, at)
        if turn:
            attributes[names.TURN_SPAN_ID] = span_id(s, names.TURN, [m.receiver, turn.number], turn.part)
        place = Place(names.SEND, m.id, sent_at(s, m))
        part = m.part or s.part
        self.log(names.MESSAGE_RECEIVED, m.id, at=at, place=place, attributes=attributes, about=m.receiver, part=part)

    def log(
        self,
        name: str,
        key: str | list[Any],
        *,
        at: int,
        place: Place,
        attributes: dict[str, Value],
        about: str | None,
        severity: int = names.INFO,
        part: int | None = None,
    ) -> None:
        s = self.s
        part = part or s.part
        sid = span_id(s, place.kind, place.key, part)
        self.out.extend(
            telling.log(
                s,
                name,
                key,
                at=at,
                body=names.LOG_EVENTS[name].says,
                attributes=attributes,
                about=telling.resource(s, about),
                part=part,
                span_id=sid,
                severity=severity,
            )
        )

    def plan(self, due: int, what: str, key: str) -> None:
        heapq.heappush(self.s.agenda, [due, _RANK[what], key])

    def note(self, notes: Notes, m: Message, name: str, at: int, about: str | None) -> None:
        if len(notes.events) >= telling.EVENTS:
            notes.dropped_events += 1
            return
        attributes = telling.message_attributes(self.s, m, about)
        name = names.LOG_EVENTS[name].hook
        notes.events.append(Noted(at=at, message=m.id, name=name, attributes=attributes))

    def finish(self, what: str) -> None:
        finished = self.s.finished
        finished[what] = self.s.now
        if len(finished) > 2 * self.s.rules.messages:
            # Half at a time: taking the oldest one by one from a dict costs more the more were taken.
            self.s.finished = dict(list(finished.items())[self.s.rules.messages :])

    def leave(self, piece: Piece, notes: Notes | None = None, *, counted: bool = False) -> None:
        s = self.s
        span, cut_counts = telling.span(s, piece, notes)
        self.out.append(span)
        self.out += cut_counts
        if piece.part == s.part:
            s.spans += 1
        if span.error and not counted:
            s.totals.errors += 1

    def root(self, place: Place) -> None:
        """Something leaves under this turn: it can't be taken back any more."""
        if place.kind != names.TURN:
            return
        t = self.s.terminals.get(str(place.key[0]))
        if t and t.phase and t.phase.since == place.start:
            t.phase.rooted = True

    def count(self, name: str, value: float = 1, /, **labels: str) -> None:
        self.out.append(Count(name=name, labels=labels, value=value, trace_id=self.exemplar(self.s.part)))

    def drop(self, reason: str) -> None:
        self.count(names.EVENTS_DROPPED, source=self.s.source, reason=reason)

    def observe(self, name: str, nanoseconds: int, part: int, /, **labels: str) -> None:
        seconds = telling.seconds(nanoseconds)
        self.out.append(Observation(name=name, labels=labels, value=seconds, trace_id=self.exemplar(part)))

    def exemplar(self, part: int) -> str:
        return trace_id(self.s, part)
