"""The spool is bounded, by bytes and by age. When it is full, what was rejected goes first, then the oldest session
that is over, then the oldest records; what a destination has not taken of it is lost to that destination, and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

# What is freed at once: enough that a full spool is not cut at every commit.
_DOWN_TO = 0.9
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Lost:
    """How many records a destination will never see."""

    destination: str
    kind: str
    records: int


def keep(db: sqlite3.Connection, most_bytes: int, oldest: int) -> list[Lost]:
    """Give up what is older than `oldest` or does not fit into `most_bytes`."""
    lost: dict[tuple[str, str], int] = {}
    while (first := _first(db)) is not None and first[1] < oldest:
        _give_up(db, "outbox.seq < ? AND at < ?", (first[0] + _CHUNK, oldest), lost)
    db.execute("DELETE FROM rejected WHERE at < ?", (oldest,))
    if used(db) > most_bytes:
        while used(db) > most_bytes * _DOWN_TO and _give_up_some(db, lost):
            pass
        db.execute("DELETE FROM resources WHERE id NOT IN (SELECT resource FROM outbox)")
    return [Lost(destination, kind, n) for (destination, kind), n in lost.items()]


def used(db: sqlite3.Connection) -> int:
    """The bytes of the pages that hold something."""
    counts = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")]
    return int((counts[0] - counts[1]) * counts[2])


def _first(db: sqlite3.Connection) -> tuple[int, int] | None:
    found: tuple[int, int] | None = db.execute("SELECT seq, at FROM outbox ORDER BY seq LIMIT 1").fetchone()
    return found


def _give_up_some(db: sqlite3.Connection, lost: dict[tuple[str, str], int]) -> bool:
    """Give up what goes next; False if nothing is left."""
    if db.execute("DELETE FROM rejected WHERE id < (SELECT min(id) FROM rejected) + ?", (_CHUNK,)).rowcount:
        return True
    owner = db.execute("SELECT id FROM owners WHERE over ORDER BY id LIMIT 1").fetchone()
    if owner:
        _give_up(db, "owner = ?", owner, lost)
        db.execute("DELETE FROM owners WHERE id = ?", owner)
        return True
    first = _first(db)
    if first:
        _give_up(db, "outbox.seq < ?", (first[0] + _CHUNK,), lost)
    return first is not None


def _give_up(db: sqlite3.Connection, which: str, values: tuple[int, ...], lost: dict[tuple[str, str], int]) -> None:
    counted = db.execute(
        "SELECT destination, places.kind, count(*) FROM outbox JOIN places"  # noqa: S608 (a condition of ours)
        f" ON places.kind = outbox.kind AND outbox.seq > places.seq WHERE {which} GROUP BY 1, 2",
        values,
    )
    for destination, kind, number in counted.fetchall():
        lost[destination, kind] = lost.get((destination, kind), 0) + number
    db.execute(f"DELETE FROM outbox WHERE {which}", values)  # noqa: S608
