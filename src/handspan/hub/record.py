"""The record: every request as it arrived, committed before it is answered, and numbered in the order of the commits.

    doors ── append ──▶ queue ──▶ one writer thread, one transaction for all that waits ──▶ record.db ──▶ after, wait
    forward targets ── move ──▶ ┘

One process writes it: the one that holds the lock beside it. The index is made from it, and forward targets have their
places in it. It is bounded by bytes and by age, and cut from its oldest end.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from handspan.hub import record_file, retention
from handspan.hub.retention import Bounds
from handspan.otlp import Kind
from handspan.spool import database
from handspan.spool.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from handspan.hub.retention import Lost

Encoding = Literal["protobuf", "json"]

_log = logging.getLogger("handspan")

# What may wait in memory to be committed: a few of the largest requests. Past it a sender is asked to come back.
_WAITING = 64 * 1024 * 1024
# What one transaction holds, so that the first of many requests is not answered after the last.
_TOGETHER = 1_000
# What `after` reads at once, beside at least one entry: the largest request is 20 MiB.
_AT_ONCE = 16 * 1024 * 1024
# The bounds may be overstepped for so many seconds.
_TRIM = 10.0


class Entry(NamedTuple):
    seq: int
    at: int
    kind: Kind
    encoding: Encoding
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """What a forward target will never take, and why."""

    encoding: Encoding
    body: bytes
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How far a forward target has come."""

    target: str
    kind: Kind
    seq: int
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class _Arrived:
    at: int
    kind: Kind
    encoding: Encoding
    body: bytes
    committed: Future[int]


def entries_after(db: sqlite3.Connection, seq: int, limit: int, kind: Kind | None = None) -> list[Entry]:
    """What follows `seq`, of one kind or of all, as `Record.after` gives it."""
    of_kind, values = ("", ()) if kind is None else (" AND kind = ?", (kind,))
    found: list[Entry] = []
    size = 0
    rows = db.execute(
        f"SELECT seq, at, kind, encoding, body FROM entries WHERE seq > ?{of_kind} ORDER BY seq LIMIT ?",  # noqa: S608 (ours)
        (seq, *values, limit),
    )
    for row in rows:
        entry = Entry(*row)
        size += len(entry.body)
        if found and size > _AT_ONCE:
            break
        found.append(entry)
    rows.close()
    return found


