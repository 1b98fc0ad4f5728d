"""What the recordings and some facts written by hand say in events.

One line per event: seconds since the first fact, what, which. The order is the order in which they are said, so that a
time that goes back shows what was learnt late.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from handspan import events
from handspan.sources import cao_facts as cao
from handspan.sources.cao import Translator
from tests.cao_facts import FOLDER, SECOND, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handspan.events import Event


def facts_of(name: str) -> list[cao.Fact]:
    with (FOLDER / name / "facts.jsonl").open(encoding="utf-8") as lines:
        return [cao.from_line(line) for line in lines]


def translated(facts: Iterable[cao.Fact], translator: Translator | None = None) -> list[Event]:
    translator = translator or Translator("test")
    return [event for fact in facts for event in translator.translate(fact)]


def told(facts: list[cao.Fact], start: int) -> str:
    return "".join(f"{(event.at - start) / SECOND:+.2f} {line_of(event)}\n" for event in translated(facts))


def line_of(event: Event) -> str:
    match event:
        case events.SessionStarted():
            return f"{event.kind} {event.name}"
        case events.SessionEnded():
            return f"session ended {event.reason}"
        case events.TerminalStarted():
            by = f" by {event.creator}" if event.creator else ""
            return f"terminal {event.terminal} {event.agent}{by}{f' ({event.trigger})' if event.trigger else ''}"
        case events.TerminalEnded():
            return f"terminal {event.terminal} ended {event.reason}{' (last seen before)' if event.last_seen else ''}"
        case events.StatusChanged():
            return f"status {event.terminal} {event.status}"
        case events.MessageSent():
            how = "typed" if event.typed else "sent"
            return f"{how} {event.message} {event.mode} {event.sender or '?'} -> {event.receiver}"
        case events.MessageDelivered():
            return f"delivered {event.message}"
        case events.DelegationStarted():
            if event.mode == "step":
                return f"step {event.step} #{event.attempt} in {event.worker}"
            return f"{event.mode} to {event.worker} by {event.caller or '?'}{'' if event.awaited else ', not awaited'}"
        case events.DelegationEnded():
            why = event.text or event.error
            return f"{event.worker} answered {event.outcome}{f': {why}' if why else ''}"
        case events.Notice():
            return f"notice {event.name}: {event.text}"
        case _:
            raise AssertionError(event)


SAID = {
    "03_create_session_fails": """\
+0.11 session cao-sfail
+0.11 terminal 12611f10 developer
+0.20 status 12611f10 working
+18.00 terminal 12611f10 ended failed (last seen before)
+18.00 session ended failed
""",
    "07_handoff": """\
+0.17 session cao-s5
+0.17 terminal a0a1bb1f code_supervisor
+0.29 status a0a1bb1f working
+3.21 status a0a1bb1f ready
+6.99 terminal 522644cc developer by a0a1bb1f
+6.94 handoff to 522644cc by a0a1bb1f
+6.94 sent 522644cc:prompt handoff a0a1bb1f -> 522644cc
+7.08 status 522644cc working
+10.02 status 522644cc ready
+10.93 delivered 522644cc:prompt
+10.93 status 522644cc working
+14.45 status 522644cc ready
+14.86 status 522644cc working
+14.76 522644cc answered completed: slept 3
+14.86 status 522644cc exiting
+16.21 terminal 522644cc ended completed
+19.55 terminal a0a1bb1f ended killed
+19.55 session ended killed
""",
    "08_handoff_error": """\
+0.11 session cao-s5e
+0.11 terminal 7ae37db7 code_supervisor
+0.20 status 7ae37db7 working
+3.13 status 7ae37db7 ready
+6.49 terminal 87530769 developer by 7ae37db7
+6.44 handoff to 87530769 by 7ae37db7
+6.44 sent 87530769:prompt handoff 7ae37db7 -> 87530769
+6.58 status 87530769 working
+9.49 status 87530769 ready
+10.34 delivered 87530769:prompt
+10.34 status 87530769 working
+10.85 status 87530769 error
+11.01 87530769 answered failed: terminal 87530769 reached ERROR status
+15.15 terminal 716db54c developer by 7ae37db7
+15.24 status 716db54c working
+15.10 handoff to 716db54c by 7ae37db7
+15.10 sent 716db54c:prompt handoff 7ae37db7 -> 716db54c
+18.16 status 716db54c ready
+19.00 delivered 716db54c:prompt
+19.00 status 716db54c working
+22.63 716db54c answered timeout: step on terminal 716db54c did not complete within 3s
+26.75 terminal 3885f30f developer by 7ae37db7
+26.84 status 3885f30f working
+26.70 handoff to 3885f30f by 7ae37db7
+26.70 sent 3885f30f:prompt handoff 7ae37db7 -> 3885f30f
+29.76 status 3885f30f ready
+30.61 delivered 3885f30f:prompt
+30.61 status 3885f30f working
+39.27 3885f30f answered timeout: step on terminal 3885f30f did not complete within 8s
+39.51 status 716db54c ready
+43.45 terminal 7ae37db7 ended killed
+43.45 terminal 87530769 ended killed
+43.45 terminal 716db54c ended killed
+43.45 terminal 3885f30f ended killed
+43.45 session ended killed
""",
    "09_handoff_cli": """\
+0.14 session cao-s5c
+0.14 terminal 49e11645 code_supervisor
+0.23 status 49e11645 working
+3.15 status 49e11645 ready
+5.55 terminal 18b2070c developer by 49e11645
+5.64 status 18b2070c working
+8.56 status 18b2070c ready
+9.42 status 18b2070c working
+11.93 status 18b2070c ready
+12.65 terminal 18b2070c ended killed
+15.17 terminal 13ae470a developer by 49e11645
+15.26 status 13ae470a working
+18.17 status 13ae470a ready
+19.02 status 13ae470a working
+15.17 handoff to 13ae470a by 49e11645, not awaited
+15.17 sent 13ae470a:prompt handoff 49e11645 -> 13ae470a
+19.79 delivered 13ae470a:prompt
+20.53 status 13ae470a ready
+23.23 terminal 49e11645 ended killed
+23.24 terminal 13ae470a ended killed
+23.24 session ended killed
""",
    "11_assign": """\
