"""The spool's file: opened, or set aside when it can't be used, so that whoever hosts us always starts."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# "HSsp", so that a file of another program's is known as one.
_APPLICATION = 0x48537370
# What the tables below are. A file of another version is not guessed at.
VERSION = 1

_TABLES = """
-- What is remembered of open sessions as of the last checkpoint, and what was taken in since.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (uid TEXT PRIMARY KEY, form TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (seq INTEGER PRIMARY KEY, steps TEXT NOT NULL);
-- Sessions that are over, and ids of events, each by the day: what comes again is a repeat.
CREATE TABLE ended (day INTEGER, uid TEXT, PRIMARY KEY (day, uid)) WITHOUT ROWID;
CREATE TABLE seen (day INTEGER, id BLOB, PRIMARY KEY (day, id)) WITHOUT ROWID;
-- How far a source has read.
CREATE TABLE positions (source TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Counters and histograms, as they stand.
CREATE TABLE metrics (name TEXT, labels TEXT, state TEXT NOT NULL, PRIMARY KEY (name, labels)) WITHOUT ROWID;
-- What is to leave. `owner` is the session that a record tells of.
CREATE TABLE owners (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, over INTEGER NOT NULL DEFAULT 0);
CREATE TABLE resources (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    owner INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    body BLOB NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX outbox_by_kind ON outbox (kind, seq);
CREATE INDEX outbox_by_owner ON outbox (owner, resource);
-- How far each destination has taken what is in the outbox, and what it refused.
CREATE TABLE places (destination TEXT, kind TEXT, seq INTEGER NOT NULL, PRIMARY KEY (destination, kind)) WITHOUT ROWID;
CREATE TABLE rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    kind TEXT NOT NULL,
    resource BLOB NOT NULL,
    body BLOB NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    again INTEGER NOT NULL DEFAULT 0
);
"""


class Unusable(sqlite3.DatabaseError):
    """A file that is no spool of this version, or broken: what is wrong with it."""


def open_or_begin(path: Path) -> tuple[sqlite3.Connection, Path | None]:
    """The connection of the one writer, and where an unusable file was set aside. Raises OSError or sqlite3.Error where
    no file can be written at all."""
    aside = None
    try:
        return _open(path), None
    except Unusable:
        aside = set_aside(path)
    return _open(path), aside


def set_aside(path: Path) -> Path:
    """Give an unusable file another name, with what belongs to it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.unusable-{number}")).exists():
        number += 1
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    return aside


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise Unusable(str(error)) from error
        raise
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error means that the file is broken, and not only that it can't be written now."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Text that is no UTF-8 is noticed by Python, which has no code for it.
        return isinstance(error, Unusable | sqlite3.OperationalError)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _prepare(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and (application, version) != (_APPLICATION, VERSION):
        raise Unusable("the file is no spool, or one of another version of Handspan")
    if not tables:
        # Pages that are freed go back to the system after an outage. Only an empty file can be told so.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    # FULL: what was committed is on the disk, and not lost with the machine's power.
    connection.execute("PRAGMA synchronous=FULL")
    # The log grows with the largest transaction, and is cut to 4 MiB after it: as much as it holds on most days.
    connection.execute("PRAGMA journal_size_limit=4194304")
    if not tables:
        connection.executescript(
            f"BEGIN; {_TABLES} PRAGMA application_id={_APPLICATION}; PRAGMA user_version={VERSION}; COMMIT;"
        )


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for any thread or process beside the writer."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5)
    connection.execute("PRAGMA query_only=1")
    return connection
