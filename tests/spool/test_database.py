from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from handspan.spool import database
from handspan.spool.database import Aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def begin(path: Path, rows: int = 0) -> None:
    """Write a spool that has something in it."""
    db, aside = database.open_or_begin(path)
    assert aside is None
    with contextlib.closing(db):
        db.executemany("INSERT INTO journal (steps) VALUES (?)", [("x" * 1000,)] * rows)


def steps(path: Path) -> int:
    db, aside = database.open_or_begin(path)
    assert aside is None
    with contextlib.closing(db):
        return int(db.execute("SELECT count(*) FROM journal").fetchone()[0])


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    begin(tmp_path / "spool.db", rows=3)
    assert steps(tmp_path / "spool.db") == 3


def test_an_empty_file_is_a_spool_that_was_never_begun(tmp_path: Path) -> None:
    (tmp_path / "spool.db").touch()
    begin(tmp_path / "spool.db", rows=1)
    assert steps(tmp_path / "spool.db") == 1


def test_its_files_are_its_user_s_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        db, _ = database.open_or_begin(tmp_path / "spool.db")
        with contextlib.closing(db):
            db.execute("INSERT INTO journal (steps) VALUES ('')")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(mask)
    assert modes == {"spool.db": 0o600, "spool.db-wal": 0o600, "spool.db-shm": 0o600}


def test_each_commit_is_on_the_disk_and_freed_pages_can_be_given_back(tmp_path: Path) -> None:
    db, _ = database.open_or_begin(tmp_path / "spool.db")
    asked = ("journal_mode", "synchronous", "auto_vacuum")
    with contextlib.closing(db):
        # FULL is 2, INCREMENTAL is 2.
        assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 2]


# --- what can't be used ----------------------------------------------------------------------------------------------


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database at all " * 1000)


