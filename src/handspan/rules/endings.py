"""A session ends, and everything that is still open in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.rules import openings, telling
from handspan.rules.leaving import do_marker, leave_delegation, leave_terminal
from handspan.rules.memory import End
from handspan.rules.messages import give_up
from handspan.rules.relations import delegation_end, end_of

if TYPE_CHECKING:
    from handspan.rules.desk import Desk

# Of several ends that were said of one thing the strongest counts: a report before a look, a cause before "gone".
_STRENGTH = {
    reason: strength
    for strength, reason in enumerate((
        "completed",
        "killed",
        "replaced",
        "failed",
        "exited",
        "vanished",
        "empty",
        "idle",
        "unknown",
    ))
}


def end_session(desk: Desk, end: End) -> None:
    s = desk.s
    # Said long after the fact, an end can't lie before what has settled.
    settled = max((t.phase.at for t in s.terminals.values() if t.phase), default=0)
    s.end = stronger(s.end, replace(end, at=max(end.at, settled)))
    desk.plan(max(s.end.at, end.noticed) + s.rules.settle, "session", "")
    desk.touch_everything()


def do_idle(desk: Desk, key: str) -> None:
    s = desk.s
    if s.rules.idle_after is None or s.end:
        return
    if s.sign + s.rules.idle_after > s.now:
        desk.plan(s.sign + s.rules.idle_after, "idle", key)
    else:
        end_session(desk, End(at=max(s.sign, s.cut or 0), reason="idle", noticed=s.now, looked=True))


def do_session(desk: Desk, key: str) -> None:
    s = desk.s
    assert s.end is not None
    settled = max(s.end.at, s.end.noticed) + s.rules.settle
    if settled > s.now:
        desk.plan(settled, "session", key)
        return
    desk.closing = True
    do_marker(desk, "")
    for t in list(s.terminals.values()):
        end = end_of(s, t)
        assert end is not None
        do_marker(desk, t.id)
        leave_terminal(desk, t, end)
    for m in list(s.messages.values()):
        give_up(desk, m)
    for d in list(s.delegations.values()):
        ended = delegation_end(s, d)
        if d.mode and not d.left and ended:
            leave_delegation(desk, d, *ended)
    desk.touched_session = True
    desk.tell()
    piece = openings.session_piece(s)
    if piece.error:
        s.totals.errors += 1
    piece.attributes.update(telling.session_totals(s))
    desk.leave(piece, s.notes, counted=True)
    desk.count(names.SESSIONS_ENDED, source=s.source, reason=s.end.reason)
    s.over = True


def stronger(known: End | None, said: End) -> End:
    if known is None:
        return said
    first, second = sorted((known, said), key=_strength)
    return replace(
        first,
        exit_code=second.exit_code if first.exit_code is None else first.exit_code,
        error=first.error or second.error,
    )


def _strength(end: End) -> tuple[Any, ...]:
    return (end.looked, _STRENGTH[end.reason], end.at, end.noticed, end.exit_code or 0, end.error or "")
