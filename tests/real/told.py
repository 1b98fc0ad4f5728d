"""What a version of CAO writes down: older ones have less to tell the truth from, and Handspan less to tell."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keeps_handoffs(database: Path) -> bool:
    return bool(_columns(database, "handoff_results"))


def knows_incarnations(database: Path) -> bool:
    return "session_incarnation_id" in _columns(database, "terminals")


def written_down(story: str, database: Path) -> str:
    """As much of an account as this version could give. CAO up to 2.4.1 keeps no handoffs, and not why a step failed."""
    lines = [line.strip() for line in story.strip().splitlines()]
    if not keeps_handoffs(database):
        lines = [line for line in lines if not line.startswith("handoff to ")]
    if "error_kind" not in _columns(database, "workflow_run_step"):
        lines = [line.removesuffix(": error") for line in lines]
    return "\n".join(lines)


def tellable(story: str, database: Path) -> str:
    """As much of what is told as could be of this version. CAO up to 2.4.1 keeps no handoffs, and no incarnations."""
    if not keeps_handoffs(database):
        for worker in re.findall(r"handoff to (\w+) from", story):
            story = story.replace(f"{worker} completed", f"{worker} killed")
        story = re.sub(r"handoff (message )?to .*", "", story)
    if not knows_incarnations(database):
        story = story.replace("session replaced", "").replace(" replaced", " vanished")
    return "\n".join(line.strip() for line in story.splitlines() if line.strip())


def _columns(database: Path, table: str) -> set[str]:
    """Of a table that isn't there, none."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as tables:
        return {name for (name,) in tables.execute("SELECT name FROM pragma_table_info(?)", (table,))}
