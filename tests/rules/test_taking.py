"""Events are taken in: what each kind changes, whatever the order in which they come, and what is dropped is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handspan import names
from handspan.rules.memory import Rules
from handspan.testing import SECOND, Player, Story, logs, play, spans
from tests.picture_of import booted, counted, facts, logs_of, moment, passed, span_of, supervised, tree
from tests.stories import STORIES

if TYPE_CHECKING:
    from handspan.events import Event
    from handspan.signals import Signal

# Every event of the story is told when the last of them happened, in this order.
ORDERS = {"in order": [0, 1, 2, 3, 4, 5], "backwards": [5, 4, 3, 2, 1, 0], "mixed": [3, 0, 5, 1, 4, 2]}


def told(events: list[Event], order: list[int]) -> list[Signal]:
    player = Player()
    for event in (
        Story().at(-5).session().terminal("sup").status("sup", "ready").terminal("dev").status("dev", "ready").events
    ):
        player.say(event)
    last = max(event.at for event in events)
    for n in order:
        player.say(events[n], last)
    for event in Story().at(30).end().events:
        player.say(event)
    player.until(moment(40))
    return player.signals


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_order_within_the_settling_time_changes_nothing(order: list[int]) -> None:
    story = Story().at(0).status("sup", "working").at(0.2).sent("m", "dev", "sup").at(0.5).status("dev", "working")
    story.at(0.9).delivered("m", "dev").at(1.2).sent("r", "sup", "dev").at(1.9).status("dev", "ready")
    assert tree(told(story.events, order)) == [
        "session s -5-30 killed",
        "  terminal dev -5-30 killed",
        "    invoke_agent dev #1 0.5-1.9 message completed",
        "      -> message send dev m",
        "      * message_received m 0.5",
        "      * message_sent r 1.2",
        "      send sup r 1.2",
        "  terminal sup -5-30 killed",
        "    invoke_agent sup #1 0-30 unknown killed",
        "      * message_sent m 0.2",
        "      send dev m 0.2",
    ]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_the_order_in_which_a_delegation_and_its_worker_are_told_changes_nothing(order: list[int]) -> None:
    story = (
        Story()
        .at(0)
        .status("sup", "working")
        .at(0.2)
        .delegation("new", "assign", "sup")
        .sent("p", "new", "sup", "assign")
    )
    story.at(0.3).terminal("new", creator="sup").at(1.5).sent("c", "sup", "new").at(1.6).gone("new")
    assert tree(told(story.events, order)) == [
        "session s -5-30 killed",
        "  terminal dev -5-30 killed",
        "  terminal sup -5-30 killed",
        "    invoke_agent sup #1 0-30 unknown killed",
        "      * message_sent p 0.2",
        "      assign new 0.2-1.5 completed",
        "        send new p 0.2 assign",
        "        terminal new 0.3-1.6 killed",
        "          * message_sent c 1.5",
        "          send sup c 1.5 callback",
    ]


@pytest.mark.parametrize("name", STORIES)
def test_an_event_that_is_told_twice_is_one_event(name: str) -> None:
    events = STORIES[name]()
    twice = [event for event in events for _ in range(2)]
    once = [s for s in play(events) if not hasattr(s, "labels")]
    assert [s for s in play(twice) if not hasattr(s, "labels")] == once


# --- terminals -------------------------------------------------------------------------------------------------------


def test_said_again_a_terminal_fills_what_was_unknown_and_changes_nothing_known() -> None:
    story = (
        Story()
        .at(0)
        .session()
        .status("a", "ready")
        .at(1)
        .terminal("a", "dev", model="m")
        .at(5)
        .terminal("a", "other", model="n", cli="codex")
    )
    signals = play(story.at(9).end().events)
    assert facts(signals, "terminal dev", names.AGENT_NAME, names.MODEL, names.AGENT_CLI) == {
        "name": "dev",
        "model": "m",
        "cli": "codex",
    }
    assert len([s for s in spans(signals) if s.name == "terminal dev"]) == 1


def test_a_start_told_within_the_settling_time_moves_the_start_back() -> None:
    story = Story().at(0).session().at(5).status("a", "working")
    passed(story, 6).terminal("a", at=moment(3))
    assert tree(play(story.at(9).status("a", "ready").at(20).end().events), without=()) == [
        "session s 0-20 killed",
        "  session.started 0",
        "  terminal a 3-20 killed",
        "    boot a 3-9",
        "    terminal.started 3",
    ]


def test_a_start_told_after_the_marker_has_left_does_not() -> None:
    story = Story().at(0).session().at(5).status("a", "working")
    passed(story, 10).terminal("a", at=moment(3))
    assert tree(play(story.at(20).end().events), without=()) == [
        "session s 0-20 killed",
        "  session.started 0",
        "  terminal a 5-20 killed inferred=start",
        "    invoke_agent a #1 5-20 unknown killed",
        "    terminal.started 5",
    ]


def test_a_session_begins_with_its_earliest_word() -> None:
    story = Story().at(5).status("a", "ready")
    passed(story, 6).session(at=moment(2)).terminal("a", at=moment(3))
    assert tree(play(story.at(20).end().events), without=()) == [
        "session s 2-20 killed",
        "  session.started 2",
        "  terminal a 3-20 killed",
        "    boot a 3-5",
        "    terminal.started 3",
    ]


def test_a_status_older_than_what_has_left_is_counted_as_late() -> None:
    story = supervised().at(8).status("sup", "ready").at(10).status("sup", "working")
    signals = play(passed(story, 20).status("sup", "waiting", at=moment(9)).at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-8 unknown completed",
        "    invoke_agent sup #2 10-30 unknown killed",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"late": 1}


def test_the_end_of_a_delegation_that_never_began_is_counted_as_late() -> None:
    signals = play(supervised().at(10).answered("ghost").at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"late": 1}
    assert facts(signals, "session s", names.SESSION_DELEGATIONS) == {"delegations": 0}


def test_the_end_of_a_delegation_may_come_before_its_start() -> None:
    story = (
        booted(supervised(), 10, "dev")
        .at(15)
        .answered("dev", "failed")
        .at(16)
        .delegation("dev", "handoff", "sup", at=moment(10))
    )
    signals = play(story.at(20).end().events)
    assert [line.strip() for line in tree(signals) if "handoff" in line] == ["handoff dev 10-15 failed ERROR=failed"]
    assert counted(signals, names.EVENTS_DROPPED) == {}


def test_a_delegation_told_again_fills_what_was_unknown() -> None:
    story = (
        supervised()
        .at(10)
        .delegation("dev", "step", step="build")
        .delegation("dev", "step", step="other", attempt=3, id="again")
    )
    signals = play(story.at(20).end().events)
    assert facts(signals, "step build", names.STEP, names.ATTEMPT) == {"step": "build", "attempt": 3}
    assert facts(signals, "session s", names.SESSION_DELEGATIONS) == {"delegations": 1}


def test_the_10001st_terminal_is_counted_and_not_taken_in() -> None:
    story = Story().at(0).session()
    for n in range(10_001):
        story.at(1 + n / 10_000).terminal(f"t{n}")
    signals = play(story.at(3).end().events, rules=Rules(part_spans=100_000))
    assert facts(signals, "session s", names.SESSION_TERMINALS) == {"terminals": 10_000}
    assert counted(signals, names.EVENTS_DROPPED) == {"limit": 1}
    assert len([s for s in spans(signals) if s.name.startswith("terminal t")]) == 10_000


def test_past_the_limit_no_delegation_is_taken_in_either() -> None:
    story = supervised()
    for n in range(4):
        story.at(10).delegation(f"w{n}", "handoff", "sup")
    signals = play(story.at(20).end().events, rules=Rules(terminals=3))
    assert facts(signals, "session s", names.SESSION_DELEGATIONS) == {"delegations": 3}
    assert counted(signals, names.EVENTS_DROPPED) == {"limit": 1}


def test_when_a_terminal_has_left_there_is_room_for_another() -> None:
    story = Story().at(0).session().terminal("a").terminal("b").at(1).gone("a").at(5).terminal("c")
    signals = play(story.at(20).end().events, rules=Rules(terminals=2))
    assert counted(signals, names.EVENTS_DROPPED) == {}
    assert facts(signals, "session s", names.SESSION_TERMINALS) == {"terminals": 3}


# --- usage, notices, activity ----------------------------------------------------------------------------------------


def test_usage_is_counted_by_agent_model_and_direction() -> None:
    story = (
        Story()
        .at(0)
        .session()
        .terminal("a", model="opus")
        .at(1)
        .usage("a", input_tokens=3, output_tokens=2, cost_usd=0.5)
    )
    story.at(2).usage("a", model="haiku", input_tokens=1, cache_read_tokens=9, cache_write_tokens=8).usage(
        "b", input_tokens=7
    )
    signals = play(story.at(9).end().events)
    assert counted(signals, names.TOKENS) == {
        "input a opus": 3,
        "output a opus": 2,
        "input a haiku": 1,
        "cache_read a haiku": 9,
        "cache_write a haiku": 8,
        "input unknown unknown": 7,
    }
    assert counted(signals, names.COST_USD) == {"a opus": 0.5}


def test_a_notice_is_its_terminals_or_its_sessions() -> None:
    story = (
        supervised()
        .at(6)
        .notice("ci_failed", severity="urgent", terminal="sup", text="why")
        .at(7)
        .notice("pr_opened", terminal="ghost")
    )
    signals = play(story.at(9).end().events)
    assert logs_of(signals, "notice") == ["6 notice terminal sup ci_failed", "7 notice session s pr_opened"]
    first, second = [log for log in logs(signals) if log.name == names.NOTICE]
    assert (first.severity, second.severity) == (names.ERROR, names.INFO)
    assert (first.resource.terminal, second.resource.terminal) == ("sup", None)
    assert first.attributes[names.NOTICE_TEXT] == "why"


def test_a_notice_of_no_session_carries_neither_trace_nor_session() -> None:
    (log,) = logs(play(Story().notice("update", session="", severity="action").events))
    assert (log.trace_id, log.span_id, log.severity) == (None, None, names.ACTION)
    assert dict(log.attributes) == {
        "handspan.notice.name": "update",
        "event.name": names.NOTICE,
        "log.record.uid": log.uid,
    }


def test_a_terminal_first_seen_by_a_sign_of_life_is_one() -> None:
    assert tree(play(Story().at(0).session().at(3).alive("a").at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal unknown 3-20 killed inferred=start",
    ]


def test_a_workflow_run_is_one_session_and_its_steps_are_delegations() -> None:
    signals = play(STORIES["workflow_run"]())
    assert tree(signals) == [
        "session release 0-51 completed",
        "  step plan 0-21 completed",
        "    terminal planner 0.2-21 completed",
        "      invoke_agent planner #1 4-20 step completed",
        "  step build 22-31 failed ERROR=failed",
        "    terminal builder 22.1-31 killed",
        "      invoke_agent builder #1 26-30 step error ERROR=error",
        "  step build 32-51 completed",
        "    terminal builder 32.1-51 completed",
        "      invoke_agent builder #1 36-50 step completed",
    ]
    assert facts(
        signals, "session release", names.WORKFLOW_NAME, names.SESSION_MESSAGES, names.SESSION_DELEGATIONS
    ) == {"name": "release", "messages": 0, "delegations": 3}


def test_an_event_counts_by_its_type_even_when_it_changes_nothing() -> None:
    story = supervised().at(6).alive("sup").alive("sup").at(20).end().at(60).status("sup", "ready")
    signals = play(story.events)
    assert counted(signals, names.EVENTS) == {
        "session_started": 1,
        "terminal_started": 1,
        "status_changed": 3,
        "activity": 2,
        "session_ended": 1,
    }
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 1}


def test_a_message_is_no_delegations_prompt_after_it_has_left() -> None:
    story = supervised().at(10).sent("p", "dev", "sup", "assign")
    passed(story, 15).delegation("dev", "assign", "sup", at=moment(9)).terminal("dev")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent p 10",
        "      assign dev 9-20 unanswered",
        "        terminal dev 15-20 killed",
        "      send unknown p 10 assign",
    ]
    assert span_of(play(story.events), "send unknown p").end == moment(10) + 1_000
    assert Rules().settle == 2 * SECOND


def test_a_start_told_after_the_marker_has_left_makes_no_boot() -> None:
    """What the marker said of the start is settled: no boot can lie before it."""
    story = Story().at(0).session().usage("a", input_tokens=1).at(5).terminal("a", "dev").at(6).status("a", "working")
    signals = play(story.at(7).status("a", "ready").at(9).end().events)
    assert [span.name for span in spans(signals) if "dev" in span.name] == ["invoke_agent dev", "terminal dev"]


def test_tokens_stop_at_the_largest_number_that_a_backend_takes() -> None:
    story = Story().at(0).session().usage("a", input_tokens=2**63 - 1).at(1).usage("a", input_tokens=2**63 - 1)
    (terminal,) = [span for span in spans(play(story.at(9).end().events)) if span.name.startswith("terminal ")]
    assert terminal.attributes[names.INPUT_TOKENS] == 2**63 - 1
