from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from handspan.cao.desk import SHOWN_WITHIN, Desk
from handspan.cao.tables import Tables
from handspan.sources import cao_facts as cao
from handspan.sources.cao import Translator
from tests.cao.orchestrator import NOW, SECOND, Database, text

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from handspan.events import Event


class Room:
    """A desk at a database; `told` are the facts since the last time that it was asked."""

    def __init__(self, path: Path, *, shown_within: int = SHOWN_WITHIN) -> None:
        self.database = Database(path)
        self.environments: dict[str, dict[str, str]] = {}
        self.entered: list[str] = []
        self.now = NOW
        self.facts: list[cao.Fact] = []
        self._shown_within = shown_within
        self.tables, self.desk = self.opened()

    def opened(self) -> tuple[Tables, Desk]:
        tables = Tables(self.database.path, utc=True)
        tables.open()
        desk = Desk(
            tables,
            self.facts.append,
            session_env=lambda session: self.environments.get(session, {}),
            entered=lambda row: self.entered.append(row.id),
            shown_within=self._shown_within,
            clock=lambda: self.now,
        )
        return tables, desk

    def restart(self) -> list[str]:
        self.tables.close()
        self.tables, self.desk = self.opened()
        self.desk.begin(self.now)
        return self.look()

    def look(self, after: float = 0) -> list[str]:
        self.now += int(after * SECOND)
        self.desk.look()
        return self.told()

    def status(self, terminal: str, status: cao.CaoStatus = "processing") -> list[str]:
        self.desk.hear(cao.Status(at=self.now, terminal=terminal, status=status))
        return self.told()

    def hook(self, name: cao.HookName, **more: Any) -> list[str]:
        self.desk.hear(cao.Hook(at=self.now, timestamp=self.now, event_type=name, **more))
        return self.told()

    def told(self) -> list[str]:
        told = [_said(fact) for fact in self.facts]
        self.facts.clear()
        return told


def _said(fact: cao.Fact) -> str:
    match fact:
        case cao.TerminalRow():
            return f"row {fact.id} by {fact.seen_by}"
        case cao.TerminalGone():
            return f"gone {fact.terminal}"
        case cao.Status():
            return f"status {fact.terminal} {fact.status}"
        case cao.Hook():
            return f"{fact.event_type} {fact.terminal_id or fact.receiver or fact.session_name}"
        case cao.InboxRow():
            return f"message {fact.id} {fact.status}"
        case cao.HandoffRow():
            return f"handoff {fact.job_id} {fact.state}"
        case cao.RunRow():
            return f"run {fact.run_id} {fact.state}"
        case cao.StepRow():
            return f"step {fact.step_id} {fact.state}"
        case _:
            return type(fact).__name__


@pytest.fixture
def room(tmp_path: Path) -> Generator[Room]:
    room = Room(tmp_path / "cao.db")
    room.look()
    yield room
    room.tables.close()


# --- terminals -------------------------------------------------------------------------------------------------------


def test_a_terminals_row_comes_before_what_shows_it_and_once(room: Room) -> None:
    room.database.terminal("a1")
    room.database.terminal("b2")
    assert room.status("a1") == ["row a1 by status", "status a1 processing"]
    assert room.status("a1", "idle") == ["status a1 idle"]
    assert room.hook("post_create_terminal", terminal_id="b2") == ["row b2 by hook", "post_create_terminal b2"]
    assert (room.look(), room.entered) == ([], ["a1", "b2"])


def test_the_row_is_seen_when_the_fact_was(room: Room) -> None:
    room.database.terminal("a1")
    room.now += SECOND
    room.desk.hear(cao.Status(at=NOW + 7, terminal="a1", status="idle"))
    row = room.facts[0]
    assert isinstance(row, cao.TerminalRow)
    assert (row.at, row.last_active) == (NOW + 7, NOW)


def test_a_message_shows_both_of_its_terminals(room: Room) -> None:
    room.database.terminal("a1")
    room.database.terminal("b2")
    said = room.hook("post_send_message", sender="a1", receiver="b2", message="Write it.")
    assert said == ["row a1 by hook", "row b2 by hook", "post_send_message b2"]


def test_what_is_no_terminal_is_asked_for_once(room: Room) -> None:
    assert room.hook("post_send_message", sender="nobody", receiver="zz") == ["post_send_message zz"]
    assert room.status("zz") == ["status zz processing"]
    # It never becomes one: a row is there before anything shows it.
    room.database.terminal("zz")
    assert room.status("zz") == ["status zz processing"]


