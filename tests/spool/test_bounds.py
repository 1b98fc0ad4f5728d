from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from handspan.spool import bounds, database, outbox, rejected
from handspan.spool.bounds import Lost
from handspan.spool.rejected import Rejected
from tests.spooled import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from handspan.otlp import Kind

_KIB = 1024
_PLENTY = 2**40


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = database.open_or_begin(tmp_path / "spool.db")
    with contextlib.closing(connection), connection:
        connection.execute("BEGIN")
        yield connection


def put(
    db: sqlite3.Connection, session: str, records: int, *, at: int = 0, size: int = 1, kind: Kind = "traces"
) -> None:
    outbox.append(db, [(session, record("x" * size, kind, about=session))] * records, {}, {}, at)


def over(db: sqlite3.Connection, *sessions: str) -> None:
    db.executemany("UPDATE owners SET over = 1 WHERE uid = ?", [(uid,) for uid in sessions])


def left(db: sqlite3.Connection) -> dict[str, int]:
    """How many records of each session are left."""
    found = db.execute(
        "SELECT resources.body, count(*) FROM outbox JOIN resources ON resource = resources.id GROUP BY 1"
    )
    return {body.decode(): number for body, number in found}


def seqs(db: sqlite3.Connection) -> list[int]:
    return [seq for (seq,) in db.execute("SELECT seq FROM outbox ORDER BY seq")]


# --- by age ----------------------------------------------------------------------------------------------------------


def test_what_is_too_old_is_lost_to_exactly_those_that_had_not_taken_it(db: sqlite3.Connection) -> None:
    put(db, "s", 4, at=1)
    put(db, "s", 2, at=1, kind="logs")
    put(db, "s", 3, at=2)
    outbox.move(
        db,
        {
            ("slow", "traces"): 1,
            ("slow", "logs"): 6,
            ("dead", "traces"): 0,
            ("dead", "logs"): 0,
            ("live", "traces"): 9,
        },
    )
    assert bounds.keep(db, _PLENTY, 2) == [
        Lost("dead", "logs", 2),
        Lost("dead", "traces", 4),
        Lost("slow", "traces", 3),
    ]
    assert seqs(db) == [7, 8, 9]


def test_what_is_as_old_as_may_be_stays(db: sqlite3.Connection) -> None:
    put(db, "s", 3, at=2)
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, _PLENTY, 2) == []
    assert seqs(db) == [1, 2, 3]


def test_much_that_is_too_old_goes_at_once(db: sqlite3.Connection) -> None:
    put(db, "s", 2_500, at=1)
    put(db, "s", 1, at=2)
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, _PLENTY, 2) == [Lost("a", "traces", 2_500)]
    assert seqs(db) == [2_501]


def test_a_clock_that_was_set_back_costs_nothing_that_is_not_old(db: sqlite3.Connection) -> None:
    put(db, "s", 1, at=1)
    put(db, "s", 1, at=3)
    put(db, "s", 1, at=1)
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, _PLENTY, 2) == [Lost("a", "traces", 2)]
    assert seqs(db) == [2]


def test_what_was_rejected_grows_too_old_as_well(db: sqlite3.Connection) -> None:
    for at in (1, 2):
        rejected.reject(db, [Rejected(destination="a", record=record("x"), why="")], at)
    assert bounds.keep(db, _PLENTY, 2) == []
    assert db.execute("SELECT at FROM rejected").fetchall() == [(2,)]


# --- by size ---------------------------------------------------------------------------------------------------------


def test_a_spool_that_is_not_full_keeps_all(db: sqlite3.Connection) -> None:
    put(db, "s", 100, size=_KIB)
    over(db, "s")
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, bounds.used(db), 0) == []
    assert left(db) == {"s": 100}


def test_the_oldest_session_that_is_over_goes_first_and_no_more_than_must(db: sqlite3.Connection) -> None:
    for session in ("open", "second", "third"):
        put(db, session, 100, size=_KIB)
    put(db, "first-by-name-only", 100, size=_KIB)
    over(db, "second", "third", "first-by-name-only")
    outbox.move(db, {("dead", "traces"): 0, ("slow", "traces"): 150, ("live", "traces"): 400})
    assert bounds.keep(db, bounds.used(db) - 1, 0) == [Lost("dead", "traces", 100), Lost("slow", "traces", 50)]
    assert left(db) == {"open": 100, "third": 100, "first-by-name-only": 100}


def test_then_the_oldest_records_go(db: sqlite3.Connection) -> None:
    put(db, "over", 10, size=_KIB)
    put(db, "open", 4_000, size=_KIB)
    over(db, "over")
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, bounds.used(db) - 1, 0) == [Lost("a", "traces", 1_010)]
    assert seqs(db) == list(range(1_011, 4_011))


def test_what_was_rejected_goes_before_what_may_still_leave(db: sqlite3.Connection) -> None:
    put(db, "s", 100, size=_KIB)
    over(db, "s")
    outbox.move(db, {("a", "traces"): 0})
    rejected.reject(db, [Rejected(destination="a", record=record("x" * _KIB), why="")] * 1_200, 7)
    assert bounds.keep(db, 600 * _KIB, 0) == []
    assert left(db) == {"s": 100}
    assert db.execute("SELECT min(id), max(id) FROM rejected").fetchone() == (1_001, 1_200)


def test_a_bound_that_nothing_fits_into_ends(db: sqlite3.Connection) -> None:
    put(db, "open", 3)
    put(db, "over", 3)
    over(db, "over")
    outbox.move(db, {("a", "traces"): 0})
    assert bounds.keep(db, 1, 0) == [Lost("a", "traces", 6)]
    assert seqs(db) == []


def test_nothing_stays_of_a_session_that_was_given_up(db: sqlite3.Connection) -> None:
    put(db, "gone", 400, size=_KIB)
    put(db, "stays", 10)
    over(db, "gone")
    bounds.keep(db, bounds.used(db) - 1, 0)
    assert db.execute("SELECT uid FROM owners").fetchall() == [("stays",)]
    assert db.execute("SELECT body FROM resources").fetchall() == [(b"stays",)]
