"""The record is bounded, by bytes and by age: it is cut from its oldest end. What a forward target has not taken of
that is lost to it, and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.spool.bounds import Lost, used

if TYPE_CHECKING:
    import sqlite3

# What is freed at once: enough that a full record is not cut with every look at it.
_DOWN_TO = 0.9
_CHUNK = 100
# What targets rejected is seldom, and kept to be looked at.
_REJECTED = 1_000
_DAY = 86_400 * 1_000_000_000

__all__ = ["Bounds", "Lost", "keep", "last", "used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most bytes, and the greatest age in nanoseconds."""

    most_bytes: int = 512 * 1024 * 1024
    age: int = 7 * _DAY


def last(db: sqlite3.Connection) -> int:
    """The newest seq that was ever given."""
    found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").fetchone()
    return int(found[0]) if found else 0


def keep(db: sqlite3.Connection, bounds: Bounds, now: int) -> list[Lost]:
    """Cut what is too old or does not fit, and say what forward targets lose by that."""
    lost: dict[tuple[str, str], int] = {}
    oldest = now - bounds.age
    young = db.execute("SELECT seq FROM entries WHERE at >= ? ORDER BY seq LIMIT 1", (oldest,)).fetchone()
    _cut(db, young[0] if young else last(db) + 1, lost)
    db.execute("DELETE FROM rejected WHERE at < ? OR id <= (SELECT max(id) FROM rejected) - ?", (oldest, _REJECTED))
    if used(db) > bounds.most_bytes:
        db.execute("DELETE FROM rejected")
        while used(db) > bounds.most_bytes * _DOWN_TO and (first := _first(db)) is not None:
            _cut(db, first + _CHUNK, lost)
    return [Lost(target, kind, entries) for (target, kind), entries in lost.items()]


def _first(db: sqlite3.Connection) -> int | None:
    found: tuple[int | None] = db.execute("SELECT min(seq) FROM entries").fetchone()
    return found[0]


def _cut(db: sqlite3.Connection, before: int, lost: dict[tuple[str, str], int]) -> None:
    counted = db.execute(
        "SELECT target, places.kind, count(*) FROM entries JOIN places"
        " ON places.kind = entries.kind AND entries.seq > places.seq WHERE entries.seq < ? GROUP BY 1, 2",
        (before,),
    )
    for target, kind, number in counted.fetchall():
        lost[target, kind] = lost.get((target, kind), 0) + number
    db.execute("DELETE FROM entries WHERE seq < ?", (before,))
