from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.real import truth
from tests.real.truth import Deed, Handoff, Message, Run, Step, Terminal, Truth, Witness, look

if TYPE_CHECKING:
    from pathlib import Path

# As much of CAO's tables as is read, without the columns that its older versions lack.
TABLES = """
    CREATE TABLE terminals (id, tmux_session, tmux_window, agent_profile, provider);
    CREATE TABLE inbox (id, sender_id, receiver_id, message, status, created_at);
    CREATE TABLE handoff_results (job_id, state, terminal_id, last_message, error_message, created_at, updated_at);
    CREATE TABLE workflow_run (run_id, workflow_name, state);
    CREATE TABLE workflow_run_step (run_id, step_id, state, attempts);
    INSERT INTO terminals VALUES ('t1', 'cao-s', 'w1', 'lead', 'mock_cli'), ('t2', 'cao-s', 'w2', 'coder', 'mock_cli');
    INSERT INTO inbox VALUES (1, 't1', 't2', 'Hello', 'pending', '2026-11-20 10:36:17.289110');
    INSERT INTO handoff_results VALUES
        ('j1', 'running', NULL, NULL, NULL, '2026-11-20 10:36:17.000001', '2026-11-20 10:36:18');
    INSERT INTO workflow_run VALUES ('r1', 'nightly', 'running');
    INSERT INTO workflow_run_step VALUES ('r1', 'plan', 'running', 1);
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "cao.db"
    write(path, TABLES)
    return path


def write(database: Path, script: str) -> None:
    with closing(sqlite3.connect(database)) as tables:
        tables.executescript(script)


def terminal(id: str, window: str, agent: str, seen: int, gone: int | None = None) -> Terminal:
    return Terminal(
        id=id,
        session="cao-s",
        window=window,
        agent=agent,
        provider="mock_cli",
        caller=None,
        incarnation=None,
        seen=seen,
        gone=gone,
    )


def test_all_tables_and_diaries_are_read(database: Path, tmp_path: Path) -> None:
    diary = [json.dumps({"at": 5, "deed": "calls", "tool": "assign"}), '{"at": 6, "de']
    (tmp_path / "t1.jsonl").write_text("\n".join(diary))
    seen = look(database, tmp_path, Truth())
    at = seen.terminals["t1"].seen
    assert seen == Truth(
        terminals={"t1": terminal("t1", "w1", "lead", at), "t2": terminal("t2", "w2", "coder", at)},
        messages={
            1: Message(
                id=1, sender="t1", receiver="t2", text="Hello", status="pending", created=1_795_170_977_289_110_000
            )
        },
        handoffs={
            "j1": Handoff(
                job="j1",
                state="running",
                worker=None,
                answer=None,
                error=None,
                created=1_795_170_977_000_001_000,
                updated=1_795_170_978_000_000_000,
            )
        },
        runs={"r1": Run(id="r1", workflow="nightly", tier="yaml", state="running")},
        steps={("r1", "plan"): Step(run="r1", id="plan", state="running", attempts=1, error_kind=None)},
        diaries={"t1": (Deed(at=5, what="calls", more={"tool": "assign"}),)},
    )


def test_what_is_deleted_is_remembered_with_when_it_was_missed(database: Path, tmp_path: Path) -> None:
    first = look(database, tmp_path, Truth())
    write(database, "DELETE FROM terminals WHERE id = 't2'; DELETE FROM inbox; DELETE FROM workflow_run")
    second = look(database, tmp_path, first)
    gone = second.terminals["t2"].gone
    assert gone is not None
    assert gone > first.terminals["t2"].seen
    at = first.terminals["t1"].seen
    assert second.terminals == {"t1": terminal("t1", "w1", "lead", at), "t2": terminal("t2", "w2", "coder", at, gone)}
    assert (second.messages, second.runs) == (first.messages, first.runs)
    assert look(database, tmp_path, second) == second


def test_a_server_that_has_not_begun_has_nothing(tmp_path: Path) -> None:
    assert look(tmp_path / "cao.db", tmp_path, Truth()) == Truth()
    write(tmp_path / "cao.db", "CREATE TABLE inbox (id)")
    assert look(tmp_path / "cao.db", tmp_path, Truth()) == Truth()


def test_a_locked_database_takes_nothing_away(database: Path, tmp_path: Path) -> None:
    with Witness(database, tmp_path) as witness, closing(sqlite3.connect(database)) as cao:
        witness.until("both are seen", lambda seen: len(seen.terminals) == 2)
        cao.executescript(
            "BEGIN EXCLUSIVE; DELETE FROM terminals WHERE id = 't2'; INSERT INTO inbox SELECT 2, 'a', 't1', '', '', '2026-11-20 10:36:17' "
        )
        # Five looks in vain: the witness has had one as well.
        for _ in range(5):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                look(database, tmp_path, Truth())
        assert [each.gone for each in witness.truth.terminals.values()] == [None, None]
        cao.execute("COMMIT")
        seen = witness.until("the message is seen", lambda seen: 2 in seen.messages)
        assert [each.gone is None for each in seen.terminals.values()] == [True, False]


def test_waiting_says_what_never_came(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "PATIENCE", 0.3)
    with Witness(database, tmp_path) as witness, pytest.raises(AssertionError, match=r"a third: not after .*id='t2'"):
        witness.until("a third", lambda seen: len(seen.terminals) == 3)


def test_nobody_waits_for_a_witness_that_leaves(database: Path, tmp_path: Path) -> None:
    with Witness(database, tmp_path) as witness, ThreadPoolExecutor() as pool:
        waiting = pool.submit(witness.until, "a third", lambda seen: len(seen.terminals) == 3)
        witness.leave()
        with pytest.raises(AssertionError, match="a third"):
            waiting.result(10)
