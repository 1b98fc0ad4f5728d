"""Spools for the tests of `handspan spool`, made as an engine makes them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from handspan.otlp import Encoder, Record
from handspan.signals import Log, Span
from handspan.spool import Batch, Spool
from handspan.spool.rejected import Rejected
from handspan.testing import BEGIN, Story, play

if TYPE_CHECKING:
    from pathlib import Path

    from handspan.signals import Signal

SIGNALS = play(Story("s").session().terminal("t").at(1).end().events)


def environment(state_dir: Path) -> dict[str, str]:
    return {"HANDSPAN_STATE_DIR": str(state_dir), "HOME": "/home/ann"}


def encoded(signal: Signal) -> Record:
    assert isinstance(signal, Span | Log)
    return Encoder().record(signal)


def one(kind: type[Span | Log]) -> Span | Log:
    return next(signal for signal in SIGNALS if isinstance(signal, kind))


def rejects(folder: Path, *records: Record, why: str = "HTTP 400 Bad Request") -> None:
    """Have a destination `otlp` reject these, a second after each other."""
    with closing(Spool(folder)) as spool:
        for n, record in enumerate(records):
            rejected = Rejected(destination="otlp", record=record, why=why)
            spool.commit(Batch(at=BEGIN + n * 1_000_000_000, rejected=[rejected]))
