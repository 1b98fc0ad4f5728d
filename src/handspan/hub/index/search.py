"""Search: sessions by name, messages and spans by their words, the newest first. Nothing is ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from handspan import names
from handspan.hub.index import position, sessions
from handspan.hub.index.forms import SPAN, span

if TYPE_CHECKING:
    import sqlite3

_FOUND: Final = (
    SPAN.replace(" FROM spans s ", ", f.uid FROM words w CROSS JOIN spans s ON s.id = w.rowid ")
    + " LEFT JOIN sessions f ON f.id = s.session WHERE w.words MATCH ? AND {which} ORDER BY w.rowid DESC LIMIT ?"
)


def searched(connection: sqlite3.Connection, q: str, limit: int) -> dict[str, Any]:
    """What has all the words of `q`, or words that begin with them."""
    found: dict[str, Any] = {
        "position": position(connection),
        "sessions": sessions.listed(connection, limit=limit, q=q)["sessions"] if q.split() else [],
    }
    return {
        **found,
        "messages": _spans(connection, q, limit, f"s.kind = '{names.SEND}'"),
        "spans": _spans(connection, q, limit, f"s.kind <> '{names.SEND}'"),
    }


def _spans(connection: sqlite3.Connection, q: str, limit: int, which: str) -> list[dict[str, Any]]:
    words = [f'"{word}"*' for word in q.replace('"', " ").replace("\0", " ").split()]
    if not words:
        return []
    rows = connection.execute(_FOUND.format(which=which), (" ".join(words), limit))
    return [span(row) | ({"session": row[16]} if row[16] else {}) for row in rows]
