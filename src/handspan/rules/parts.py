"""Parts: a session that lasts goes on in a new trace, so that no backend drops it for its size.

A cut is sharp. What has ended by then leaves in the old part, and what is open ends there (`continued`) and opens
again in the new one: after it, nothing of the old part is left to be decided. So what is told later of an earlier
moment has happened after the cut. That costs at most the settling time of exactness, once a day or once in thousands
of spans; to let the old part settle while the new one runs would make every question of the rules one of two parts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handspan import names
from handspan.events import Event, StatusChanged, TerminalEnded
from handspan.rules import openings
from handspan.rules.leaving import (
    do_marker,
    leave_delegation,
    leave_terminal,
    mark_session,
    mark_terminal,
    settle,
)
from handspan.rules.memory import SECOND, Notes
from handspan.rules.messages import leave_receive, leave_send, take_up
from handspan.rules.relations import delegation_end, end_of
from handspan.rules.timeline import Phase

if TYPE_CHECKING:
    from handspan.rules.desk import Desk
    from handspan.rules.memory import Terminal

# What is told after a cut of a moment before it has happened just after the cut, in its order: a minute of the past (as
# far as a clock may be ahead) becomes 64 microseconds.
_PAST = 64 * SECOND
_SHRUNK = 1_000_000


# --- what comes late -------------------------------------------------------------------------------------------------


def in_this_part(desk: Desk, event: Event) -> Event | None:
    """The event as it is told in this part; None for a status from before one that has left."""
    s = desk.s
    if s.rules.idle_after and event.at >= age_due(desk):
        desk.plan(s.now, "age", "")
    if s.cut is None:
        return event
    if event.at < s.cut:
        if isinstance(event, StatusChanged) and _older_than_known(desk, event):
            return None
        event = replace(event, at=s.cut + max(0, event.at - s.cut + _PAST) // _SHRUNK)
    if isinstance(event, TerminalEnded) and event.last_seen is not None:
        event = replace(event, last_seen=max(event.last_seen, s.cut))
    return event


def _older_than_known(desk: Desk, event: StatusChanged) -> bool:
    t = desk.s.terminals.get(event.terminal)
    return t is not None and t.phase is not None and event.at < t.phase.at


# --- when ------------------------------------------------------------------------------------------------------------


def do_age(desk: Desk, key: str) -> None:
    s = desk.s
    if s.end:
        return
    if age_due(desk) <= s.now:
        if s.rules.idle_after is not None and s.sign < s.now - s.rules.settle:
            # The next sign of life plans it again.
            return
        cut(desk)
    desk.plan(age_due(desk), "age", key)


def age_due(desk: Desk) -> int:
    return (desk.s.cut or desk.s.start) + desk.s.rules.part_age


def cut_if_full(desk: Desk) -> bool:
    """Go on in a new part when this one holds as many spans as a backend will take."""
    s = desk.s
    full = not s.over and s.end is None and s.spans >= max(s.rules.part_spans, 2 * s.carried)
    if full:
        cut(desk)
    return full


# --- the cut ---------------------------------------------------------------------------------------------------------


def cut(desk: Desk) -> None:
    """Go on in a new part."""
    s = desk.s
    # Nothing that was told lies after the cut, not even by a clock that is ahead.
    at = max(s.now, s.sign + 1, (s.cut or 0) + 1)
    leave_ended(desk, at)
    desk.touch_everything()
    desk.tell(at)
    leave_open(desk, at)
    s.part += 1
    s.cut, s.spans = at, 0
    # What goes on costs the new part a marker now and a span later: a part must be able to hold more than that.
    s.carried = 1 + 2 * len(s.terminals) + len(s.delegations)
    mark_session(desk, at)
    for t in s.terminals.values():
        mark_terminal(desk, t, at)
    desk.touch_everything()
    desk.tell()


def leave_ended(desk: Desk, at: int) -> None:
    """Let all leave that waits only to settle."""
    s = desk.s
    for key in ("", *s.terminals):
        do_marker(desk, key)
    for t in s.terminals.values():
        settle(desk, t, at)
    for m in list(s.messages.values()):
        if m.sent_at is None:
            leave_send(desk, m)
        if m.delivered is not None and not m.received:
            leave_receive(desk, m)
    for d in list(s.delegations.values()):
        ended = delegation_end(s, d)
        if d.mode and not d.left and ended:
            leave_delegation(desk, d, *ended)
    for t in list(s.terminals.values()):
        end = end_of(s, t)
        if end:
            leave_terminal(desk, t, end)


def leave_open(desk: Desk, at: int) -> None:
    """Let the old part's piece leave of all that goes on."""
    s = desk.s
    for t in s.terminals.values():
        leave_open_terminal(desk, t, at)
    for d in s.delegations.values():
        if d.mode and not d.left:
            desk.leave(openings.delegation_piece(s, d, at), d.notes)
            d.notes = Notes()
            d.opened.clear()
    desk.leave(openings.session_piece(s, at), s.notes)
    s.notes = Notes()
    s.told.clear()


def leave_open_terminal(desk: Desk, t: Terminal, at: int) -> None:
    s = desk.s
    phase = t.phase = t.phase or Phase(booting=t.created)
    for spell in openings.all_spells(s, t):
        piece = openings.spell_piece(s, t, spell, openings.causes_of(s, t, spell), at)
        if spell.kind == names.TURN:
            take_up(desk, t, spell.turn)
            # It can't be taken back any more, and keeps what started it, which is not told again.
            phase.rooted = True
            trigger = str(piece.attributes[names.TURN_TRIGGER])
            phase.trigger = trigger if trigger != "unknown" else None
        desk.leave(piece, t.turn_notes if spell.kind == names.TURN else None)
    desk.leave(openings.terminal_piece(s, t, at), t.notes)
    t.notes, t.turn_notes = Notes(), Notes()
    t.told.clear()
    # It lived to see the cut: an end that is inferred later does not lie before it.
    phase.sign = at
    if t.end:
        t.end = replace(t.end, at=at)
