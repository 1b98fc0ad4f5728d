"""What had been committed: the sessions as of the last checkpoint, and what was taken in since."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handspan.spool.database import Unusable

if TYPE_CHECKING:
    import sqlite3

# As many sessions that are over are remembered as `Sessions` keeps in memory.
ENDED = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """`sessions` is what `Sessions` remembers beside open sessions; `dumps` are these, by their uids."""

    sessions: dict[str, Any]
    dumps: dict[str, Any]
    steps: list[str]
    metrics: list[tuple[str, str, str]]
    positions: dict[str, str]


def read(db: sqlite3.Connection) -> Recovered:
    """Raises sqlite3.Error; a file with rows that can't be read is `Unusable`."""
    try:
        return _read(db)
    except ValueError as error:
        raise Unusable(str(error)) from error


def _read(db: sqlite3.Connection) -> Recovered:
    meta = dict(db.execute("SELECT name, value FROM meta"))
    ended = db.execute("SELECT uid, day FROM ended ORDER BY day DESC LIMIT ?", (ENDED,))
    return Recovered(
        sessions={
            **json.loads(meta.get("sessions", '{"now": 0, "seen": {}}')),
            "ended": dict(ended),
            "ended_before": {},
        },
        dumps={uid: json.loads(form) for uid, form in db.execute("SELECT uid, form FROM sessions ORDER BY uid")},
        steps=[row[0] for row in db.execute("SELECT steps FROM journal ORDER BY seq")],
        metrics=db.execute("SELECT name, labels, state FROM metrics").fetchall(),
        positions=dict(db.execute("SELECT source, value FROM positions")),
    )
