"""The spool: one SQLite file that holds what was taken in and what is to leave, until it has left.

An event, the signals it caused and all else that changed by it are committed in one transaction (`Spool.commit`): there
is a signal if and only if its event is there. After a crash, `Spool.recover` gives back what had been committed.

The engine's thread is the only writer. Destinations read with connections of their own (`database.reader`).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from handspan import names
from handspan.otlp import Record
from handspan.rules.census import Found
from handspan.spool import bounds, database, outbox, recovered, rejected
from handspan.spool.lock import Lock
from handspan.spool.outbox import Place
from handspan.spool.recovered import ENDED, Recovered
from handspan.spool.rejected import Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from handspan.sessions import Changes
    from handspan.spool.bounds import Lost
    from handspan.spool.database import Aside

__all__ = ["Batch", "Recovered", "Spool"]

T = TypeVar("T")
_DAY = 86_400 * 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Batch:
    """What one commit holds."""

    at: int
    # The journal's line: what recovery applies again.
    steps: str = ""
    ids: list[bytes] = field(default_factory=list[bytes])
    records: list[tuple[str, Record]] = field(default_factory=list["tuple[str, Record]"])
    metrics: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    positions: dict[str, str] = field(default_factory=dict[str, str])
    places: dict[Place, int] = field(default_factory=dict[Place, int])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    # What was sent again, by its number: why it was refused once more, or None.
    retried: dict[int, str | None] = field(default_factory=dict[int, "str | None"])

    def __bool__(self) -> bool:
        left = (self.places, self.rejected, self.retried)
        return any((self.steps, self.ids, self.records, self.metrics, self.positions, *left))


class Spool:
    """The one writer of a spool. Raises `lock.Held` if there is another."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "spool.db"
        with contextlib.ExitStack() as opened:
            self._lock = opened.enter_context(contextlib.closing(Lock(folder / "lock")))
            self._db, self.set_aside = database.open_or_begin(self.path)
            opened.pop_all()
        self._resources: dict[bytes, int] = {}
        self._owners: dict[str, int] = {}

    def begin_again(self) -> Aside:
        """Set a damaged file aside and begin another; what is in memory has to be checkpointed into it."""
        self._db.close()
        aside = database.set_aside(self.path)
        self._db, _ = database.open_or_begin(self.path)
        self._forget()
        return aside

    def _forget(self) -> None:
        self._resources.clear()
        self._owners.clear()

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    # --- what was taken in -------------------------------------------------------------------------------------------

    def recover(self) -> Recovered:
        """Raises sqlite3.Error; a file with rows that can't be read is `database.Unusable`."""
        return recovered.read(self._db)

    def known(self, event: bytes, at: int) -> bool:
        """Whether an event of this id was committed today or yesterday."""
        day = at // _DAY
        found = self._db.execute("SELECT 1 FROM seen WHERE day IN (?, ?) AND id = ?", (day, day - 1, event))
        return found.fetchone() is not None

    # --- writing -----------------------------------------------------------------------------------------------------

    def commit(self, batch: Batch) -> None:
        """Write all of a batch, or nothing. Raises sqlite3.Error; the same batch may then be committed again."""
        self._transaction(lambda: self._write(batch))

    def end_unread(self, sessions: Sequence[str], metrics: Sequence[tuple[str, str, str]], at: int) -> None:
        """These sessions are over, as nobody can read what was written down of them; and they are counted."""

        def write() -> None:
            self._db.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)", metrics)
            self._end(sessions, at // _DAY)

        self._transaction(write)

    def checkpoint(self, changes: Changes, at: int) -> None:
        """Write down the sessions as they are now, in place of the journal that led there."""
        self._transaction(lambda: self._write_sessions(changes, at))

    def trim(self, at: int, most_bytes: int, oldest: int) -> list[Lost]:
        """Forget what has left, and give up what the bounds don't let stay: that is told, to be counted."""
        lost = self._transaction(lambda: self._trim(at, most_bytes, oldest))
        with contextlib.suppress(sqlite3.Error):
            # Back to the system, 4 MB at once. A script takes all steps of it, execute() only the first: one page.
            self._db.executescript("PRAGMA incremental_vacuum(1000)")
        return lost

    def _transaction(self, work: Callable[[], T]) -> T:
        with contextlib.ExitStack() as failed:
            # Rows that were made in it are not there any more.
            failed.callback(self._forget)
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                result = work()
            failed.pop_all()
        return result

    def _write(self, batch: Batch) -> None:
        db = self._db
        day = batch.at // _DAY
        if batch.steps:
            db.execute("INSERT INTO journal (steps) VALUES (?)", (batch.steps,))
        db.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", [(day, event) for event in batch.ids])
        outbox.append(db, batch.records, self._resources, self._owners, batch.at)
        db.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)", batch.metrics)
        db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", batch.positions.items())
        rejected.reject(db, batch.rejected, batch.at)
        rejected.settle(db, batch.retried, batch.at)
        outbox.move(db, batch.places)

    def _write_sessions(self, changes: Changes, at: int) -> None:
        db = self._db
        day = at // _DAY
        rest = json.dumps({"now": changes.now, "seen": changes.seen})
        db.execute("INSERT OR REPLACE INTO meta VALUES ('sessions', ?)", (rest,))
        forms = [(uid, json.dumps(form, separators=(",", ":"))) for uid, form in changes.open.items()]
        db.executemany("INSERT OR REPLACE INTO sessions VALUES (?, ?)", forms)
        self._end(changes.ended, day)
        db.execute("DELETE FROM journal")
        db.execute("DELETE FROM seen WHERE day < ?", (day - 1,))
        db.execute(
            "DELETE FROM ended WHERE day < (SELECT day FROM ended ORDER BY day DESC LIMIT 1 OFFSET ?)", (ENDED - 1,)
        )

    def _end(self, sessions: Sequence[str], day: int) -> None:
        over = [(uid,) for uid in sessions]
        self._db.executemany("DELETE FROM sessions WHERE uid = ?", over)
        self._db.executemany("INSERT OR IGNORE INTO ended VALUES (?, ?)", [(day, uid) for uid in sessions])
        self._db.executemany("UPDATE owners SET over = 1 WHERE uid = ?", over)

    def _trim(self, at: int, most_bytes: int, oldest: int) -> list[Lost]:
        outbox.drop_taken(self._db)
        lost = bounds.keep(self._db, most_bytes, at - oldest)
        if self._db.execute("SELECT 1 FROM outbox LIMIT 1").fetchone() is None:
            self._db.execute("DELETE FROM resources")
            self._db.execute("DELETE FROM owners")
        # Rows that are remembered may be among those that went.
        self._forget()
        return lost

    # --- destinations ------------------------------------------------------------------------------------------------

    def last_of_kinds(self) -> dict[str, int]:
        """The place of the newest record of each kind that waits."""
        return outbox.last_of_kinds(self._db)

    def census(self, now: int) -> Iterator[Found]:
        """What waits, for gauges."""
        yield Found(names.SPOOL_BYTES, {}, bounds.used(self._db))
        for kind, (number, oldest) in outbox.waiting(self._db).items():
            yield Found(names.SPOOL_ITEMS, {"signal": kind}, number)
            yield Found(names.SPOOL_OLDEST, {"signal": kind}, max(0, now - oldest) / 1_000_000_000 if oldest else 0)

    def places(self) -> dict[Place, int]:
        return outbox.places(self._db)

    def expect(self, wanted: Iterable[Place]) -> None:
        """Keep a place in the outbox for each of these, from where it stands, or else from its beginning."""
        self._transaction(lambda: outbox.move(self._db, dict.fromkeys(wanted, 0)))

    def forget(self, destination: str) -> None:
        """Hold nothing back for a destination any more."""
        self._transaction(lambda: outbox.forget(self._db, destination))
