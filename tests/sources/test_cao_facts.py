from __future__ import annotations

import pytest

from handspan.sources.cao_facts import (
    Fact,
    Found,
    HandoffRow,
    Hook,
    InboxRow,
    RunRow,
    ServerStarted,
    ServerStopping,
    Status,
    StepRow,
    Swept,
    TerminalGone,
    TerminalRow,
    from_line,
    to_line,
)

AT = 1_795_170_978_000_000_001
EVERY_FACT: list[Fact] = [
    ServerStarted(at=AT),
    ServerStopping(at=AT),
    Hook(at=AT, event_type="post_kill_terminal", timestamp=AT - 5, session_id="cao-a", terminal_id="t"),
    Status(at=AT, terminal="t", status="waiting_user_answer"),
    TerminalRow(
        at=AT, id="t", seen_by="hook", tmux_session="cao-a", last_active=AT, session_env={"CAO_WORKFLOW_RUN_ID": "r"}
    ),
    TerminalGone(at=AT, terminal="t", last_seen=AT - 1),
    HandoffRow(at=AT, job_id="j", state="error", error_message="ä\n", created_at=AT, updated_at=AT),
    InboxRow(at=AT, id=7, sender_id="s", receiver_id="t", message="", status="pending", created_at=AT),
    RunRow(at=AT, run_id="r", workflow_name="w", tier="yaml", state="running"),
    StepRow(at=AT, run_id="r", step_id="s", state="failed", attempts=2, error_kind="timeout"),
    Swept(at=AT, added=True, found=(Found(kind="process_exited", terminal="t", exit_code=3, last_seen=AT),)),
    Swept(at=AT),
]


@pytest.mark.parametrize("fact", EVERY_FACT)
def test_a_fact_is_the_same_after_a_round_trip(fact: Fact) -> None:
    assert from_line(to_line(fact)) == fact


def test_a_line_reads_well() -> None:
    assert to_line(EVERY_FACT[2]) == (
        '{"fact": "Hook", "at": "2026-11-20T10:36:18.000000001Z", "event_type": "post_kill_terminal",'
        ' "timestamp": "2026-11-20T10:36:17.999999996Z", "session_id": "cao-a", "terminal_id": "t"}'
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"fact": "Weather", "at": "2026-11-20T10:36:18Z"}', "fact: must be one of"),
        ('{"fact": "ServerStarted"}', "at: is required in ServerStarted"),
        ('{"fact": "ServerStarted", "at": "yesterday"}', "at: 'yesterday' is no RFC 3339 time"),
        ('{"fact": "Status", "at": "2026-11-20T10:36:18Z", "terminal": 7, "status": "idle"}', "terminal: must be"),
        (
            '{"fact": "StepRow", "at": "2026-11-20T10:36:18Z", "run_id": "r", "step_id": "s", "state": "x", "attempts": "2"}',
            "attempts: must be of type int",
        ),
    ],
    ids=["type", "missing", "time", "text", "number"],
)
def test_a_wrong_line_names_the_field(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_line(line)
