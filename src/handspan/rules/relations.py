"""Who belongs to what: questions that the rules ask of a session's memory, and nothing that changes it.

The answers depend on what is known, never on the order in which it came. That is what makes the same story give the
same spans however its events were shuffled within the settling time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from handspan import ids, names
from handspan.rules.memory import Delegation, End, Gone, Message, PastTurn, State, Terminal
from handspan.rules.timeline import Phase, Spell, cut, fold, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator


# How far up a chain of callers and creators a loop is looked for. Real chains are a handful deep.
_DEPTH = 64
DIED = frozenset({"exited", "vanished", "failed"})


@dataclass(frozen=True, slots=True)
class Place:
    """A span that others hang under."""

    kind: str
    key: str | list[str | int]
    start: int


class Turn(NamedTuple):
    """A turn, the part of the trace in which it ended, or else goes on, and how long it has lasted."""

    number: int
    start: int
    end: int | None
    part: int


# --- ids -------------------------------------------------------------------------------------------------------------


def span_id(s: State, kind: str, key: str | list[str | int], part: int) -> str:
    return ids.span_id(s.uid, kind, key, part)


def trace_id(s: State, part: int) -> str:
    return ids.trace_id(s.uid, part)


# --- terminals and turns ---------------------------------------------------------------------------------------------


def agent_of(s: State, terminal: str | None) -> str | None:
    if terminal is None:
        return None
    known = s.terminals.get(terminal) or s.gone.get(terminal)
    return known.agent if known else None


def end_of(s: State, t: Terminal) -> End | None:
    """How a terminal ends, as far as it may be said now.

    A death that was only found by looking is held back, in case a report explains it. A session that is
    over takes all its terminals with it.
    """
    end = t.end
    if end and end.looked and s.end and _explains(s.end, end, s.rules.settle):
        end = None
    if end and end.looked and s.now < end.noticed + s.rules.hold and not s.end:
        return None
    if end is None and s.end is None:
        return None
    if end is None:
        assert s.end is not None
        end = replace(s.end, reason="killed" if s.end.reason == "empty" else s.end.reason, error=None)
    # What was seen of it later than it was last looked at, or has left already, it lived to do.
    seen = max((f.at for f in t.facts if f.at <= end.noticed), default=0) if end.looked else 0
    if t.phase:
        seen = max(seen, t.phase.at, (t.phase.sign or 0) if end.looked else 0)
    at = max(end.at, seen, t.start)
    return replace(end, at=min(at, max(s.end.at, t.start)) if s.end else at)


def _explains(session: End, looked: End, settle: int) -> bool:
    """Whether a death that was found by looking was only the first to be seen of its session's deliberate end."""
    deliberate = not session.looked and session.reason in {"completed", "killed", "replaced"}
    return deliberate and session.noticed < looked.noticed + settle


def spells(t: Terminal, end: End | None) -> list[Spell]:
    """Boot, turns and waits that have not left, in the order in which they end."""
    phase = t.phase or Phase(booting=t.created)
    if t.facts and t.phase:
        # What has not settled is folded on a copy: an earlier fact may still come.
        phase = phase.copy()
    found: list[Spell] = []
    for fact in t.facts:
        if end and fact.at > end.at:
            break
        found += fold(phase, fact, t.start)
    return found + (cut(phase, end.at, end.reason, t.start) if end else lasting(phase, t.start))


def _turns_backwards(s: State, terminal: str) -> Iterator[Turn]:
    t = s.terminals.get(terminal)
    if t:
        for spell in reversed(spells(t, end_of(s, t))):
            if spell.kind == "turn":
                yield Turn(spell.turn, spell.start, spell.end, s.part)
    known: Terminal | Gone | None = t or s.gone.get(terminal)
    for past in reversed(known.past if known else list[PastTurn]()):
        yield Turn(past.number, past.start, past.end, past.part)


def turn_at(s: State, terminal: str, at: int) -> Turn | None:
    """The turn that was running at `at`. At the instant between two turns it is the later one."""
    for turn in _turns_backwards(s, terminal):
        if turn.start <= at:
            return turn if turn.end is None or at <= turn.end else None
    return None


def caused_turn(s: State, m: Message) -> Turn | None:
    """The turn that a message started: the one that began just before the report of its delivery, or just after it.

    A message typed into an agent that has been working for longer ran into that turn and started none. A prompt that
    was typed during the boot starts the first turn, however long the boot takes.
    """
    if m.delivered is None:
        return None
    earliest = _not_before(s, m)
    after: Turn | None = None
    for turn in _turns_backwards(s, m.receiver):
        if turn.start > m.delivered:
            after = turn
            continue
        recent = m.delivered - turn.start <= s.rules.lookback
        if recent and earliest <= _here(s, turn) and (_typed(m) or _prompt_of(s, m) or (m.sent or 0) <= turn.start):
            return turn
        if turn.end is None or turn.end > m.delivered:
            return None
        break
    if (
        after
        and earliest <= after.start
        and (
            after.start <= m.delivered + s.rules.lookahead
            or (after.number == 1 and _booting_at(s, m.receiver, m.delivered))
        )
    ):
        return after
    return None


