"""The spool's file: opened, or set aside when it can't be used, so that whoever hosts us always starts."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# "HSsp", so that a file of another program's is known as one.
_APPLICATION = 0x48537370
# A spool may be half a gigabyte. Three show whether the same happens again and again.
_ASIDE = 3
_ENDINGS = ("", "-wal", "-shm")
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
CREATE INDEX rejected_again ON rejected (destination, kind, id) WHERE again;
"""


class Unusable(sqlite3.DatabaseError):
    """A file that is no spool of this version, or broken: what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Where an unusable file is kept, and which older ones had to go for it."""

    path: Path
    removed: tuple[Path, ...] = ()

    def __str__(self) -> str:
        if not self.removed:
            return str(self.path)
        gone = ", ".join(path.name for path in self.removed)
        return f"{self.path} (the newest {_ASIDE} such files are kept: {gone} was removed)"


def open_or_begin(path: Path) -> tuple[sqlite3.Connection, Aside | None]:
    """The connection of the one writer, and where an unusable file was set aside. Raises OSError or sqlite3.Error where
    no file can be written at all."""
    aside = None
    try:
        return _open(path), None
    except Unusable:
        aside = set_aside(path)
    return _open(path), aside


def set_aside(path: Path) -> Aside:
    """Give an unusable file another name, with what belongs to it."""
    numbers = _numbers_aside(path)
    aside = _aside(path, numbers[-1] + 1 if numbers else 1)
    for ending in _ENDINGS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(aside.with_name(aside.name + ending))
    removed = [_aside(path, number) for number in numbers[: 1 - _ASIDE]]
    return Aside(aside, tuple(old for old in removed if _remove(old)))


def set_aside_before(path: Path) -> list[Path]:
    """The files that were set aside, the newest last."""
    return [_aside(path, number) for number in _numbers_aside(path)]


def _numbers_aside(path: Path) -> list[int]:
    names = (re.fullmatch(r".*\.unusable-([1-9][0-9]*)", found.name) for found in path.parent.glob(f"{path.name}.*"))
    return sorted(int(name[1]) for name in names if name)


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.unusable-{number}")


def _remove(old: Path) -> bool:
    try:
        # Last what names the rest, so that none of it stays behind.
        for ending in reversed(_ENDINGS):
            old.with_name(old.name + ending).unlink(missing_ok=True)
    except OSError:
        # Somebody made something else of it. It takes no more room than before.
        return False
    return True


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
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables:
        _check(connection)
    else:
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


def _check(connection: sqlite3.Connection) -> None:
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if found != [_APPLICATION, VERSION]:
        raise Unusable("the file is no spool, or one of another version of Handspan")


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for any thread or process beside the writer."""
    connection = _existing(path, "ro")
    connection.execute("PRAGMA query_only=1")
    return connection


def guest(path: Path, *, writes: bool = False) -> sqlite3.Connection:
    """A command's connection to a file that may be anything. Raises sqlite3.Error for what is no spool of this
    version."""
    connection = _existing(path, "rw" if writes else "ro")
    try:
        _check(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _existing(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    # 5 s: the engine may just be writing a large checkpoint.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=5)
