from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from handspan.spool.lock import Held, Lock
from handspan.spool.lock import holder as holder_of
from tests.spooled import full_disk

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_HOLDER = """
import os, sys, time
from pathlib import Path
from handspan.spool.lock import Lock

lock = Lock(Path(sys.argv[1]))
child = os.fork() if sys.argv[2:] else -1
# A child says it itself: by then it has let go of what it must.
if child <= 0:
    print(child or os.getpid(), flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def holder(path: Path, *more: str) -> Generator[tuple[subprocess.Popen[str], int]]:
    """Another process that holds the lock, and the pid of its child if it is to have one."""
    with subprocess.Popen([sys.executable, "-c", _HOLDER, path, *more], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_whoever_comes_second_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with pytest.raises(Held, match=f"^process {os.getpid()}$"):
        Lock(tmp_path / "lock")
    lock.close()
    Lock(tmp_path / "lock").close()


def test_another_process_is_told_by_its_pid_and_frees_the_lock_when_it_is_killed(tmp_path: Path) -> None:
    with holder(tmp_path / "lock") as (process, _):
        with pytest.raises(Held, match=f"^process {process.pid}$"):
            Lock(tmp_path / "lock")
        process.send_signal(signal.SIGKILL)
        process.wait()
        Lock(tmp_path / "lock").close()
    assert (tmp_path / "lock").read_text() == f"process {os.getpid()}\n"


def test_a_forked_child_does_not_hold_its_dead_parent_s_lock(tmp_path: Path) -> None:
    with holder(tmp_path / "lock", "with a child") as (process, child):
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(child, 0)
        Lock(tmp_path / "lock").close()
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_leaves_its_parent_s_lock_alone(tmp_path: Path) -> None:
    with holder(tmp_path / "lock", "with a child") as (_, child):
        os.kill(child, signal.SIGKILL)
        with pytest.raises(Held):
            Lock(tmp_path / "lock")


def test_a_holder_that_has_not_said_its_name_yet(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Held, match=r"^a process that has just begun$"):
            Lock(tmp_path / "lock")


def test_a_shorter_name_replaces_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("process 123456789012345\n")
    Lock(tmp_path / "lock").close()
    assert (tmp_path / "lock").read_text() == f"process {os.getpid()}\n"


def test_whoever_looks_is_told_who_holds_it_and_holds_nothing(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "lock") is None
    with holder(tmp_path / "lock") as (process, _):
        assert [holder_of(tmp_path / "lock") for _ in range(2)] == [f"process {process.pid}"] * 2
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Its name still stands there.
        assert (tmp_path / "lock").read_text() == f"process {process.pid}\n"
        assert holder_of(tmp_path / "lock") is None
    Lock(tmp_path / "lock").close()


def test_a_holder_that_has_not_said_its_name(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    os.truncate(tmp_path / "lock", 0)
    assert holder_of(tmp_path / "lock") == "a process that has just begun"
    lock.close()


def test_a_lock_that_can_t_be_written_is_not_held(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(OSError, match="File too large"):
        Lock(tmp_path / "lock")
    Lock(tmp_path / "lock").close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Lock(tmp_path / "none" / "lock")


def test_its_file_is_its_user_s_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        Lock(tmp_path / "lock").close()
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_to_close_twice_closes_nobody_else_s_file(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.close()
    with (tmp_path / "other").open("w") as other:
        lock.close()
        other.write("still open")
    assert (tmp_path / "other").read_text() == "still open"
