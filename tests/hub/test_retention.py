from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from handspan.hub import record_file, retention
from handspan.hub.retention import Bounds, Lost

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """Ten thousand bytes a row, a row at each of the times 1 to 1,000; `far` has taken 300 of the traces."""
    connection, _ = record_file.open_or_begin(tmp_path / "record.db")
    with contextlib.closing(connection), connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO entries (at, kind, encoding, body) VALUES (?, ?, 'json', ?)",
            [(at, "logs" if at % 10 == 0 else "traces", b"x" * 10_000) for at in range(1, 1_001)],
        )
        connection.execute("INSERT INTO places VALUES ('far', 'traces', 300), ('far', 'logs', 0)")
        yield connection


def kept(db: sqlite3.Connection) -> tuple[int, int, int]:
    found: tuple[int, int, int] = db.execute("SELECT count(*), min(seq), max(seq) FROM entries").fetchone()
    return found


def test_what_is_young_and_fits_stays(db: sqlite3.Connection) -> None:
    assert retention.keep(db, Bounds(age=1_000), 1_001) == []
    assert kept(db) == (1_000, 1, 1_000)


def test_what_is_too_old_goes_and_what_that_costs_whom_is_told(db: sqlite3.Connection) -> None:
    assert retention.keep(db, Bounds(age=500), 1_001) == [Lost("far", "logs", 50), Lost("far", "traces", 180)]
    assert kept(db) == (500, 501, 1_000)


def test_of_what_is_all_too_old_the_last_number_stays_known(db: sqlite3.Connection) -> None:
    retention.keep(db, Bounds(age=1), 5_000)
    assert db.execute("SELECT count(*) FROM entries").fetchone() == (0,)
    assert retention.last(db) == 1_000


def test_what_does_not_fit_goes_from_the_oldest_end(db: sqlite3.Connection) -> None:
    lost = retention.keep(db, Bounds(most_bytes=8_000_000), 1_001)
    # To nine tenths, a hundred at once.
    assert lost == [Lost("far", "logs", 40), Lost("far", "traces", 90)]
    assert kept(db) == (600, 401, 1_000)
    assert retention.used(db) <= 8_000_000


def test_what_was_rejected_goes_first(db: sqlite3.Connection) -> None:
    row = ("far", "traces", "json", b"x" * 1_000_000, "no", 1_000)
    db.executemany("INSERT INTO rejected (target, kind, encoding, body, why, at) VALUES (?, ?, ?, ?, ?, ?)", [row] * 9)
    assert retention.keep(db, Bounds(most_bytes=15_000_000), 1_001) == []
    assert db.execute("SELECT count(*) FROM rejected").fetchone() == (0,)
    assert kept(db) == (1_000, 1, 1_000)


def test_of_what_was_rejected_the_newest_thousand_stay(db: sqlite3.Connection) -> None:
    rows = [("far", "traces", "json", b"", str(n), 1_000) for n in range(1_100)]
    db.executemany("INSERT INTO rejected (target, kind, encoding, body, why, at) VALUES (?, ?, ?, ?, ?, ?)", rows)
    retention.keep(db, Bounds(), 1_001)
    assert db.execute("SELECT count(*), min(why + 0) FROM rejected").fetchone() == (1_000, 100)
