from __future__ import annotations

import contextlib
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from handspan.hub import record_file
from handspan.hub.record import Entry, Move, Record, Rejected, entries_after
from handspan.hub.retention import Bounds, Lost
from handspan.spool import database
from handspan.spool.lock import Held
from tests.spooled import full_disk

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def opened(folder: Path, **more: object) -> Generator[Record]:
    record = Record(folder / "record.db", clock=lambda: 7, **more)  # type: ignore[arg-type]
    try:
        yield record
    finally:
        record.close()


@pytest.fixture
def record(tmp_path: Path) -> Generator[Record]:
    with opened(tmp_path / "state") as one:
        yield one


def test_what_arrived_is_there_in_the_order_of_its_commit_and_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        identity = record.id
        assert (record.last(), record.after(0, 10)) == (0, [])
        assert record.append("traces", "protobuf", b"one").result(5) == 1
        assert record.append("logs", "json", b"{}").result(5) == 2
        assert record.append("metrics", "protobuf", b"").result(5) == 3
    with opened(tmp_path) as record:
        assert (record.id, record.set_aside, record.last()) == (identity, None, 3)
        assert record.append("traces", "json", b"four").result(5) == 4
        assert record.after(1, 2) == [Entry(2, 7, "logs", "json", b"{}"), Entry(3, 7, "metrics", "protobuf", b"")]
        with contextlib.closing(database.reader(record.path)) as db:
            assert entries_after(db, 0, 10, "traces") == [
                Entry(1, 7, "traces", "protobuf", b"one"),
                Entry(4, 7, "traces", "json", b"four"),
            ]