+0.13 session cao-s6
+0.13 terminal eb698320 code_supervisor
+0.22 status eb698320 working
+3.14 status eb698320 ready
+6.24 terminal 69092084 developer by eb698320
+6.36 status 69092084 working
+9.28 status 69092084 ready
+10.13 status 69092084 working
+6.24 assign to 69092084 by eb698320, not awaited
+6.24 sent 69092084:prompt assign eb698320 -> 69092084
+10.89 delivered 69092084:prompt
+11.44 sent inbox:1@test send_message 69092084 -> eb698320
+11.55 status eb698320 working
+11.80 status eb698320 ready
+12.11 status eb698320 ready
+12.31 delivered inbox:1@test
+12.79 status 69092084 ready
+19.07 terminal 69092084 ended killed
+20.57 terminal eb698320 ended killed
+20.57 session ended killed
""",
    "12_assign_parallel": """\
+0.15 session cao-s6p
+0.15 terminal d1d94cb1 code_supervisor
+0.24 status d1d94cb1 working
+3.16 status d1d94cb1 ready
+8.83 terminal ba28adef developer by d1d94cb1
+8.98 status ba28adef working
+9.00 terminal d2c48ac1 developer by d1d94cb1
+9.13 status d2c48ac1 working
+9.28 terminal 056f58a1 developer by d1d94cb1
+9.41 status 056f58a1 working
+12.47 status ba28adef ready
+12.47 status d2c48ac1 ready
+12.52 status 056f58a1 ready
+13.06 status ba28adef working
+13.41 status d2c48ac1 working
+13.42 status 056f58a1 working
+8.83 assign to ba28adef by d1d94cb1, not awaited
+8.83 sent ba28adef:prompt assign d1d94cb1 -> ba28adef
+13.82 delivered ba28adef:prompt
+9.00 assign to d2c48ac1 by d1d94cb1, not awaited
+9.00 sent d2c48ac1:prompt assign d1d94cb1 -> d2c48ac1
+14.18 delivered d2c48ac1:prompt
+9.28 assign to 056f58a1 by d1d94cb1, not awaited
+9.28 sent 056f58a1:prompt assign d1d94cb1 -> 056f58a1
+14.18 delivered 056f58a1:prompt
+15.26 status ba28adef ready
+15.62 status d2c48ac1 ready
+15.63 status 056f58a1 ready
+21.39 terminal d1d94cb1 ended killed
+21.39 terminal ba28adef ended killed
+21.39 terminal d2c48ac1 ended killed
+21.39 terminal 056f58a1 ended killed
+21.39 session ended killed
""",
    "16_process_dies": """\
+0.07 session cao-s10
+0.07 terminal f2fc4e45 developer
+0.16 status f2fc4e45 working
+3.08 status f2fc4e45 ready
+3.84 terminal 1b0923da reviewer by f2fc4e45
+3.93 status 1b0923da working
+6.85 status 1b0923da ready
+8.90 status 1b0923da working
+9.66 typed typed:1b0923da:1795171184840379000 assign f2fc4e45 -> 1b0923da
+10.00 terminal 1b0923da ended exited (last seen before)
+14.97 sent inbox:1@test send_message f2fc4e45 -> 1b0923da
+19.22 terminal f2fc4e45 ended killed
+19.22 session ended killed
""",
    "17_window_killed_outside": """\
+0.14 session cao-s11
+0.14 terminal 0100929d developer
+0.23 status 0100929d working
+3.15 status 0100929d ready
+3.92 terminal d4a280c7 reviewer by 0100929d
+3.99 status d4a280c7 working
+6.91 status d4a280c7 ready
+10.00 terminal d4a280c7 ended vanished (last seen before)
+20.00 terminal 0100929d ended vanished (last seen before)
+20.00 session ended vanished
""",
    "18_name_reuse": """\
+0.08 session cao-s12
+0.08 terminal 3a58e5f7 developer
+0.17 status 3a58e5f7 working
+3.09 status 3a58e5f7 ready
+5.40 terminal 3a58e5f7 ended killed
+5.40 session ended killed
+6.62 session cao-s12
+6.62 terminal 260179a2 developer
+6.71 status 260179a2 working
+9.63 status 260179a2 ready
+11.93 terminal 260179a2 ended killed
+11.93 session ended killed
""",
    "19_restart": """\
+0.12 session cao-s13
+0.12 terminal 2260a19c developer
+0.20 status 2260a19c working
+3.12 status 2260a19c ready
+3.87 terminal c32f49a7 reviewer by 2260a19c
+3.96 status c32f49a7 working
+6.88 status c32f49a7 ready
+8.93 status c32f49a7 working
+9.70 typed typed:c32f49a7:1795171245826259000 assign 2260a19c -> c32f49a7
+0.12 terminal 2260a19c developer
+12.65 status 2260a19c unknown
+3.87 terminal c32f49a7 reviewer by 2260a19c
+12.65 status c32f49a7 unknown
+28.01 sent inbox:1@test send_message 2260a19c -> c32f49a7
+32.52 terminal 2260a19c ended killed
+32.52 terminal c32f49a7 ended killed
+32.52 session ended killed
""",
    "21_flow": """\
