from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from handspan.hub import record_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def begin(path: Path, rows: int = 0) -> None:
    db, aside = record_file.open_or_begin(path)
    assert aside is None
    with contextlib.closing(db):
        row = (1, "traces", "protobuf", b"x" * 1000)
        db.executemany("INSERT INTO entries (at, kind, encoding, body) VALUES (?, ?, ?, ?)", [row] * rows)


def test_each_commit_is_on_the_disk_and_its_user_s_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        begin(tmp_path / "record.db", rows=3)
        db, aside = record_file.open_or_begin(tmp_path / "record.db")
        with contextlib.closing(db):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
            asked = ("journal_mode", "synchronous", "auto_vacuum")
            # FULL is 2, INCREMENTAL is 2.
            assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 2]
            assert db.execute("SELECT count(*) FROM entries").fetchone() == (3,)
    finally:
        os.umask(mask)
    assert aside is None
    assert modes == {"record.db": 0o600, "record.db-wal": 0o600, "record.db-shm": 0o600}


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1000)


def _cut(path: Path) -> None:
    begin(path, rows=100)
    os.truncate(path, 1000)


def _of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")


def _of_another_version(path: Path) -> None:
    begin(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={record_file.VERSION + 1}")


@pytest.mark.parametrize("spoil", [_garbage, _cut, _of_another_program, _of_another_version])
def test_what_can_t_be_used_is_set_aside(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "record.db"
    spoil(path)
    before = path.read_bytes()
    db, aside = record_file.open_or_begin(path)
    db.close()
    assert str(aside) == str(tmp_path / "record.db.unusable-1")
    assert (tmp_path / "record.db.unusable-1").read_bytes() == before
    begin(path)
