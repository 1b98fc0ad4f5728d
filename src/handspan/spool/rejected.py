"""What a destination will never take: kept, shown by `handspan spool`, and sent again if somebody asks for it.

`again` marks what is asked for. Such a record stays here until it is taken; if it is refused once more, the mark goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handspan.otlp import Kind, Record
from handspan.spool.outbox import Waiting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from handspan.spool.outbox import Place

# Poison is seldom, and kept to be looked at.
_MOST = 10_000
# SQLite has no larger numbers.
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A record that a destination will never take, and why."""

    destination: str
    record: Record
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is known of a rejected record without looking into it."""

    number: int
    at: int
    destination: str
    kind: Kind
    why: str
    size: int
    again: bool


# --- for the engine --------------------------------------------------------------------------------------------------


def reject(db: sqlite3.Connection, rejected: Sequence[Rejected], at: int) -> None:
    db.executemany(
        "INSERT INTO rejected (destination, kind, resource, body, why, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(r.destination, r.record.kind, r.record.resource, r.record.body, r.why, at) for r in rejected],
    )
    if rejected:
        db.execute("DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (_MOST,))


def next_again(db: sqlite3.Connection, place: Place, after: int) -> Waiting | None:
    """The first record past number `after` that a destination is to be sent again."""
    found = db.execute(
        "SELECT id, kind, resource, body FROM rejected"
        " WHERE again AND destination = ? AND kind = ? AND id > ? ORDER BY id LIMIT 1",
        (*place, after),
    ).fetchone()
    return Waiting(found[0], Record(kind=found[1], key="", resource=found[2], body=found[3])) if found else None


def settle(db: sqlite3.Connection, outcomes: Mapping[int, str | None], at: int) -> None:
    """Forget what was taken at last; of what was refused once more, note why."""
    db.executemany("DELETE FROM rejected WHERE id = ?", [(n,) for n, why in outcomes.items() if why is None])
    db.executemany(
        "UPDATE rejected SET again = 0, why = ?, at = ? WHERE id = ?",
        [(why, at, n) for n, why in outcomes.items() if why is not None],
    )


# --- for commands ----------------------------------------------------------------------------------------------------

_COLUMNS = "id, at, destination, kind, why, length(body), again"


def count(db: sqlite3.Connection) -> int:
    (number,) = db.execute("SELECT count(*) FROM rejected").fetchone()
    return int(number)


def newest(db: sqlite3.Connection, most: int) -> list[Kept]:
    """The last `most` of them, in the order in which they were rejected."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM rejected ORDER BY id DESC LIMIT ?", (most,)).fetchall()  # noqa: S608
    return [_kept(row) for row in reversed(rows)]


def one(db: sqlite3.Connection, number: int) -> tuple[Kept, Record] | None:
    if number > _LARGEST:
        return None
    found = db.execute(f"SELECT {_COLUMNS}, resource, body FROM rejected WHERE id = ?", (number,)).fetchone()  # noqa: S608
    if found is None:
        return None
    kept = _kept(found[:-2])
    return kept, Record(kind=kept.kind, key="", resource=found[-2], body=found[-1])


def _kept(row: Sequence[Any]) -> Kept:
    number, at, destination, kind, why, size, again = row
    return Kept(number=number, at=at, destination=destination, kind=kind, why=why, size=size, again=bool(again))


def unknown(db: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
    """Which of these there are none of."""
    query = "SELECT 1 FROM rejected WHERE id = ?"
    return [number for number in numbers if number > _LARGEST or db.execute(query, (number,)).fetchone() is None]


def ask_again(db: sqlite3.Connection, numbers: Sequence[int] | None) -> None:
    """Mark these, or all, to be sent again."""
    _each(db, "UPDATE rejected SET again = 1", numbers)


def drop(db: sqlite3.Connection, numbers: Sequence[int] | None) -> None:
    """Forget these, or all."""
    _each(db, "DELETE FROM rejected", numbers)


def _each(db: sqlite3.Connection, statement: str, numbers: Sequence[int] | None) -> None:
    if numbers is None:
        db.execute(statement)
    else:
        db.executemany(f"{statement} WHERE id = ?", [(number,) for number in numbers])
