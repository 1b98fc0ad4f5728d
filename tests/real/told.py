"""What a version of CAO writes down: older ones have less to tell the truth from."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def written_down(story: str, database: Path) -> str:
    """As much of an account as this version could give."""
    lines = [line.strip() for line in story.strip().splitlines()]
    return "\n".join(line for line in lines if not line.startswith("handoff to ") or _has_handoffs(database))


def _has_handoffs(database: Path) -> bool:
    """CAO up to 2.4.1 keeps no result of a handoff."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as tables:
        return tables.execute("SELECT 1 FROM sqlite_master WHERE name = 'handoff_results'").fetchone() is not None
