"""One row for each session, kept current: what a list of sessions shows, and in which order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from handspan import names
from handspan.hub.index.entries import dumped, number, text
from handspan.hub.index.waits import PERSON, Open, waits

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from handspan.hub.index.waits import Wait

# Worst first.
STATES: Final = ("waiting", "stuck", "silent", "failed", "running", "ended")
_RANKS: Final = {state: rank for rank, state in enumerate(STATES)}
CONTINUED: Final = "continued"


class _Root(NamedTuple):
    start: int
    end: int | None
    outcome: str | None
    error: str | None
    said: Mapping[str, Any]

    @property
    def part(self) -> int:
        return number(self.said, names.PART) or 1


class _Terminal(NamedTuple):
    id: str
    agent: str | None
    start: int
    end: int | None
    said: Mapping[str, Any]


class _Session(NamedTuple):
    """All that a summary is made of."""

    uid: str
    instance: str | None
    last_sign: int
    silent: bool
    demo: bool
    messages: int
    parts: int
    # The last part's comes last.
    roots: Sequence[_Root]
    terminals: Sequence[_Terminal]
    open: Sequence[Open]
    stuck: Mapping[str, int]

    @property
    def over(self) -> _Root | None:
        """The root of the last part, if the session is over."""
        last = self.roots[-1] if self.roots else None
        return last if last and last.end is not None and last.outcome != CONTINUED else None


def refresh(connection: sqlite3.Connection, session: int, position: int) -> None:
    """Write a session's row anew from all that is known of it."""
    known = _look_up(connection, session)
    summary = _summary(known)
    said = dumped(summary)
    connection.execute(
        "UPDATE sessions SET over = ?, rank = ?, oldness = ?, state = ?, agents = ?, words = ?, summary = ?,"
        " changed = ? WHERE id = ? AND summary <> ?",
        (
            known.over is not None,
            _RANKS[summary["state"]],
            -known.last_sign,
            summary["state"],
            dumped(summary["agents"]),
            _words(summary),
            said,
            position,
            session,
            said,
        ),
    )


def _words(summary: Mapping[str, Any]) -> str:
    said = (summary["name"], summary["id"], summary["source"], *summary["agents"])
    return "\n".join(word.casefold() for word in said)


# --- looking up ------------------------------------------------------------------------------------------------------


def _look_up(connection: sqlite3.Connection, session: int) -> _Session:
    uid, instance, last_sign = connection.execute(
        "SELECT uid, instance, last_sign FROM sessions WHERE id = ?", (session,)
    ).fetchone()
    silent = connection.execute("SELECT silent FROM instances WHERE name = ?", (instance,)).fetchone()
    (demo,) = connection.execute("SELECT value FROM meta WHERE name = 'demo'").fetchone()
    (messages,) = connection.execute("SELECT count(*) FROM messages WHERE session = ?", (session,)).fetchone()
    (parts,) = connection.execute("SELECT count(*) FROM parts WHERE session = ?", (session,)).fetchone()
    roots = connection.execute(
        "SELECT start, end, outcome, error, said FROM spans WHERE session = ? AND kind = 'session' AND NOT gone",
        (session,),
    )
    terminals = connection.execute(
        "SELECT terminal, agent, start, end, said FROM spans"
        " WHERE session = ? AND kind = 'terminal' AND NOT gone ORDER BY start, id",
        (session,),
    )
    going_on = connection.execute(
        "SELECT kind, terminal, start, said FROM spans WHERE session = ? AND end IS NULL AND NOT gone", (session,)
    )
    stuck = connection.execute("SELECT terminal, since FROM stuck WHERE session = ? AND since IS NOT NULL", (session,))
    return _Session(
        uid=uid,
        instance=instance,
        last_sign=last_sign,
        silent=bool(silent and silent[0]),
        demo=bool(demo),
        messages=messages,
        parts=parts,
        roots=sorted(
            (_Root(start, end, outcome, error, json.loads(said)) for start, end, outcome, error, said in roots),
            key=lambda root: root.part,
        ),
        terminals=[
            _Terminal(name or "", agent, start, end, json.loads(said)) for name, agent, start, end, said in terminals
        ],
        open=[Open(kind, terminal, start, json.loads(said)) for kind, terminal, start, said in going_on],
        stuck=dict(stuck.fetchall()),
    )


