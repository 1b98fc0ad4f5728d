"""Into a spool as a guest: which there are, and one of them opened, whether or not an engine runs on it."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handspan.commands import Failure
from handspan.config import WrongSetting, read
from handspan.spool import database

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from handspan.config import Settings

_SECOND = 1_000_000_000


def settings_of(environment: Mapping[str, str]) -> Settings:
    try:
        return read(environment).settings
    except WrongSetting as wrong:
        raise Failure(" ".join(wrong.problems)) from wrong


def folders(state_dir: Path) -> list[Path]:
    """The folder of every spool."""
    try:
        return sorted(found for found in state_dir.iterdir() if _may_be_one(found))
    except FileNotFoundError:
        return []
    except OSError as error:
        why = f"{state_dir} can't be read ({error.strerror})"
        raise Failure(f"{why}: mend that, or name another in HANDSPAN_STATE_DIR.") from error


def _may_be_one(folder: Path) -> bool:
    try:
        return (folder / "spool.db").is_file()
    except OSError:
        # It can't be looked into. Whoever opens it says so.
        return True


def chosen(state_dir: Path, name: str | None) -> Path:
    """The folder of this name, or the only one."""
    there = {folder.name: folder for folder in folders(state_dir)}
    if not there:
        raise Failure(f"{state_dir} holds no spool. {NONE_YET}")
    if name in there:
        return there[name]
    if name is not None:
        raise Failure(f"{state_dir} holds no spool {name!r}: name one of {', '.join(there)}.")
    if len(there) > 1:
        raise Failure(f"{state_dir} holds {len(there)} spools: name one with --spool, of {', '.join(there)}.")
    return next(iter(there.values()))


NONE_YET = "It is made by what tells Handspan of its agents, when that starts; HANDSPAN_STATE_DIR says where."


@contextlib.contextmanager
def visiting(folder: Path, *, writes: bool = False) -> Generator[sqlite3.Connection]:
    """A transaction in a spool: what an engine commits meanwhile is not seen in parts. Raises Failure.

    Only the engine writes that file, but for this: `writes` marks or drops what was rejected, in a moment. SQLite keeps
    the two apart, and the engine's commit waits or is tried again. So it works alike whether or not an engine runs; a
    request that is left for the engine would need a place, a form and an answer of its own.
    """
    path = folder / "spool.db"
    try:
        with contextlib.closing(database.guest(path, writes=writes)) as db, db:
            db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield db
    except (sqlite3.Error, OSError) as error:
        raise Failure(_sentence(path, error)) from error


def _sentence(path: Path, error: Exception) -> str:
    if isinstance(error, sqlite3.Error) and database.is_damage(error):
        do = "use the Handspan that wrote it, or start what uses it, which sets it aside and begins another"
        return f"{path} can't be used ({error}): {do}."
    return f"{path} can't be read now ({error}): see that it is there and yours, and try again."


def when(at: int) -> str:
    return f"{datetime.fromtimestamp(at // _SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
