"""What is running now, told in log events: the difference between what has been said and what is known.

A span leaves once, when it is over. Until then the log events `....started` and `....ended` are all there is to see of
it, and each tells everything known at that moment. So they are not written by the rules one by one: after every
event the pieces of what it touched are drawn up anew, and whatever differs from what was told last is told again,
with the next revision. A piece that is no longer there is taken back (`retracted`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import ids, names
from handspan.rules import telling
from handspan.rules.memory import Told
from handspan.rules.relations import (
    DIED,
    answered_by,
    called_at,
    caused_turn,
    delegation_end,
    end_of,
    mode_of,
    parent_of_delegation,
    parent_of_terminal,
    part_of,
    sent_at,
    span_id,
    spells,
    trace_id,
)
from handspan.rules.telling import Piece
from handspan.signals import Link, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.rules.memory import Delegation, State, Terminal
    from handspan.rules.timeline import Spell
    from handspan.signals import Signal, Value

_TRIGGERS = {"send_message": "message"}
_LINKS = {
    "send_message": names.LINK_MESSAGE,
    "handoff": names.LINK_HANDOFF,
    "assign": names.LINK_ASSIGN,
    "callback": names.LINK_CALLBACK,
}


class Stretch:
    """A stretch of time in one part: `first` is where the whole began, `outcome` says how this piece of it ends."""

    __slots__ = ("continues", "end", "outcome", "part", "start")

    def __init__(self, part: int, start: int, end: int | None, outcome: str | None, *, continues: bool) -> None:
        self.part = part
        self.start = start
        self.end = end
        self.outcome = outcome
        self.continues = continues


def stretches(s: State, start: int, end: int | None, outcome: str | None) -> list[Stretch]:
    """The pieces, one a part, of what lasts from `start` to `end`; those in parts that are closed have left."""
    if s.cut is None or start >= s.cut:
        return [Stretch(s.part, start, end, outcome, continues=False)]
    begun_before = start < s.cut_before
    if end is not None and end <= s.cut:
        return [Stretch(s.part - 1, max(start, s.cut_before), end, outcome, continues=begun_before)]
    rest = Stretch(s.part, s.cut, end, outcome, continues=True)
    if not s.cutting:
        return [rest]
    return [Stretch(s.part - 1, max(start, s.cut_before), s.cut, "continued", continues=begun_before), rest]


# --- pieces ----------------------------------------------------------------------------------------------------------


def session_pieces(s: State) -> Iterator[Piece]:
    end = s.end
    reason = end.reason if end else None
    at = max(end.at, s.start) if end else None
    for x in stretches(s, s.start, at, reason):
        attributes = telling.session_attributes(s) | {names.PART: x.part}
        if not s.begun:
            attributes[names.INFERRED] = ("start",)
        if x.part > 1:
            attributes[names.PART_PREVIOUS] = trace_id(s, x.part - 1)
        links: tuple[Link, ...] = ()
        if s.parent_session and s.parent_worker and not x.continues:
            # A stranger to the parent's trace can only assume its first part.
            parent_trace = ids.trace_id(s.parent_session)
            parent_span = ids.span_id(s.parent_session, names.DELEGATION, s.parent_worker)
            links = (Link(trace_id=parent_trace, span_id=parent_span, type=names.LINK_PARENT_SESSION),)
        error = None
        if x.outcome == "continued":
            attributes |= {names.END_REASON: "continued", names.PART_NEXT: trace_id(s, x.part + 1)}
        elif end and x.end is not None:
            attributes |= telling.end_attributes(end, seen=not end.looked)
            error = end.reason if end.reason in DIED else None
        yield _piece(
            s,
            x,
            kind=names.SESSION,
            key="",
            name=telling.session_name(s),
            parent=None,
            about=telling.resource(s, None),
            attributes=attributes,
            error=error,
            links=links,
        )


def terminal_pieces(s: State, t: Terminal) -> Iterator[Piece]:
    end = end_of(s, t)
    for x in stretches(s, t.start, end.at if end else None, end.reason if end else None):
        attributes = telling.terminal_attributes(s, t)
        error = None
        inferred: tuple[str, ...] = () if t.created else ("start",)
        if x.outcome == "continued":
            attributes[names.END_REASON] = "continued"
        elif end and x.end is not None:
            attributes |= telling.end_attributes(end, seen=True)
            inferred += ("end",) if end.looked else ()
            told_to_leave = end.reason == "exited" and _leaving(t)
            error = end.reason if end.reason in DIED and not told_to_leave else None
        if inferred:
            attributes[names.INFERRED] = inferred
        parent = parent_of_terminal(s, t, x.part)
        yield _piece(
            s,
            x,
            kind=names.TERMINAL,
            key=t.id,
            name=f"terminal {t.agent or 'unknown'}",
            parent=span_id(s, parent.kind, parent.key, x.part),
            about=telling.resource(s, t.id),
            attributes=attributes,
            error=error,
            links=telling.upstream(t.traceparent) if not x.continues else (),
        )


def _leaving(t: Terminal) -> bool:
    return bool(t.phase and t.phase.leaving) or any(f.word == "exiting" for f in t.facts)


def spell_pieces(s: State, t: Terminal, spell: Spell) -> Iterator[Piece]:
    agent = t.agent or "unknown"
    causes = turn_causes(s, t, spell.turn) if spell.kind == names.TURN else []
    trigger = turn_trigger(s, t, spell, causes)
    error = spell.outcome if spell.outcome == "error" or spell.outcome in DIED else None
    for x in stretches(s, spell.start, spell.end, spell.outcome):
        key: str | list[str | int] = t.id
        attributes = telling.common(s, t.id)
        parent: tuple[str, str | list[str | int]] = (names.TERMINAL, t.id)
        name = f"boot {agent}"
        if spell.kind == names.TURN:
            name, key = f"invoke_agent {agent}", [t.id, spell.turn]
            attributes = telling.turn_attributes(s, t, spell, trigger)
            if x.end is not None:
                attributes[names.TURN_OUTCOME] = x.outcome or "unknown"
        elif spell.kind == names.WAITING:
            name, key = "waiting_for_input", [t.id, spell.turn, spell.wait]
            parent = (names.TURN, [t.id, spell.turn]) if spell.turn else (names.BOOT, t.id)
            attributes[names.TURN_NUMBER] = spell.turn
        if x.end is not None and (spell.lost or _unseen(s, t, spell)):
            attributes[names.INFERRED] = ("end",)
        if x.outcome == "continued":
            attributes[names.END_REASON] = "continued"
        failed = error if spell.kind != names.WAITING and x.outcome != "continued" and x.end is not None else None
        yield _piece(
            s,
            x,
            kind=spell.kind,
            key=key,
            name=name,
            parent=span_id(s, *parent, x.part),
            about=telling.resource(s, t.id),
            attributes=attributes,
            error=failed,
            links=tuple(links_of(s, causes)) if not x.continues else (),
        )


def _unseen(s: State, t: Terminal, spell: Spell) -> bool:
    """Whether a spell ended only because its terminal did, at a moment that was inferred."""
    if spell.outcome not in _LOOKED:
        return False
    end = end_of(s, t)
    return end is not None and end.looked and spell.end == end.at


# The reasons that a look can find.
_LOOKED = frozenset({"exited", "vanished", "idle"})


def delegation_pieces(s: State, d: Delegation) -> Iterator[Piece]:
    start, ended = called_at(s, d), delegation_end(s, d)
    for x in stretches(s, start, ended[0] if ended else None, ended[1] if ended else None):
        attributes = telling.delegation_attributes(s, d)
        error = None
        if x.outcome == "continued":
            attributes[names.END_REASON] = "continued"
        elif ended and x.end is not None:
            attributes[names.DELEGATION_OUTCOME] = ended[1]
            error = ended[1] if ended[1] in {"failed", "timeout"} else None
            if d.told and d.told.error:
                attributes[names.ERROR_TEXT] = d.told.error
            if d.text:
                attributes[names.DELEGATION_TEXT] = d.text
        parent = parent_of_delegation(s, d, x.start, x.part)
        yield _piece(
            s,
            x,
            kind=names.DELEGATION,
            key=d.worker,
            name=telling.delegation_name(s, d),
            parent=span_id(s, parent.kind, parent.key, x.part),
            about=telling.resource(s, d.caller),
            attributes=attributes,
            error=error,
            links=telling.upstream(d.traceparent) if not x.continues else (),
        )


def _piece(
    s: State,
    x: Stretch,
    *,
    kind: str,
    key: str | list[str | int],
    name: str,
    parent: str | None,
    about: Resource,
    attributes: dict[str, Value],
    error: str | None,
    links: tuple[Link, ...] = (),
) -> Piece:
    if x.continues:
        before = span_id(s, kind, key, x.part - 1)
        attributes[names.CONTINUES] = before
        links = (Link(trace_id=trace_id(s, x.part - 1), span_id=before, type=names.LINK_CONTINUATION), *links)
    if error:
        attributes[names.ERROR_TYPE] = error
    return Piece(
        kind=kind,
        key=key,
        part=x.part,
        name=name,
        start=x.start,
        end=x.end,
        parent=parent,
        resource=about,
        attributes=attributes,
        outcome=x.outcome,
        error=error,
        links=links,
    )


# --- why a turn began ------------------------------------------------------------------------------------------------


def turn_causes(s: State, t: Terminal, number: int) -> list[tuple[int, str]]:
    """The messages that started a turn: when each was sent, and its id, the first first."""
    found: list[tuple[int, str]] = []
    for message in t.incoming:
        turn = caused_turn(s, s.messages[message])
        if turn and turn[0] == number:
            found.append((sent_at(s, s.messages[message]), message))
    return sorted(found)


def links_of(s: State, causes: list[tuple[int, str]]) -> Iterator[Link]:
    for at, message in causes:
        m = s.messages[message]
        mode = mode_of(s, m)
        part = m.part or part_of(s, at)
        kind = _LINKS[mode]
        yield Link(trace_id=trace_id(s, part), span_id=span_id(s, names.SEND, message, part), type=kind)
        worker = answered_by(s, m)
        if worker:
            # An assignment lasts until its answer is sent, so it has a piece in that part.
            assignment = span_id(s, names.DELEGATION, worker, part_of(s, at))
            yield Link(trace_id=trace_id(s, part_of(s, at)), span_id=assignment, type=kind)


def turn_trigger(s: State, t: Terminal, spell: Spell, causes: list[tuple[int, str]]) -> str:
    if causes:
        mode = mode_of(s, s.messages[causes[0][1]])
        return _TRIGGERS.get(mode, mode)
    if t.turn_trigger and t.turn_continued == spell.turn:
        # Its causes have left with the piece of it in the part before.
        return t.turn_trigger
    if spell.trigger:
        return spell.trigger
    d = s.delegations.get(t.id)
    if spell.turn == 1 and d and d.mode:
        return d.mode
    return (t.trigger if spell.turn == 1 else None) or "unknown"


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(
    s: State, told: dict[str, Told], pieces: Iterator[tuple[Piece, tuple[str, ...]]], now: int
) -> Iterator[Signal]:
    """Say what differs from what was told of these pieces, and take back what is no longer among them."""
    current: set[str] = set()
    for piece, causes in pieces:
        sid = span_id(s, piece.kind, piece.key, piece.part)
        current.add(sid)
        entry = told.get(sid)
        if entry is None:
            key = [piece.key] if isinstance(piece.key, str) else list(piece.key)
            entry = told[sid] = Told(kind=piece.kind, key=key, part=piece.part)
        yield from _tell_piece(s, entry, piece, causes)
    for sid, entry in told.items():
        if sid not in current and not entry.retracted:
            entry.retracted = True
            entry.endings += 1
            key = entry.key[0] if len(entry.key) == 1 else entry.key
            yield from telling.log(
                s,
                names.ended(entry.kind),
                key,
                at=now,
                body="It turned out to have been nothing.",
                attributes=telling.common(s, entry.key[0] or None) | {names.OUTCOME: "retracted"},
                about=telling.resource(s, entry.key[0] or None),
                part=entry.part,
                span_id=sid,
                revision=entry.endings,
            )


def _tell_piece(s: State, entry: Told, piece: Piece, causes: tuple[str, ...]) -> Iterator[Signal]:
    opening = telling.fingerprint(piece.name, piece.start, piece.parent, telling.lasting(piece.attributes), causes)
    if entry.opening != opening or entry.retracted or (entry.ending and piece.end is None):
        entry.opening, entry.retracted = opening, False
        # What is told to open again after its end goes on, unless its end is told again too.
        entry.ending = ""
        entry.revision += 1
        yield from telling.opening(s, piece, causes, entry.revision)
    if piece.end is None:
        return
    ending = telling.fingerprint(piece.end, piece.outcome, piece.error, sorted(piece.attributes.items(), key=str))
    if entry.ending != ending:
        entry.ending = ending
        entry.endings += 1
        yield from telling.ending(s, piece, entry.endings)


def all_spells(s: State, t: Terminal) -> list[Spell]:
    return spells(t, end_of(s, t))


def told_terminal(s: State, t: Terminal) -> Iterator[tuple[Piece, tuple[str, ...]]]:
    for piece in terminal_pieces(s, t):
        yield piece, ()
    for spell in all_spells(s, t):
        causes = turn_causes(s, t, spell.turn) if spell.kind == names.TURN else []
        sends = tuple(span_id(s, names.SEND, m, s.messages[m].part or part_of(s, at)) for at, m in causes)
        for piece in spell_pieces(s, t, spell):
            # What caused a turn is said where it began, not in the part in which it goes on.
            yield piece, () if names.CONTINUES in piece.attributes else sends