+0.16 session cao-flow-nightly
+0.16 terminal 0d566825 developer (schedule)
+0.25 status 0d566825 working
+3.17 status 0d566825 ready
+4.06 status 0d566825 working
+4.62 status 0d566825 ready
+11.00 terminal 0d566825 ended replaced
+11.15 session ended replaced
+11.15 session cao-flow-nightly
+11.15 terminal 116b35f7 developer (schedule)
+11.24 status 116b35f7 working
+14.16 status 116b35f7 ready
+15.04 status 116b35f7 working
+15.60 status 116b35f7 ready
+22.07 terminal 116b35f7 ended killed
+22.07 session ended killed
""",
    "22_workflow_yaml": """\
+0.71 workflow wy
+1.28 terminal 6571f6ac developer
+1.28 step plan #1 in 6571f6ac
+1.37 status 6571f6ac working
+4.30 status 6571f6ac ready
+5.17 status 6571f6ac working
+5.73 status 6571f6ac ready
+6.03 status 6571f6ac working
+6.54 status 6571f6ac ready
+6.03 status 6571f6ac exiting
+7.00 6571f6ac answered completed
+7.00 terminal 6571f6ac ended completed
+7.43 terminal dca16f1e developer
+7.43 step build #1 in dca16f1e
+7.52 status dca16f1e working
+10.44 status dca16f1e ready
+11.30 status dca16f1e working
+13.81 status dca16f1e ready
+14.16 status dca16f1e working
+14.98 status dca16f1e working
+14.16 status dca16f1e exiting
+14.98 status dca16f1e exiting
+15.00 dca16f1e answered completed
+15.00 terminal dca16f1e ended completed
+15.00 session ended completed
""",
    "23_workflow_script": """\
-0.06 workflow ws
+1.03 terminal b6e7586b developer
+1.03 step plan #1 in b6e7586b
+1.12 status b6e7586b working
+4.05 status b6e7586b ready
+4.94 status b6e7586b working
+5.50 status b6e7586b ready
+5.80 status b6e7586b working
+6.31 status b6e7586b ready
+6.62 status b6e7586b working
+6.70 terminal 36d9182f developer
+6.70 step build #1 in 36d9182f
+6.80 status 36d9182f working
+5.80 status b6e7586b exiting
+6.62 status b6e7586b exiting
+6.63 b6e7586b answered completed
+6.63 terminal b6e7586b ended completed
+9.72 status 36d9182f ready
+10.54 status 36d9182f working
+13.05 status 36d9182f ready
+13.40 status 36d9182f working
+14.22 status 36d9182f working
+13.40 status 36d9182f exiting
+14.22 status 36d9182f exiting
+14.24 36d9182f answered completed
+14.24 terminal 36d9182f ended completed
+14.24 session ended completed
""",
    "28_handoff_outside2": """\
+1.32 session cao-722c625c
+1.32 terminal b99a5292 mockdev
+1.41 status b99a5292 working
+4.33 status b99a5292 ready
+1.32 handoff to b99a5292 by ?
+1.32 sent b99a5292:prompt handoff ? -> b99a5292
+5.18 delivered b99a5292:prompt
+5.18 status b99a5292 working
+6.69 status b99a5292 ready
+6.94 b99a5292 answered completed: slept 1
+7.04 status b99a5292 exiting
+8.37 terminal b99a5292 ended completed
+8.37 session ended completed
+11.49 session cao-bfdb1cb8
+11.49 terminal c358735b mockdev
+11.58 status c358735b working
+14.50 status c358735b ready
+15.35 status c358735b working
+16.86 status c358735b ready
+17.57 terminal c358735b ended killed
+17.57 session ended empty
+22.87 session cao-lnch
+22.87 terminal daef677c mockdev
+23.00 status daef677c working
+25.93 status daef677c ready
+26.77 status daef677c working
+27.33 status daef677c ready
+30.29 terminal daef677c ended killed
+30.29 session ended killed
""",
    "29_mcp_middleware": """\