def test_many_threads_get_numbers_of_their_own(record: Record) -> None:
    def append(of: int) -> None:
        for n in range(200):
            body = f"{of} {n}"
            seqs[body] = record.append("logs", "json", body.encode()).result(10)

    seqs: dict[str, int] = {}
    threads = [threading.Thread(target=append, args=(of,)) for of in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = record.after(0, 10_000)
    assert [entry.seq for entry in entries] == list(range(1, 1_601))
    assert {entry.body.decode(): entry.seq for entry in entries} == seqs


def test_what_is_read_at_once_is_bounded_but_never_nothing(record: Record) -> None:
    for size in (20, 1, 16, 1):
        record.append("logs", "json", b"x" * (size * 1024 * 1024 - 1)).result(30)
    assert [[entry.seq for entry in record.after(seq, 9)] for seq in (0, 1, 2, 3, 4)] == [[1], [2], [3], [4], []]


def test_whoever_waits_is_woken_by_what_arrives(record: Record) -> None:
    assert not record.wait(0, 0)
    with ThreadPoolExecutor(1) as waiting:
        woken = waiting.submit(record.wait, 0, 30)
        record.append("logs", "json", b"{}")
        assert woken.result(5)
    assert record.wait(0, 0)
    assert not record.wait(1, 0)


def test_a_record_has_one_writer(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Held, match=r"process \d+"):
        Record(tmp_path / "record.db")


def test_another_file_has_another_id(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        first = record.id
    (tmp_path / "record.db").write_bytes(b"garbage" * 1000)
    with opened(tmp_path) as record:
        assert str(record.set_aside) == str(tmp_path / "record.db.unusable-1")
        assert record.id != first
        assert record.append("logs", "json", b"{}").result(5) == 1


# --- what can't be kept ----------------------------------------------------------------------------------------------


def test_what_finds_too_much_waiting_is_told_so_and_what_waits_is_kept(record: Record) -> None:
    with contextlib.closing(sqlite3.connect(record.path, isolation_level=None)) as other:
        # Another program holds the file: a transaction waits for a second, and everything behind it waits as well.
        other.execute("BEGIN IMMEDIATE")
        first = record.append("logs", "json", b"first")
        waiting = [record.append("logs", "json", b"x" * (16 * 1024 * 1024)) for _ in range(5)]
        full = [future for future in waiting if future.done()]
        assert [type(future.exception(5)) for future in full] == [queue.Full, queue.Full]
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            first.result(5)
        other.execute("ROLLBACK")
    assert record.append("logs", "json", b"after").result(5) > 0


def test_what_waits_no_more_makes_room(record: Record) -> None:
    seqs = [record.append("logs", "json", b"x" * (30 * 1024 * 1024)).result(30) for _ in range(3)]
    assert seqs == [1, 2, 3]


def test_what_is_not_acknowledged_is_not_kept_either(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        with full_disk(200_000):
            # They come so close together that they are written together.
            coming = {body: record.append("logs", "json", body) for body in (b"small", b"x" * 1_000_000)}
            acknowledged = [body for body, future in coming.items() if future.exception(5) is None]
        assert [entry.body for entry in record.after(0, 9)] == acknowledged


def test_a_request_larger_than_all_that_may_wait_is_taken_alone(record: Record) -> None:
    assert record.append("logs", "json", b"x" * (65 * 1024 * 1024)).result(30) == 1


def test_what_a_full_disk_does_not_take_is_not_acknowledged_and_what_follows_is(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        assert record.append("logs", "json", b"before").result(5) == 1
        with full_disk(200_000):
            lost = record.append("logs", "json", b"x" * 1_000_000)
            with pytest.raises(sqlite3.Error, match=r"full|I/O"):
                lost.result(5)
            troubled = record.trouble
        after = record.append("logs", "json", b"after").result(5)
        assert (bool(troubled), record.trouble) == (True, None)
        assert [entry.body for entry in record.after(0, 9)] == [b"before", b"after"]
        assert record.last() == after


def test_what_comes_after_the_end_is_not_taken(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        waiting = record.append("logs", "json", b"{}")
    assert waiting.result(0) == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        record.append("logs", "json", b"{}").result(0)


# --- forward targets -------------------------------------------------------------------------------------------------


def test_targets_keep_their_places_and_a_target_that_is_named_no_more_loses_its_own(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.keep_places(["a"], ["traces", "logs"])
        seq = record.append("traces", "json", b"1").result(5)
        record.move(Move(target="a", kind="traces", seq=seq))
        record.move(Move(target="a", kind="logs", seq=0))
    with opened(tmp_path) as record:
        record.keep_places(["a", "b"], ["traces", "logs"])
        # One that is named for the first time gets what arrives from now on.
        assert record.places() == {("a", "traces"): 1, ("a", "logs"): 0, ("b", "traces"): 1, ("b", "logs"): 1}
        record.keep_places([], ["traces"])
        assert record.places() == {}


def test_what_a_target_rejects_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.keep_places(["a"], ["traces"])
        gone = Rejected(encoding="json", body=b"1", why="HTTP 400")
        record.move(Move(target="a", kind="traces", seq=1, rejected=(gone,)))
    db, _ = record_file.open_or_begin(tmp_path / "record.db")
    with contextlib.closing(db):
        rows = db.execute("SELECT target, kind, encoding, body, why, at FROM rejected").fetchall()
    assert rows == [("a", "traces", "json", b"1", "HTTP 400", 7)]


def test_what_the_bounds_cost_a_target_is_told(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        record.keep_places(["a"], ["traces"])
        for _ in range(5):
            record.append("traces", "json", b"x").result(5)
    told: list[Lost] = []
    heard = threading.Event()

    def lost(losses: Sequence[Lost]) -> None:
        told.extend(losses)
        heard.set()

    with opened(tmp_path, bounds=Bounds(age=-1), lost=lost) as record:
        record.move(Move(target="a", kind="traces", seq=2))
        assert heard.wait(5)
        assert (told, record.after(0, 9), record.last()) == ([Lost("a", "traces", 3)], [], 5)


# --- the end without warning -----------------------------------------------------------------------------------------

_INGEST = """
import sys, threading
from pathlib import Path
from handspan.hub.record import Record

record = Record(Path(sys.argv[1]))
lock = threading.Lock()

def ingest(of):
    for n in range(1_000_000):
        body = f"{of} {n} ".encode() * 200
        seq = record.append("traces", "protobuf", body).result()
        with lock:
            print(seq, of, n, flush=True)

for of in range(4):
    threading.Thread(target=ingest, args=(of,), daemon=True).start()
threading.Event().wait()
"""


def test_what_was_acknowledged_is_there_after_a_sigkill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _INGEST, str(tmp_path / "record.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)}) as child:
        assert child.stdout
        said = [child.stdout.readline() for _ in range(300)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    acknowledged = {
        int(seq): f"{of} {n} " * 200 for seq, of, n in (line.split() for line in said if line.endswith("\n"))
    }
    with opened(tmp_path) as record:
        kept = {entry.seq: entry.body.decode() for entry in record.after(0, 1_000_000)}
    assert len(acknowledged) >= 300
    assert {seq: kept.get(seq) for seq in acknowledged} == acknowledged
    # What was on its way is there whole, or not at all.
    assert list(kept) == list(range(1, len(kept) + 1))