def _cut(path: Path) -> None:
    begin(path, rows=100)
    os.truncate(path, path.stat().st_size // 2)


def _cut_in_the_first_page(path: Path) -> None:
    begin(path)
    os.truncate(path, 1000)


def _header_overwritten(path: Path) -> None:
    begin(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * 200)


def _schema_overwritten(path: Path) -> None:
    begin(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)


def _of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")


def _of_another_version(path: Path) -> None:
    begin(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={database.VERSION + 1}")


def _of_another_application(path: Path) -> None:
    begin(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id=1")


@pytest.mark.parametrize(
    "spoil",
    [
        _garbage,
        _cut,
        _cut_in_the_first_page,
        _header_overwritten,
        _schema_overwritten,
        _of_another_program,
        _of_another_version,
        _of_another_application,
    ],
)
def test_an_unusable_file_is_kept_under_another_name_and_a_fresh_one_begun(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "spool.db"
    spoil(path)
    content = path.read_bytes()
    db, aside = database.open_or_begin(path)
    db.close()
    assert aside is not None
    assert aside.path.name == "spool.db.unusable-1"
    # Its journal mode is written down in the first page; nothing else of it may have been touched.
    assert aside.path.read_bytes()[1000:] == content[1000:]
    begin(path, rows=1)
    assert steps(path) == 1


def test_several_unusable_files_are_kept_with_what_belongs_to_them(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for n in range(2):
        path.write_text(f"file {n}")
        path.with_name("spool.db-wal").write_text(f"wal {n}")
        path.with_name("spool.db-shm").write_text(f"shm {n}")
        database.set_aside(path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        f"spool.db.unusable-{n + 1}{ending}": f"{word} {n}"
        for n in range(2)
        for ending, word in (("", "file"), ("-wal", "wal"), ("-shm", "shm"))
    }


def unusable(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*unusable*"))


def test_the_newest_three_unusable_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    said: list[str] = []
    for n in range(1, 12):
        path.write_text(f"file {n}")
        path.with_name("spool.db-wal").write_text(f"wal {n}")
        said.append(str(database.set_aside(path)))
    assert unusable(tmp_path) == [f"spool.db.unusable-{n}{ending}" for n in (10, 11, 9) for ending in ("", "-wal")]
    assert (tmp_path / "spool.db.unusable-9").read_text() == "file 9"
    assert said[2] == f"{path}.unusable-3"
    assert said[3] == f"{path}.unusable-4 (the newest 3 such files are kept: spool.db.unusable-1 was removed)"
    assert [found.name for found in database.set_aside_before(path)] == [f"spool.db.unusable-{n}" for n in (9, 10, 11)]


def test_what_is_named_like_an_unusable_file_and_is_none_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    others = [
        "spool.db.unusable-0",
        "spool.db.unusable-",
        "spool.db.unusable-x",
        "spool.db.unusable-1.bak",
        "a.unusable-1",
    ]
    for name in others:
        (tmp_path / name).touch()
    for _ in range(4):
        path.touch()
        database.set_aside(path)
    kept = {f"spool.db.unusable-{n}" for n in (2, 3, 4)}
    assert {*others, *kept} == {found.name for found in tmp_path.iterdir()}


def test_an_old_one_that_can_t_be_removed_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    (tmp_path / "spool.db.unusable-1").mkdir()
    for n in (2, 3):
        (tmp_path / f"spool.db.unusable-{n}").touch()
    path.touch()
    assert database.set_aside(path) == Aside(tmp_path / "spool.db.unusable-4")


# --- damage, and what is none ----------------------------------------------------------------------------------------


def caught(call: Callable[[], object]) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as raised:
        call()
    return raised.value


def test_a_file_that_another_process_holds_is_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    begin(path)
    db, _ = database.open_or_begin(path)
    with contextlib.closing(db), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not database.is_damage(caught(lambda: db.execute("BEGIN IMMEDIATE")))


def test_a_closed_connection_is_not_damaged(tmp_path: Path) -> None:
    db, _ = database.open_or_begin(tmp_path / "spool.db")
    db.close()
    assert not database.is_damage(caught(lambda: db.execute("SELECT 1")))


def test_text_that_is_none_is_damage(tmp_path: Path) -> None:
    db, _ = database.open_or_begin(tmp_path / "spool.db")
    with contextlib.closing(db):
        assert database.is_damage(caught(lambda: db.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()))


def test_a_page_that_was_overwritten_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    begin(path, rows=100)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    db, _ = database.open_or_begin(path)
    with contextlib.closing(db):
        assert database.is_damage(caught(lambda: db.execute("SELECT * FROM journal").fetchall()))


# --- readers ---------------------------------------------------------------------------------------------------------


def test_a_reader_sees_what_was_committed_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "100%?mode=rw#" / "spool.db"
    path.parent.mkdir()
    writer, _ = database.open_or_begin(path)
    with contextlib.closing(writer), contextlib.closing(database.reader(path)) as reader:
        writer.execute("INSERT INTO journal (steps) VALUES ('a')")
        assert reader.execute("SELECT steps FROM journal").fetchall() == [("a",)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM journal")


def test_a_reader_begins_no_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        database.reader(tmp_path / "spool.db")
    assert list(tmp_path.iterdir()) == []


# --- guests ----------------------------------------------------------------------------------------------------------


def test_a_guest_reads_and_one_that_may_writes(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    begin(path, rows=1)
    with contextlib.closing(database.guest(path)) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM journal")
    with contextlib.closing(database.guest(path, writes=True)) as db:
        db.execute("DELETE FROM journal")
    assert steps(path) == 0


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("spoil", [_garbage, _cut_in_the_first_page, _of_another_program, _of_another_version])
def test_a_guest_touches_nothing_that_is_no_spool(tmp_path: Path, spoil: Callable[[Path], None], writes: bool) -> None:
    path = tmp_path / "spool.db"
    spoil(path)
    content = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError) as raised:
        database.guest(path, writes=writes)
    assert database.is_damage(raised.value) or isinstance(raised.value, database.Unusable)
    assert path.read_bytes() == content


@pytest.mark.parametrize("writes", [False, True])
def test_a_guest_begins_no_file(tmp_path: Path, writes: bool) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        database.guest(tmp_path / "spool.db", writes=writes)
    assert list(tmp_path.iterdir()) == []
