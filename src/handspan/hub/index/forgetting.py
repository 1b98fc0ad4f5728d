"""What the record no longer holds goes from the index too: it keeps nothing that could not be filled in again.

A session goes as a whole, when nothing of it has come since the record's beginning; so does a stranger's trace.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from handspan.hub.index.words import words_of

if TYPE_CHECKING:
    import sqlite3

# In one transaction, so that what arrives does not wait for it: a part of a session has 4,000 spans.
_SESSIONS: Final = 5
_TRACES: Final = 500
_LOGS: Final = 5_000

_OF_A_SESSION: Final = ("spans", "messages", "states", "stuck", "logs")
_WORDS: Final = (
    "SELECT s.id, s.kind, s.name, s.said, r.said FROM spans s JOIN resources r ON r.id = s.resource"
    " WHERE s.final AND s.{key} = ? AND s.ours = ?"
)
_STRANGERS_LOGS: Final = "SELECT id FROM logs WHERE session IS NULL AND changed < ? LIMIT ?"


def forget(connection: sqlite3.Connection, first: int) -> bool:
    """Forget some of what came before `first`; returns whether there may be more."""
    sessions = connection.execute("SELECT id FROM sessions WHERE changed < ? LIMIT ?", (first, _SESSIONS)).fetchall()
    for (session,) in sessions:
        _forget_session(connection, session)
    traces = connection.execute("SELECT trace FROM traces WHERE changed < ? LIMIT ?", (first, _TRACES)).fetchall()
    for (trace,) in traces:
        _forget_words(connection, "trace", trace, ours=False)
        connection.execute("DELETE FROM spans WHERE trace = ? AND NOT ours", (trace,))
        connection.execute("DELETE FROM traces WHERE trace = ?", (trace,))
    logs = connection.execute(f"DELETE FROM logs WHERE id IN ({_STRANGERS_LOGS})", (first, _LOGS))  # noqa: S608 # ours
    return bool(len(sessions) == _SESSIONS or len(traces) == _TRACES or logs.rowcount == _LOGS)


def _forget_session(connection: sqlite3.Connection, session: int) -> None:
    _forget_words(connection, "session", session, ours=True)
    connection.execute("DELETE FROM links WHERE to_trace IN (SELECT trace FROM parts WHERE session = ?)", (session,))
    for table in (*_OF_A_SESSION, "parts"):
        connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608 # one of ours
    connection.execute("DELETE FROM sessions WHERE id = ?", (session,))


def _forget_words(connection: sqlite3.Connection, key: str, value: object, *, ours: bool) -> None:
    # An index of words without the words has to be told them again.
    for row, kind, name, said, resource in connection.execute(_WORDS.format(key=key), (value, ours)).fetchall():
        words = words_of(kind, name, json.loads(said), _service(resource), ours=ours)
        if words:
            connection.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (row, words))


def _service(resource: str) -> str | None:
    said: dict[str, Any] = json.loads(resource)
    service = said.get("service.name")
    return service if isinstance(service, str) else None
