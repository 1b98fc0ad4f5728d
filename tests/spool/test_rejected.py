from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from handspan.spool import database, rejected
from handspan.spool.outbox import Waiting
from handspan.spool.rejected import Kept, Rejected
from tests.spooled import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

POISON = Rejected(destination="a", record=record("x", "logs", "agent"), why="400 Bad Request")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = database.open_or_begin(tmp_path / "spool.db")
    with contextlib.closing(connection):
        yield connection


def rows(db: sqlite3.Connection) -> list[tuple[object, ...]]:
    return db.execute("SELECT id, body, why, at, again FROM rejected").fetchall()


def holds(db: sqlite3.Connection, *bodies: str) -> None:
    rejected.reject(db, [replace(POISON, record=record(body, "logs", "agent")) for body in bodies], 7)


# --- for the engine --------------------------------------------------------------------------------------------------


def test_what_was_rejected_is_kept_with_the_reason(db: sqlite3.Connection) -> None:
    rejected.reject(db, [POISON], 7)
    found = db.execute("SELECT destination, kind, resource, body, why, at, again FROM rejected").fetchall()
    assert found == [("a", "logs", b"agent", b"x", "400 Bad Request", 7, 0)]


def test_of_what_was_rejected_the_newest_10_000_are_kept(db: sqlite3.Connection) -> None:
    with db:
        db.execute("BEGIN")
        rejected.reject(db, [replace(POISON, record=record("old"))] * 2, 7)
        rejected.reject(db, [POISON] * 9_999, 8)
    assert db.execute("SELECT body, count(*) FROM rejected GROUP BY 1").fetchall() == [(b"old", 1), (b"x", 9_999)]


def test_a_destination_is_given_what_is_asked_for_in_its_order(db: sqlite3.Connection) -> None:
    holds(db, "1", "2", "3")
    rejected.reject(db, [replace(POISON, destination="b"), replace(POISON, record=record("5"))], 7)
    rejected.ask_again(db, [3, 1, 4, 5])
    assert rejected.next_again(db, ("a", "logs"), 0) == Waiting(1, record("1", "logs", "agent"))
    assert rejected.next_again(db, ("a", "logs"), 1) == Waiting(3, record("3", "logs", "agent"))
    assert rejected.next_again(db, ("a", "logs"), 3) is None
    assert rejected.next_again(db, ("a", "traces"), 0) == Waiting(5, record("5"))


def test_to_look_for_it_is_to_look_at_nothing_else(db: sqlite3.Connection) -> None:
    plan = db.execute(
        "EXPLAIN QUERY PLAN SELECT id, kind, resource, body FROM rejected"
        " WHERE again AND destination = ? AND kind = ? AND id > ? ORDER BY id LIMIT 1",
        ("a", "logs", 0),
    ).fetchall()
    assert [step[3] for step in plan] == [
        "SEARCH rejected USING INDEX rejected_again (destination=? AND kind=? AND id>?)"
    ]


def test_what_is_taken_at_last_goes_and_what_is_refused_once_more_stays_with_the_reason(db: sqlite3.Connection) -> None:
    holds(db, "1", "2", "3")
    rejected.ask_again(db, None)
    rejected.settle(db, {1: None, 2: "worse", 99: None, 98: "gone"}, 9)
    assert rows(db) == [(2, b"2", "worse", 9, 0), (3, b"3", "400 Bad Request", 7, 1)]


# --- for commands ----------------------------------------------------------------------------------------------------


def test_the_newest_are_listed_in_their_order(db: sqlite3.Connection) -> None:
    holds(db, "1", "22", "333")
    rejected.ask_again(db, [3])
    second = Kept(number=2, at=7, destination="a", kind="logs", why="400 Bad Request", size=2, again=False)
    assert rejected.newest(db, 2) == [second, replace(second, number=3, size=3, again=True)]
    assert rejected.count(db) == 3


def test_one_is_known_with_what_it_holds(db: sqlite3.Connection) -> None:
    holds(db, "one")
    assert rejected.one(db, 1) == (
        Kept(number=1, at=7, destination="a", kind="logs", why="400 Bad Request", size=3, again=False),
        record("one", "logs", "agent"),
    )
    assert [rejected.one(db, number) for number in (2, 2**63)] == [None, None]


def test_numbers_that_are_none_s(db: sqlite3.Connection) -> None:
    holds(db, "1", "2")
    assert rejected.unknown(db, [2, 3, 1, 0, 2**63]) == [3, 0, 2**63]


@pytest.mark.parametrize(("numbers", "left"), [([2], [1, 3]), ([], [1, 2, 3]), (None, [])])
def test_some_are_dropped_or_all(db: sqlite3.Connection, numbers: list[int] | None, left: list[int]) -> None:
    holds(db, "1", "2", "3")
    rejected.drop(db, numbers)
    assert [row[0] for row in rows(db)] == left
