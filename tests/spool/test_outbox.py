from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from handspan.otlp import Kind, request
from handspan.spool import database, outbox
from handspan.spool.outbox import REQUEST_BYTES
from tests.spooled import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from handspan.otlp import Record

_MIB = 1024 * 1024


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = database.open_or_begin(tmp_path / "spool.db")
    with contextlib.closing(connection):
        yield connection


def put(db: sqlite3.Connection, *records: Record) -> None:
    outbox.append(db, [("s", each) for each in records], {}, {}, 7)


def bodies(db: sqlite3.Connection, kind: Kind = "traces", seq: int = 0) -> list[tuple[int, str]]:
    return [(found.seq, found.record.body.decode()) for found in outbox.after(db, kind, seq)]


def test_records_leave_in_their_order_each_kind_alone(db: sqlite3.Connection) -> None:
    put(db, record("a"), record("b", "logs"), record("c"))
    put(db, record("d", "logs"), record("e", "metrics"))
    assert [bodies(db, kind) for kind in ("traces", "logs", "metrics")] == [
        [(1, "a"), (3, "c")],
        [(2, "b"), (4, "d")],
        [(5, "e")],
    ]
    assert bodies(db, "traces", 1) == [(3, "c")]
    assert bodies(db, "traces", 3) == []


def test_a_record_comes_back_with_its_resource_which_is_kept_once(db: sqlite3.Connection) -> None:
    records = [record("a", about="x"), record("b", about="y"), record("c", about="x")]
    put(db, *records)
    assert [found.record for found in outbox.after(db, "traces", 0)] == records
    assert db.execute("SELECT body FROM resources").fetchall() == [(b"x",), (b"y",)]


def test_a_writer_that_remembers_nothing_finds_the_rows_of_its_predecessor(db: sqlite3.Connection) -> None:
    put(db, record("a"))
    put(db, record("b"))
    assert db.execute("SELECT owner, resource FROM outbox").fetchall() == [(1, 1), (1, 1)]
    assert db.execute("SELECT uid, over FROM owners").fetchall() == [("s", 0)]


def test_a_request_takes_so_many_records(db: sqlite3.Connection) -> None:
    put(db, *[record(str(n)) for n in range(2_001)])
    assert [body for _, body in bodies(db)] == [str(n) for n in range(2_000)]
    assert bodies(db, "traces", 2_000) == [(2_001, "2000")]
    assert len(outbox.after(db, "traces", 0, 3)) == 3


def test_a_request_is_never_larger_than_servers_take_whatever_it_is_made_of(db: sqlite3.Connection) -> None:
    put(db, *[record("x" * 700, about=f"{n}" + "r" * 3_000) for n in range(2_000)])
    size = len(request([found.record for found in outbox.after(db, "traces", 0)]))
    assert 0.9 * 4 * _MIB < size <= 4 * _MIB


def test_a_record_that_is_too_large_goes_alone(db: sqlite3.Connection) -> None:
    put(db, record("a"), record("x" * (REQUEST_BYTES + 1)), record("b"))
    assert [seq for seq, _ in bodies(db)] == [1]
    assert [seq for seq, _ in bodies(db, "traces", 1)] == [2]
    assert [seq for seq, _ in bodies(db, "traces", 2)] == [3]


# --- places ----------------------------------------------------------------------------------------------------------


def test_a_place_only_ever_moves_on(db: sqlite3.Connection) -> None:
    outbox.move(db, {("a", "traces"): 5, ("a", "logs"): 1})
    outbox.move(db, {("a", "traces"): 3, ("b", "traces"): 0})
    outbox.move(db, {("a", "logs"): 2})
    assert outbox.places(db) == {("a", "traces"): 5, ("a", "logs"): 2, ("b", "traces"): 0}


def test_only_what_every_destination_has_taken_is_forgotten(db: sqlite3.Connection) -> None:
    put(db, *[record(str(n)) for n in range(1, 6)], record("log", "logs"))
    outbox.move(db, {("a", "traces"): 4, ("b", "traces"): 2, ("b", "logs"): 0})
    outbox.drop_taken(db)
    assert bodies(db) == [(3, "3"), (4, "4"), (5, "5")]
    assert bodies(db, "logs") == [(6, "log")]


def test_what_no_destination_wants_is_forgotten(db: sqlite3.Connection) -> None:
    put(db, record("span"), record("log", "logs"))
    outbox.move(db, {("a", "logs"): 0})
    outbox.drop_taken(db)
    assert (bodies(db), bodies(db, "logs")) == ([], [(2, "log")])


def test_a_destination_that_is_forgotten_holds_nothing_back(db: sqlite3.Connection) -> None:
    put(db, record("1"), record("2"))
    outbox.move(db, {("dead", "traces"): 0, ("dead", "logs"): 0, ("a", "traces"): 1})
    outbox.forget(db, "dead")
    outbox.drop_taken(db)
    assert outbox.places(db) == {("a", "traces"): 1}
    assert bodies(db) == [(2, "2")]


def test_a_place_is_never_used_twice(db: sqlite3.Connection) -> None:
    put(db, record("1"), record("2"))
    outbox.move(db, {("a", "traces"): 2})
    outbox.drop_taken(db)
    put(db, record("3"))
    assert bodies(db, "traces", 2) == [(3, "3")]


def test_the_last_of_each_kind_that_somebody_wants(db: sqlite3.Connection) -> None:
    put(db, record("1"), record("2", "logs"), record("3"), record("4", "metrics"))
    outbox.move(db, {("a", "traces"): 0, ("a", "logs"): 2, ("b", "traces"): 1})
    assert outbox.last_of_kinds(db) == {"logs": 2, "traces": 3}
    outbox.drop_taken(db)
    assert outbox.last_of_kinds(db) == {"logs": 0, "traces": 3}