def test_of_strangers_the_last_thousand_are_remembered(room: Room) -> None:
    for number in range(1_025):
        room.status(f"x{number}")
    room.database.terminal("x0")
    room.database.terminal("x1")
    assert room.status("x1") == ["status x1 processing"]
    assert room.status("x0") == ["row x0 by status", "status x0 processing"]


def test_a_row_that_leaves_is_gone(room: Room) -> None:
    room.database.terminal("a1")
    room.status("a1")
    room.look(after=1)
    room.database.delete("terminals", id="a1")
    room.now += SECOND // 2
    room.desk.look()
    assert room.facts == [cao.TerminalGone(at=room.now, terminal="a1", last_seen=room.now - SECOND // 2)]
    room.told()
    assert (room.status("a1", "idle"), room.look(after=1), room.desk.living) == (["status a1 idle"], [], [])


def test_a_row_that_was_told_since_the_last_look_was_seen_then(room: Room) -> None:
    room.database.terminal("a1")
    room.now += SECOND
    room.status("a1")
    room.database.delete("terminals", id="a1")
    room.now += SECOND
    room.desk.look()
    assert room.facts == [cao.TerminalGone(at=room.now, terminal="a1", last_seen=room.now - SECOND)]


def test_a_terminal_whose_end_was_told_is_not_gone_besides(room: Room) -> None:
    room.database.terminal("a1")
    room.status("a1")
    assert [row.id for row in room.desk.living] == ["a1"]
    room.hook("post_kill_terminal", terminal_id="a1")
    assert (room.desk.living, room.look(after=1)) == ([], [])
    room.database.delete("terminals", id="a1")
    assert room.look(after=1) == []


def test_a_row_that_nothing_shows_is_told_after_a_while(room: Room) -> None:
    room.database.terminal("a1")
    assert (room.look(), room.desk.open) == ([], True)
    assert room.look(after=4.9) == []
    assert room.look(after=0.1) == ["row a1 by table"]
    assert room.look(after=10) == []


def test_what_waited_for_a_row_that_nothing_shows_comes_with_it(room: Room) -> None:
    room.database.terminal("a1")
    room.database.message(1, "a1")
    room.look()
    assert room.look(after=5) == ["row a1 by table", "message 1 pending"]


def test_a_row_that_nothing_will_show_is_told_at_once(tmp_path: Path) -> None:
    room = Room(tmp_path / "cao.db", shown_within=0)
    room.look()
    room.database.terminal("a1")
    assert room.look() == ["row a1 by table"]
    room.tables.close()


# --- what the tables say ---------------------------------------------------------------------------------------------


def test_a_look_says_what_is_new_in_its_order(room: Room) -> None:
    for name in ("a1", "b2", "c3"):
        room.database.terminal(name)
        room.status(name)
    room.database.message(1, "a1")
    room.database.handoff("j1")
    room.database.run("r1")
    room.database.step("r1", "plan")
    room.database.delete("terminals", id="b2")
    first = ["gone b2", "message 1 pending", "handoff j1 running", "run r1 running", "step plan running"]
    assert (room.look(), room.look()) == (first, [])
    room.database.write("UPDATE inbox SET status = 'delivered'")
    room.database.write("UPDATE handoff_results SET state = 'completed', terminal_id = 'b2'")
    room.database.write("UPDATE workflow_run_step SET state = 'completed'")
    room.database.write("UPDATE workflow_run SET state = 'completed', finished_at = ?", text(NOW, zone="Z"))
    room.database.delete("terminals", id="c3")
    second = ["gone c3", "message 1 delivered", "handoff j1 completed", "step plan completed", "run r1 completed"]
    assert (room.look(), room.look()) == (second, [])
    assert [row.id for row in room.desk.living] == ["a1"]


def test_a_database_in_which_nobody_wrote_is_not_read(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.look()

    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(room.tables, "terminals", read)
    assert room.look(after=1) == []


def test_what_is_for_a_terminal_that_is_not_told_waits_for_it(room: Room) -> None:
    room.database.terminal("a1")
    room.database.message(1, "a1")
    room.database.handoff("j1", "completed", terminal_id="a1")
    assert room.look() == []
    room.status("a1")
    assert room.look(after=0.5) == ["message 1 pending", "handoff j1 completed"]
    assert room.look(after=0.5) == []


def test_a_message_for_no_terminal_does_not_wait(room: Room) -> None:
    room.database.message(1, "zz")
    assert (room.look(), room.look()) == (["message 1 pending"], [])


def test_a_message_that_was_delivered_between_two_looks_is_told_once(room: Room) -> None:
    room.database.message(1, "zz", "delivered")
    assert (room.look(), room.look()) == (["message 1 delivered"], [])


# --- workflows -------------------------------------------------------------------------------------------------------


def step_terminal(room: Room, name: str, run: str, step: str) -> list[str]:
    session = f"cao-of-{name}"
    room.environments[session] = {"CAO_WORKFLOW_RUN_ID": run, "CAO_WORKFLOW_STEP_ID": step, "TOKEN": "x"}
    room.database.terminal(name, session)
    return room.status(name)


def test_a_run_and_its_step_come_before_the_terminal_of_the_step(room: Room) -> None:
    room.database.run("r1")
    room.database.step("r1", "plan")
    assert step_terminal(room, "a1", "r1", "plan") == [
        "run r1 running",
        "step plan running",
        "row a1 by status",
        "status a1 processing",
    ]
    room.database.write("UPDATE workflow_run_step SET state = 'completed'")
    room.database.step("r1", "build")
    assert step_terminal(room, "b2", "r1", "build") == [
        "step plan completed",
        "step build running",
        "row b2 by status",
        "status b2 processing",
    ]


def test_of_a_sessions_environment_only_run_and_step_go_further(room: Room) -> None:
    room.database.run("r1")
    room.environments["cao-one"] = {"CAO_WORKFLOW_RUN_ID": "r1", "CAO_WORKFLOW_STEP_ID": "plan", "TOKEN": "x"}
    room.environments["cao-two"] = {"TOKEN": "x"}
    room.database.terminal("a1", "cao-one")
    room.database.terminal("b2", "cao-two")
    room.desk.hear(cao.Status(at=NOW, terminal="a1", status="idle"))
    room.desk.hear(cao.Status(at=NOW, terminal="b2", status="idle"))
    rows = [fact for fact in room.facts if isinstance(fact, cao.TerminalRow)]
    step = {"CAO_WORKFLOW_RUN_ID": "r1", "CAO_WORKFLOW_STEP_ID": "plan"}
    assert [row.session_env for row in rows] == [step, None]


def test_a_run_that_was_over_before_it_was_seen_begins_before_it_ends(room: Room) -> None:
    room.database.run("r1", "failed", finished=NOW + SECOND)
    room.database.step("r1", "plan", "failed")
    assert room.look() == ["run r1 running", "step plan failed", "run r1 failed"]
    assert (room.look(), room.desk.open) == ([], False)


def test_a_run_is_open_without_terminals_until_it_is_over(room: Room) -> None:
    room.database.run("r1")
    room.look()
    assert room.desk.open
    room.database.write("UPDATE workflow_run SET state = 'cancelled', finished_at = ?", text(NOW, zone="Z"))
    assert (room.look(), room.desk.open) == (["run r1 cancelled"], False)


# --- restarts --------------------------------------------------------------------------------------------------------


def test_after_a_start_come_the_terminals_that_live_oldest_first(room: Room) -> None:
    for name in ("c3", "a1", "b2"):
        room.database.terminal(name)
        room.status(name)
    again = ["ServerStarted", "row c3 by table", "row a1 by table", "row b2 by table"]
    assert (room.restart(), room.look()) == (again, [])
    assert room.status("a1") == ["status a1 processing"]


def test_after_a_start_comes_what_the_process_before_may_not_have_told(room: Room) -> None:
    room.database.terminal("a1")
    old = NOW - 3_600 * SECOND
    room.database.message(1, "a1", at=old)
    room.database.message(2, "a1", "delivered", at=old)
    room.database.message(3, "a1", "delivered")
    room.database.handoff("j1", at=old)
    room.database.handoff("j2", "completed")
    room.database.run("r1", at=old)
    room.database.run("r2", "completed", at=old, finished=NOW)
    assert room.restart() == [
        "ServerStarted",
        "row a1 by table",
        "message 1 pending",
        "message 3 delivered",
        "handoff j2 completed",
        "run r2 running",
        "run r2 completed",
    ]


def test_a_run_that_a_killed_server_left_is_told_only_when_it_changes(room: Room) -> None:
    room.database.run("r1", at=NOW - 3_600 * SECOND)
    room.database.step("r1", "plan")
    assert (room.restart(), room.desk.open) == (["ServerStarted"], False)
    room.database.step("r1", "build")
    assert room.look() == []
    assert step_terminal(room, "a1", "r1", "build")[:3] == ["run r1 running", "step plan running", "step build running"]


def test_a_run_that_was_left_and_changes_is_told_whole(room: Room) -> None:
    room.database.run("r1", at=NOW - 3_600 * SECOND)
    room.restart()
    room.database.write("UPDATE workflow_run SET state = 'failed', finished_at = ?", text(NOW, zone="Z"))
    assert room.look() == ["run r1 running", "run r1 failed"]


def test_a_terminal_that_was_shown_before_the_first_look_is_told_once(room: Room) -> None:
    room.database.terminal("a1")
    room.tables, room.desk = room.opened()
    assert room.status("a1") == ["row a1 by status", "status a1 processing"]
    assert room.look() == []


def test_what_is_said_again_after_a_restart_is_the_same_event(room: Room) -> None:
    room.database.terminal("a1", session_incarnation_id="c0ffee")
    room.database.message(1, "a1")
    room.desk.begin(NOW)
    room.desk.hear(cao.Status(at=NOW, terminal="a1", status="idle"))
    room.desk.look()
    before = _events(room.facts)
    room.facts.clear()
    room.tables.close()
    room.tables, room.desk = room.opened()
    room.now += 60 * SECOND
    room.desk.begin(room.now)
    room.desk.look()
    after = _events(room.facts)
    assert [type(event).__name__ for event in after] == [
        "SessionStarted",
        "TerminalStarted",
        "StatusChanged",
        "MessageSent",
    ]
    assert [event.id for event in after if type(event).__name__ != "StatusChanged"] == [
        event.id for event in before if type(event).__name__ != "StatusChanged"
    ]


def _events(facts: list[cao.Fact]) -> list[Event]:
    translator = Translator("i")
    return [event for fact in facts for event in translator.translate(fact)]


# --- memory ----------------------------------------------------------------------------------------------------------


def test_nothing_is_kept_of_what_is_over(room: Room) -> None:
    def life(number: int) -> dict[str, int | None]:
        name, run = f"t{number}", f"r{number}"
        room.database.run(run)
        room.database.step(run, "plan")
        step_terminal(room, name, run, "plan")
        room.database.message(number, name)
        room.database.handoff(f"j{number}")
        room.look(after=1)
        room.database.write("UPDATE inbox SET status = 'delivered'")
        room.database.write("UPDATE handoff_results SET state = 'completed'")
        room.database.write("UPDATE workflow_run SET state = 'completed', finished_at = ?", text(NOW, zone="Z"))
        room.hook("post_kill_terminal", terminal_id=name)
        room.hook("post_kill_terminal", terminal_id=f"never {number}")
        room.database.delete("terminals")
        room.look(after=1)
        return _sizes(room.desk)

    first = life(1)
    assert [life(number) for number in range(2, 6)] == [first] * 4
    assert not room.desk.open


def _sizes(desk: Desk) -> dict[str, int | None]:
    """How much it keeps, but for those whom it is to remember as strangers."""
    return {name: _size(value) for name, value in vars(desk).items() if name != "_strangers"}


def _size(value: Any) -> int | None:
    rows = value.keys if hasattr(value, "hush") else value
    return len(rows) if hasattr(rows, "__len__") else None


# --- a database that can't be read -----------------------------------------------------------------------------------


def test_a_locked_database_is_waited_for(room: Room) -> None:
    room.database.terminal("a1")
    lock = room.database.lock()
    unlock = threading.Timer(0.4, lock.close)
    unlock.start()
    assert room.status("a1") == ["row a1 by status", "status a1 processing"]
    unlock.join()


def test_a_database_that_stays_locked_costs_its_rows_and_no_time(room: Room) -> None:
    room.database.terminal("a1")
    with closing(room.database.lock()):
        start = time.monotonic()
        room.desk.hear(cao.Status(at=NOW - 3 * SECOND, terminal="a1", status="idle"))
        for _ in range(1_000):
            room.status("b2")
        assert time.monotonic() - start < 2
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            room.look()
    # As soon as it can be read again, who is not told yet is told.
    assert room.look() == []
    assert room.status("a1") == ["row a1 by status", "status a1 processing"]


def test_a_look_that_fails_half_way_loses_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.database.message(1, "zz")
    room.database.handoff("j1")

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("locked")

    with monkeypatch.context() as patch:
        patch.setattr(room.tables, "handoffs", fail)
        with pytest.raises(sqlite3.OperationalError):
            room.look()
    assert room.told() == ["message 1 pending"]
    assert room.look() == ["handoff j1 running"]


def test_a_desk_whose_start_found_the_database_locked_begins_with_the_next_look(tmp_path: Path) -> None:
    room = Room(tmp_path / "cao.db")
    room.database.terminal("a1")
    with closing(room.database.lock()), pytest.raises(sqlite3.OperationalError):
        room.look()
    assert room.look() == ["row a1 by table"]
    room.tables.close()
