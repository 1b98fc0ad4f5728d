from __future__ import annotations

import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from handspan.hub.index.database import in_memory, is_damage, open_or_begin, reader

if TYPE_CHECKING:
    from pathlib import Path


def tables(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'spans'").fetchone()[0]
    return found


def test_a_file_is_begun_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    connection = open_or_begin(tmp_path / "index.db")
    assert tables(connection) == 1
    assert stat.S_IMODE((tmp_path / "index.db").stat().st_mode) == 0o600
    connection.close()


def test_what_is_there_is_opened_again(tmp_path: Path) -> None:
    connection = open_or_begin(tmp_path / "index.db")
    connection.execute("INSERT INTO meta VALUES ('position', 7)")
    connection.close()
    again = open_or_begin(tmp_path / "index.db")
    assert again.execute("SELECT * FROM meta").fetchall() == [("position", 7)]
    again.close()


@pytest.mark.parametrize("what", ["garbage", "another program's", "another version"])
def test_what_is_no_index_is_thrown_away(tmp_path: Path, what: str) -> None:
    path = tmp_path / "index.db"
    if what == "garbage":
        path.write_bytes(b"This is no database." * 100)
    else:
        connection = sqlite3.connect(path) if what == "another program's" else open_or_begin(path)
        connection.execute("CREATE TABLE something (x)")
        connection.execute("PRAGMA user_version=99")
        connection.commit()
        connection.close()
    connection = open_or_begin(path)
    assert tables(connection) == 1
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'something'").fetchone() == (0,)
    connection.close()


def test_a_file_that_is_held_is_not_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Is a directory"):
        open_or_begin(tmp_path)
    error = sqlite3.OperationalError("locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert not is_damage(error)


def test_a_reader_can_t_write(tmp_path: Path) -> None:
    writer = open_or_begin(tmp_path / "index.db")
    connection = reader(tmp_path / "index.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("INSERT INTO meta VALUES ('position', 7)")
    connection.close()
    writer.close()


def test_memory_has_the_same_tables() -> None:
    connection = in_memory()
    assert tables(connection) == 1
    connection.close()