+1.61 session cao-s20
+1.61 terminal 00de6d71 code_supervisor
+1.72 status 00de6d71 working
+4.65 status 00de6d71 ready
+10.27 terminal 56426a3a developer by 00de6d71
+10.36 status 56426a3a working
+10.21 handoff to 56426a3a by 00de6d71
+10.21 sent 56426a3a:prompt handoff 00de6d71 -> 56426a3a
+13.31 status 56426a3a ready
+14.20 delivered 56426a3a:prompt
+14.20 status 56426a3a working
+16.71 status 56426a3a ready
+17.10 status 56426a3a working
+17.00 56426a3a answered completed: slept 2
+17.10 status 56426a3a exiting
+18.45 terminal 56426a3a ended completed
+18.65 terminal 4b1cab5a developer by 00de6d71
+18.78 status 4b1cab5a working
+21.75 status 4b1cab5a ready
+22.61 status 4b1cab5a working
+18.65 assign to 4b1cab5a by 00de6d71, not awaited
+18.65 sent 4b1cab5a:prompt assign 00de6d71 -> 4b1cab5a
+23.38 delivered 4b1cab5a:prompt
+23.82 status 4b1cab5a ready
+29.23 status 4b1cab5a working
+29.14 sent inbox:1@test send_message 00de6d71 -> 4b1cab5a
+29.48 status 4b1cab5a ready
+29.79 status 4b1cab5a ready
+29.99 delivered inbox:1@test
+30.15 terminal 3cd637b5 developer by 00de6d71
+30.23 status 3cd637b5 working
+30.11 handoff to 3cd637b5 by 00de6d71
+30.11 sent 3cd637b5:prompt handoff 00de6d71 -> 3cd637b5
+33.16 status 3cd637b5 ready
+34.00 delivered 3cd637b5:prompt
+34.00 status 3cd637b5 working
+34.51 status 3cd637b5 error
+34.77 3cd637b5 answered failed: terminal 3cd637b5 reached ERROR status
+38.02 terminal 00de6d71 ended killed
+38.02 terminal 4b1cab5a ended killed
+38.02 terminal 3cd637b5 ended killed
+38.02 session ended killed
""",
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_recording_says(name: str) -> None:
    facts = facts_of(name)
    assert told(facts, facts[0].at) == SAID[name]


# --- what holds for all recordings -----------------------------------------------------------------------------------

ALL = [scenario.name for scenario in scenarios()]


@pytest.mark.parametrize("name", ALL)
def test_the_same_facts_say_the_same(name: str) -> None:
    assert translated(facts_of(name)) == translated(facts_of(name))


@pytest.mark.parametrize("name", ALL)
def test_events_are_valid_and_one_id_is_one_event(name: str) -> None:
    by_id: dict[str, Event] = {}
    for event in translated(facts_of(name)):
        assert events.from_line(events.to_line(event)) == event
        assert by_id.setdefault(event.id, event) == event


@pytest.mark.parametrize("name", ALL)
def test_every_session_and_terminal_that_starts_ends_once(name: str) -> None:
    said = translated(facts_of(name))
    started = {event.session for event in said if isinstance(event, events.SessionStarted)}
    assert sorted(started) == sorted(event.session for event in said if isinstance(event, events.SessionEnded))
    terminals = {event.terminal for event in said if isinstance(event, events.TerminalStarted)}
    assert sorted(terminals) == sorted(event.terminal for event in said if isinstance(event, events.TerminalEnded))


@pytest.mark.parametrize("name", ALL)
def test_nothing_begins_before_its_session(name: str) -> None:
    began: dict[str, int] = {}
    for event in translated(facts_of(name)):
        if isinstance(event, events.SessionStarted):
            began[event.session] = event.at
        elif event.session:
            assert event.at >= began[event.session], line_of(event)


@pytest.mark.parametrize("name", ["19_restart", "20_restart_kill9"])
def test_a_translator_that_knows_nothing_goes_on_after_a_restart(name: str) -> None:
    facts = facts_of(name)
    restart = max(number for number, fact in enumerate(facts) if isinstance(fact, cao.ServerStarted))
    translator = Translator("test")
    before = translated(facts[:restart], translator)
    with_memory, without = translated(facts[restart:], translator), translated(facts[restart:])
    assert {event.session for event in without} == {event.session for event in before}
    # It begins the session once more, under the id of before.
    assert isinstance(without[0], events.SessionStarted)
    assert without[0].id in {event.id for event in before}
    assert {event.id for event in with_memory if not isinstance(event, events.TerminalStarted)} == {
        event.id for event in without[1:] if not isinstance(event, events.TerminalStarted)
    }


# --- facts written by hand -------------------------------------------------------------------------------------------

START = 1_795_170_000 * SECOND


def at(seconds: float) -> int:
    return START + round(seconds * SECOND)


def row(when: float, name: str = "w", **columns: Any) -> cao.TerminalRow:
    """A terminal's row, seen at its first status, 0.1 s after its creation."""
    given: dict[str, Any] = {"seen_by": "status", "tmux_session": "cao-a", "agent_profile": "dev"}
    given |= {"session_incarnation_id": "A", "last_active": at(when - 0.1)}
    return cao.TerminalRow(at=at(when), id=name, **(given | columns))


def status(when: float, terminal: str, word: cao.CaoStatus) -> cao.Status:
    return cao.Status(at=at(when), terminal=terminal, status=word)


def hook(when: float, event_type: cao.HookName, **fields: Any) -> cao.Hook:
    return cao.Hook(at=at(when), timestamp=at(when), event_type=event_type, session_id="cao-a", **fields)


def created(when: float, terminal: str) -> cao.Hook:
    return hook(when, "post_create_terminal", terminal_id=terminal, agent_name="dev")


def killed(when: float, terminal: str) -> cao.Hook:
    return hook(when, "post_kill_terminal", terminal_id=terminal)


def typed(when: float, text: str, sender: str = "s", receiver: str = "w", mode: str = "send_message") -> cao.Hook:
    return hook(when, "post_send_message", sender=sender, receiver=receiver, message=text, orchestration_type=mode)


def queued(when: float, number: int, text: str, word: Any = "pending", since: float | None = None) -> cao.InboxRow:
    created_at = at(when - 0.2 if since is None else since)
    return cao.InboxRow(
        at=at(when), id=number, sender_id="s", receiver_id="w", message=text, status=word, created_at=created_at
    )


def handoff(
    when: float, job: str, state: Any = "running", since: float | None = None, **columns: Any
) -> cao.HandoffRow:
    created_at = at(when - 0.2 if since is None else since)
    return cao.HandoffRow(
        at=at(when), job_id=job, state=state, created_at=created_at, updated_at=at(when - 0.2), **columns
    )


def step(when: float, state: str, attempts: int = 1, error_kind: str | None = None) -> cao.StepRow:
    return cao.StepRow(at=at(when), run_id="run", step_id="plan", state=state, attempts=attempts, error_kind=error_kind)


def run(when: float, state: str = "running") -> cao.RunRow:
    return cao.RunRow(at=at(when), run_id="run", workflow_name="nightly", tier="yaml", state=state, started_at=at(0))


STEP = {"session_env": {"CAO_WORKFLOW_RUN_ID": "run", "CAO_WORKFLOW_STEP_ID": "plan"}}
LATER = cao.Swept(at=at(60))
TWO: list[cao.Fact] = [
    row(1, "s"),
    status(1, "s", "processing"),
    status(2, "s", "idle"),
    row(3, "w", caller_id="s"),
    status(3, "w", "processing"),
    status(4, "w", "idle"),
]


def after(beginning: Sequence[cao.Fact], *facts: cao.Fact) -> str:
    """What these facts add to a beginning."""
    translator = Translator("test")
    translated(beginning, translator)
    said = translated(facts, translator)
    return "".join(f"{(event.at - START) / SECOND:+.2f} {line_of(event)}\n" for event in said)


