from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from handspan.cao import tables
from handspan.cao.tables import HANDOFFS, INBOX, RUNS, Tables
from handspan.sources import cao_facts as cao
from tests.cao.orchestrator import NOW, OLD_SCHEMA, SECOND, Database, text

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

AT = NOW + 5 * SECOND


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "cao # 100%?.db")


@pytest.fixture
def opened(database: Database) -> Generator[Tables]:
    found = Tables(database.path, utc=True)
    assert found.open() == []
    yield found
    found.close()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A machine whose time is not UTC."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_terminals_are_told_with_all_that_their_rows_have(database: Database, opened: Tables) -> None:
    database.terminal("b2", model="m-1", caller_id="a1", working_directory="/work", session_incarnation_id="c0ffee")
    database.terminal("a1", last_active=text(NOW + 1_234_567_000))
    first = cao.TerminalRow(
        at=AT,
        id="b2",
        seen_by="table",
        agent_profile="coder",
        provider="mock_cli",
        model="m-1",
        caller_id="a1",
        tmux_session="cao-one",
        tmux_window="w-b2",
        working_directory="/work",
        last_active=NOW,
        session_incarnation_id="c0ffee",
    )
    second = cao.TerminalRow(
        at=AT,
        id="a1",
        seen_by="status",
        agent_profile="coder",
        provider="mock_cli",
        tmux_session="cao-one",
        tmux_window="w-a1",
        last_active=NOW + 1_234_567_000,
    )
    assert opened.terminal("a1", AT, "status") == second
    assert [row.id for row in opened.terminals(AT, "table")] == ["b2", "a1"]
    assert opened.terminals(AT, "table")[0] == first
    assert opened.terminal("zz", AT, "hook") is None
    assert opened.terminal("' OR 1 --", AT, "hook") is None


