"""What tests of the spool share: records that are told apart at a glance, and a disk that is full."""

from __future__ import annotations

import contextlib
import resource
from typing import TYPE_CHECKING

from handspan.otlp import Record
from handspan.spool import database, outbox

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from handspan.otlp import Kind


def record(body: str, kind: Kind = "traces", about: str = "agent") -> Record:
    return Record(kind=kind, key="", resource=about.encode(), body=body.encode())


def waiting(path: Path, kind: Kind = "traces", seq: int = 0) -> list[str]:
    """The bodies of what waits, as a destination that stands at `seq` reads them."""
    with contextlib.closing(database.reader(path)) as db:
        return [found.record.body.decode() for found in outbox.after(db, kind, seq)]


@contextlib.contextmanager
def full_disk(most: int) -> Generator[None]:
    """No file of this process can be written past `most` bytes, which SQLite meets as it meets a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
