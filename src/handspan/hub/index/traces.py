"""Strangers' traces (a coding agent's own, any SDK's): a list of their own, and one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from handspan.hub.index import position
from handspan.hub.index.forms import SPAN, known, span
from handspan.hub.index.sessions import BadCursor

if TYPE_CHECKING:
    import sqlite3

_COLUMNS: Final = "SELECT id, trace, name, service, start, end, spans, errors FROM traces"


def listed(connection: sqlite3.Connection, *, limit: int, q: str = "", before: str = "") -> dict[str, Any]:
    """Traces, the newest first. `q` is looked for in names and services."""
    start, last = _cursor(before)
    rows = connection.execute(
        f"{_COLUMNS} WHERE (start, id) < (?, ?) AND instr(lower(COALESCE(name, '') || ' ' || COALESCE(service, '')), ?)"
        " ORDER BY start DESC, id DESC LIMIT ?",
        (start, last, q.lower(), limit + 1),
    ).fetchall()
    more = f"{rows[limit - 1][4]}.{rows[limit - 1][0]}" if len(rows) > limit else None
    return {"position": position(connection), "traces": [_trace(row) for row in rows[:limit]], "next": more}


def detailed(connection: sqlite3.Connection, trace: bytes) -> dict[str, Any] | None:
    """A trace with its spans, or None if there is none of that id."""
    row = connection.execute(f"{_COLUMNS} WHERE trace = ?", (trace,)).fetchone()
    if row is None:
        return None
    spans = connection.execute(f"{SPAN} WHERE s.trace = ? ORDER BY s.start, s.name, s.span", (trace,))
    return {"position": position(connection), "trace": _trace(row), "spans": [span(each) for each in spans]}


def _trace(row: tuple[Any, ...]) -> dict[str, Any]:
    return known({
        "id": row[1].hex(),
        "name": row[2],
        "service": row[3],
        "start": str(row[4]),
        "end": str(row[5]),
        "spans": row[6],
        "errors": row[7],
    })


def _cursor(before: str) -> tuple[int, int]:
    if not before:
        return 2**63 - 1, 2**63 - 1
    try:
        start, last = map(int, before.split("."))
    except ValueError:
        raise BadCursor(f"{before!r} is no place in the list: take `next` of the page before") from None
    return start, last
