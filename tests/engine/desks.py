"""A worker whose turns are taken by the test."""

from __future__ import annotations

import sqlite3
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handspan.engine.inbox import Closing, Flush, Inbox
from handspan.engine.setup import Setup
from handspan.engine.worker import Worker
from handspan.metrics import Book
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.signals import Log, Resource
from handspan.spool import Spool
from handspan.testing import Clock, Story

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from pathlib import Path

    from handspan.events import Event
    from handspan.senders import Sender

HERE = Resource(service="s", namespace="n", instance="i")
TOLD = Story().session().terminal("t").events


@dataclass
class Desk:
    """A worker whose turns are taken by the test."""

    setup: Setup
    clock: Clock
    heard: list[Log] = field(default_factory=list[Log])

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.setup.queue)
        self.closing = Closing()
        self.spool = Spool(self.setup.folder)
        self.worker = Worker(self.setup, self.spool, self.inbox, self.closing)
        self.worker.begin()

    @property
    def file(self) -> Path:
        return self.setup.folder / "spool.db"

    def tell(self, *facts: Any) -> None:
        for fact in facts:
            self.inbox.put(fact)
        self.turn()

    def turn(self) -> None:
        # A flush makes a turn go on at once, whatever else there is to wait for.
        self.inbox.tell(Flush(Future()))
        self.worker.turn()

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(query).fetchall()

    def counts(self, name: str) -> dict[str, float]:
        book = Book(self.rows("SELECT name, labels, state FROM metrics"))
        return {
            ", ".join(point.labels.values()): point.value
            for series in book.series(HERE)
            if series.name == name
            for point in series.points
        }


def alone(fact: Any) -> Iterable[Event]:
    return (fact,)


def as_it_is(event: Event) -> Event:
    return event


@contextmanager
def desk(
    tmp_path: Path,
    destinations: Mapping[str, Sender] | None = None,
    **given: Any,
) -> Generator[Desk]:
    clock = Clock()
    heard: list[Log] = []
    setup: dict[str, Any] = {
        "folder": tmp_path / "spool",
        "destinations": destinations or {},
        "source": "story",
        "instance": "i",
        "push_every": 10,
        "translate": alone,
        "scrub": as_it_is,
        "told": heard.extend,
        "counted": tuple,
        "rules": Rules(),
        "encoder": Encoder(),
        "clock": lambda: clock.now,
        "queue": 1_000,
        "spool_bytes": 10**9,
        "spool_age": 10**18,
    }
    made = Desk(Setup(**(setup | given)), clock, heard)
    try:
        yield made
    finally:
        made.worker.close()
