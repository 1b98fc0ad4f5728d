"""The index: what the record holds, as tables that answer what a page asks. Deleted, it is filled again."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from handspan.hub.index import forgetting, summary
from handspan.hub.index.database import clear, in_memory, open_or_begin, reader
from handspan.hub.index.filling import Filling

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator, Sequence

    from handspan.hub.record import Entry

# How long a silence is none, in intervals of what the instance pushes; and the interval as long as two pushes have not
# shown it: OpenTelemetry's default of 60 s.
_INTERVALS = 3
_INTERVAL = 60_000_000_000


class Index:
    """One thread fills it; any number read it. `path` is a file, or `:memory:`; of a demo every session says so."""

    def __init__(self, path: Path | str, *, demo: bool = False) -> None:
        self._path = None if path == ":memory:" else Path(path)
        self._writer = open_or_begin(self._path) if self._path else in_memory()
        self._demo = demo
        self._mark(self._writer)
        # Memory has one connection, for the writer and for readers; a file has one for each reader at work.
        self._one_at_a_time = threading.RLock()
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()

    def _mark(self, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('demo', ?)", (self._demo,))

    def close(self) -> None:
        while not self._readers.empty():
            self._readers.get().close()
        self._writer.close()

    @property
    def position(self) -> int:
        """How far the record has been taken in."""
        with self.reading() as connection:
            return position(connection)

    def is_empty(self) -> bool:
        """Whether nothing has come that could be shown."""
        with self.reading() as connection:
            found = "SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM traces)"
            return not connection.execute(found).fetchone()[0]

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """A connection that sees one state of the index, whatever is filled in meanwhile."""
        if self._path is None:
            with self._one_at_a_time:
                yield self._writer
            return
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = reader(self._path)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")
            self._readers.put(connection)

    def follow(self, record: str, last: int) -> None:
        """Belong to the record of this id, whose end is at `last`. What was filled from another one is forgotten."""
        with self._writing() as connection:
            known = connection.execute("SELECT value FROM meta WHERE name = 'record'").fetchone()
            if (known and known[0] != record) or position(connection) > last:
                clear(connection)
                self._mark(connection)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('record', ?)", (record,))

    def fill(self, entries: Sequence[Entry]) -> None:
        """Take in entries of the record, the next after `position`. Repeated, it changes nothing."""
        with self._writing() as connection:
            last = position(connection)
            fresh = [entry for entry in entries if entry.seq > last]
            if fresh:
                Filling(connection, fresh[-1].seq).take(fresh)

    def skip(self, entry: Entry) -> None:
        """Go on behind an entry that can't be taken in, and count it."""
        with self._writing() as connection:
            filling = Filling(connection, entry.seq)
            filling.skip(f"failed {entry.kind}")
            filling.take([])

    def forget(self, first: int) -> None:
        """Keep nothing that the record, which begins at `first`, no longer holds."""
        more = True
        while more:
            with self._writing() as connection:
                more = forgetting.forget(connection, first)

    def look(self, now: int) -> list[str]:
        """Notice who has fallen silent; returns the sessions that this is about."""
        with self._writing() as connection:
            quiet = connection.execute(
                "SELECT name FROM instances WHERE NOT silent AND pushed IS NOT NULL AND "
                " heard < ? - ? * COALESCE(gap, ?)",
                (now, _INTERVALS, _INTERVAL),
            ).fetchall()
            return [uid for (instance,) in quiet for uid in _silence(connection, instance)]

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        with self._one_at_a_time:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")


def position(connection: sqlite3.Connection) -> int:
    """How far the record has been taken in, as this connection sees it."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'position'").fetchone()
    return row[0] if row else 0


def _silence(connection: sqlite3.Connection, instance: str) -> list[str]:
    connection.execute("UPDATE instances SET silent = 1 WHERE name = ?", (instance,))
    rows = connection.execute("SELECT id, uid FROM sessions WHERE instance = ? AND NOT over", (instance,)).fetchall()
    for session, _ in rows:
        summary.refresh(connection, session, position(connection))
    return [uid for _, uid in rows]
