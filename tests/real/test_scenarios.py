"""What truly happens in each scenario: what telemetry must tell is held against this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.account import account
from tests.real.scenarios import SCENARIOS
from tests.real.told import written_down

if TYPE_CHECKING:
    from tests.real.stage import Stage

ACCOUNTS = {
    "handoff_done": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls handoff, it succeeds, ended
        coder ready, began, waits, ended, left
        handoff to coder completed: waited for written
    """,
    # Whoever fails to do it is left there until the session is closed.
    "handoff_failed": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls handoff, it fails, ended
        coder ready, began, failed
        handoff to coder error: terminal coder reached ERROR status
    """,
    "handoff_timed_out": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls handoff, it fails, ended
        coder ready, began, waits, ended
        handoff to coder error: step on terminal coder did not complete within 1.0s
    """,
    "handoff_worker_died": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls handoff, it fails, ended
        coder ready, began, died
        handoff to coder error: step on terminal coder did not complete within 2.0s
    """,
    "handoff_refused": """
        lead is a lead in session 1, gone
        lead ready, began, calls handoff, it fails, ended
        handoff to nobody error: Invalid window_name: 'no:body'
    """,
    "assign_with_callback": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls assign, it succeeds, ended, began, ended
        coder ready, began, waits, calls send_message, it succeeds, ended
        message from coder to lead delivered: It is written.
    """,
    "three_assigns": """
        lead is a lead in session 1, gone
        one is a coder in session 1, called by lead, gone
        two is a coder in session 1, called by lead, gone
        three is a coder in session 1, called by lead, gone
        lead ready, began, calls assign, it succeeds, calls assign, it succeeds, calls assign, it succeeds, ended, began, ended, began, ended, began, ended
        one ready, began, waits, calls send_message, it succeeds, ended
        two ready, began, waits, calls send_message, it succeeds, ended
        three ready, began, waits, calls send_message, it succeeds, ended
        message from one to lead delivered: Done.
        message from two to lead delivered: Done.
        message from three to lead delivered: Done.
    """,
    "queued_messages": """
        lead is a lead in session 1, gone
        coder is a coder in session 1, called by lead, gone
        lead ready, began, calls assign, it succeeds, ended, began, calls send_message, it succeeds, calls send_message, it succeeds, calls send_message, it succeeds, ended
        coder ready, began, waits, ended, began, ended, began, ended, began, ended
        message from lead to coder delivered: Remark 1.
        message from lead to coder delivered: Remark 2.
        message from lead to coder delivered: Remark 3.
    """,
    "unknown_callers": """
        coder is a coder in session 1, gone
        coder ready, began, ended, began, ended, began, ended
        message from nobody to coder delivered: One.
    """,
    "deferred_start": """
        coder is a coder in session 1, gone
        coder ready, began, ended
    """,
    "waiting_for_answer": """
        coder is a coder in session 1, gone
        coder ready, began, asks, answered, ended
    """,
    "agent_left": """
        coder is a coder in session 1, gone
        reviewer is a reviewer in session 1, gone
        coder ready, left
        reviewer ready
    """,
    "name_reused": """
        first is a coder in session 1, gone
        second is a coder in session 2, gone
        first ready
        second ready
    """,
    # What dies outside of CAO is there for CAO.
    "agent_died_session_left": """
        coder is a coder in session 1, there
        coder ready, began, died
        message from nobody to coder pending: Are you there?
    """,
    "window_killed_session_left": """
        coder is a coder in session 1, there
        reviewer is a reviewer in session 1, there
        coder ready
        reviewer ready
    """,
    "session_killed_left": """
        coder is a coder in session 1, there
        coder ready
    """,
    "flow_twice": """
        first is a coder in session 1, gone
        second is a coder in session 2, gone
        first ready, began, ended
        second ready, began, ended
    """,
    "yaml_workflow": """
        plan is a coder in session 1, gone
        build is a coder in session 2, gone
        plan ready, began, ended, left
        build ready, began, ended, left
        run of a yaml completed
        step plan completed in attempt 1
        step build completed in attempt 1
    """,
    "yaml_workflow_failed": """
        plan is a coder in session 1, there
        plan ready, began, failed
        run of a yaml failed
        step plan failed in attempt 1: error
        step build skipped in attempt 0
    """,
    "script_workflow": """
        plan is a coder in session 1, gone
        build is a coder in session 2, gone
        plan ready, began, ended, left
        build ready, began, ended, left
        run of a script completed
        step plan completed in attempt 1
        step build completed in attempt 1
    """,
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_truly_happens(stage: Stage, scenario: str) -> None:
    roles = stage.played(scenario)
    assert account(stage.witness.truth, scenario, roles) == written_down(ACCOUNTS[scenario], stage.server.database)


def test_cao_does_not_see_that_an_agent_died_session_left(stage: Stage) -> None:
    roles = stage.played("agent_died_session_left")
    assert stage.server.api.status(roles["coder"]) == "processing"


def test_cao_does_not_see_window_killed_session_left(stage: Stage) -> None:
    roles = stage.played("window_killed_session_left")
    windows = stage.server.tmux("list-windows", "-t", "=cao-window_killed_session_left", "-F", "#{window_name}")
    assert windows.split() == [stage.witness.truth.terminals[roles["coder"]].window]
    assert stage.server.api.status(roles["reviewer"]) == "idle"


def test_cao_does_not_see_session_killed_left(stage: Stage) -> None:
    roles = stage.played("session_killed_left")
    assert stage.server.tmux("has-session", "-t", "=cao-session_killed_left") == ""
    assert stage.server.api.status(roles["coder"]) == "idle"


def test_messages_wait_for_an_agent_at_work_in_queued_messages(stage: Stage) -> None:
    roles = stage.played("queued_messages")
    truth = stage.witness.truth
    remarks = [message.created for message in truth.messages.values() if message.receiver == roles["coder"]]
    assert max(remarks) < truth.deeds(roles["coder"], "ended")[0].at