def test_of_an_older_cao_what_it_has_is_told(tmp_path: Path, elsewhere: None) -> None:
    database = Database(tmp_path / "old.db", OLD_SCHEMA)
    old = Tables(database.path, utc=False)
    assert old.open() == [HANDOFFS]
    local = datetime.fromtimestamp(NOW // SECOND).isoformat(" ")  # noqa: DTZ006 (as that CAO does)
    database.insert("terminals", id="a1", tmux_session="s", tmux_window="w", provider="p", last_active=local)
    database.message(1, "a1", "delivered")
    database.write("UPDATE inbox SET created_at = ?", local)
    database.run("r1")
    database.step("r1", "plan")
    row = cao.TerminalRow(
        at=AT, id="a1", seen_by="hook", provider="p", tmux_session="s", tmux_window="w", last_active=NOW
    )
    run = cao.RunRow(at=AT, run_id="r1", workflow_name="of r1", tier="yaml", state="running", started_at=NOW)
    assert old.terminal("a1", AT, "hook") == row
    assert [message.created_at for message in old.inbox(AT, [])] == [NOW]
    assert old.handoffs(AT, ["j"]) == []
    assert old.standing(HANDOFFS, 0) == set()
    assert old.runs(AT, []) == [run]
    assert old.steps(AT, ["r1"]) == [cao.StepRow(at=AT, run_id="r1", step_id="plan", state="running", attempts=1)]
    assert old.standing(INBOX, NOW) == {1}
    assert old.standing(INBOX, NOW + SECOND) == set()
    old.close()


def test_messages_are_told_from_where_the_last_reading_ended_and_by_their_ids(
    database: Database, opened: Tables
) -> None:
    database.message(1, "a1")
    database.message(2, "a1", "delivered")
    first = cao.InboxRow(
        at=AT, id=1, sender_id="lead", receiver_id="a1", message="Remark 1.", status="pending", created_at=NOW
    )
    assert opened.inbox(AT, [])[0] == first
    database.message(3, "b2")
    assert [row.id for row in opened.inbox(AT, [])] == [3]
    assert [row.id for row in opened.inbox(AT, [1, 3, 99])] == [1, 3]
    assert opened.inbox(AT, []) == []


def test_a_row_that_is_new_and_asked_for_comes_once(database: Database, opened: Tables) -> None:
    database.message(1, "a1")
    assert [row.id for row in opened.inbox(AT, [1])] == [1]


def test_after_a_clearing_numbers_begin_again(database: Database, opened: Tables) -> None:
    database.messages(3)
    assert len(opened.inbox(AT, [])) == 3
    database.delete("inbox")
    database.message(1, "b2")
    assert [(row.id, row.receiver_id) for row in opened.inbox(AT, [])] == [(1, "b2")]


def test_more_keys_than_a_statement_takes(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def small(*where: Any, **how: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*where, **how)
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        return connection

    monkeypatch.setattr(sqlite3, "connect", small)
    opened = Tables(database.path, utc=True)
    opened.open()
    database.messages(1_202)
    everything = list(range(1, 1_203))
    assert [row.id for row in opened.inbox(AT, [])] == everything
    assert [row.id for row in opened.inbox(AT, everything)] == everything
    opened.close()


def test_handoffs_runs_and_steps_are_told(database: Database, opened: Tables) -> None:
    database.handoff("j1", terminal_id="a1", last_message="It is written.", error_message="but late")
    database.run("r1", "completed", finished=NOW + SECOND)
    database.write("UPDATE workflow_run SET tier = 'script'")
    database.step("r1", "plan", "completed")
    database.write("UPDATE workflow_run_step SET error_kind = 'timeout', attempts = 2")
    database.step("r2", "plan")
    handoff = cao.HandoffRow(
        at=AT,
        job_id="j1",
        state="running",
        terminal_id="a1",
        last_message="It is written.",
        error_message="but late",
        created_at=NOW,
        updated_at=NOW,
    )
    run = cao.RunRow(
        at=AT,
        run_id="r1",
        workflow_name="of r1",
        tier="script",
        state="completed",
        started_at=NOW,
        finished_at=NOW + SECOND,
    )
    step = cao.StepRow(at=AT, run_id="r1", step_id="plan", state="completed", attempts=2, error_kind="timeout")
    assert (opened.handoffs(AT, []), opened.runs(AT, []), opened.steps(AT, ["r1"])) == ([handoff], [run], [step])


@pytest.mark.parametrize("wrong", [None, "", "soon", 7, "0001-01-01 00:00:00", "1969-12-31 23:59:59"], ids=repr)
def test_a_time_that_is_none_is_that_of_the_look(database: Database, opened: Tables, wrong: object) -> None:
    database.terminal("a1", last_active=wrong)
    database.handoff("j1")
    database.write("UPDATE handoff_results SET created_at = ?, updated_at = ?", wrong, wrong)
    (row,), (handoff,) = opened.terminals(AT, "table"), opened.handoffs(AT, [])
    assert (row.last_active, handoff.created_at, handoff.updated_at) == (AT, AT, AT)


def test_standing_is_what_is_open_or_of_late_and_the_rest_is_read_no_more(database: Database, opened: Tables) -> None:
    late, early = NOW + 100 * SECOND, NOW - 100 * SECOND
    database.message(1, "a1", "pending", at=early)
    database.message(2, "a1", "delivered", at=early)
    database.message(3, "a1", "delivered", at=late)
    database.handoff("j1", "running", at=early)
    database.handoff("j2", "completed", at=late)
    database.run("r1", "running", at=early)
    database.run("r2", "completed", at=early, finished=late)
    database.run("r3", "completed", at=early, finished=early)
    database.run("r4", "running", at=late)
    assert opened.standing(INBOX, NOW) == {1, 3}
    assert opened.standing(HANDOFFS, NOW) == {"j2"}
    assert opened.standing(RUNS, NOW) == {"r2", "r4"}
    assert opened.unfinished_runs() == {"r1": "running", "r4": "running"}
    assert (opened.inbox(AT, []), opened.handoffs(AT, []), opened.runs(AT, [])) == ([], [], [])


def test_the_version_changes_when_someone_writes(database: Database, opened: Tables) -> None:
    before = opened.version()
    assert opened.version() == before
    database.message(1, "a1")
    changed = opened.version()
    assert changed != before
    opened.open()
    assert opened.version() not in (before, changed)


def test_nothing_is_written(database: Database, opened: Tables) -> None:
    before = database.path.read_bytes()
    opened.inbox(AT, [1])
    opened.terminals(AT, "table")
    assert database.path.read_bytes() == before
    assert [path.name for path in database.path.parent.iterdir()] == [database.path.name]


def test_cao_can_write_after_every_reading(database: Database, opened: Tables) -> None:
    database.messages(200)
    opened.inbox(AT, [])
    with closing(sqlite3.connect(database.path, timeout=0)) as other:
        other.execute("DELETE FROM inbox")
        other.commit()


def test_a_locked_database_is_not_waited_for_for_long(database: Database, opened: Tables) -> None:
    with closing(database.lock()):
        start = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            opened.terminals(AT, "table")
        assert time.monotonic() - start < 2
    assert opened.terminals(AT, "table") == []


def test_a_database_that_is_locked_as_it_is_opened_has_not_lost_its_tables(database: Database) -> None:
    found = Tables(database.path, utc=True)
    found.open()
    with closing(database.lock()), pytest.raises(sqlite3.OperationalError, match="locked"):
        found.open()
    with pytest.raises(sqlite3.OperationalError, match="not open"):
        found.terminals(AT, "table")


def test_no_database_is_made_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        Tables(tmp_path / "none.db", utc=True).open()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("words " * 1_000)
    with pytest.raises(sqlite3.DatabaseError):
        Tables(tmp_path / "no.db", utc=True).open()


def test_an_empty_database_has_no_table(tmp_path: Path) -> None:
    empty = Tables(Database(tmp_path / "empty.db", "").path, utc=True)
    assert empty.open() == list(tables.ALL)
    assert (empty.terminals(AT, "table"), empty.inbox(AT, [1]), empty.steps(AT, ["r"])) == ([], [], [])
    assert empty.unfinished_runs() == {}
    empty.close()
