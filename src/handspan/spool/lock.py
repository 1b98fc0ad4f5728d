"""One process writes a spool: the one that holds its lock. The system frees it when that process dies, in any way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO
    from pathlib import Path


class Held(Exception):
    """Another process holds the lock; the text says which."""


class Lock:
    """An exclusive lock on a file that says who holds it. Raises Held, and OSError where no file can be made."""

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(open(path, "r+b", buffering=0, opener=_private))
            _take(file)
            opened.pop_all()
        self._file = file
        os.register_at_fork(after_in_child=_closed_in_child(weakref.ref(file)))

    def close(self) -> None:
        """Let go of the lock. Its file stays: to remove it would let two processes lock two files of one name."""
        self._file.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o600)


def _take(file: FileIO) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Held(_said(file)) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}\n".encode())


def _said(file: FileIO) -> str:
    return file.read(200).decode(errors="replace").strip() or "a process that has just begun"


def holder(path: Path) -> str | None:
    """Who holds the lock, if anybody. Raises OSError where that can't be read."""
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return None
    with file:
        try:
            # Shared, so that two who look do not see each other. A process that begins in this moment waits a second.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _said(file)
    return None


def _closed_in_child(held: weakref.ref[FileIO]) -> Callable[[], None]:
    def close() -> None:
        # A forked child has the same lock open, and would go on holding it after its parent's death.
        file = held()
        if file:
            file.close()

    return close
