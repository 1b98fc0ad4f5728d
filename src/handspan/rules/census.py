"""What is open in a session, for gauges. Its age is by the clock: a session's own time stands still between ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from handspan import names
from handspan.rules.relations import called_at, delegation_end, end_of, spells
from handspan.rules.stuck import last_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.rules.memory import State, Terminal

_UNKNOWN = "unknown"


class Found(NamedTuple):
    """One thing that is open, as a gauge counts it; of those in seconds the oldest counts."""

    gauge: str
    labels: dict[str, str]
    value: float


def census(s: State, now: int) -> Iterator[Found]:
    """All that is open in a session."""
    yield Found(names.SESSIONS, {"source": s.source}, 1)
    for t in s.terminals.values():
        if end_of(s, t) is None:
            yield from _terminal(s, t, now)
    for d in s.delegations.values():
        if d.mode and not d.left and delegation_end(s, d) is None:
            yield Found(names.DELEGATIONS_OPEN, {"mode": d.mode}, 1)
            yield Found(names.DELEGATION_OLDEST, {"mode": d.mode}, _seconds(now - called_at(s, d)))


def _terminal(s: State, t: Terminal, now: int) -> Iterator[Found]:
    agent = t.agent or _UNKNOWN
    labels = {"source": s.source, "agent": agent, "cli": t.cli or _UNKNOWN, "status": last_status(t)}
    yield Found(names.TERMINALS, labels, 1)
    for spell in spells(t, None):
        if spell.kind == names.WAITING and spell.end is None:
            yield Found(names.WAITING_NOW, {"agent": agent}, 1)
            yield Found(names.WAITING_OLDEST, {"agent": agent}, _seconds(now - spell.start))
    if t.stuck is not None:
        yield Found(names.AGENTS_STUCK, {"agent": agent}, 1)


def _seconds(nanoseconds: int) -> float:
    return max(0, nanoseconds) / 1_000_000_000
