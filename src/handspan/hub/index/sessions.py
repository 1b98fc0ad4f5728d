"""What a page asks about sessions: the list, one of them, and what has changed since."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from handspan.hub.index import position
from handspan.hub.index.arrows import arrows
from handspan.hub.index.entries import dumped
from handspan.hub.index.forms import LOG, SPAN, continuations, log, span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

# Whoever has missed more than this is faster with everything anew. A part has 4,000 spans at most.
MOST_CHANGES: Final = 4_000
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({"spans": [], "gone": [], "arrows": [], "states": {}})


class BadCursor(ValueError):
    """A place in a list that no list has given."""


def listed(
    connection: sqlite3.Connection, *, limit: int, state: str = "", agent: str = "", q: str = "", after: str = ""
) -> dict[str, Any]:
    """Sessions, the worst first, then the last heard of. `q` is looked for in names, ids, sources and agents."""
    conditions: dict[str, tuple[object, ...]] = {"summary <> ''": ()}
    if state:
        conditions["state = ?"] = (state,)
    if agent:
        conditions["instr(agents, ?) > 0"] = (dumped(agent),)
    for word in q.casefold().split():
        # A condition for each word: the same text twice says nothing more.
        conditions[f"instr(words, ?{'':{len(conditions)}}) > 0"] = (word,)
    if after:
        conditions["(rank, oldness, id) > (?, ?, ?)"] = _cursor(after)
    rows = connection.execute(
        f"SELECT rank, oldness, id, summary FROM sessions WHERE {' AND '.join(conditions)}"  # noqa: S608 # ours alone
        " ORDER BY rank, oldness, id LIMIT ?",
        (*(value for values in conditions.values() for value in values), limit + 1),
    ).fetchall()
    return {
        "position": position(connection),
        "sessions": [json.loads(row[3]) for row in rows[:limit]],
        "next": ".".join(map(str, rows[limit - 1][:3])) if len(rows) > limit else None,
    }


def _cursor(after: str) -> tuple[int, ...]:
    try:
        rank, oldness, session = map(int, after.split("."))
    except ValueError:
        raise BadCursor(f"{after!r} is no place in the list: take `next` of the page before") from None
    return rank, oldness, session


def detailed(connection: sqlite3.Connection, uid: str) -> dict[str, Any] | None:
    """All that a session's page shows, or None if there is no such session."""
    found = _session(connection, uid)
    if found is None:
        return None
    session, summary = found
    rows = connection.execute(f"{SPAN} WHERE s.session = ? AND NOT s.gone ORDER BY s.start, s.name, s.span", (session,))
    spans = [span(row) for row in rows]
    return {
        "position": position(connection),
        "session": summary,
        "spans": spans,
        "arrows": [*arrows(connection, session, -1), *continuations(spans)],
        "states": _states(connection, session),
    }


def summaries(connection: sqlite3.Connection, uids: list[str]) -> list[dict[str, Any]]:
    found = (_session(connection, uid) for uid in uids)
    return [each[1] for each in found if each]


def logs(connection: sqlite3.Connection, uid: str, *, limit: int, before: str = "") -> dict[str, Any] | None:
    """A session's log events, the newest first, or None if there is no such session."""
    found = _session(connection, uid)
    if found is None:
        return None
    at, last = _log_cursor(before)
    rows = connection.execute(
        f"{LOG} WHERE l.session = ? AND (l.at, l.id) < (?, ?) ORDER BY l.at DESC, l.id DESC LIMIT ?",
        (found[0], at, last, limit + 1),
    ).fetchall()
    more = f"{rows[limit - 1][1]}.{rows[limit - 1][0]}" if len(rows) > limit else None
    return {"logs": [log(row) for row in rows[:limit]], "next": more}


def _log_cursor(before: str) -> tuple[int, int]:
    if not before:
        return 2**63 - 1, 2**63 - 1
    try:
        at, last = map(int, before.split("."))
    except ValueError:
        raise BadCursor(f"{before!r} is no place in the list: take `next` of the page before") from None
    return at, last


def changes(connection: sqlite3.Connection, uid: str | None, after: int) -> dict[str, Any] | None:
    """What has changed after a position, or None if it is so much that a page had better begin anew."""
    rows = connection.execute(
        "SELECT summary FROM sessions WHERE changed > ? AND summary <> '' LIMIT ?", (after, MOST_CHANGES + 1)
    ).fetchall()
    now = position(connection)
    if len(rows) > MOST_CHANGES or after > now:
        return None
    session = _session(connection, uid) if uid else None
    within = _within(connection, session[0], after) if session else _NOTHING
    if within is None:
        return None
    return {"position": now, "sessions": [json.loads(row[0]) for row in rows], **within}


def _within(connection: sqlite3.Connection, session: int, after: int) -> Mapping[str, Any] | None:
    rows = connection.execute(
        f"{SPAN} WHERE s.session = ? AND s.changed > ? AND NOT s.gone ORDER BY s.start, s.name, s.span LIMIT ?",
        (session, after, MOST_CHANGES + 1),
    ).fetchall()
    if len(rows) > MOST_CHANGES:
        return None
    spans = [span(row) for row in rows]
    gone = connection.execute(
        "SELECT span FROM spans WHERE session = ? AND changed > ? AND gone ORDER BY id", (session, after)
    )
    return {
        "spans": spans,
        "gone": [row[0].hex() for row in gone],
        "arrows": [*arrows(connection, session, after), *continuations(spans)],
        "states": _states(connection, session) if spans else {},
    }


def _session(connection: sqlite3.Connection, uid: str) -> tuple[int, dict[str, Any]] | None:
    row = connection.execute("SELECT id, summary FROM sessions WHERE uid = ? AND summary <> ''", (uid,)).fetchone()
    return (row[0], json.loads(row[1])) if row else None


def _states(connection: sqlite3.Connection, session: int) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    rows = connection.execute("SELECT terminal, at, status FROM states WHERE session = ? ORDER BY at", (session,))
    for terminal, at, status in rows:
        found.setdefault(terminal, []).append({"at": str(at), "status": status})
    return found
