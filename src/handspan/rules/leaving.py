"""What has settled leaves: markers, boots, turns, waits, delegations and terminals, each once and complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.rules import openings, telling
from handspan.rules.memory import Gone, Notes, PastTurn
from handspan.rules.messages import forget, take_up
from handspan.rules.relations import (
    Place,
    called_at,
    delegation_end,
    delivered_at,
    end_of,
    parent_of_delegation,
    parent_of_terminal,
    span_id,
)
from handspan.rules.stuck import say_stuck
from handspan.rules.telling import Piece
from handspan.rules.timeline import Phase, Spell, cut, fold

if TYPE_CHECKING:
    from handspan.rules.desk import Desk
    from handspan.rules.memory import Delegation, End, Terminal
    from handspan.signals import Link, Value


def do_status(desk: Desk, key: str) -> None:
    t = desk.s.terminals.get(key)
    if t:
        settle(desk, t, desk.s.now - desk.s.rules.settle)


def settle(desk: Desk, t: Terminal, until: int) -> None:
    """Fold the statuses that have settled, and let what they ended leave."""
    end = end_of(desk.s, t)
    while t.facts and t.facts[0].at <= until and not (end and t.facts[0].at > end.at):
        fact = t.facts.pop(0)
        t.phase = t.phase or Phase(booting=t.created)
        for spell in fold(t.phase, fact, t.start):
            leave_spell(desk, t, spell)


def do_marker(desk: Desk, key: str) -> None:
    """Mark the beginning of the session (no key) or of a terminal, once."""
    s = desk.s
    if key == "" and not s.marked:
        s.marked = True
        mark_session(desk, s.start)
    t = s.terminals.get(key)
    if t and not t.marked:
        t.marked = True
        mark_terminal(desk, t, t.start)


def mark_session(desk: Desk, at: int) -> None:
    s = desk.s
    attributes = telling.session_attributes(s)
    if at == s.cut:
        attributes[names.CONTINUES] = span_id(s, names.SESSION, "", s.part - 1)
    leave_marker(desk, names.SESSION, "", at, attributes, links=telling.upstream(s.traceparent))


def mark_terminal(desk: Desk, t: Terminal, at: int) -> None:
    attributes = telling.terminal_attributes(desk.s, t)
    if at == desk.s.cut and t.start < at:
        attributes[names.CONTINUES] = span_id(desk.s, names.TERMINAL, t.id, desk.s.part - 1)
    leave_marker(desk, names.TERMINAL, t.id, at, attributes)


def leave_marker(
    desk: Desk, of: str, key: str, at: int, attributes: dict[str, Value], *, links: tuple[Link, ...] = ()
) -> None:
    part = desk.s.part
    kind = {names.SESSION: names.SESSION_MARKER, names.TERMINAL: names.TERMINAL_MARKER}[of]
    desk.leave(
        Piece(
            kind=kind,
            key=key,
            part=part,
            name=kind,
            start=at,
            end=at,
            parent=span_id(desk.s, of, key, part),
            resource=telling.resource(desk.s, key or None),
            attributes=attributes,
            links=links,
        )
    )


def leave_spell(desk: Desk, t: Terminal, spell: Spell) -> None:
    s = desk.s
    assert spell.end is not None
    length = spell.end - spell.start
    if spell.kind == names.WAITING:
        if t.phase and t.phase.since is not None:
            t.phase.rooted = True
        t.waited += length
        t.turn_waited += length if spell.turn else 0
    elif spell.kind == names.TURN:
        # From here on the turn is found among those that have left.
        t.past.append(PastTurn(number=spell.turn, start=spell.start, end=spell.end, part=s.part))
        del t.past[: -s.rules.past_turns]
    piece = openings.spell_piece(s, t, spell, openings.causes_of(s, t, spell))
    if spell.kind == names.TURN:
        take_up(desk, t, spell.turn)
    desk.leave(piece, t.turn_notes if spell.kind == names.TURN else None)
    t.told.pop(span_id(s, piece.kind, piece.key, s.part), None)
    if spell.kind == names.TURN:
        count_turn(desk, t, spell)


def count_turn(desk: Desk, t: Terminal, spell: Spell) -> None:
    assert spell.end is not None
    length = spell.end - spell.start
    t.turns += 1
    t.busy += length - t.turn_waited
    t.turn_waited, t.turn_notes = 0, Notes()
    desk.s.totals.turns += 1
    agent, outcome = t.agent or "unknown", spell.outcome or "unknown"
    desk.observe(names.TURN_SECONDS, length, desk.s.part, agent=agent, outcome=outcome)


def do_delegation(desk: Desk, key: str) -> None:
    s = desk.s
    d = s.delegations.get(key)
    if d is None or d.left:
        return
    if not d.mode:
        if d.told is None or d.told.noticed + s.rules.settle <= s.now:
            del s.delegations[key]
            desk.drop("late")
        return
    ended = delegation_end(s, d)
    if ended is None:
        return
    if ended[0] + s.rules.settle > s.now:
        desk.plan(ended[0] + s.rules.settle, "delegation", key)
    else:
        leave_delegation(desk, d, *ended)


def leave_delegation(desk: Desk, d: Delegation, end: int, outcome: str) -> None:
    s = desk.s
    desk.touch_delegation(d.worker)
    desk.tell()
    start = called_at(s, d)
    desk.root(parent_of_delegation(s, d, max(start, s.cut or 0)))
    desk.leave(openings.delegation_piece(s, d), d.notes)
    d.left = s.part
    if outcome == "unanswered":
        s.totals.unanswered += 1
    attributes = telling.delegation_attributes(s, d)
    desk.observe(
        names.DELEGATION_SECONDS,
        end - start,
        s.part,
        mode=d.mode,
        sender=str(attributes.get(names.CALLER_AGENT, "unknown")),
        receiver=str(attributes.get(names.TARGET_AGENT, "unknown")),
        outcome=outcome,
    )
    caller = s.terminals.get(d.caller) if d.caller else None
    if caller and d.worker in caller.delegated:
        caller.delegated.remove(d.worker)
    # While its worker is there, the worker's terminal hangs under it.
    if d.worker not in s.terminals:
        forget_delegation(desk, d)


def forget_delegation(desk: Desk, d: Delegation) -> None:
    desk.s.delegations.pop(d.worker, None)
    desk.expect_no_more(d.caller, d.worker)
    desk.s.prompts.pop(d.worker, None)
    desk.finish(f"d:{d.worker}")


def do_terminal(desk: Desk, key: str) -> None:
    t = desk.s.terminals.get(key)
    end = end_of(desk.s, t) if t else None
    if t is None or end is None:
        return
    settled = max(end.at, end.noticed) + desk.s.rules.settle
    if settled > desk.s.now:
        desk.plan(settled, "terminal", key)
    else:
        leave_terminal(desk, t, end)


def leave_terminal(desk: Desk, t: Terminal, end: End) -> None:
    s = desk.s
    # A death that was found by looking has not been told yet.
    desk.touch(t.id)
    desk.tell()
    if t.stuck is not None:
        say_stuck(desk, t, names.UNSTUCK, since=t.stuck, severity=names.INFO)
    settle(desk, t, end.at)
    for _ in [fact for fact in t.facts if fact.word != "alive"]:
        desk.drop("ended")
    t.facts.clear()
    phase = t.phase = t.phase or Phase(booting=t.created)
    ended = cut(phase, end.at, end.reason, t.start)
    phase.since, phase.waiting, phase.booting = None, None, False
    for spell in ended:
        leave_spell(desk, t, spell)
    for name in list(t.incoming):
        m = s.messages[name]
        desk.note(t.notes, m, names.MESSAGE_RECEIVED, delivered_at(s, m), t.id)
        m.received_placed = True
        t.incoming.remove(name)
        forget(desk, m)
    piece = openings.terminal_piece(s, t)
    piece.attributes.update(telling.terminal_totals(t))
    desk.leave(piece, t.notes)
    under = parent_of_terminal(s, t)
    desk.count(names.TERMINALS_ENDED, source=s.source, reason=end.reason)
    bury(desk, t, end, under)


def bury(desk: Desk, t: Terminal, end: End, under: Place) -> None:
    """Keep of a terminal what late words about it need, and tell its delegations that it is gone."""
    s = desk.s
    del s.terminals[t.id]
    s.gone[t.id] = Gone(
        start=t.start,
        end=end,
        part=s.part,
        agent=t.agent,
        creator=t.creator,
        under=[under.kind, str(under.key)],
        past=t.past[-4:],
    )
    if not desk.closing and len(s.gone) > 2 * s.rules.past_terminals:
        # The oldest half go, but for those under which something open hangs.
        needed = {d.caller for d in s.delegations.values()} | {open_.creator for open_ in s.terminals.values()}
        old = list(s.gone)[: -s.rules.past_terminals]
        for name in old:
            if name not in needed:
                del s.gone[name]
        s.gone = dict(s.gone)
    desk.finish(f"t:{t.id}")
    desk.expect_no_more(t.creator, t.id)
    for worker in [*t.delegated, t.id]:
        d = s.delegations.get(worker)
        if d is None:
            continue
        if worker == t.id:
            d.worker_end = end
        else:
            d.caller_end = end
        if d.left and d.worker not in s.terminals:
            forget_delegation(desk, d)
        else:
            desk.plan(s.now, "delegation", worker)
            desk.touch_delegation(worker)
    if t.id not in s.delegations:
        s.prompts.pop(t.id, None)
