"""How a spool stands, destination by destination: what waits for each, and what it rejected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.spool import outbox

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many records of a kind wait for a destination and since when, and how many it has rejected."""

    destination: str
    kind: str
    waiting: int
    since: int | None
    rejected: int
    # Of these, those that are to be sent again.
    again: int


def queues(db: sqlite3.Connection) -> list[Queue]:
    """One for each place in the outbox, and for each destination of the past that has rejected something."""
    refused = {
        (destination, kind): (number, again)
        for destination, kind, number, again in db.execute(
            "SELECT destination, kind, count(*), sum(again) FROM rejected GROUP BY destination, kind"
        )
    }
    places = {(destination, str(kind)): seq for (destination, kind), seq in outbox.places(db).items()}
    found: list[Queue] = []
    for destination, kind in sorted({*places, *refused}):
        waiting, since = _waiting(db, kind, places.get((destination, kind)))
        rejected, again = refused.get((destination, kind), (0, 0))
        found.append(
            Queue(destination=destination, kind=kind, waiting=waiting, since=since, rejected=rejected, again=again)
        )
    return found


def _waiting(db: sqlite3.Connection, kind: str, seq: int | None) -> tuple[int, int | None]:
    if seq is None:
        return 0, None
    query = "SELECT count(*), min(at) FROM outbox WHERE kind = ? AND seq > ?"
    found: tuple[int, int | None] = db.execute(query, (kind, seq)).fetchone()
    return found