def _here(s: State, turn: Turn) -> int:
    """When a turn, or what of it is in this part, began."""
    return max(turn.start, s.cut or 0) if turn.part == s.part else turn.start


def _not_before(s: State, m: Message) -> int:
    """When a message can have started a turn: not before it was sent, if it has left, and no answer before its
    question."""
    if m.sent_at is not None:
        return m.sent_at
    worker = answered_by(s, m)
    return called_at(s, s.delegations[worker]) if worker else 0


def may_still_begin(s: State, t: Terminal) -> bool:
    """Whether a terminal boots, or has just booted and not begun its first turn."""
    lived = spells(t, t.end)
    if any(spell.kind == "turn" for spell in lived) or t.past:
        return False
    if any(spell.kind == "boot" for spell in lived):
        return True
    return t.phase is not None and s.now < t.phase.at + 2 * s.rules.settle


def _booting_at(s: State, terminal: str, at: int) -> bool:
    # A turn with number 1 that begins after `at`, of a terminal whose creation was seen, was preceded by its boot.
    t = s.terminals.get(terminal)
    return t is not None and t.created and t.start <= at


# --- messages --------------------------------------------------------------------------------------------------------


def _typed(m: Message) -> bool:
    """Typed directly: the source told only one moment."""
    return m.delivered is not None and (m.sent is None or m.sent >= m.delivered)


def _prompt_of(s: State, m: Message) -> Delegation | None:
    d = s.delegations.get(m.receiver)
    return d if d and d.mode and prompt(s, d) == m.id else None


def prompt(s: State, d: Delegation) -> str | None:
    """The message that carried the work: the one the source names, else the first of the delegation's mode."""
    if d.message:
        return d.message
    first = s.prompts.get(d.worker)
    return first[1] if first and first[2] == d.mode else None


def sent_at(s: State, m: Message) -> int:
    """When a message was sent: its call, if it carried work; its turn's start, if it was typed; else what was said."""
    if m.sent_at is not None:
        return m.sent_at
    d = _prompt_of(s, m)
    said = m.sent if m.sent is not None else m.delivered or 0
    if d:
        at = called_at(s, d)
    elif _typed(m):
        turn = caused_turn(s, m)
        at = min(said, turn.start) if turn else said
    else:
        at = said
    return max(at, s.start, s.cut or 0)


def delivered_at(s: State, m: Message) -> int:
    """When a message was delivered: at the start of the turn it started, where that is before the report of it."""
    turn = caused_turn(s, m)
    said = m.delivered or 0
    return max(sent_at(s, m), min(said, turn.start) if turn else said)


def sender_here(s: State, m: Message) -> str | None:
    """The sender, if it is a terminal of this session: another session may have one of the same id."""
    return m.sender if m.sender_session in {None, s.uid} else None


def mode_of(s: State, m: Message) -> str:
    return "callback" if answered_by(s, m) else m.mode


def answered_by(s: State, m: Message) -> str | None:
    """The worker whose delegation a message answers, if it is the first message back."""
    if m.sent_at is not None:
        # It has left as what it was; its delegation may be forgotten before the turn that it started is over.
        return m.answers
    sender = sender_here(s, m)
    d = s.delegations.get(sender) if sender else None
    return d.worker if d and d.answer == m.id else None


# --- delegations -----------------------------------------------------------------------------------------------------


def called_at(s: State, d: Delegation) -> int:
    """A delegation begins with its call, and never after the worker that was made for it."""
    worker = s.terminals.get(d.worker) or s.gone.get(d.worker)
    return max(s.start, d.since, min(d.call, worker.start) if worker else d.call)


def delegation_end(s: State, d: Delegation) -> tuple[int, str] | None:
    """When a delegation ended and how, or None while it lasts."""
    found = _outcome(s, d)
    if found is None and s.end:
        found = s.end.at, "unknown"
    if found is None:
        return None
    at, outcome = found
    if s.end:
        at = min(at, s.end.at)
    return max(at, called_at(s, d)), outcome


