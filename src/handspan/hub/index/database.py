"""The index's tables. All is derived from the record: a file that can't be used is thrown away and filled again."""

from __future__ import annotations

import os
import re
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# "HSix", so that a file of another program's is known as one.
_APPLICATION = 0x48536978
VERSION = 1

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE resources (id INTEGER PRIMARY KEY, said TEXT NOT NULL UNIQUE);
-- Who pushes metrics, when something of it last came, and how often they come.
CREATE TABLE instances (
    name TEXT PRIMARY KEY, heard INTEGER NOT NULL, pushed INTEGER, gap INTEGER, silent INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
-- `changed` is everywhere the position of the group of entries that last changed the row.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    instance TEXT,
    last_sign INTEGER NOT NULL DEFAULT 0,
    over INTEGER NOT NULL DEFAULT 0,
    -- Worst first, then what was heard of last: `oldness` is the last sign's negative.
    rank INTEGER NOT NULL DEFAULT 9,
    oldness INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT '',
    agents TEXT NOT NULL DEFAULT '',
    words TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '',
    changed INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_worst_first ON sessions (rank, oldness, id);
CREATE INDEX sessions_by_change ON sessions (changed);
CREATE INDEX sessions_of_instance ON sessions (instance) WHERE NOT over;
-- The traces of a session. Once its root has left, what has no span by then is nothing.
CREATE TABLE parts (
    trace BLOB PRIMARY KEY, session INTEGER NOT NULL, part INTEGER NOT NULL DEFAULT 1, closed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX parts_of_session ON parts (session);
CREATE TABLE spans (
    id INTEGER PRIMARY KEY,
    trace BLOB NOT NULL,
    span BLOB NOT NULL,
    session INTEGER,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    parent BLOB,
    terminal TEXT,
    agent TEXT,
    start INTEGER NOT NULL,
    end INTEGER,
    final INTEGER NOT NULL,
    gone INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    error TEXT,
    said TEXT NOT NULL,
    events TEXT NOT NULL DEFAULT '[]',
    links TEXT NOT NULL DEFAULT '[]',
    dropped INTEGER NOT NULL DEFAULT 0,
    dropped_links INTEGER NOT NULL DEFAULT 0,
    resource INTEGER,
    changed INTEGER NOT NULL,
    -- Whatever ids a stranger makes up, its spans take no place of ours.
    ours INTEGER NOT NULL AS (session IS NOT NULL) STORED,
    UNIQUE (trace, span, ours)
);
CREATE INDEX spans_of_session ON spans (session, changed) WHERE session IS NOT NULL;
CREATE INDEX spans_open ON spans (session, kind) WHERE end IS NULL AND NOT gone;
CREATE INDEX spans_not_final ON spans (trace) WHERE NOT final;
CREATE INDEX spans_terminals ON spans (session, start) WHERE kind = 'terminal';
CREATE INDEX spans_roots ON spans (session) WHERE kind = 'session';
-- Foreign spans are joined to turns by time.
CREATE INDEX spans_foreign ON spans (start) WHERE session IS NULL;
-- From turns to the messages that started them.
CREATE TABLE links (
    trace BLOB, span BLOB, type TEXT, to_trace BLOB, to_span BLOB, PRIMARY KEY (to_trace, to_span, trace, span, type)
) WITHOUT ROWID;
-- One row per `send`. A column is filled by the one fact that knows it, so that their order makes no difference.
CREATE TABLE messages (
    trace BLOB,
    span BLOB,
    session INTEGER NOT NULL,
    sent_said TEXT,
    sent INTEGER,
    final INTEGER NOT NULL DEFAULT 0,
    parent BLOB,
    told_delivered INTEGER,
    delivered INTEGER,
    undelivered INTEGER NOT NULL DEFAULT 0,
    turn BLOB,
    changed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (trace, span)
) WITHOUT ROWID;
CREATE INDEX messages_of_session ON messages (session, changed);
CREATE TABLE states (
    session INTEGER, terminal TEXT, at INTEGER, status TEXT, PRIMARY KEY (session, terminal, at, status)
) WITHOUT ROWID;
-- The last word on whether a terminal is stuck; `since` is none if it no longer is.
CREATE TABLE stuck (
    session INTEGER, terminal TEXT, at INTEGER NOT NULL, since INTEGER, PRIMARY KEY (session, terminal)
) WITHOUT ROWID;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    uid BLOB UNIQUE,
    session INTEGER,
    trace BLOB,
    span BLOB,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    body TEXT NOT NULL,
    said TEXT NOT NULL,
    resource INTEGER NOT NULL,
    changed INTEGER NOT NULL
);
CREATE INDEX logs_foreign ON logs (changed) WHERE session IS NULL;
CREATE INDEX logs_of_session ON logs (session, at) WHERE session IS NOT NULL;
CREATE INDEX logs_of_span ON logs (trace, span) WHERE trace IS NOT NULL;
CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    trace BLOB NOT NULL UNIQUE,
    name TEXT,
    service TEXT,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    changed INTEGER NOT NULL
);
CREATE INDEX traces_by_change ON traces (changed);
CREATE INDEX traces_newest_first ON traces (start DESC, id DESC);
-- The words of spans, by the span's id. Newest first is then the order of the ids, and nothing is ranked.
CREATE VIRTUAL TABLE words USING fts5 (text, content='', detail='full');
-- What could not be read, by reason.
CREATE TABLE skipped (reason TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
_TABLE_NAMES = re.findall(r"CREATE TABLE (\w+)", _TABLES)


def open_or_begin(path: Path) -> sqlite3.Connection:
    """The connection of the one writer. A file that is no index of this version is deleted: the record has it all."""
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return _open(path)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error means that the file is no index, or broken, and not only that it can't be written now."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _prepare(connection)
    return connection


def clear(connection: sqlite3.Connection) -> None:
    """Forget everything, in the transaction at hand."""
    for table in _TABLE_NAMES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 # one of ours
    connection.execute("INSERT INTO words (words) VALUES ('delete-all')")


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, beside the writer. It may go from thread to thread, and serves one at a time."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=5)
    connection.execute("PRAGMA query_only=1")
    return connection


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    try:
        _prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and (application, version) != (_APPLICATION, VERSION):
        raise sqlite3.DatabaseError("the file is no index of this version")
    connection.execute("PRAGMA journal_mode=WAL")
    # A group that a power cut takes is filled again from the record.
    connection.execute("PRAGMA synchronous=NORMAL")
    # 64 MiB: the unique indexes are hit at random, and a million spans have some 200 MB of them.
    connection.execute("PRAGMA cache_size=-65536")
    if not tables:
        connection.executescript(
            f"BEGIN; {_TABLES} PRAGMA application_id={_APPLICATION}; PRAGMA user_version={VERSION}; COMMIT;"
        )