def test_the_oldest_of_two_equal_messages_is_delivered_first() -> None:
    assert after(TWO, queued(5, 1, "go on"), queued(6, 2, "go on"), typed(7, "go on"), typed(8, "go on")) == (
        "+4.80 sent inbox:1@test send_message s -> w\n"
        "+5.80 sent inbox:2@test send_message s -> w\n"
        "+7.00 delivered inbox:1@test\n"
        "+8.00 delivered inbox:2@test\n"
    )


def test_a_typed_message_is_not_taken_for_a_queued_one_of_the_same_two() -> None:
    said = after(TWO, queued(5, 1, "from the inbox"), typed(6, "past the inbox"), typed(7, "from the inbox, with more"))
    assert said == (
        "+4.80 sent inbox:1@test send_message s -> w\n"
        "+6.00 typed typed:w:1795170006000000000 send_message s -> w\n"
        "+7.00 delivered inbox:1@test\n"
    )


def test_a_message_whose_row_is_read_after_its_hook_is_one_message() -> None:
    said = after(TWO, typed(5, "quick"), queued(5.1, 1, "quick", "delivered", since=4.2), queued(9, 2, "quick"))
    assert [line.split()[1] for line in said.splitlines()] == ["typed", "sent"]
    assert said.endswith("+8.80 sent inbox:2@test send_message s -> w\n")


def test_a_message_that_was_queued_after_another_was_typed_is_another() -> None:
    said = after(TWO, typed(5, "again"), queued(9, 1, "again", since=5.1))
    assert said.endswith("+5.10 sent inbox:1@test send_message s -> w\n")


def test_a_message_of_another_sender_is_another() -> None:
    said = after([*TWO, row(4.5, "o")], queued(5, 1, "same words"), typed(6, "same words", sender="o"))
    assert said.endswith("+6.00 typed typed:w:1795170006000000000 send_message o -> w\n")


def test_a_delivery_without_a_hook_is_dated_to_the_look_and_said_once() -> None:
    delivered = queued(5, 1, "lost", "delivered")
    assert after(TWO, delivered, queued(5.5, 1, "lost", "delivered"), LATER, typed(61, "lost"), delivered) == (
        "+4.80 sent inbox:1@test send_message s -> w\n+5.50 delivered inbox:1@test\n"
    )


def test_a_delivery_that_is_taken_back_is_none() -> None:
    said = after(TWO, queued(5, 1, "x", "delivered"), queued(5.5, 1, "x", "pending"), LATER)
    assert said == "+4.80 sent inbox:1@test send_message s -> w\n"


def test_a_sender_that_is_no_terminal_goes_no_further() -> None:
    (sent, _) = translated([*TWO, typed(5, "hi", sender="Bearer 123")])[-2:]
    assert "Bearer" not in events.to_line(sent)


def test_a_sender_in_another_session_says_that_session() -> None:
    other = row(3, "o", tmux_session="cao-b", session_incarnation_id="B")
    sent = translated([*TWO, other, typed(5, "hi", sender="o")])[-1]
    assert isinstance(sent, events.MessageSent)
    assert (sent.session, sent.sender, sent.sender_session) == ("A", "o", "B")
    sent = translated([*TWO, typed(5, "hi")])[-1]
    assert isinstance(sent, events.MessageSent)
    assert (sent.session, sent.sender, sent.sender_session) == ("A", "s", None)


def test_the_longest_text_that_an_event_takes_is_kept_whole() -> None:
    for length in (1_048_576, 1_048_577):
        sent = translated([*TWO, typed(5, "ä" * length)])[-1]
        assert isinstance(sent, events.MessageSent)
        assert (sent.size, len(sent.text or "")) == (2 * length, 1_048_576)
        assert events.from_line(events.to_line(sent)) == sent


def test_the_traceparent_of_cao_stands_on_the_delivery() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03"
    sent, delivered = translated([*TWO, replace(typed(5, "hi"), traceparent=parent)])[-2:]
    assert (sent.traceparent, delivered.traceparent) == (None, parent)


@dataclass(frozen=True)
class Assigned:
    """A terminal of caller s that is sent a prompt."""

    why: str
    told_at: float
    prompted_at: float
    mode: str = "assign"
    sender: str = "s"
    before: tuple[cao.Fact, ...] = ()


CREATED_FOR_IT = [
    Assigned("the boot is deferred", told_at=2.95, prompted_at=5),
    Assigned("the boot is deferred, and takes long", told_at=2.95, prompted_at=50),
    Assigned("typed at once", told_at=4.5, prompted_at=5.5),
    Assigned("handoff --no-wait", told_at=4.5, prompted_at=4.6, mode="handoff"),
]
NOT_CREATED_FOR_IT = [
    Assigned("it stood idle", told_at=4.5, prompted_at=5.51),
    Assigned("somebody else's", told_at=2.95, prompted_at=5, sender="o"),
    Assigned("a message", told_at=2.95, prompted_at=5, mode="send_message"),
    Assigned("its second message", told_at=2.95, prompted_at=5, before=(queued(4.5, 1, "first"),)),
    Assigned(
        "its second turn",
        told_at=2.95,
        prompted_at=6,
        before=(status(4.6, "w", "processing"), status(5, "w", "completed")),
    ),
]


def assigned(case: Assigned) -> str:
    facts: list[cao.Fact] = [row(1, "s"), row(2, "o")]
    first = row(min(case.told_at, 3), "w", caller_id="s", last_active=at(2.9))
    booted: list[cao.Fact] = [first, status(3, "w", "processing"), status(4, "w", "idle"), *case.before]
    prompt = typed(case.prompted_at + 0.8, "do it", sender=case.sender, mode=case.mode)
    facts += [*booted, created(case.told_at, "w"), status(case.prompted_at, "w", "processing"), prompt]
    return after([], *sorted(facts, key=lambda fact: fact.at))


