from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from handspan.spool import database, outbox, rejected, standing
from handspan.spool.rejected import Rejected
from handspan.spool.standing import Queue
from tests.spooled import record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection, _ = database.open_or_begin(tmp_path / "spool.db")
    with contextlib.closing(connection):
        yield connection


def test_what_waits_for_each_and_what_it_rejected(db: sqlite3.Connection) -> None:
    for at in (3, 4, 5):
        outbox.append(db, [("s", record("x")), ("s", record("y", "logs"))], {}, {}, at)
    outbox.move(db, {("a", "traces"): 1, ("a", "logs"): 6, ("b", "logs"): 0})
    for name, times in (("a", 3), ("gone", 1)):
        rejected.reject(db, [Rejected(destination=name, record=record("x"), why="400")] * times, 7)
    rejected.ask_again(db, [1, 3])
    assert standing.queues(db) == [
        Queue(destination="a", kind="logs", waiting=0, since=None, rejected=0, again=0),
        Queue(destination="a", kind="traces", waiting=2, since=4, rejected=3, again=2),
        Queue(destination="b", kind="logs", waiting=3, since=3, rejected=0, again=0),
        Queue(destination="gone", kind="traces", waiting=0, since=None, rejected=1, again=0),
    ]


def test_an_empty_spool(db: sqlite3.Connection) -> None:
    assert standing.queues(db) == []
