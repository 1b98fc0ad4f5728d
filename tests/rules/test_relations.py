"""Who belongs to what: parents, the turn that was running, extents and outcomes of delegations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handspan import ids, names
from handspan.testing import Story, play
from tests.picture_of import booted, counted, facts, logs_of, moment, passed, span_of, supervised, tree

if TYPE_CHECKING:
    from handspan.events import Outcome

# --- parents ---------------------------------------------------------------------------------------------------------


def test_a_terminal_hangs_under_its_delegation_else_its_creator_else_the_session() -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev", creator="sup")
    story.at(11).delegation("rev", "assign", "sup").terminal("rev", creator="sup")
    story.at(12).terminal("aid", creator="sup").terminal("own")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      handoff dev 10-20 cancelled",
        "        terminal dev 10-20 killed",
        "      assign rev 11-20 unanswered",
        "        terminal rev 11-20 killed",
        "    terminal aid 12-20 killed",
        "  terminal own 12-20 killed",
    ]


def test_a_creator_seen_later_is_still_the_parent() -> None:
    story = Story().at(0).session().terminal("dev", creator="sup").at(0.5).terminal("sup", at=moment(0))
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    terminal dev 0-20 killed",
    ]


def test_a_creator_that_is_never_seen_is_no_parent() -> None:
    story = Story().at(0).session().terminal("dev", creator="ghost")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal dev 0-20 killed",
    ]


def test_the_parent_of_a_worker_can_be_computed_by_whoever_knows_its_id() -> None:
    story = supervised("uid").at(10).delegation("dev", "assign", "sup").terminal("dev")
    signals = play(story.at(20).end().events)
    assert span_of(signals, "assign dev").span_id == ids.span_id("uid", "delegation", "dev")
    assert span_of(signals, "terminal dev").parent_span_id == ids.span_id("uid", "delegation", "dev")


def test_a_delegation_hangs_under_the_turn_else_the_terminal_else_the_session() -> None:
    story = supervised().at(10).delegation("a", "handoff", "sup")
    story.at(15).status("sup", "ready").at(16).delegation("b", "handoff", "sup")
    story.at(17).delegation("c", "handoff").delegation("d", "handoff", "ghost").delegation("e", "step", step="build")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-15 unknown completed",
        "      handoff unknown 10-20 cancelled",
        "    handoff unknown 16-20 cancelled",
        "  handoff unknown 17-20 unknown",
        "  handoff unknown 17-20 unknown",
        "  step build 17-20 unknown",
    ]


def test_a_call_at_the_instant_between_two_turns_is_the_later_ones() -> None:
    story = supervised().at(10).status("sup", "ready").status("sup", "working").delegation("dev", "assign", "sup")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-10 unknown completed",
        "    invoke_agent sup #2 10-20 unknown killed",
        "      assign unknown 10-20 unknown",
    ]


def test_a_caller_that_is_first_seen_after_its_call_is_no_parent() -> None:
    story = Story().at(0).session().at(5).delegation("dev", "handoff", "sup").at(8).terminal("sup")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  handoff unknown 5-20 cancelled",
        "  terminal sup 8-20 killed",
    ]


def test_who_calls_itself_or_in_a_circle_makes_no_circle() -> None:
    story = supervised().at(10).delegation("me", "handoff", "me").terminal("me", creator="me")
    story.at(11).delegation("a", "handoff", "b").terminal("a", creator="b")
    story.delegation("b", "handoff", "a").terminal("b", creator="a")
    story.at(12).terminal("x", creator="y").terminal("y", creator="x")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "  handoff me 10-20 cancelled",
        "    terminal me 10-20 killed",
        "  handoff a 11-20 cancelled",
        "    terminal a 11-20 killed",
        "  handoff b 11-20 cancelled",
        "    terminal b 11-20 killed",
        "  terminal x 12-20 killed",
        "  terminal y 12-20 killed",
    ]


def test_a_worker_hangs_under_a_delegation_that_is_told_late() -> None:
    """Until its terminal's span has left, the worker finds its delegation; the call can't come after the worker."""
    story = booted(supervised(), 10, "dev", creator="sup").at(14).status("dev", "working")
    passed(story, 30).delegation("dev", "assign", "sup", at=moment(12))
    signals = play(story.at(40).end().events)
    assert tree(signals) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-40 unknown killed",
        "      assign dev 10-40 unanswered",
        "        terminal dev 10-40 killed",
        "          invoke_agent dev #1 14-40 assign killed",
    ]
    assert logs_of(signals, "delegation", "terminal") == [
        "0 terminal.started terminal sup under session s",
        "10 terminal.started terminal dev under terminal sup",
        "10 delegation.started assign dev under invoke_agent sup #1",
        "10 terminal.started terminal dev under assign dev (2)",
        "40 delegation.ended assign dev unanswered",
        "40 terminal.ended terminal sup killed",
        "40 terminal.ended terminal dev killed",
    ]


def test_a_delegation_told_after_its_worker_has_left_still_has_its_own_span() -> None:
    story = booted(supervised(), 10, "dev", creator="sup").at(14).gone("dev", "exited")
    passed(story, 30).delegation("dev", "assign", "sup", at=moment(9))
    assert tree(play(story.at(40).end().events)) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-40 unknown killed",
        "      assign dev 9-14 failed ERROR=failed",
        "    terminal dev 10-14 exited ERROR=exited",
    ]


def test_the_end_of_a_delegation_that_never_began_is_no_parent() -> None:
    story = supervised().at(6).terminal("dev").at(9).gone("dev").at(10).answered("dev")
    signals = play(story.at(40).end().events)
    assert tree(signals) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-40 unknown killed",
        "  terminal dev 6-9 killed",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"late": 1}
    assert logs_of(signals, "terminal") == [
        "0 terminal.started terminal sup under session s",
        "6 terminal.started terminal dev under session s",
        "9 terminal.ended terminal dev killed",
        "40 terminal.ended terminal sup killed",
    ]


# --- sends -----------------------------------------------------------------------------------------------------------


def test_a_prompt_hangs_under_its_delegation_and_any_other_message_where_it_was_sent() -> None:
    story = supervised().at(10).delegation("dev", "assign", "sup", message="p").terminal("dev")
    story.sent("p", "dev", "sup", "send_message").sent("m1", "dev", "sup")
    story.at(12).status("sup", "ready").at(13).sent("m2", "dev", "sup").sent("m3", "dev").sent("m4", "dev", "ghost")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  * message_sent m3 13",
        "  terminal sup 0-20 killed",
        "    * message_sent m2 13",
        "    invoke_agent sup #1 5-12 unknown completed",
        "      * message_sent m1 10",
        "      * message_sent p 10",
        "      assign dev 10-20 unanswered",
        "        send dev p 10",
        "        terminal dev 10-20 killed",
        "      send dev m1 10",
        "    send dev m2 13",
        "  send dev m3 13",
        "  terminal unknown 13-20 killed inferred=start",
        "    * message_sent m4 13",
        "    send dev m4 13",
    ]


def test_a_prompt_is_the_first_message_of_the_delegations_mode() -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev")
    story.at(11).sent("other", "dev", "sup").sent("p", "dev", "sup", "handoff").at(12).sent(
        "q", "dev", "sup", "handoff"
    )
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent p 10",
        "      * message_sent other 11",
        "      * message_sent q 12",
        "      handoff dev 10-20 cancelled",
        "        send dev p 10 handoff",
        "        terminal dev 10-20 killed",
        "      send dev other 11",
        "      send dev q 12 handoff",
    ]


@pytest.mark.parametrize("mode", ["handoff", "assign"])
def test_a_prompt_is_sent_when_the_call_is_made_whenever_it_is_typed(mode: str) -> None:
    story = supervised().at(10).delegation("dev", mode, "sup")
    booted(story, 10.1, "dev").at(14).status("dev", "working").at(14.8).typed("p", "dev", "sup", mode=mode)
    signals = play(story.at(20).end().events)
    assert (span_of(signals, "send dev p").start, span_of(signals, "receive dev p").end) == (moment(10), moment(14))


def test_a_prompt_to_a_terminal_that_was_there_already_is_a_message_and_nothing_more() -> None:
    story = supervised().terminal("dev").status("dev", "ready")
    story.at(10).status("dev", "working").typed("p", "dev", "sup", mode="assign").at(15).status("dev", "ready")
    story.at(16).sent("c", "sup", "dev")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent p 10",
        "      send dev p 10 assign",
        "  terminal dev 5-20 killed",
        "    * message_sent c 16",
        "    invoke_agent dev #1 10-15 assign completed",
        "      -> assign send dev p",
        "      * message_received p 10",
        "    send sup c 16",
    ]


def test_a_message_typed_directly_is_dated_to_the_start_of_the_turn_it_caused() -> None:
    story = supervised().terminal("dev").status("dev", "ready")
    story.at(10).status("dev", "working").at(10.84).typed("m", "dev", "sup").at(12).status("dev", "ready")
    story.at(13).typed("n", "dev", "sup").at(13.5).status("dev", "working")
    assert tree(play(story.at(20).end().events), without=("boot", "terminal.started", "session.started")) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      * message_sent n 13",
        "      send dev m 10",
        "        receive dev m 10",
        "      send dev n 13",
        "        receive dev n 13",
        "  terminal dev 5-20 killed",
        "    invoke_agent dev #1 10-12 message completed",
        "      -> message send dev m",
        "      * message_received m 10",
        "    invoke_agent dev #2 13.5-20 message killed",
        "      -> message send dev n",
        "      * message_received n 13",
    ]


def test_a_message_that_runs_into_a_turn_starts_none() -> None:
    story = supervised().at(10).typed("m", "sup").at(12).status("sup", "ready")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-12 unknown completed",
        "      * message_received m 10",
        "  send sup m 10",
    ]


def test_a_prompt_typed_during_the_boot_starts_the_first_turn_however_long_it_takes() -> None:
    story = (
        supervised().at(10).delegation("dev", "assign", "sup").terminal("dev").typed("p", "dev", "sup", mode="assign")
    )
    story.at(60).status("dev", "ready").at(61).status("dev", "working")
    assert tree(play(story.at(70).end().events)) == [
        "session s 0-70 killed",
        "  terminal sup 0-70 killed",
        "    invoke_agent sup #1 5-70 unknown killed",
        "      * message_sent p 10",
        "      assign dev 10-70 unanswered",
        "        send dev p 10 assign",
        "        terminal dev 10-70 killed",
        "          invoke_agent dev #1 61-70 assign killed",
        "            -> assign send dev p",
        "            * message_received p 10",
    ]


# --- callbacks -------------------------------------------------------------------------------------------------------


def assigned() -> Story:
    return booted(supervised().at(10).delegation("dev", "assign", "sup"), 10, "dev").at(14).status("dev", "working")


def test_only_the_first_message_back_is_the_callback_and_its_turn_links_twice() -> None:
    story = assigned().at(20).sent("c1", "sup", "dev").at(21).status("sup", "ready")
    story.at(22).status("sup", "working").delivered("c1", "sup").at(23).sent("c2", "sup", "dev").at(24)
    story.status("sup", "ready").at(25).status("sup", "working").delivered("c2", "sup")
    assert tree(play(story.at(30).end().events)) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-21 unknown completed",
        "      assign dev 10-20 completed",
        "        terminal dev 10-30 killed",
        "          invoke_agent dev #1 14-30 assign killed",
        "            * message_sent c1 20",
        "            * message_sent c2 23",
        "            send sup c1 20 callback",
        "            send sup c2 23",
        "    invoke_agent sup #2 22-24 callback completed",
        "      -> callback send sup c1",
        "      -> callback assign dev",
        "      * message_received c1 22",
        "    invoke_agent sup #3 25-30 message killed",
        "      -> message send sup c2",
        "      * message_received c2 25",
    ]


def test_a_message_to_somebody_else_is_no_callback() -> None:
    story = assigned().terminal("rev").at(20).sent("m1", "rev", "dev")
    assert tree(play(story.at(30).end().events)) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      assign dev 10-30 unanswered",
        "        terminal dev 10-30 killed",
        "          invoke_agent dev #1 14-30 assign killed",
        "            * message_sent m1 20",
        "            send rev m1 20",
        "  terminal rev 14-30 killed",
    ]


def test_of_two_messages_back_within_the_settling_time_the_earlier_is_the_callback() -> None:
    story = assigned().at(20).sent("c2", "sup", "dev")
    passed(story, 21).sent("c1", "sup", "dev", at=moment(19.5))
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      assign dev 10-19.5 completed",
        "        terminal dev 10-30 killed",
        "          invoke_agent dev #1 14-30 assign killed",
        "            * message_sent c1 19.5",
        "            * message_sent c2 20",
        "            send sup c1 19.5 callback",
        "            send sup c2 20",
    ]
    assert logs_of(signals, "delegation") == [
        "10 delegation.started assign dev under invoke_agent sup #1",
        "10 delegation.started assign dev under invoke_agent sup #1 (2)",
        "20 delegation.ended assign dev completed",
        "19.5 delegation.ended assign dev completed (2)",
    ]


def test_what_a_handoff_returns_is_no_message_and_a_message_back_no_callback() -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev").at(15).sent("m", "sup", "dev")
    assert tree(play(story.at(16).answered("dev").at(30).end().events)) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      handoff dev 10-16 completed",
        "        terminal dev 10-30 killed",
        "          * message_sent m 15",
        "          send sup m 15",
    ]


def test_a_handoff_that_does_not_wait_is_answered_by_a_callback() -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup", awaited=False)
    booted(story, 10, "dev").at(20).sent("c", "sup", "dev")
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      handoff dev 10-20 completed",
        "        terminal dev 10-30 killed",
        "          * message_sent c 20",
        "          send sup c 20 callback",
    ]
    assert facts(signals, "handoff dev", names.AWAITED) == {"awaited": False}


def test_an_answer_starts_no_turn_that_began_before_its_question() -> None:
    story = supervised().at(6).status("sup", "ready").at(9.5).status("sup", "working")
    booted(story.at(10).delegation("dev", "assign", "sup"), 10, "dev").at(10.2).typed("c", "sup", "dev")
    assert tree(play(story.at(20).end().events), without=("boot", "terminal.started", "session.started")) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-6 unknown completed",
        "    invoke_agent sup #2 9.5-20 unknown killed",
        "      * message_received c 10.2",
        "      assign dev 10-10.2 completed",
        "        terminal dev 10-20 killed",
        "          * message_sent c 10.2",
        "          send sup c 10.2 callback",
        "            receive sup c 10.2",
    ]


# --- extents and outcomes --------------------------------------------------------------------------------------------


def delegation_line(story: Story) -> str:
    (line,) = [
        line.strip()
        for line in tree(play(story.at(100).end().events))
        if line.strip().startswith(("handoff", "assign", "step"))
    ]
    return line


@pytest.mark.parametrize("outcome", ["completed", "failed", "timeout", "cancelled", "unanswered", "unknown"])
def test_a_handoff_lasts_until_its_outcome_and_fails_with_it(outcome: Outcome) -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev").at(20).answered("dev", outcome)
    error = f" ERROR={outcome}" if outcome in {"failed", "timeout"} else ""
    assert delegation_line(story) == f"handoff dev 10-20 {outcome}{error}"


def handed_off() -> Story:
    return booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev").at(14).status("dev", "working")


@pytest.mark.parametrize(
    ("story", "line"),
    [
        (handed_off().at(20).answered("dev").at(21).gone("dev", "completed"), "handoff dev 10-21 completed"),
        (handed_off().at(20).gone("dev", "completed").at(21).answered("dev"), "handoff dev 10-21 completed"),
        (handed_off().at(20).answered("dev").at(21).gone("dev", "killed"), "handoff dev 10-20 completed"),
        (handed_off().at(20).answered("dev").at(50).gone("dev", "completed"), "handoff dev 10-20 completed"),
        (handed_off().at(20).gone("dev", "completed"), "handoff dev 10-20 completed"),
        (handed_off().at(20).gone("dev", "killed"), "handoff dev 10-20 cancelled"),
        (handed_off().at(20).gone("dev", "killed").at(21).answered("dev", "failed"), "handoff dev 10-20 cancelled"),
        (handed_off().at(20).gone("sup", "killed").at(30).answered("dev"), "handoff dev 10-20 cancelled"),
        (handed_off().at(20).gone("sup", "killed").at(21).answered("dev"), "handoff dev 10-20 cancelled"),
        (
            handed_off().at(20).answered("dev", "cancelled").at(20.5).gone("dev", "killed"),
            "handoff dev 10-20 cancelled",
        ),
        (
            handed_off().at(20).gone("dev", "exited").at(60).answered("dev", "timeout"),
            "handoff dev 10-60 timeout ERROR=timeout",
        ),
        (
            handed_off().at(20).gone("dev", "vanished").at(60).answered("dev", "failed"),
            "handoff dev 10-60 failed ERROR=failed",
        ),
        (
            handed_off().at(20).answered("dev", "timeout").at(20.5).answered("dev"),
            "handoff dev 10-20 timeout ERROR=timeout",
        ),
        (
            handed_off().at(20).answered("dev", "timeout").at(50).answered("dev"),
            "handoff dev 10-20 timeout ERROR=timeout",
        ),
        (handed_off().at(20).gone("dev", "exited"), "handoff dev 10-100 cancelled"),
    ],
    ids=[
        "tear-down belongs to the call",
        "torn down before it is told",
        "killed after the answer",
        "torn down long after the answer",
        "torn down without a word",
        "worker killed",
        "worker killed, then told",
        "caller killed",
        "caller killed, answer within the settling time",
        "told cancelled",
        "worker dead, told a time-out",
        "worker gone, told it failed",
        "time-out, then completion",
        "time-out, then completion much later",
        "worker dead, session killed",
    ],
)
def test_an_awaited_delegation(story: Story, line: str) -> None:
    assert delegation_line(story) == line


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("completed", "unanswered"),
        ("killed", "unanswered"),
        ("replaced", "unanswered"),
        ("empty", "unanswered"),
        ("idle", "unanswered"),
        ("exited", "failed ERROR=failed"),
        ("vanished", "failed ERROR=failed"),
        ("failed", "failed ERROR=failed"),
        ("unknown", "unknown"),
    ],
)
def test_an_assignment_without_a_callback_ends_with_its_worker(reason: str, end: str) -> None:
    assert delegation_line(assigned().at(20).gone("dev", reason)) == f"assign dev 10-20 {end}"


def test_an_assignment_ends_with_the_sending_of_its_callback_whatever_comes_of_the_worker() -> None:
    assert (
        delegation_line(assigned().at(20).sent("c", "sup", "dev").at(20.5).gone("dev", "exited"))
        == "assign dev 10-20 completed"
    )


def test_what_its_source_says_has_ended_is_over_whatever_its_worker_says_later() -> None:
    told = assigned().at(20).answered("dev", "cancelled").at(20.5).sent("c", "sup", "dev")
    assert delegation_line(told) == "assign dev 10-20 cancelled"
    told = assigned().at(20).sent("c", "sup", "dev").at(20.5).answered("dev", "cancelled")
    assert delegation_line(told) == "assign dev 10-20 completed"


def test_an_assignment_outlives_its_caller() -> None:
    assert delegation_line(assigned().at(15).gone("sup").at(20).gone("dev")) == "assign dev 10-20 unanswered"


def stepped() -> Story:
    return booted(Story().at(0).session(kind="workflow").at(10).delegation("t", "step", step="build"), 10, "t")


@pytest.mark.parametrize(
    ("story", "line"),
    [
        (stepped().at(20).answered("t").at(25).gone("t", "completed"), "step build 10-25 completed"),
        (stepped().at(20).answered("t", "failed").at(25).gone("t", "killed"), "step build 10-25 failed ERROR=failed"),
        (stepped().at(25).gone("t", "completed"), "step build 10-25 completed"),
        (stepped().at(25).gone("t", "killed"), "step build 10-25 cancelled"),
        (stepped().at(25).gone("t", "exited"), "step build 10-25 failed ERROR=failed"),
        (stepped().at(25).gone("t", "unknown"), "step build 10-25 unknown"),
        (stepped().at(20).answered("t"), "step build 10-100 completed"),
    ],
    ids=["told", "told it failed", "torn down", "killed", "dead", "unknown", "still there at the session's end"],
)
def test_a_step_is_its_terminals_life(story: Story, line: str) -> None:
    assert delegation_line(story) == line


# --- terminals -------------------------------------------------------------------------------------------------------


def test_a_report_within_the_settling_time_explains_a_death_that_was_found_by_looking() -> None:
    story = supervised().at(20).gone("sup", "exited", last_seen=moment(18), exit_code=1)
    passed(story, 21).gone("sup", "killed", at=moment(19))
    signals = play(story.at(40).end().events)
    assert tree(signals) == [
        "session s 0-40 killed",
        "  terminal sup 0-19 killed",
        "    invoke_agent sup #1 5-19 unknown killed",
    ]
    assert facts(signals, "terminal sup", names.EXIT_CODE) == {"code": 1}
    assert logs_of(signals, "terminal") == [
        "0 terminal.started terminal sup under session s",
        "19 terminal.ended terminal sup killed",
    ]


def test_a_session_that_is_killed_less_than_two_seconds_after_a_look_explains_it_though_it_is_told_late() -> None:
    story = passed(supervised().at(20).gone("sup", "vanished", last_seen=moment(18)), 22.9).end(at=moment(21.9))
    assert tree(play(story.events)) == [
        "session s 0-21.9 killed",
        "  terminal sup 0-21.9 killed",
        "    invoke_agent sup #1 5-21.9 unknown killed",
    ]


def test_a_session_that_is_killed_two_seconds_after_a_look_does_not_explain_it() -> None:
    story = supervised().at(20).gone("sup", "vanished", last_seen=moment(18)).at(22).end()
    assert tree(play(story.events)) == [
        "session s 0-22 killed",
        "  terminal sup 0-18 vanished inferred=end ERROR=vanished",
        "    invoke_agent sup #1 5-18 unknown vanished inferred=end ERROR=vanished",
    ]


def test_after_three_seconds_a_death_found_by_looking_stands() -> None:
    story = supervised().at(20).gone("sup", "exited", last_seen=moment(18))
    signals = play(passed(story, 23.1).gone("sup", "killed", at=moment(19)).at(40).end().events)
    assert tree(signals) == [
        "session s 0-40 killed",
        "  terminal sup 0-18 exited inferred=end ERROR=exited",
        "    invoke_agent sup #1 5-18 unknown exited inferred=end ERROR=exited",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 1}


def test_what_was_seen_of_a_terminal_after_it_was_looked_at_last_it_lived_to_do() -> None:
    story = supervised().at(19).status("sup", "ready").at(20).gone("sup", "vanished", last_seen=moment(18))
    assert tree(play(story.at(40).end().events)) == [
        "session s 0-40 killed",
        "  terminal sup 0-19 vanished inferred=end ERROR=vanished",
        "    invoke_agent sup #1 5-19 unknown completed",
    ]


def test_a_session_that_ended_before_what_has_left_ends_with_it() -> None:
    story = supervised().at(9).status("sup", "ready")
    signals = play(passed(story, 14).end(at=moment(7)).events)
    assert tree(signals) == [
        "session s 0-9 killed",
        "  terminal sup 0-9 killed",
        "    invoke_agent sup #1 5-9 unknown completed",
    ]
