from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.real.told import tellable, written_down

if TYPE_CHECKING:
    from pathlib import Path

STORY = """
    lead ready
    handoff to nobody error: Invalid
    step plan failed in attempt 1: error
"""


def test_what_a_version_keeps_is_what_it_can_tell(tmp_path: Path) -> None:
    path = tmp_path / "cao.db"
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE workflow_run_step (run_id)")
        assert written_down(STORY, path) == "lead ready\nstep plan failed in attempt 1"
        tables.execute("CREATE TABLE handoff_results (job_id)")
        tables.execute("ALTER TABLE workflow_run_step ADD COLUMN error_kind")
        assert written_down(STORY, path).splitlines() == [line.strip() for line in STORY.strip().splitlines()]


TOLD = """
    session killed
    session replaced
    first replaced
    coder completed
    plan completed
    handoff to coder from lead: completed
    handoff message to coder from lead
    assign message to coder from lead
"""


def test_what_a_version_does_not_keep_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "cao.db"
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("CREATE TABLE terminals (id)")
        assert tellable(TOLD, path).splitlines() == [
            "session killed",
            "first vanished",
            "coder killed",
            "plan completed",
            "assign message to coder from lead",
        ]
        tables.execute("CREATE TABLE handoff_results (job_id)")
        tables.execute("ALTER TABLE terminals ADD COLUMN session_incarnation_id")
        assert tellable(TOLD, path).splitlines() == [line.strip() for line in TOLD.strip().splitlines()]
