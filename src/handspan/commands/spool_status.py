"""`handspan spool status`: a page, or a line of JSON, about each spool."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.commands import Failure
from handspan.commands.spool_visit import NONE_YET, folders, settings_of, visiting, when
from handspan.engine import recovery
from handspan.engine.intake import Intake
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.show.captions import count
from handspan.show.cells import clean
from handspan.spool import bounds, database, lock, recovered, standing
from handspan.spool.standing import Queue

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from handspan.config import Settings
    from handspan.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    path: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a spool stands; a line of JSON has these names."""

    spool: str
    path: str
    held_by: str | None
    open_sessions: int
    bytes: int
    most_bytes: int
    # When what has waited longest was committed.
    oldest: int | None
    queues: list[Queue]
    set_aside: list[SetAside]


def pages(environment: Mapping[str, str], *, as_json: bool) -> Iterator[str]:
    """Lines to print. Raises Failure at the end for spools that can't be read, as one must not hide the others."""
    settings = settings_of(environment)
    # What can't be read is said in one sentence, and not by the engine's words for a log.
    logging.getLogger("handspan").addHandler(logging.NullHandler())
    found = folders(settings.state_dir)
    failures: list[str] = []
    for folder in found:
        try:
            status = _status(folder, settings)
        except Failure as failure:
            failures.append(str(failure))
            continue
        yield json.dumps(dataclasses.asdict(status)) if as_json else "\n".join(map(clean, _page(status)))
    if failures:
        raise Failure(" ".join(failures))
    if not found and not as_json:
        yield clean(f"{settings.state_dir} holds no spool. {NONE_YET}")


def _status(folder: Path, settings: Settings) -> Status:
    with visiting(folder) as db:
        queues = standing.queues(db)
        return Status(
            spool=folder.name,
            path=str(folder / "spool.db"),
            held_by=lock.holder(folder / "lock"),
            open_sessions=_open_sessions(db, settings.rules(looks=True)),
            bytes=bounds.used(db),
            most_bytes=settings.spool_max_bytes,
            oldest=min((queue.since for queue in queues if queue.since is not None), default=None),
            queues=queues,
            set_aside=[
                SetAside(path=str(path), bytes=path.stat().st_size)
                for path in database.set_aside_before(folder / "spool.db")
            ],
        )


def _open_sessions(db: sqlite3.Connection, rules: Rules) -> int:
    """How many an engine would go on with, if it began now."""
    kept = recovered.read(db)
    sessions, _ = recovery.load(kept, rules)
    intake = Intake(sessions=sessions, book=Book(), encoder=Encoder(), known=_unknown, clock=time.time_ns)
    try:
        for steps in kept.steps:
            intake.again(steps)
    except ValueError as error:
        raise database.Unusable(str(error)) from error
    return len(list(sessions))


def _unknown(_event: bytes, _at: int) -> bool:
    return False


# --- in words --------------------------------------------------------------------------------------------------------


def _page(status: Status) -> Iterator[str]:
    yield status.spool
    yield _line("file", status.path)
    yield _line("used by", status.held_by or "nobody")
    yield _line("open sessions", str(status.open_sessions))
    yield _line("holds", f"{_mib(status.bytes)} of {_mib(status.most_bytes)}")
    yield _line("oldest", f"waits since {when(status.oldest)}" if status.oldest else "nothing waits")
    for queue in status.queues:
        yield _line(f"{queue.destination} {queue.kind}", ", ".join(_queue(queue)))
    for aside in status.set_aside:
        yield _line("set aside", f"{aside.path}, {_mib(aside.bytes)}")


def _line(name: str, value: str) -> str:
    return f"  {name:15} {value}"


def _queue(queue: Queue) -> Iterator[str]:
    if queue.since is None:
        yield "nothing waits"
    else:
        yield f"{count(queue.waiting, 'record')} waiting since {when(queue.since)}"
    if queue.rejected:
        yield f"{queue.rejected} rejected"
    if queue.again:
        yield f"{queue.again} of these to be sent again"


def _mib(number: int) -> str:
    return f"{number / 2**20:,.1f} MiB"
