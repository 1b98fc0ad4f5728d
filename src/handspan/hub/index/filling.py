"""Fills the index from the record: one transaction for each group of entries, with its position.

Whatever the order in which facts arrive, and however often, the rows come to the same: a span is taken once and beats
every word said of it before; log events are known by their uid; what a span's log events come to is worked out anew
from all of them (openings.py), and so is a session's row (summary.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from handspan import names
from handspan.hub.index import messages, openings, summary
from handspan.hub.index.entries import Unreadable, dumped, facts_of, number, text
from handspan.hub.index.words import words_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from handspan.hub.index.entries import LogFact, Resource, Said, SpanFact
    from handspan.hub.record import Entry

    Key = tuple[bytes, bytes]

_KINDS: Final = (names.SESSION, names.TERMINAL, names.BOOT, names.TURN, names.WAITING, names.DELEGATION)
_OPENINGS: Final = {names.started(kind): kind for kind in _KINDS}
_ENDINGS: Final = {names.ended(kind): kind for kind in _KINDS}
_OF_MESSAGES: Final = {names.MESSAGE_SENT, names.MESSAGE_RECEIVED, names.MESSAGE_UNDELIVERED}
# A producer that is away for an hour does not push every hour.
_LONGEST_GAP: Final = 600_000_000_000

_SPAN: Final = """
INSERT INTO spans (trace, span, session, kind, name, parent, terminal, agent, start, end, final, outcome, error, said,
    events, links, dropped, dropped_links, resource, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace, span, ours) DO UPDATE SET kind = excluded.kind, name = excluded.name, parent = excluded.parent,
    terminal = excluded.terminal, agent = excluded.agent, start = excluded.start, end = excluded.end, final = 1,
    gone = 0, outcome = excluded.outcome, error = excluded.error, said = excluded.said, events = excluded.events,
    links = excluded.links, dropped = excluded.dropped, dropped_links = excluded.dropped_links,
    resource = excluded.resource, changed = excluded.changed
WHERE NOT final AND session IS excluded.session
RETURNING id
"""
_OPEN_SPAN: Final = """
INSERT INTO spans (trace, span, session, kind, name, parent, terminal, agent, start, end, final, gone, outcome, error,
    said, resource, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace, span, ours) DO UPDATE SET kind = excluded.kind, name = excluded.name, parent = excluded.parent,
    terminal = excluded.terminal, agent = excluded.agent, start = excluded.start, end = excluded.end,
    gone = excluded.gone, outcome = excluded.outcome, error = excluded.error, said = excluded.said,
    resource = excluded.resource, changed = excluded.changed