@pytest.mark.parametrize("case", CREATED_FOR_IT, ids=lambda case: case.why)
def test_a_worker_created_for_its_prompt_is_a_delegation(case: Assigned) -> None:
    said = assigned(case)
    assert f"+2.90 {case.mode} to w by s, not awaited\n+2.90 sent w:prompt {case.mode} s -> w\n" in said
    assert f"{case.prompted_at + 0.8:+.2f} delivered w:prompt\n" in said


@pytest.mark.parametrize("case", NOT_CREATED_FOR_IT, ids=lambda case: case.why)
def test_a_prompt_to_a_terminal_that_was_there_is_a_message(case: Assigned) -> None:
    assert " to w by" not in assigned(case)


WORKER: list[cao.Fact] = [row(1, "s"), row(3, "w", caller_id="s"), handoff(3.1, "job", since=2.8)]


def test_a_handoffs_worker_that_is_killed_waits_for_the_outcome() -> None:
    outcome = handoff(9.5, "job", "completed", since=2.8, terminal_id="w", last_message="done")
    assert after(WORKER, killed(9, "w"), outcome) == (
        "+9.30 w answered completed: done\n+9.00 terminal w ended completed\n"
    )


def test_a_handoffs_worker_that_is_killed_without_an_outcome_was_killed() -> None:
    assert after(WORKER, killed(9, "w"), LATER) == "+9.00 terminal w ended killed\n"
    assert after(WORKER, killed(9, "w"), hook(9.1, "post_kill_session", session_name="cao-a")) == (
        "+9.00 terminal w ended killed\n+9.10 session ended killed\n"
    )


def test_of_two_handoffs_at_once_each_gets_its_own_answer() -> None:
    first, second = handoff(3.1, "one", since=2.7), handoff(3.1, "two", since=2.8)
    both: list[cao.Fact] = [row(1, "s"), row(2.9, "v", caller_id="s"), row(3, "w", caller_id="s"), first, second]
    said = after(
        [],
        *both,
        # They were tied by time; the rows know better.
        handoff(8, "one", "completed", since=2.7, terminal_id="w", last_message="of one"),
        handoff(9, "two", "error", since=2.8, terminal_id="v", error_message="x did not complete within 3s"),
    )
    assert "+2.70 handoff to v by s\n" in said
    assert "+2.80 handoff to w by s\n" in said
    assert said.endswith("+7.80 w answered completed: of one\n+8.80 v answered timeout: x did not complete within 3s\n")


@pytest.mark.parametrize(("called", "tied"), [(0.9, True), (0.89, False), (2.9, True), (2.91, False)])
def test_a_worker_is_created_within_two_seconds_of_the_call(*, called: float, tied: bool) -> None:
    facts: list[cao.Fact] = [row(0.5, "s"), handoff(2.95, "job", since=called), row(3, "w", caller_id="s")]
    assert ("handoff to w" in after([], *facts)) == tied


def test_a_handoff_that_was_not_tied_is_told_at_its_outcome() -> None:
    facts: list[cao.Fact] = [
        row(1, "s"),
        row(9, "w", caller_id="s"),
        status(9, "w", "processing"),
        status(10, "w", "idle"),
        status(11, "w", "processing"),
    ]
    assert after(facts, handoff(20, "job", "error", since=2, terminal_id="w", error_message="broken")) == (
        "+2.00 handoff to w by s\n"
        "+2.00 sent w:prompt handoff s -> w\n"
        "+11.00 delivered w:prompt\n"
        "+19.80 w answered failed: broken\n"
    )


def test_a_terminal_that_a_hook_told_of_is_no_handoffs_worker() -> None:
    assert after([row(1, "s"), row(3, "w", caller_id="s"), created(3.05, "w")], handoff(3.1, "job", since=2.8)) == ""


def test_a_session_that_is_opened_while_a_handoff_begins_is_not_its_worker() -> None:
    opened: list[cao.Fact] = [handoff(3, "job"), row(3.1, "first", tmux_session="cao-b", session_incarnation_id="B")]
    boots: list[cao.Fact] = [*opened, status(3.1, "first", "processing"), status(6, "first", "idle")]
    assert "handoff" not in after([], *boots)
    works = status(7, "first", "processing")
    assert "handoff" not in after(boots, created(6.8, "first"), works)
    # Nobody has told of it, and it works: a handoff from outside has made it.
    assert after(boots, works) == (
        "+3.00 handoff to first by ?\n"
        "+3.00 sent first:prompt handoff ? -> first\n"
        "+7.00 delivered first:prompt\n"
        "+7.00 status first working\n"
    )


def test_a_handoff_without_a_worker_is_a_notice() -> None:
    assert after([], handoff(3, "job", "error", error_message="no CLI")) == "+2.80 notice handoff_failed: no CLI\n"


def test_kills_say_nothing_twice_and_nothing_of_strangers() -> None:
    twice: list[cao.Fact] = [killed(5, "w"), killed(5.01, "w"), hook(6, "post_kill_session", session_name="cao-a")]
    assert after(TWO, *twice, *twice) == "+5.00 terminal w ended killed\n+6.00 session ended killed\n"
    assert after([], killed(5, "w"), hook(6, "post_kill_session", session_name="cao-a")) == ""


def test_a_stranger_that_is_killed_in_an_open_session_ended_there() -> None:
    assert after(TWO, killed(5, "stranger")) == "+5.00 terminal stranger ended killed\n"


def test_what_is_said_of_a_dead_terminal_is_noise() -> None:
    assert after([*TWO, killed(5, "w")], status(6, "w", "processing"), row(7, "w")) == ""


