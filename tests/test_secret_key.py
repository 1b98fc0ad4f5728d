from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest

from handspan.secret_key import key_in, key_or_another

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_has_one_key_whoever_asks(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "with it"
    key = key_in(folder)
    assert len(key) == 32
    assert key_in(folder) == key
    assert key_in(tmp_path / "other") != key


def test_nobody_else_can_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    key_in(folder)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_of_many_that_ask_at_once_all_get_the_same(tmp_path: Path) -> None:
    ready = threading.Barrier(8)
    keys: list[bytes] = []

    def ask() -> None:
        ready.wait()
        keys.append(key_in(tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [key_in(tmp_path)] * 8


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_made_again(damaged: bytes, tmp_path: Path) -> None:
    (tmp_path / "digest.key").write_bytes(damaged)
    key = key_in(tmp_path)
    assert len(key) == 32
    assert key != damaged
    assert key_in(tmp_path) == key


def test_a_folder_that_can_t_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        key_in(tmp_path / "file" / "folder")


def test_where_there_can_be_no_key_there_is_one_that_nobody_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    assert key_or_another(tmp_path / "file") != key_or_another(tmp_path / "file")
    assert "digests are of their own" in caplog.text
    assert key_or_another(tmp_path) == key_in(tmp_path)