WHERE NOT final
"""
_LOG: Final = """
INSERT OR IGNORE INTO logs (uid, session, trace, span, name, at, severity, body, said, resource, changed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_TRACE: Final = """
INSERT INTO traces (trace, name, service, start, end, spans, errors, changed) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
ON CONFLICT (trace) DO UPDATE SET name = COALESCE(excluded.name, name), service = COALESCE(service, excluded.service),
    start = min(start, excluded.start), end = max(end, excluded.end), spans = spans + 1,
    errors = errors + excluded.errors, changed = excluded.changed
"""
_HEARD: Final = """
INSERT INTO instances (name, heard) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET heard = max(heard, excluded.heard)
"""
_PUSHED: Final = """
INSERT INTO instances (name, heard, pushed) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET
    heard = max(heard, excluded.heard),
    gap = CASE WHEN excluded.pushed > pushed THEN min(excluded.pushed - pushed, ?) ELSE gap END,
    pushed = max(COALESCE(pushed, 0), excluded.pushed)
"""
# What log events come to as long as the span has not left.
_TOLD_OF_SPAN: Final = """
SELECT id, name, at, said, session, resource FROM logs WHERE trace = ? AND span = ? AND session IS NOT NULL ORDER BY id
"""


class Filling:
    """One group of entries on its way into the tables, within a transaction."""

    def __init__(self, connection: sqlite3.Connection, position: int) -> None:
        self._do = connection.execute
        self._connection = connection
        self._position = position
        self._resources: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._parts: set[bytes] = set()
        # What has to be worked out anew.
        self._told: set[Key] = set()
        self._signs: dict[int, int] = {}

    def take(self, entries: Sequence[Entry]) -> None:
        """Put entries into the tables, and bring up to date what is made of them."""
        for entry in entries:
            self._take(entry)
        for key in sorted(self._told):
            self._work_out(key)
        for session, sign in self._signs.items():
            self._do("UPDATE sessions SET last_sign = max(last_sign, ?) WHERE id = ?", (sign, session))
            summary.refresh(self._connection, session, self._position)
        self._do("INSERT OR REPLACE INTO meta VALUES ('position', ?)", (self._position,))

    def skip(self, reason: str) -> None:
        """Count what can't be kept."""
        self._do("INSERT INTO skipped VALUES (?, 1) ON CONFLICT (reason) DO UPDATE SET number = number + 1", (reason,))

    def _take(self, entry: Entry) -> None:
        try:
            facts = facts_of(entry)
        except Unreadable:
            self.skip(f"unreadable {entry.kind}")
            return
        for instance in sorted(facts.instances):
            self._hear(instance, entry)
        for span in facts.spans:
            self._take_span(span)
        for log in facts.logs:
            self._take_log(log)
        for reason in facts.skipped:
            self.skip(reason)

    def _hear(self, instance: str, entry: Entry) -> None:
        if entry.kind == "metrics":
            self._do(_PUSHED, (instance, entry.at, entry.at, _LONGEST_GAP))
        else:
            self._do(_HEARD, (instance, entry.at))
        if self._do("UPDATE instances SET silent = 0 WHERE name = ? AND silent", (instance,)).rowcount:
            for (session,) in self._do(
                "SELECT id FROM sessions WHERE instance = ? AND NOT over", (instance,)
            ).fetchall():
                self._touch(session, 0)

    # --- spans ---

    def _take_span(self, span: SpanFact) -> None:
        session = None if span.session is None else self._session(span.session, span.resource, span.trace)
        row = (
            *(span.trace, span.id, session, span.kind, span.name, span.parent),
            *(text(span.said, names.TERMINAL_ID), text(span.said, names.AGENT_NAME), span.start, span.end),
            *(_outcome(span.said), span.error, dumped(span.said), _listed(span.events), _listed(span.links)),
            *(span.dropped, span.dropped_links, self._resource(span.resource), self._position),
        )
        taken = self._do(_SPAN, row).fetchone()
        if taken is None:
            return
        words = words_of(span.kind, span.name, span.said, span.resource.service, ours=session is not None)
        if words:
            self._do("INSERT INTO words (rowid, text) VALUES (?, ?)", (taken[0], words))
        if session is None:
            self._count_in_trace(span)
        else:
            self._touch(session, span.end)
            messages.take_span(self._do, session, span, self._position)
            if span.kind == names.SESSION:
                self._close(span)

    def _count_in_trace(self, span: SpanFact) -> None:
        name = span.name if span.parent is None else None
        self._do(
            _TRACE,
            (span.trace, name, span.resource.service, span.start, span.end, span.error is not None, self._position),
        )

    def _close(self, root: SpanFact) -> None:
        """Everything leaves before its root does: what has not left by then was taken back, or never will."""
        part = number(root.said, names.PART) or 1
        self._do("UPDATE parts SET closed = 1, part = ? WHERE trace = ?", (part, root.trace))
        self._do(
            "UPDATE spans SET gone = 1, changed = ? WHERE trace = ? AND NOT final AND NOT gone",
            (self._position, root.trace),
        )

    # --- log events ---

    def _take_log(self, log: LogFact) -> None:
        session = None if log.session is None else self._session(log.session, log.resource, log.trace)
        row = (
            *(log.uid, session, log.trace, log.span, log.name, log.at, log.severity, log.body, dumped(log.said)),
            *(self._resource(log.resource), self._position),
        )
        if not self._do(_LOG, row).rowcount or session is None:
            return
        self._touch(session, log.at)
        if log.trace is not None and log.span is not None:
            if log.name in _OPENINGS or log.name in _ENDINGS:
                self._told.add((log.trace, log.span))
            elif log.name in _OF_MESSAGES:
                messages.take_log(self._do, session, log, self._position)
        self._take_state(session, log)

    def _take_state(self, session: int, log: LogFact) -> None:
        terminal = text(log.said, names.TERMINAL_ID)
        status = text(log.said, names.STATUS)
        if terminal is None:
            return
        if log.name == names.STATUS_CHANGED and status:
            self._do("INSERT OR IGNORE INTO states VALUES (?, ?, ?, ?)", (session, terminal, log.at, status))
        elif log.name in {names.STUCK, names.UNSTUCK}:
            since = log.at - _nanoseconds(log.said) if log.name == names.STUCK else None
            self._do(
                "INSERT INTO stuck VALUES (?, ?, ?, ?) ON CONFLICT (session, terminal)"
                " DO UPDATE SET at = excluded.at, since = excluded.since WHERE excluded.at >= at",
                (session, terminal, log.at, since),
            )

    def _work_out(self, key: Key) -> None:
        """The row of a span that has not left, from all that its log events say."""
        told = self._do(_TOLD_OF_SPAN, key).fetchall()
        tellings = {row[0]: openings.Telling(row[0], row[2], json.loads(row[3])) for row in told}
        standing = openings.standing(
            [tellings[row[0]] for row in told if row[1] in _OPENINGS],
            [tellings[row[0]] for row in told if row[1] in _ENDINGS],
        )
        if standing is None:
            taken_back = (
                "UPDATE spans SET gone = 1, changed = ? WHERE trace = ? AND span = ? AND NOT final AND NOT gone"
            )
            self._do(taken_back, (self._position, *key))
            return
        opening = next(row for row in told if row[0] == standing.opening.arrived)
        self._write_open(key, _OPENINGS[opening[1]], opening[4], opening[5], standing)

    def _write_open(self, key: Key, kind: str, session: int, resource: int, standing: openings.Standing) -> None:
        said = standing.opening.said
        end = standing.ending
        over: Said = end.said if end else {}
        start = number(said, names.SPAN_START)
        (closed,) = self._do("SELECT closed FROM parts WHERE trace = ?", key[:1]).fetchone()
        part = number(said, names.PART)
        if kind == names.SESSION and part is not None:
            self._do("UPDATE parts SET part = ? WHERE trace = ?", (part, key[0]))
        row = (
            *(*key, session, kind, text(said, names.SPAN_NAME) or kind, _id(said, names.PARENT_SPAN_ID)),
            *(text(said, names.TERMINAL_ID), text(said, names.AGENT_NAME)),
            *(standing.opening.at if start is None else start, end.at if end else None, closed),
            *(_outcome(over), text(over, names.ERROR_TYPE), dumped({**said, **over}), resource, self._position),
        )
        self._do(_OPEN_SPAN, row)

    # --- whose ---

    def _session(self, uid: str, resource: Resource, trace: bytes | None) -> int:
        known = self._sessions.get(uid)
        if known is None:
            self._do("INSERT OR IGNORE INTO sessions (uid, instance) VALUES (?, ?)", (uid, resource.instance))
            (known,) = self._do("SELECT id FROM sessions WHERE uid = ?", (uid,)).fetchone()
            self._sessions[uid] = known
        if trace is not None and trace not in self._parts:
            self._parts.add(trace)
            self._do("INSERT OR IGNORE INTO parts (trace, session) VALUES (?, ?)", (trace, known))
        return known

    def _touch(self, session: int, sign: int) -> None:
        self._signs[session] = max(sign, self._signs.get(session, 0))

    def _resource(self, resource: Resource) -> int:
        said = resource.said
        known = self._resources.get(said)
        if known is None:
            self._do("INSERT OR IGNORE INTO resources (said) VALUES (?)", (said,))
            (known,) = self._do("SELECT id FROM resources WHERE said = ?", (said,)).fetchone()
            self._resources[said] = known
        return known


def _listed(several: list[dict[str, Any]]) -> str:
    # Most spans have neither events nor links.
    return dumped(several) if several else "[]"


def _outcome(said: Said) -> str | None:
    outcomes = (names.DELEGATION_OUTCOME, names.TURN_OUTCOME, names.END_REASON, names.OUTCOME)
    return next((found for name in outcomes if (found := text(said, name))), None)


def _id(said: Said, name: str) -> bytes | None:
    try:
        return bytes.fromhex(text(said, name) or "") or None
    except ValueError:
        return None


def _nanoseconds(said: Said) -> int:
    value: Any = said.get(names.STUCK_FOR)
    is_time = isinstance(value, int | float) and 0 <= value < 10**9
    return round(value * 1_000_000_000) if is_time else 0