def test_a_hook_explains_a_window_that_a_sweep_found_gone() -> None:
    gone = cao.Swept(at=at(5), found=(cao.Found(kind="window_gone", terminal="w", last_seen=at(0)),))
    assert after(TWO, gone, killed(5.9, "w")) == "+5.90 terminal w ended killed\n"
    assert after(TWO, gone, LATER) == "+5.00 terminal w ended vanished (last seen before)\n"


def test_a_session_whose_agents_have_exited_stands_until_their_windows_are_gone() -> None:
    found = tuple(cao.Found(kind="process_exited", terminal=name, last_seen=at(1)) for name in "sw")
    exited = cao.Swept(at=at(5), found=found)
    said = after([*TWO, exited, LATER], killed(70, "s"), cao.Swept(at=at(80)), killed(90, "w"), cao.Swept(at=at(95)))
    assert said == "+90.00 session ended empty\n"


def test_the_last_terminal_takes_its_session_with_it_unless_another_comes() -> None:
    assert after([row(1, "s"), killed(5, "s")], row(5.5, "w"), LATER) == "+5.40 terminal w dev\n"
    assert after([row(1, "s"), killed(5, "s")], LATER) == "+5.00 session ended empty\n"
    assert after([row(1, "s"), killed(5, "s")], cao.ServerStopping(at=at(5.1))) == "+5.00 session ended empty\n"


def test_patience_ends_at_its_limit() -> None:
    assert after([row(1, "s"), killed(5, "s")], cao.Swept(at=at(6) - 1)) == ""
    assert after([row(1, "s"), killed(5, "s")], cao.Swept(at=at(6))) == "+5.00 session ended empty\n"


def test_a_new_incarnation_replaces_the_old_one_and_its_terminals() -> None:
    assert after(TWO, row(9, "n", session_incarnation_id="N")) == (
        "+8.90 terminal s ended replaced\n"
        "+8.90 terminal w ended replaced\n"
        "+8.90 session ended replaced\n"
        "+8.90 session cao-a\n"
        "+8.90 terminal n dev\n"
    )


def test_hooks_alone_make_a_session_and_the_row_fills_it() -> None:
    said = after([], created(1, "w"), row(2, "w", model="large"), hook(5, "post_kill_session", session_name="cao-a"))
    assert said == "+1.00 session cao-a\n+1.00 terminal w dev\n+1.00 terminal w dev\n+5.00 session ended killed\n"


IN_STEP: list[cao.Fact] = [
    run(1),
    step(1, "running"),
    row(1, "w", **STEP),
    status(1, "w", "processing"),
    status(2, "w", "idle"),
]


def test_a_reprompt_in_a_step_is_a_turn_and_only_what_follows_the_last_work_is_the_exit() -> None:
    words: list[cao.CaoStatus] = ["processing", "completed", "processing", "completed", "processing"]
    turns = [status(when, "w", word) for when, word in enumerate(words, 3)]
    gone = cao.TerminalGone(at=at(8), terminal="w", last_seen=at(7.5))
    assert after([*IN_STEP, *turns], gone, step(8, "completed"), run(8, "completed")) == (
        "+7.00 status w exiting\n"
        "+8.00 w answered completed\n"
        "+8.00 terminal w ended completed\n"
        "+8.00 session ended completed\n"
    )


def test_an_attempt_that_is_tried_again_has_failed() -> None:
    gone = cao.TerminalGone(at=at(8), terminal="w", last_seen=at(7.5))
    at_once = after(IN_STEP, gone, step(8.5, "running", attempts=2, error_kind="timeout"))
    assert at_once == "+8.00 w answered timeout: timeout\n+8.00 terminal w ended vanished (last seen before)\n"
    again: list[cao.Fact] = [step(9, "running", attempts=2), row(9, "v", **STEP)]
    assert after(IN_STEP, gone, *again, run(20, "cancelled")) == (
        "+8.00 terminal w ended vanished (last seen before)\n"
        "+8.00 w answered failed\n"
        "+8.90 terminal v dev\n"
        "+8.90 step plan #2 in v\n"
        "+20.00 session ended killed\n"
    )


def test_a_step_that_fails_leaves_its_terminal() -> None:
    assert after(IN_STEP, step(8, "failed", error_kind="error"), run(8, "failed"), killed(30, "w")) == (
        "+8.00 w answered failed: error\n+8.00 session ended failed\n"
    )


def test_a_run_is_one_session_whose_uid_its_row_tells() -> None:
    uids = {event.session for event in translated(IN_STEP)}
    assert uids == {f"run@{events.time_to_text(at(0))}@test"}


def test_a_step_without_the_runs_row_begins_the_run() -> None:
    assert after([], row(1, "w", **STEP)) == "+0.90 workflow run\n+0.90 terminal w dev\n+0.90 step plan #1 in w\n"


@pytest.mark.parametrize("name", ALL)
def test_facts_in_any_order_and_twice_raise_nothing(name: str) -> None:
    for seed in range(20):
        facts = facts_of(name) * 2
        random.Random(seed).shuffle(facts)
        for event in translated(facts):
            assert events.from_line(events.to_line(event)) == event


SAYS_NOTHING: dict[str, list[cao.Fact]] = {
    "a message to a stranger": [typed(5, "hi", receiver="stranger"), replace(queued(5, 1, "hi"), receiver_id="x")],
    "a status, a lost row or a look of a stranger": [
        status(5, "stranger", "idle"),
        cao.TerminalGone(at=at(5), terminal="stranger"),
        cao.Swept(at=at(5), found=(cao.Found(kind="session_gone", session="cao-b"),)),
    ],
    "a step of a run nobody knows": [step(5, "failed")],
    "hooks without ids": [hook(5, "post_create_terminal"), hook(5, "post_kill_terminal"), hook(5, "post_send_message")],
    "a session's own hook": [hook(5, "post_create_session", session_name="cao-a")],
    "a handoff that calls, and calls": [handoff(50, "job"), handoff(51, "job")],
    "a success of nobody known": [handoff(5, "job", "completed", terminal_id="stranger")],
    "a start of the server": [cao.ServerStarted(at=at(5))],
}


