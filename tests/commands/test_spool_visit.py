from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest

from handspan.commands import Failure
from handspan.commands.spool_visit import chosen, folders, settings_of, visiting, when
from handspan.spool import Spool, database
from tests.commands.spools import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def begin(folder: Path) -> Path:
    Spool(folder).close()
    return folder


def failure(call: Callable[[], object]) -> str:
    with pytest.raises(Failure) as raised:
        call()
    return str(raised.value)


def test_a_spool_is_a_folder_with_a_file_of_that_name(tmp_path: Path) -> None:
    begin(tmp_path / "b-1")
    begin(tmp_path / "a-1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "spool.db").mkdir(parents=True)
    assert [folder.name for folder in folders(tmp_path)] == ["a-1", "b-1"]
    assert folders(tmp_path / "none") == []


def test_a_folder_that_can_t_be_read(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert failure(lambda: folders(tmp_path / "state")) == (
        f"{tmp_path}/state can't be read (Not a directory): mend that, or name another in HANDSPAN_STATE_DIR."
    )


def test_the_only_one_needs_no_name(tmp_path: Path) -> None:
    assert failure(lambda: chosen(tmp_path, None)) == (
        f"{tmp_path} holds no spool. It is made by what tells Handspan of its agents, when that starts;"
        " HANDSPAN_STATE_DIR says where."
    )
    one = begin(tmp_path / "cao-1")
    assert [chosen(tmp_path, name) for name in (None, "cao-1")] == [one, one]
    assert failure(lambda: chosen(tmp_path, "../cao-1")) == (
        f"{tmp_path} holds no spool '../cao-1': name one of cao-1."
    )
    begin(tmp_path / "ao-1")
    assert chosen(tmp_path, "cao-1") == one
    assert failure(lambda: chosen(tmp_path, None)) == (
        f"{tmp_path} holds 2 spools: name one with --spool, of ao-1, cao-1."
    )


def test_a_setting_that_is_wrong(tmp_path: Path) -> None:
    assert settings_of(environment(tmp_path)).state_dir == tmp_path
    wrong = {**environment(tmp_path), "HANDSPAN_CONTENT": "all", "HANDSPAN_SETTLE": "x"}
    assert failure(lambda: settings_of(wrong)).startswith("HANDSPAN_CONTENT is 'all': it must be off, ")


def test_a_guest_sees_one_moment_and_the_engine_goes_on(tmp_path: Path) -> None:
    with contextlib.closing(Spool(tmp_path)) as spool, visiting(tmp_path) as db:
        before = db.execute("SELECT count(*) FROM places").fetchone()
        spool.expect([("d", "logs")])
        assert db.execute("SELECT count(*) FROM places").fetchone() == before == (0,)


def test_what_a_guest_writes_is_there_or_not_at_all(tmp_path: Path) -> None:
    begin(tmp_path)
    with visiting(tmp_path, writes=True) as db:
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
    with contextlib.suppress(ZeroDivisionError), visiting(tmp_path, writes=True) as db:
        db.execute("DELETE FROM meta")
        raise ZeroDivisionError
    with visiting(tmp_path) as db:
        assert db.execute("SELECT * FROM meta").fetchall() == [("a", "b")]


def look(folder: Path) -> None:
    with visiting(folder) as db:
        db.execute("SELECT * FROM rejected").fetchall()


def _garbage(path: Path) -> str:
    path.write_bytes(b"no database " * 1_000)
    return "file is not a database"


def _another_version(path: Path) -> str:
    begin(path.parent)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version={database.VERSION + 1}")
    return "the file is no spool, or one of another version of Handspan"


def _overwritten(path: Path) -> str:
    begin(path.parent)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))
    return "database disk image is malformed"


@pytest.mark.parametrize("spoil", [_garbage, _another_version, _overwritten])
def test_a_file_that_can_t_be_used_says_what_to_do(tmp_path: Path, spoil: Callable[[Path], str]) -> None:
    why = spoil(tmp_path / "spool.db")
    assert failure(lambda: look(tmp_path)) == (
        f"{tmp_path}/spool.db can't be used ({why}): use the Handspan that wrote it, or start what uses it, which sets it"
        " aside and begins another."
    )


def test_a_file_that_can_t_be_opened_says_what_to_do(tmp_path: Path) -> None:
    assert failure(lambda: look(tmp_path)) == (
        f"{tmp_path}/spool.db can't be read now (unable to open database file): see that it is there and yours, and try"
        " again."
    )


def test_when() -> None:
    assert when(1_763_632_800_999_999_999) == "2025-11-20 10:00:00 UTC"
