"""The record's file: opened, or set aside when it can't be used."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from handspan.spool import database

if TYPE_CHECKING:
    from pathlib import Path

# "HSrc", so that a file of another program's is known as one.
_APPLICATION = 0x48537263
# What the tables below are. A file of another version is not guessed at.
VERSION = 1

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- What arrived, a row for each request. A seq is never given twice, also where the last row was cut.
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    encoding TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX entries_by_kind ON entries (kind, seq);
-- How far each forward target has taken it, and what it will never take.
CREATE TABLE places (target TEXT, kind TEXT, seq INTEGER NOT NULL, PRIMARY KEY (target, kind)) WITHOUT ROWID;
CREATE TABLE rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    kind TEXT NOT NULL,
    encoding TEXT NOT NULL,
    body BLOB NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL
);
INSERT INTO meta VALUES ('id', lower(hex(randomblob(16))));
"""


def open_or_begin(path: Path) -> tuple[sqlite3.Connection, database.Aside | None]:
    """The connection of the one writer, and where an unusable file was set aside. Raises OSError or sqlite3.Error where
    no file can be written at all."""
    try:
        return _open(path), None
    except database.Unusable:
        aside = database.set_aside(path)
    return _open(path), aside


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
    try:
        _prepare(connection)
    except sqlite3.Error as error:
        connection.close()
        if database.is_damage(error):
            raise database.Unusable(str(error)) from error
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and (application, version) != (_APPLICATION, VERSION):
        raise database.Unusable("the file is no record, or one of another version of Handspan")
    if not tables:
        # Pages that are freed go back to the system. Only an empty file can be told so.
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