@pytest.mark.parametrize("why", SAYS_NOTHING)
def test_what_says_nothing(why: str) -> None:
    assert after(TWO, *SAYS_NOTHING[why]) == ""


def test_an_outcome_is_told_once_and_only_of_a_handoff() -> None:
    outcome = handoff(9, "job", "completed", since=2.8, terminal_id="w")
    assert after(WORKER, outcome, outcome) == "+8.80 w answered completed\n"
    assert after(IN_STEP, outcome) == ""


def test_a_sweep_of_a_dead_process_tells_its_exit_code() -> None:
    found = cao.Found(kind="process_exited", terminal="w", exit_code=3, last_seen=at(1))
    (ended,) = translated([*TWO, cao.Swept(at=at(5), found=(found,)), LATER])[len(translated(TWO)) :]
    assert isinstance(ended, events.TerminalEnded)
    assert (ended.reason, ended.exit_code, ended.last_seen) == ("exited", 3, at(1))


def test_a_worker_that_exits_after_its_work_has_completed() -> None:
    outcome = handoff(9, "job", "completed", since=2.8, terminal_id="w")
    exited = cao.Swept(at=at(10), found=(cao.Found(kind="process_exited", terminal="w", last_seen=at(5)),))
    assert after(WORKER, outcome, exited) == "+8.80 w answered completed\n+10.00 terminal w ended completed\n"


def test_a_row_read_at_a_restart_says_the_terminal_again_and_that_its_status_is_unknown() -> None:
    again = row(20, "w", seen_by="table", last_active=at(10), caller_id="s")
    said = after(TWO, status(5, "w", "processing"), again, status(21, "w", "processing"))
    assert said == (
        "+5.00 status w working\n+2.90 terminal w dev by s\n+20.00 status w unknown\n+21.00 status w working\n"
    )


def test_an_exit_is_said_once() -> None:
    outcome = handoff(9, "job", "completed", since=2.8, terminal_id="w")
    words: list[cao.CaoStatus] = ["processing", "idle", "processing"]
    exits = [status(when, "w", word) for when, word in enumerate(words, 10)]
    assert after(WORKER, outcome, *exits) == "+8.80 w answered completed\n+10.00 status w exiting\n"


def test_a_flows_terminal_is_no_handoffs_worker() -> None:
    assert "handoff" not in after([], handoff(2.9, "job"), row(3, "w", tmux_session="cao-flow-nightly"))


def test_a_run_takes_no_session_of_its_workflows_name_with_it() -> None:
    ended = hook(7, "post_kill_session", session_name="cao-a")
    said = after(TWO, replace(run(5), workflow_name="cao-a"), run(6, "completed"), ended)
    assert said == "+0.00 workflow cao-a\n+6.00 session ended completed\n+7.00 session ended killed\n"


def test_the_steps_row_knows_of_attempts_before_our_time() -> None:
    assert after([], run(1), step(1, "running", attempts=3), row(1, "w", **STEP)).endswith("step plan #3 in w\n")


def test_a_row_that_goes_after_a_restart_was_ready() -> None:
    fresh = [row(1, "w", seen_by="table")]
    gone = cao.TerminalGone(at=at(5), terminal="w", last_seen=at(4.5))
    assert after(fresh, gone, status(5.1, "w", "idle"), LATER).startswith("+5.00 terminal w ended vanished")


def test_a_session_that_never_ends_keeps_what_lives() -> None:
    translator = Translator("test")
    translated([row(1, "s")], translator)
    sizes: list[int] = []
    for number in range(100):
        begin, worker = number * 3600.0, f"w{number}"
        facts: list[cao.Fact] = [
            row(begin + 3, worker, caller_id="s"),
            handoff(begin + 3.1, f"tied{number}", since=begin + 2.8),
            handoff(begin + 30, f"lost{number}"),
            replace(queued(begin + 50, number, "no hook", "delivered"), receiver_id="s"),
            killed(begin + 90, worker),
        ]
        translated(facts, translator)
        sizes.append(held_by(translator))
    assert max(sizes) == sizes[1]


def test_a_year_of_sessions_leaves_nothing_behind() -> None:
    translator = Translator("test")
    sizes: list[int] = []
    for number in range(200):
        begin, worker = number * 3600.0, f"w{number}"
        facts: list[cao.Fact] = [
            row(begin + 1, f"s{number}", session_incarnation_id=f"A{number}"),
            row(begin + 3, worker, caller_id=f"s{number}", session_incarnation_id=f"A{number}"),
            handoff(begin + 3.1, f"lost{number}", since=begin + 2.8),
            replace(queued(begin + 5, number, "never delivered"), receiver_id=worker),
            typed(begin + 6, "typed", receiver=worker),
            hook(begin + 9, "post_kill_session", session_name="cao-a"),
            replace(run(begin + 10), run_id=f"run{number}"),
            replace(run(begin + 20, "completed"), run_id=f"run{number}"),
        ]
        translated(facts, translator)
        sizes.append(held_by(translator))
    # 64 typed messages are kept; apart from these, an hour later nothing is left of an hour.
    assert max(sizes[64:]) == sizes[64]


def held_by(translator: Translator) -> int:
    """How many objects it keeps, as a copy finds them, and how many things are in those that hold things."""
    found: dict[int, object] = {}
    copy.deepcopy(translator, found)
    return len(found) + sum(len(thing) for thing in found.values() if isinstance(thing, Sized))
