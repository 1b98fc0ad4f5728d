"""What the plugin inside a real cao-server tells of each scenario, held against what truly happens in it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handspan import names
from tests.real import restarts
from tests.real.scenarios import SCENARIOS
from tests.real.told import keeps_handoffs, knows_incarnations, tellable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.signals import Span
    from tests.real.sink import Sink
    from tests.real.stage import Stage

# Sessions and terminals with their ends, delegations with their outcomes, messages with their modes; each once.
TOLD = {
    "handoff_done": """
        session killed
        lead killed
        coder completed
        handoff to coder from lead: completed
        handoff message to coder from lead
    """,
    "handoff_failed": """
        session killed
        lead killed
        coder killed
        handoff to coder from lead: failed
        handoff message to coder from lead
    """,
    "handoff_timed_out": """
        session killed
        lead killed
        coder killed
        handoff to coder from lead: timeout
        handoff message to coder from lead
    """,
    "assign_with_callback": """
        session killed
        lead killed
        coder killed
        assign to coder from lead: completed
        assign message to coder from lead
        callback message to lead from coder
    """,
    "three_assigns": """
        session killed
        lead killed
        one killed
        two killed
        three killed
        assign to one from lead: completed
        assign to two from lead: completed
        assign to three from lead: completed
        assign message to one from lead
        assign message to two from lead
        assign message to three from lead
        callback message to lead from one
        callback message to lead from two
        callback message to lead from three
    """,
    "queued_messages": """
        session killed
        lead killed
        coder killed
        assign to coder from lead: unanswered
        assign message to coder from lead
        send_message message to coder from lead
        send_message message to coder from lead
        send_message message to coder from lead
    """,
    "name_reused": """
        session killed
        session killed
        first killed
        second killed
    """,
    # What CAO does not see.
    "agent_died_session_left": """
        coder exited
        send_message message to coder from unknown
    """,
    "window_killed_session_left": """
        reviewer vanished
    """,
    "session_killed_left": """
        session vanished
        coder vanished
    """,
    "flow_twice": """
        session killed
        session replaced
        first replaced
        second killed
    """,
    "yaml_workflow": """
        session completed
        plan completed
        build completed
        step to build from nobody: completed
        step to plan from nobody: completed
    """,
    "script_workflow": """
        session completed
        plan completed
        build completed
        step to build from nobody: completed
        step to plan from nobody: completed
    """,
}

NO_HANDOFFS = (
    "CAO's database has no table handoff_results, so Handspan can't tell when a handoff was called and what came of it."
)


def lines(text: str) -> list[str]:
    return sorted(line.strip() for line in text.strip().splitlines())


def told(sink: Sink, scenario: str, roles: Mapping[str, str]) -> list[str]:
    """Of one scenario: whatever is in its traces."""
    who = {terminal: role.removeprefix(f"{scenario}_") for role, terminal in roles.items()}
    spans = sink.spans()
    traces = {span.trace_id for span in spans if span.attributes.get(names.TERMINAL_ID) in who}
    return sorted(line for span in spans if span.trace_id in traces and (line := _line(span, who)))


def _line(span: Span, who: Mapping[str, str]) -> str | None:
    def role(key: str) -> str:
        terminal = str(span.attributes.get(key, "nobody"))
        return who.get(terminal, terminal)

    match span.name.split(" ")[0]:
        case "session":
            return f"session {span.attributes[names.END_REASON]}"
        case "terminal":
            return f"{role(names.TERMINAL_ID)} {span.attributes[names.END_REASON]}"
        case "handoff" | "assign" | "step" as kind:
            outcome = span.attributes[names.DELEGATION_OUTCOME]
            return f"{kind} to {role(names.TARGET_TERMINAL)} from {role(names.CALLER_TERMINAL)}: {outcome}"
        case "send":
            mode = span.attributes[names.MESSAGE_MODE]
            return f"{mode} message to {role(names.RECEIVER_TERMINAL)} from {role(names.SENDER_TERMINAL)}"
        case _:
            return None


def held_against(stage: Stage, scenario: str, roles: Mapping[str, str], story: str) -> None:
    expected = lines(tellable(story, stage.server.database))
    # What was told is shown where it is another, and not that it never came.
    with contextlib.suppress(AssertionError):
        stage.sink.until(f"all of {scenario}", lambda arrived: told(arrived, scenario, roles) == expected)
    assert told(stage.sink, scenario, roles) == expected


@pytest.mark.parametrize("scenario", [scenario for scenario in TOLD if scenario in SCENARIOS])
def test_what_is_told(stage: Stage, scenario: str) -> None:
    held_against(stage, scenario, stage.played(scenario), TOLD[scenario])


def test_later_terminals_of_a_session_say_whose_they_are(stage: Stage) -> None:
    if not knows_incarnations(stage.server.database):
        pytest.skip("this CAO does not tell sessions of one name apart, so Handspan names none to their agents")
    scene = stage.scene("joining")
    scene.open("lead")
    coder = scene.join("coder")
    panes = stage.server.tmux("list-panes", "-a", "-F", "#{@cao_terminal_id} #{pane_pid}").splitlines()
    (pid,) = (line.split()[1] for line in panes if line.startswith(coder))
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    incarnation = stage.witness.truth.terminals[coder].incarnation
    scene.close()
    assert f"OTEL_RESOURCE_ATTRIBUTES=session.id={incarnation},handspan.session.name=cao-joining" in environment


def test_a_server_that_is_killed_ends_nothing(own_stage: Stage) -> None:
    """What was said in its last 0.8 s is lost with it: the hooks of the assignment's message are that late."""
    roles = restarts.killed(own_stage.scene("killed"))
    story = """
        session killed
        lead killed
        coder killed
        reviewer killed
        handoff to reviewer from lead: cancelled
        handoff message to reviewer from lead
        send_message message to lead from coder
    """
    held_against(own_stage, "killed", roles, story)


def test_nothing_is_complained_of(own_stage: Stage) -> None:
    """In CAO's own log, of a server that is stopped while a session is open."""
    own_stage.scene("quiet").open("lead")
    own_stage.server.stop()
    logs = (own_stage.server.cao_home / "logs").glob("*.log")
    said = [line for log in logs for line in log.read_text().splitlines() if " - handspan" in line]
    complaints = [line.split(" - ")[3] for line in said if " - INFO - " not in line]
    assert complaints == ([] if keeps_handoffs(own_stage.server.database) else [NO_HANDOFFS])
    assert said