def _outcome(s: State, d: Delegation) -> tuple[int, str] | None:
    worker = s.terminals.get(d.worker)
    # While the worker is there its end is read off it, so that a session's end, or a better report, counts.
    gone = end_of(s, worker) if worker else d.worker_end
    if d.mode == "step":
        return _step_outcome(d, gone, known=worker is not None)
    if d.awaited:
        return _awaited_outcome(s, d, gone)
    answered = _answered(s, d)
    # What the source says has ended is over, whatever its worker says later.
    if answered is not None and (d.told is None or answered <= d.told.at):
        return answered, "completed"
    if d.told:
        return d.told.at, d.told.reason
    if gone:
        reason = gone.reason
        return gone.at, "failed" if reason in DIED else "unknown" if reason == "unknown" else "unanswered"
    return None


def _answered(s: State, d: Delegation) -> int | None:
    m = s.messages.get(d.answer) if d.answer else None
    return sent_at(s, m) if m else d.answered_at


def _step_outcome(d: Delegation, gone: End | None, *, known: bool) -> tuple[int, str] | None:
    if gone is None:
        return None if known or d.told is None else (d.told.at, d.told.reason)
    if d.told:
        return gone.at, d.told.reason
    by_reason = {"completed": "completed", "killed": "cancelled", "replaced": "cancelled"}
    return gone.at, "failed" if gone.reason in DIED else by_reason.get(gone.reason, "unknown")


def _awaited_outcome(s: State, d: Delegation, gone: End | None) -> tuple[int, str] | None:
    caller = s.terminals.get(d.caller) if d.caller else None
    caller_gone = end_of(s, caller) if caller else d.caller_end
    killed = [e.at for e in (gone, caller_gone) if e and e.reason in {"killed", "replaced"}]
    told = d.told
    if killed and (told is None or min(killed) < told.at):
        return min(killed), "cancelled"
    if told and told.reason == "completed":
        # Tearing the worker down after its success belongs to the call.
        return (max(told.at, gone.at) if gone and gone.reason == "completed" else told.at), told.reason
    if told:
        return told.at, told.reason
    return (gone.at, "completed") if gone and gone.reason == "completed" else None


# --- parents ---------------------------------------------------------------------------------------------------------


def root(s: State) -> Place:
    return Place(names.SESSION, "", s.start)


def above(s: State, terminal: str | None, at: int) -> Place:
    """Under what something hangs that a terminal did at `at`: its turn, else the terminal, else the session."""
    known: Terminal | Gone | None = None
    if terminal is not None:
        known = s.terminals.get(terminal) or s.gone.get(terminal)
    if terminal is None or known is None or known.start > at:
        return root(s)
    turn = turn_at(s, terminal, at)
    if turn and turn.part == s.part:
        return Place(names.TURN, [terminal, turn.number], turn.start)
    return Place(names.TERMINAL, terminal, known.start) if _in_this_part(s, known) else root(s)


def _in_this_part(s: State, known: Terminal | Gone) -> bool:
    return isinstance(known, Terminal) or known.part == s.part


def parent_of_delegation(s: State, d: Delegation, at: int) -> Place:
    if d.caller is None or d.caller == d.worker or _loops(s, d.caller, d.worker):
        return root(s)
    return above(s, d.caller, at)


def parent_of_terminal(s: State, t: Terminal) -> Place:
    d = s.delegations.get(t.id)
    if d and d.mode and d.left in {0, s.part}:
        return Place(names.DELEGATION, t.id, called_at(s, d))
    creator = (s.terminals.get(t.creator) or s.gone.get(t.creator)) if t.creator and t.creator != t.id else None
    if creator is None or t.creator is None or creator.start > t.start or _loops(s, t.creator, t.id):
        return root(s)
    return Place(names.TERMINAL, t.creator, creator.start) if _in_this_part(s, creator) else root(s)


def parent_of_send(s: State, m: Message, at: int) -> Place:
    """A prompt hangs under its delegation, a message from outside under the root, others under their sender's doing."""
    d = _prompt_of(s, m)
    if d and d.left in {0, s.part}:
        return Place(names.DELEGATION, d.worker, called_at(s, d))
    return above(s, sender_here(s, m), at)


def _loops(s: State, ancestor: str, terminal: str) -> bool:
    """Whether `terminal` stands above `ancestor`: garbage, which would make the tree a circle.

    A parent never starts later than its child, so a circle can only be of terminals that start at one instant.
    """
    child = s.terminals.get(terminal) or s.gone.get(terminal)
    current: str | None = ancestor
    for _ in range(_DEPTH):
        known = (s.terminals.get(current) or s.gone.get(current)) if current else None
        if known is None or child is None or known.start < child.start:
            return False
        if current == terminal:
            return True
        d = s.delegations.get(current or "")
        current = d.caller if d and d.caller != current else known.creator if known.creator != current else None
    return True