# --- writing ---------------------------------------------------------------------------------------------------------


def _summary(known: _Session) -> dict[str, Any]:
    agents = {terminal.id: terminal.agent or "unknown" for terminal in known.terminals}
    alive = {terminal.id for terminal in known.terminals if terminal.end is None}
    over = known.over
    found = [] if over else waits(known.open)
    stuck = {} if over else {terminal: since for terminal, since in known.stuck.items() if terminal in alive}
    waiting = sorted((wait for wait in found if wait.why == PERSON), key=lambda wait: wait.since)
    summary = {
        "id": known.uid,
        **_about(known),
        "state": _state(known, waiting, stuck),
        "start": str(_start(known)),
        "end": str(over.end) if over else None,
        "last_sign": str(known.last_sign),
        "agents": sorted({*agents.values()}),
        "terminals": len(agents),
        "open_terminals": 0 if over else len(alive),
        "messages": known.messages,
        "waiting": [_who(wait.terminal, agents) | {"since": str(wait.since)} for wait in waiting],
        "stuck": [_who(terminal, agents) | {"since": str(since)} for terminal, since in sorted(stuck.items())],
        **(_end(over) if over else {}),
        "sentence": [_clause(wait, agents) for wait in found],
        "attach": _attach(known, waiting),
        "parts": max(1, known.parts),
        "demo": True if known.demo else None,
    }
    return {name: value for name, value in summary.items() if value is not None}


def _about(known: _Session) -> dict[str, Any]:
    told = [root.said for root in known.roots] or [terminal.said for terminal in known.terminals]
    said: Mapping[str, Any] = told[-1] if told else {}
    return {
        "name": text(said, names.SESSION_NAME) or known.uid,
        "kind": "workflow" if names.WORKFLOW_NAME in said else "session",
        "source": text(said, names.SOURCE) or "",
        "instance": known.instance or "",
    }


def _state(known: _Session, waiting: Sequence[Wait], stuck: Mapping[str, int]) -> str:
    if known.over:
        return "failed" if known.over.error else "ended"
    if waiting:
        return "waiting"
    if stuck:
        return "stuck"
    return "silent" if known.silent else "running"


def _start(known: _Session) -> int:
    starts = [root.start for root in known.roots] + [terminal.start for terminal in known.terminals]
    return min(starts, default=known.last_sign)


def _end(over: _Root) -> dict[str, Any]:
    return {"reason": over.outcome or "unknown", "error": text(over.said, names.ERROR_TEXT) or over.error}


def _who(terminal: str | None, agents: Mapping[str, str]) -> dict[str, Any]:
    return {} if terminal is None else {"terminal": terminal, "agent": agents.get(terminal, "unknown")}


def _clause(wait: Wait, agents: Mapping[str, str]) -> dict[str, Any]:
    clause = _who(wait.terminal, agents)
    if wait.target:
        clause["for"] = wait.target
        if wait.target in agents:
            clause["for_agent"] = agents[wait.target]
    return clause | {"why": wait.why, "since": str(wait.since)}


def _attach(known: _Session, waiting: Sequence[Wait]) -> str | None:
    """The tmux session to go to: of the terminal that waits, else of any that is open."""
    first = [wait.terminal for wait in waiting]
    alive = [terminal for terminal in known.terminals if terminal.end is None]
    alive.sort(key=lambda terminal: terminal.id not in first)
    return next((found for terminal in alive if (found := text(terminal.said, names.TMUX_SESSION))), None)
