"""Parts: a session that lasts goes on in a new trace, so that no backend drops it for its size.

At a cut everything open ends in the old part (`continued`) and opens again in the new one. The pieces of the old part
leave when the cut has settled; what ends later ended in the new part, however early its end is dated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handspan import names
from handspan.events import Event, MessageDelivered, MessageSent, SessionEnded, TerminalEnded
from handspan.rules import openings
from handspan.rules.leaving import mark_session, mark_terminal
from handspan.rules.memory import Notes
from handspan.rules.messages import take_up
from handspan.rules.relations import span_id

if TYPE_CHECKING:
    from handspan.rules.desk import Desk
    from handspan.rules.memory import Terminal, Told
    from handspan.rules.telling import Piece


def in_this_part(desk: Desk, event: Event) -> Event:
    """What has gone on into this part ended in it, however late the word of its end comes."""
    s = desk.s
    if s.rules.idle_after and event.at >= age_due(desk):
        desk.plan(s.now, "age", "")
    if s.cut is None:
        return event
    # A session that was cut has gone on, and when the cut has settled, so has all the rest. Only a message may still
    # lie wholly in the part before: what it hangs under has left there.
    gone_on = isinstance(event, SessionEnded) or (
        not s.cutting and not isinstance(event, MessageSent | MessageDelivered)
    )
    if event.at <= s.cut and gone_on:
        event = replace(event, at=s.cut + 1)
    if isinstance(event, TerminalEnded) and event.last_seen is not None and event.last_seen <= s.cut < event.at:
        event = replace(event, last_seen=s.cut + 1)
    return event


def do_age(desk: Desk, key: str) -> None:
    s = desk.s
    due = age_due(desk)
    if due > s.now or s.end or s.cutting:
        desk.plan(max(due, s.now + s.rules.settle), "age", key)
    elif s.rules.idle_after is None or s.sign >= s.now - s.rules.settle:
        cut(desk)


def age_due(desk: Desk) -> int:
    return (desk.s.cut or desk.s.start) + desk.s.rules.part_age


def cut_if_full(desk: Desk) -> None:
    """Go on in a new part when this one holds as many spans as a backend will take."""
    s = desk.s
    if not s.over and s.end is None and not s.cutting and s.spans >= max(s.rules.part_spans, 2 * s.carried):
        cut(desk)


def cut(desk: Desk) -> None:
    """Go on in a new part: what is open ends in this one, and opens again in the next."""
    s = desk.s
    # Nothing that was told lies after the cut, not even by a clock that is ahead.
    s.cut_before, s.cut = s.cut or 0, max(s.now, s.sign + 1)
    s.part += 1
    s.cutting = True
    s.spans = 0
    # What goes on costs the new part a marker now and a span later: a part must be able to hold more than that.
    s.carried = 1 + 2 * len(s.terminals) + len(s.delegations)
    desk.plan(s.cut + s.rules.settle, "cut", "")
    desk.plan(s.cut + s.rules.part_age, "age", "")
    desk.touch_everything()
    desk.tell()


def do_cut(desk: Desk, _: str) -> None:
    """The old part has settled: its pieces leave, and the new part begins with the markers of all that goes on."""
    s = desk.s
    if not s.cutting or s.cut is None:
        return
    cut_at = s.cut
    for t in list(s.terminals.values()):
        cut_terminal(desk, t, cut_at)
    for d in s.delegations.values():
        if d.mode and not d.left:
            for piece in list(openings.delegation_pieces(s, d)):
                if leave_old(desk, piece, d.opened, d.notes):
                    d.goes_on = s.part
    goes_on = False
    for piece in openings.session_pieces(s):
        goes_on |= leave_old(desk, piece, s.told, s.notes)
    s.cutting = False
    if goes_on:
        mark_session(desk, cut_at)


def cut_terminal(desk: Desk, t: Terminal, cut_at: int) -> None:
    s = desk.s
    for spell in openings.all_spells(s, t):
        pieces = list(openings.spell_pieces(s, t, spell))
        if not any(piece.outcome == "continued" for piece in pieces):
            continue
        if spell.kind == names.TURN:
            t.turn_trigger, t.turn_continued = str(pieces[0].attributes[names.TURN_TRIGGER]), spell.turn
            take_up(desk, t, spell.turn)
        for piece in pieces:
            leave_old(desk, piece, t.told, t.turn_notes if spell.kind == names.TURN else None)
    goes_on = False
    for piece in openings.terminal_pieces(s, t):
        goes_on |= leave_old(desk, piece, t.told, t.notes)
    if goes_on:
        # What was seen last of it before the cut has left: an end that is inferred later lies after the cut.
        if t.phase:
            t.phase.sign = max(t.phase.sign or 0, cut_at + 1)
        if t.end:
            t.end = replace(t.end, at=max(t.end.at, cut_at + 1))
        mark_terminal(desk, t, cut_at)


def leave_old(desk: Desk, piece: Piece, told: dict[str, Told], notes: Notes | None) -> bool:
    if piece.outcome != "continued":
        return False
    old = None
    if notes is not None:
        old = Notes(
            events=[e for e in notes.events if e.at < (piece.end or 0)],
            dropped_events=notes.dropped_events,
            dropped_links=notes.dropped_links,
        )
        notes.events = [e for e in notes.events if e.at >= (piece.end or 0)]
        notes.dropped_events = notes.dropped_links = 0
    desk.leave(piece, old)
    told.pop(span_id(desk.s, piece.kind, piece.key, piece.part), None)
    return True
