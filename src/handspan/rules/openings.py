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
    Place,
    answered_by,
    called_at,
    caused_turn,
    delegation_end,
    end_of,
    mode_of,
    parent_of_delegation,
    parent_of_terminal,
    sent_at,
    span_id,
    spells,
    trace_id,
)
from handspan.rules.telling import Piece
from handspan.signals import Link, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    """The time that something takes in this part of the trace; `outcome` says how it ends."""

    __slots__ = ("continues", "end", "outcome", "start")

    def __init__(self, s: State, start: int, end: int | None, outcome: str | None, cut: int | None) -> None:
        # What had begun before the cut has gone on over it: else it would have left at the cut.
        self.continues = s.cut is not None and start < s.cut
        self.start = max(start, s.cut or 0)
        self.end = cut if end is None else end
        self.outcome = "continued" if end is None and cut is not None else outcome


# --- pieces ----------------------------------------------------------------------------------------------------------
# What lasts ends at `cut`, if there is one, and goes on in the next part.


def session_piece(s: State, cut: int | None = None) -> Piece:
    end = s.end
    x = Stretch(s, s.start, max(end.at, s.start) if end else None, end.reason if end else None, cut)
    attributes = telling.session_attributes(s)
    if not s.begun:
        attributes[names.INFERRED] = ("start",)
    if s.part > 1:
        attributes[names.PART_PREVIOUS] = trace_id(s, s.part - 1)
    links: tuple[Link, ...] = ()
    if s.parent_session and s.parent_worker and not x.continues:
        # A stranger to the parent's trace can only assume its first part.
        parent_trace = ids.trace_id(s.parent_session)
        parent_span = ids.span_id(s.parent_session, names.DELEGATION, s.parent_worker)
        links = (Link(trace_id=parent_trace, span_id=parent_span, type=names.LINK_PARENT_SESSION),)
    error = None
    if x.outcome == "continued":
        attributes[names.PART_NEXT] = trace_id(s, s.part + 1)
    elif end:
        attributes |= telling.end_attributes(end, seen=not end.looked)
        error = end.reason if end.reason in DIED else None
    return _piece(
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


def terminal_piece(s: State, t: Terminal, cut: int | None = None) -> Piece:
    end = end_of(s, t)
    x = Stretch(s, t.start, end.at if end else None, end.reason if end else None, cut)
    attributes = telling.terminal_attributes(s, t)
    error = None
    inferred: tuple[str, ...] = () if t.created else ("start",)
    if end:
        attributes |= telling.end_attributes(end, seen=True)
        inferred += ("end",) if end.looked else ()
        told_to_leave = end.reason == "exited" and _leaving(t)
        error = end.reason if end.reason in DIED and not told_to_leave else None
    if inferred:
        attributes[names.INFERRED] = inferred
    parent = parent_of_terminal(s, t)
    return _piece(
        s,
        x,
        kind=names.TERMINAL,
        key=t.id,
        name=f"terminal {t.agent or 'unknown'}",
        parent=parent,
        about=telling.resource(s, t.id),
        attributes=attributes,
        error=error,
        links=telling.upstream(t.traceparent) if not x.continues else (),
    )


def _leaving(t: Terminal) -> bool:
    return bool(t.phase and t.phase.leaving) or any(f.word == "exiting" for f in t.facts)


def spell_piece(s: State, t: Terminal, spell: Spell, causes: Causes = (), cut: int | None = None) -> Piece:
    x = Stretch(s, spell.start, spell.end, spell.outcome, cut)
    agent = t.agent or "unknown"
    key: str | list[str | int] = t.id
    attributes = telling.common(s, t.id)
    parent = Place(names.TERMINAL, t.id, t.start)
    name = f"boot {agent}"
    if spell.kind == names.TURN:
        name, key = f"invoke_agent {agent}", [t.id, spell.turn]
        attributes = telling.turn_attributes(s, t, spell, turn_trigger(s, t, spell, causes))
        if x.end is not None:
            attributes[names.TURN_OUTCOME] = x.outcome or "unknown"
    elif spell.kind == names.WAITING:
        name, key = "waiting_for_input", [t.id, spell.turn, spell.wait]
        parent = Place(names.TURN, [t.id, spell.turn], 0) if spell.turn else Place(names.BOOT, t.id, 0)
        attributes[names.TURN_NUMBER] = spell.turn
    if spell.end is not None and (spell.lost or _unseen(s, t, spell)):
        attributes[names.INFERRED] = ("end",)
    failed = spell.outcome == "error" or spell.outcome in DIED
    return _piece(
        s,
        x,
        kind=spell.kind,
        key=key,
        name=name,
        parent=parent,
        about=telling.resource(s, t.id),
        attributes=attributes,
        error=spell.outcome if failed and spell.kind != names.WAITING else None,
        links=tuple(links_of(s, causes)),
    )


def _unseen(s: State, t: Terminal, spell: Spell) -> bool:
    """Whether a spell ended only because its terminal did, at a moment that was inferred."""
    if spell.outcome not in _LOOKED:
        return False
    end = end_of(s, t)
    return end is not None and end.looked and spell.end == end.at


# The reasons that a look can find.
_LOOKED = frozenset({"exited", "vanished", "idle"})


def delegation_piece(s: State, d: Delegation, cut: int | None = None) -> Piece:
    ended = delegation_end(s, d)
    x = Stretch(s, called_at(s, d), ended[0] if ended else None, ended[1] if ended else None, cut)
    attributes = telling.delegation_attributes(s, d)
    error = None
    if ended:
        attributes[names.DELEGATION_OUTCOME] = ended[1]
        error = ended[1] if ended[1] in {"failed", "timeout"} else None
        if d.told and d.told.error:
            attributes[names.ERROR_TEXT] = d.told.error
        if d.text:
            attributes[names.DELEGATION_TEXT] = d.text
    return _piece(
        s,
        x,
        kind=names.DELEGATION,
        key=d.worker,
        name=telling.delegation_name(s, d),
        parent=parent_of_delegation(s, d, x.start),
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
    parent: Place | None,
    about: Resource,
    attributes: dict[str, Value],
    error: str | None,
    links: tuple[Link, ...] = (),
) -> Piece:
    if x.continues:
        before = span_id(s, kind, key, s.part - 1)
        attributes[names.CONTINUES] = before
        links = (Link(trace_id=trace_id(s, s.part - 1), span_id=before, type=names.LINK_CONTINUATION), *links)
    if x.outcome == "continued":
        attributes[names.END_REASON] = "continued"
    if error:
        attributes[names.ERROR_TYPE] = error
    return Piece(
        kind=kind,
        key=key,
        part=s.part,
        name=name,
        start=x.start,
        end=x.end,
        parent=span_id(s, parent.kind, parent.key, s.part) if parent else None,
        resource=about,
        attributes=attributes,
        outcome=x.outcome,
        error=error,
        links=links,
    )


# --- why a turn began ------------------------------------------------------------------------------------------------


# The messages that started a turn: when each was sent, and its id.
Causes = tuple[tuple[int, str], ...]


def causes_of(s: State, t: Terminal, spell: Spell) -> Causes:
    """The messages that started a turn, the first first; those that were told after a cut, if it went on over one."""
    found: list[tuple[int, str]] = []
    for message in t.incoming if spell.kind == names.TURN else ():
        turn = caused_turn(s, s.messages[message])
        if turn and turn.number == spell.turn:
            found.append((sent_at(s, s.messages[message]), message))
    return tuple(sorted(found))


def links_of(s: State, causes: Causes) -> Iterator[Link]:
    for _, message in causes:
        m = s.messages[message]
        mode = mode_of(s, m)
        part = m.part or s.part
        kind = _LINKS[mode]
        yield Link(trace_id=trace_id(s, part), span_id=span_id(s, names.SEND, message, part), type=kind)
        worker = answered_by(s, m)
        if worker:
            # An assignment lasts until its answer is sent, so it has a piece in that part.
            assignment = span_id(s, names.DELEGATION, worker, part)
            yield Link(trace_id=trace_id(s, part), span_id=assignment, type=kind)


def turn_trigger(s: State, t: Terminal, spell: Spell, causes: Causes) -> str:
    if causes:
        mode = mode_of(s, s.messages[causes[0][1]])
        return _TRIGGERS.get(mode, mode)
    if spell.trigger:
        return spell.trigger
    d = s.delegations.get(t.id)
    if spell.turn == 1 and d and d.mode:
        return d.mode
    return (t.trigger if spell.turn == 1 else None) or "unknown"


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(
    s: State, told: dict[str, Told], pieces: Iterable[tuple[Piece, tuple[str, ...]]], now: int
) -> Iterator[Signal]:
    """Say what differs from what was told of these pieces, and take back what is no longer among them."""
    current: set[str] = set()
    for piece, causes in pieces:
        sid = span_id(s, piece.kind, piece.key, piece.part)
        current.add(sid)
        entry = told.get(sid)
        if entry is None:
            key = [piece.key] if isinstance(piece.key, str) else list(piece.key)
            entry = told[sid] = Told(kind=piece.kind, key=key)
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
                part=s.part,
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


def told_terminal(s: State, t: Terminal, cut: int | None = None) -> Iterator[tuple[Piece, tuple[str, ...]]]:
    yield terminal_piece(s, t, cut), ()
    for spell in all_spells(s, t):
        causes = causes_of(s, t, spell)
        sends = tuple(span_id(s, names.SEND, m, s.messages[m].part or s.part) for _, m in causes)
        yield spell_piece(s, t, spell, causes, cut), sends