class Record:
    """Raises `spool.lock.Held` where another process writes the record, OSError or sqlite3.Error where none can.

    `lost` is told what a forward target will never see, since the bounds left it no room.
    """

    def __init__(
        self,
        path: Path,
        *,
        bounds: Bounds | None = None,
        lost: Callable[[Sequence[Lost]], None] = lambda _: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._bounds = bounds or Bounds()
        self._lost = lost
        self._clock = clock
        with contextlib.ExitStack() as opened:
            self._lock = opened.enter_context(contextlib.closing(Lock(path.with_name(f"{path.name}.lock"))))
            self._db, self.set_aside = record_file.open_or_begin(path)
            opened.callback(self._db.close)
            # Another record has another id: a place in this one says nothing about that.
            (self.id,) = self._db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone()
            self._last = retention.last(self._db)
            opened.pop_all()
        self._queue: queue.SimpleQueue[_Arrived | Move | None] = queue.SimpleQueue()
        self._waiting = 0
        self._closed = False
        self._mutex = threading.Lock()
        self._news = threading.Condition()
        self._trimmed = float("-inf")
        # Why the last transaction failed, if it did.
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._write, name="handspan-record", daemon=True)
        self._thread.start()

    # --- for any thread ----------------------------------------------------------------------------------------------

    def append(self, kind: Kind, encoding: Encoding, body: bytes) -> Future[int]:
        """The seq comes when it is committed; queue.Full where too much waits already, sqlite3.Error where it can't be
        written: then it is not kept."""
        future: Future[int] = Future()
        # Whoever stops waiting for it can't cancel it: by then the writer may be about to answer.
        future.set_running_or_notify_cancel()
        with self._mutex:
            if self._closed:
                future.set_exception(sqlite3.ProgrammingError("the record is closed"))
            elif self._waiting and self._waiting + len(body) > _WAITING:
                future.set_exception(queue.Full("as much waits to be written as may"))
            else:
                self._waiting += len(body)
                self._queue.put(_Arrived(self._clock(), kind, encoding, body, future))
        return future

    def after(self, seq: int, limit: int) -> list[Entry]:
        """What follows `seq`, oldest first: fewer than `limit` where they are large, none only where there is none."""
        with contextlib.closing(database.reader(self.path)) as db:
            return entries_after(db, seq, limit)

    def last(self) -> int:
        """The seq of the newest entry, also if it was cut since; 0 where there was none yet."""
        with self._news:
            return self._last

    def wait(self, seq: int, timeout: float) -> bool:
        """Whether there is something after `seq`, at once or within `timeout` seconds."""
        with self._news:
            return self._news.wait_for(lambda: self._last > seq, timeout)

    def bytes(self) -> int:
        """What it holds on the disk."""
        with contextlib.closing(database.reader(self.path)) as db:
            return retention.used(db)

    def places(self) -> dict[tuple[str, str], int]:
        """How far each forward target has come, by target and kind."""
        with contextlib.closing(database.reader(self.path)) as db:
            return {(target, kind): seq for target, kind, seq in db.execute("SELECT target, kind, seq FROM places")}

    def move(self, move: Move) -> None:
        """Note how far a forward target has come, with the next transaction."""
        self._queue.put(move)

    def keep_places(self, targets: Sequence[str], kinds: Sequence[Kind]) -> None:
        """Begin where each of these stands; one that is not known yet, with what arrives from now on. Forget all other
        targets. To be called before anything is appended."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR IGNORE INTO places VALUES (?, ?, ?)",
                [(target, kind, self._last) for target in targets for kind in kinds],
            )
            marks = ", ".join("?" for _ in targets)
            self._db.execute(f"DELETE FROM places WHERE target NOT IN ({marks})", targets)  # noqa: S608 (only marks)

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        with self._mutex:
            self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._db.close()
        self._lock.close()

    # --- the writer's thread -----------------------------------------------------------------------------------------

    def _write(self) -> None:
        going_on = True
        while going_on:
            found = self._gathered()
            going_on = None not in found
            arrived = [one for one in found if isinstance(one, _Arrived)]
            try:
                seqs = self._commit(arrived, [one for one in found if isinstance(one, Move)])
            except sqlite3.Error as error:
                self._fail(arrived, error)
            else:
                self._succeed(arrived, seqs)
            self._trim()

    def _gathered(self) -> list[_Arrived | Move | None]:
        """What waits: at least one, and as many as one transaction takes."""
        try:
            found = [self._queue.get(timeout=_TRIM)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(found) < _TOGETHER and found[-1] is not None:
                found.append(self._queue.get_nowait())
        return found

    def _commit(self, arrived: list[_Arrived], moves: list[Move]) -> list[int]:
        if not arrived and not moves:
            return []
        with self._transaction():
            seqs = [self._insert(one) for one in arrived]
            for move in moves:
                self._note(move)
        return seqs

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    def _insert(self, one: _Arrived) -> int:
        row = (one.at, one.kind, one.encoding, one.body)
        made = self._db.execute("INSERT INTO entries (at, kind, encoding, body) VALUES (?, ?, ?, ?)", row)
        return made.lastrowid or 0

    def _note(self, move: Move) -> None:
        self._db.execute(
            "UPDATE places SET seq = max(seq, ?) WHERE target = ? AND kind = ?", (move.seq, move.target, move.kind)
        )
        self._db.executemany(
            "INSERT INTO rejected (target, kind, encoding, body, why, at) VALUES (?, ?, ?, ?, ?, ?)",
            [(move.target, move.kind, one.encoding, one.body, one.why, self._clock()) for one in move.rejected],
        )

    def _succeed(self, arrived: list[_Arrived], seqs: list[int]) -> None:
        if self.trouble and arrived:
            _log.warning("%s is written again.", self.path)
            self.trouble = None
        self._leave(arrived)
        if seqs:
            with self._news:
                self._last = seqs[-1]
                self._news.notify_all()
        for one, seq in zip(arrived, seqs, strict=True):
            one.committed.set_result(seq)

    def _fail(self, arrived: list[_Arrived], error: sqlite3.Error) -> None:
        if not self.trouble:
            _log.error("%s can't be written (%s). Whoever sends is asked to come back.", self.path, error)
        self.trouble = str(error)
        self._leave(arrived)
        for one in arrived:
            one.committed.set_exception(error)

    def _leave(self, arrived: list[_Arrived]) -> None:
        with self._mutex:
            self._waiting -= sum(len(one.body) for one in arrived)

    def _trim(self) -> None:
        if time.monotonic() - self._trimmed < _TRIM:
            return
        self._trimmed = time.monotonic()
        try:
            with self._transaction():
                lost = retention.keep(self._db, self._bounds, self._clock())
            # Back to the system, 4 MB at once. A script takes all steps of it, execute() only the first: one page.
            self._db.executescript("PRAGMA incremental_vacuum(1000)")
        except sqlite3.Error as error:
            # A full disk, mostly. It is tried again, and whoever sends is told so meanwhile.
            _log.debug("%s could not be cut: %s", self.path, error)
        else:
            self._lost(lost)
