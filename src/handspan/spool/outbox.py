"""What is to leave, and how far each destination has taken it. The SQL of it, within the writer's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from handspan.otlp import Kind, Record, framed_size

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

# A request holds at most this much, resources and framing included: the servers' usual limit is 4 MiB.
REQUEST_BYTES = 4 * 1024 * 1024
REQUEST_RECORDS = 2_000

Place = tuple[str, "Kind"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record in the outbox, and its place there."""

    seq: int
    record: Record


def append(
    db: sqlite3.Connection,
    records: Iterable[tuple[str, Record]],
    resources: dict[bytes, int],
    owners: dict[str, int],
    at: int,
) -> None:
    """Put records at the end. `resources` and `owners` are the writer's memory of the rows that it has made."""
    rows: list[tuple[str, int, int, bytes, int]] = []
    for uid, record in records:
        resource = resources.get(record.resource)
        if resource is None:
            resource = resources[record.resource] = _id_of(db, "resources", "body", record.resource)
        owner = owners.get(uid)
        if owner is None:
            owner = owners[uid] = _id_of(db, "owners", "uid", uid)
        rows.append((record.kind, owner, resource, record.body, at))
    db.executemany("INSERT INTO outbox (kind, owner, resource, body, at) VALUES (?, ?, ?, ?, ?)", rows)


def _id_of(db: sqlite3.Connection, table: str, column: str, value: bytes | str) -> int:
    db.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,))  # noqa: S608 (names of ours)
    (found,) = db.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()  # noqa: S608
    return int(found)


def after(db: sqlite3.Connection, kind: Kind, seq: int, most: int = REQUEST_RECORDS) -> list[Waiting]:
    """The records of one kind that follow `seq`: as many as one request takes, and at least one if there is one."""
    found: list[Waiting] = []
    size = 0
    rows: Iterator[tuple[int, bytes, bytes]] = db.execute(
        "SELECT seq, resources.body, outbox.body FROM outbox JOIN resources ON resources.id = resource"
        " WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?",
        (kind, seq, most),
    )
    for number, resource, body in rows:
        record = Record(kind=kind, key="", resource=resource, body=body)
        size += framed_size(record)
        if found and size > REQUEST_BYTES:
            break
        found.append(Waiting(number, record))
    return found


def last_of_kinds(db: sqlite3.Connection) -> dict[str, int]:
    """The place of the newest record of each kind that waits."""
    found: dict[str, int] = {}
    for (kind,) in db.execute("SELECT DISTINCT kind FROM places").fetchall():
        (seq,) = db.execute("SELECT max(seq) FROM outbox WHERE kind = ?", (kind,)).fetchone()
        found[kind] = seq or 0
    return found


def waiting(db: sqlite3.Connection) -> dict[str, tuple[int, int | None]]:
    """How many records of each kind some destination has not taken, and since when the oldest of them waits."""
    found: dict[str, tuple[int, int | None]] = {}
    for kind, seq in db.execute("SELECT kind, min(seq) FROM places GROUP BY kind").fetchall():
        query = "SELECT count(*), min(at) FROM outbox WHERE kind = ? AND seq > ?"
        found[kind] = db.execute(query, (kind, seq)).fetchone()
    return found


def places(db: sqlite3.Connection) -> dict[Place, int]:
    return {(name, kind): seq for name, kind, seq in db.execute("SELECT destination, kind, seq FROM places")}


def move(db: sqlite3.Connection, moved: Mapping[Place, int]) -> None:
    db.executemany(
        "INSERT INTO places VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
        [(name, kind, seq) for (name, kind), seq in moved.items()],
    )


def drop_taken(db: sqlite3.Connection) -> None:
    """Forget what every destination has taken, and what none wants."""
    for kind in get_args(Kind):
        (seq,) = db.execute("SELECT min(seq) FROM places WHERE kind = ?", (kind,)).fetchone()
        if seq is None:
            db.execute("DELETE FROM outbox WHERE kind = ?", (kind,))
        else:
            db.execute("DELETE FROM outbox WHERE kind = ? AND seq <= ?", (kind, seq))


def forget(db: sqlite3.Connection, destination: str) -> None:
    """Hold nothing back for a destination any more."""
    db.execute("DELETE FROM places WHERE destination = ?", (destination,))
