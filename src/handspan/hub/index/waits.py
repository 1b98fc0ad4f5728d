"""Who waits for whom, and why, from what is open in a session.

A handoff: its caller waits for the worker. An open assignment: its caller waits too once it has no turn of its own to
work on. A question: its terminal waits for a person. It is told from the outside in: whoever nobody waits for comes
first, and behind it whom it waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

PERSON = "person"
# As many as a screen has lines. A fan-out of hundreds is a picture, not a sentence.
_MOST = 50


class Open(NamedTuple):
    """A span that is open."""

    kind: str
    terminal: str | None
    start: int
    said: Mapping[str, Any]


class Wait(NamedTuple):
    """`terminal` waits for `target`; none: nobody in particular waits, or a person is waited for."""

    terminal: str | None
    target: str | None
    why: str
    since: int


def waits(rows: Iterable[Open]) -> list[Wait]:
    """Every wait there is, the outermost first and each chain in one piece."""
    found = list(_waits(list(rows)))
    waited_for = {wait.target for wait in found if wait.target}
    under: dict[str | None, list[Wait]] = {}
    for wait in sorted(found, key=lambda wait: (wait.since, wait.target or "")):
        under.setdefault(wait.terminal, []).append(wait)
    begin = [wait for wait in found if wait.terminal is None or wait.terminal not in waited_for]
    # In a circle everybody is waited for: it is begun anywhere.
    return _chained(sorted([*begin, *found], key=lambda wait: (wait not in begin, wait.since)), under)[:_MOST]


def _waits(rows: Sequence[Open]) -> Iterator[Wait]:
    at_work = {row.terminal for row in rows if row.kind == names.TURN}
    for row in rows:
        if row.kind == names.WAITING and row.terminal:
            yield Wait(row.terminal, None, PERSON, row.start)
        elif row.kind == names.DELEGATION:
            caller, worker = row.said.get(names.CALLER_TERMINAL), row.said.get(names.TARGET_TERMINAL)
            caller = caller if isinstance(caller, str) else None
            if isinstance(worker, str) and (row.said.get(names.AWAITED) is True or caller not in at_work):
                yield Wait(caller, worker, _mode(row.said), row.start)


def _mode(said: Mapping[str, Any]) -> str:
    mode = said.get(names.TOOL_NAME)
    return mode if isinstance(mode, str) else "step"


def _chained(begin: Sequence[Wait], under: Mapping[str | None, list[Wait]]) -> list[Wait]:
    chained: dict[Wait, None] = {}
    stack = list(reversed(begin))
    while stack:
        wait = stack.pop()
        if wait not in chained:
            chained[wait] = None
            stack += reversed(under.get(wait.target, []) if wait.target else [])
    return list(chained)
