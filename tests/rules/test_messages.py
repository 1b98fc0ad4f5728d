"""Messages leave: one send each, one receive if delivered, and span events exactly once in the right place."""

from __future__ import annotations

import json
from typing import cast

from handspan import names
from handspan.rules.memory import Rules
from handspan.signals import Observation
from handspan.testing import Player, Story, logs, play, spans
from tests.picture_of import booted, counted, facts, logs_of, moment, passed, span_of, supervised, tree

MESSAGES = ("boot", "session.started", "terminal.started")


def test_a_queued_message_has_a_send_of_one_microsecond_and_a_receive_until_it_was_delivered() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(10).sent("m", "dev", "sup")
    story.at(13).status("dev", "working").at(13.8).delivered("m", "dev")
    assert tree(play(story.at(20).end().events), without=MESSAGES) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      send dev m 10",
        "        receive dev m 10-13",
        "  terminal dev 5-20 killed",
        "    invoke_agent dev #1 13-20 message killed",
        "      -> message send dev m",
        "      * message_received m 13",
    ]


def test_a_message_of_which_only_the_delivery_is_known_was_sent_then() -> None:
    signals = play(supervised().at(10).delivered("m", "sup").at(20).end().events)
    assert tree(signals, without=MESSAGES) == [
        "session s 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_received m 10",
        "  send sup m 10",
        "    receive sup m 10",
    ]
    assert logs_of(signals, "message_sent", "message_received") == [
        "10 message_received send sup m in invoke_agent sup #1",
        "10 message_sent send sup m",
    ]


def test_one_that_is_never_delivered_has_no_receive_and_is_counted_at_the_end() -> None:
    signals = play(supervised().at(10).sent("m", "dev", "sup", size=7).at(20).end().events)
    assert tree(signals, without=MESSAGES) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      send unknown m 10",
    ]
    assert logs_of(signals, "message_undelivered") == ["20 message_undelivered send unknown m"]
    assert facts(signals, "session s", names.SESSION_MESSAGES, names.SESSION_UNDELIVERED) == {
        "messages": 1,
        "undelivered": 1,
    }


# --- where message_sent stands ---------------------------------------------------------------------------------------


def test_message_sent_stands_on_the_turn_that_was_running() -> None:
    story = (
        supervised()
        .at(10)
        .sent("m1", "dev", "sup")
        .at(11)
        .delegation("dev", "assign", "sup")
        .typed("p", "dev", "sup", mode="assign")
    )
    assert tree(play(story.at(12).status("sup", "ready").at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-12 unknown completed",
        "      * message_sent m1 10",
        "      * message_sent p 11",
        "      send unknown m1 10",
        "      assign unknown 11-20 unanswered",
        "        send unknown p 11 assign",
        "        terminal unknown 11-20 killed inferred=start",
        "          * message_received p 11",
    ]


def test_without_a_turn_message_sent_stands_on_the_terminal() -> None:
    story = supervised().at(8).status("sup", "ready").at(10).sent("m", "dev", "sup").at(15).status("sup", "working")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    * message_sent m 10",
        "    invoke_agent sup #1 5-8 unknown completed",
        "    send unknown m 10",
        "    invoke_agent sup #2 15-20 unknown killed",
    ]


def test_a_prompts_message_sent_stands_on_the_turn_or_on_its_delegation() -> None:
    story = (
        supervised()
        .at(8)
        .status("sup", "ready")
        .at(10)
        .delegation("dev", "handoff", "sup")
        .sent("p", "dev", "sup", "handoff")
    )
    story.at(11).delegation("rev", "handoff").sent("q", "rev", None, "handoff")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-8 unknown completed",
        "    handoff unknown 10-20 cancelled",
        "      * message_sent p 10",
        "      send unknown p 10 handoff",
        "  handoff unknown 11-20 unknown",
        "    * message_sent q 11",
        "    send unknown q 11 handoff",
    ]


def test_from_outside_message_sent_stands_on_the_session() -> None:
    assert tree(play(supervised().at(10).sent("m", "sup").at(20).end().events)) == [
        "session s 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "  send sup m 10",
    ]


def test_when_the_turn_has_left_message_sent_stands_on_the_terminal() -> None:
    story = supervised().at(8).status("sup", "ready")
    passed(story, 15).sent("m", "dev", "sup", at=moment(7))
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    * message_sent m 7",
        "    invoke_agent sup #1 5-8 unknown completed",
        "      send unknown m 7",
    ]


def test_when_the_terminal_has_left_message_sent_stands_on_the_delegation_above_it() -> None:
    story = booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev").at(14).status("dev", "working")
    passed(story.at(20).gone("dev", "exited"), 25).sent("m", "sup", "dev", at=moment(19))
    assert tree(play(story.at(40).end().events)) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-40 unknown killed",
        "      handoff dev 10-40 cancelled",
        "        * message_sent m 19",
        "        terminal dev 10-20 exited ERROR=exited",
        "          invoke_agent dev #1 14-20 handoff exited ERROR=exited",
        "            send sup m 19",
    ]


def test_when_all_above_has_left_message_sent_stands_on_the_session() -> None:
    story = booted(supervised().at(10).delegation("dev", "assign", "sup"), 10, "dev").at(14).status("dev", "working")
    passed(story.at(20).gone("dev").gone("sup"), 25).sent("m", "sup", "dev", at=moment(19))
    assert tree(play(story.at(40).end().events)) == [
        "session s 0-40 killed",
        "  * message_sent m 19",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      assign dev 10-20 unanswered",
        "        terminal dev 10-20 killed",
        "          invoke_agent dev #1 14-20 assign killed",
        "            send sup m 19",
    ]


# --- where message_received stands -----------------------------------------------------------------------------------


def test_message_received_stands_on_the_turn_it_started_or_ran_into_or_on_the_terminal() -> None:
    story = supervised().terminal("dev").status("dev", "ready")
    story.at(10).status("dev", "working").at(10.84).typed("m1", "dev", "sup").at(15).typed("m2", "dev", "sup")
    story.at(20).status("dev", "ready").at(25).typed("m3", "dev", "sup")
    assert tree(play(story.at(30).end().events)) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      * message_sent m1 10",
        "      * message_sent m2 15",
        "      * message_sent m3 25",
        "      send dev m1 10",
        "      send dev m2 15",
        "      send dev m3 25",
        "  terminal dev 5-30 killed",
        "    * message_received m3 25",
        "    invoke_agent dev #1 10-20 message completed",
        "      -> message send dev m1",
        "      * message_received m1 10",
        "      * message_received m2 15",
    ]


def test_two_messages_may_start_one_turn_and_the_first_sent_is_its_trigger() -> None:
    story = (
        supervised()
        .terminal("dev")
        .status("dev", "ready")
        .at(8)
        .sent("m1", "dev", "sup")
        .at(9)
        .sent("m2", "dev", "sup")
    )
    story.at(10).status("dev", "working").at(10.5).delivered("m2", "dev").delivered("m1", "dev")
    signals = play(story.at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m1 8",
        "      * message_sent m2 9",
        "      send dev m1 8",
        "      send dev m2 9",
        "  terminal dev 5-20 killed",
        "    invoke_agent dev #1 10-20 message killed",
        "      -> message send dev m1",
        "      -> message send dev m2",
        "      * message_received m1 10",
        "      * message_received m2 10",
    ]
    assert logs_of(signals, "turn") == [
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "10 turn.started invoke_agent dev #1 under terminal dev",
        "10 turn.started invoke_agent dev #1 under terminal dev because of send dev m2 (2)",
        "10 turn.started invoke_agent dev #1 under terminal dev because of send dev m1 because of send dev m2 (3)",
        "20 turn.ended invoke_agent sup #1 killed",
        "20 turn.ended invoke_agent dev #1 killed",
    ]


def test_a_report_of_a_delivery_may_come_after_the_turn_has_ended() -> None:
    story = supervised().terminal("dev").status("dev", "ready")
    story.at(10).status("dev", "working").at(10.5).status("dev", "ready").at(10.84).typed("m", "dev", "sup")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      send dev m 10",
        "  terminal dev 5-20 killed",
        "    invoke_agent dev #1 10-10.5 message completed",
        "      -> message send dev m",
        "      * message_received m 10",
    ]


def test_a_report_after_the_settling_time_finds_its_turn_gone() -> None:
    story = (
        supervised()
        .terminal("dev")
        .status("dev", "ready")
        .at(10)
        .status("dev", "working")
        .at(11)
        .status("dev", "ready")
    )
    passed(story, 15).typed("m", "dev", "sup", at=moment(10.8))
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      send dev m 10",
        "  terminal dev 5-20 killed",
        "    * message_received m 10",
        "    invoke_agent dev #1 10-11 unknown completed",
    ]


def test_a_delivery_to_a_terminal_that_has_left_stands_on_the_session() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(10).sent("m", "dev", "sup").at(11).gone("dev")
    passed(story, 15).delivered("m", "dev")
    assert tree(play(story.at(20).end().events), without=MESSAGES) == [
        "session s 0-20 killed",
        "  * message_received m 15",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_sent m 10",
        "      send dev m 10",
        "        receive dev m 10-15",
        "  terminal dev 5-11 killed",
    ]


# --- span events and log events --------------------------------------------------------------------------------------

_OF_LOGS = {names.EVENT_NAME, names.LOG_UID, names.TURN_SPAN_ID}


def told_twice(story: Story) -> tuple[list[object], list[object]]:
    """Time and attributes of messages in span events, and in log events."""
    signals = play(story.events)
    in_spans = [(e.at, e.name, dict(e.attributes)) for s in spans(signals) for e in s.events]
    in_logs = [
        (log.at, log.name.removeprefix("handspan."), {k: v for k, v in log.attributes.items() if k not in _OF_LOGS})
        for log in logs(signals)
        if log.name in {names.MESSAGE_SENT, names.MESSAGE_RECEIVED}
    ]
    return sorted(in_spans, key=str), sorted(in_logs, key=str)


def test_span_events_have_the_time_and_the_attributes_of_their_log_events() -> None:
    story = (
        supervised()
        .terminal("dev")
        .status("dev", "ready")
        .at(8)
        .sent("m1", "dev", "sup", size=3, digest="d", text="abc")
    )
    story.at(10).status("dev", "working").at(10.5).delivered("m1", "dev").at(15).typed("m2", "sup", "dev", text="x")
    in_spans, in_logs = told_twice(story.at(20).end())
    assert in_spans == in_logs


def test_a_log_event_says_of_the_receiver_what_was_known_when_it_left() -> None:
    story = (
        supervised()
        .at(10)
        .delegation("dev", "assign", "sup")
        .sent("p", "dev", "sup", "assign")
        .at(10.1)
        .terminal("dev")
    )
    (in_span,), (in_log,) = told_twice(story.at(20).end())
    assert _agents(in_span) == ["sup", "dev"]
    assert _agents(in_log) == ["sup", "unknown"]


def _agents(told: object) -> list[object]:
    attributes = cast("tuple[int, str, dict[str, object]]", told)[2]
    return [attributes[names.SENDER_AGENT], attributes[names.RECEIVER_AGENT]]


def test_a_log_event_is_dated_by_what_was_known_when_it_left() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(10.8).typed("m", "dev", "sup")
    story.at(11).alive("sup").status("dev", "working", at=moment(10))
    in_spans, in_logs = told_twice(story.at(20).end())
    assert [cast("tuple[int, str, object]", told)[:2] for told in in_spans] == [
        (moment(10), "message_received"),
        (moment(10), "message_sent"),
    ]
    assert [cast("tuple[int, str, object]", told)[:2] for told in in_logs] == [
        (moment(10.8), "message_received"),
        (moment(10.8), "message_sent"),
    ]


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_message_from_another_session_lies_under_the_root_of_the_receivers_trace() -> None:
    here = supervised("here").at(20).end()
    there = supervised("there").at(8).status("sup", "ready").at(10).status("sup", "working")
    there.at(10.8).typed("m", "sup", "boss", sender_session="here").at(20).end()
    signals = play(sorted([*here.events, *there.events], key=lambda e: e.at))
    assert tree(signals) == [
        "session here 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "session there 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-8 unknown completed",
        "    invoke_agent sup #2 10-20 message killed",
        "      -> message send sup m",
        "      * message_received m 10",
        "  send sup m 10",
    ]
    assert facts(signals, "send sup m", names.SENDER_SESSION, names.SENDER_TERMINAL, names.SENDER_AGENT) == {
        "session": "here",
        "terminal": "boss",
        "agent": "unknown",
    }


def test_a_sender_in_another_session_is_not_the_terminal_of_that_id_in_this_one() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(10).typed("m", "dev", "sup", sender_session="other")
    signals = play(story.at(20).end().events)
    send = span_of(signals, "send dev m")
    assert (send.resource.service, send.resource.terminal) == ("story", None)
    assert facts(
        signals, "send dev m", names.SENDER_TERMINAL, names.SENDER_AGENT, names.SENDER_SESSION, names.TERMINAL_ID
    ) == {
        "terminal": "sup",
        "agent": "unknown",
        "session": "other",
    }
    assert facts(signals, "terminal sup", names.TERMINAL_SENT) == {"messages_sent": 0}


def test_one_terminal_id_in_two_sessions_is_two_terminals() -> None:
    one, two = (
        supervised("one").at(10).sent("m", "sup").at(20).end(),
        supervised("two").at(11).sent("m", "sup").at(20).end(),
    )
    signals = play(sorted([*one.events, *two.events], key=lambda e: e.at))
    assert tree(signals) == [
        "session one 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "  send sup m 10",
        "session two 0-20 killed",
        "  * message_sent m 11",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "  send sup m 11",
    ]
    assert len({s.span_id for s in spans(signals)}) == len(spans(signals))


# --- counts and limits -----------------------------------------------------------------------------------------------


def test_each_message_is_counted_once_with_its_mode_and_agents() -> None:
    story = booted(
        supervised().at(10).delegation("dev", "assign", "sup").sent("p", "dev", "sup", "assign"), 10.1, "dev"
    )
    story.at(13).status("dev", "working").delivered("p", "dev").at(20).sent("c", "sup", "dev").at(21).sent(
        "m", "sup", "dev"
    )
    signals = play(story.at(22).delivered("c", "sup").at(30).end().events)
    assert counted(signals, names.MESSAGES) == {"assign sup dev": 1, "callback dev sup": 1, "send_message dev sup": 1}
    times = [
        (s.labels["mode"], s.value) for s in signals if isinstance(s, Observation) and s.name == names.DELIVERY_SECONDS
    ]
    assert sorted(times) == [("assign", 3.0), ("callback", 2.0)]
    assert facts(signals, "terminal dev", names.TERMINAL_SENT, names.TERMINAL_RECEIVED) == {
        "messages_sent": 2,
        "messages_received": 1,
    }


def test_a_message_that_is_told_again_is_one_message() -> None:
    story = supervised().at(10).sent("m", "sup", "sup", id="1").at(11).delivered("m", "sup")
    story.at(11.5).sent("m", "sup", id="2").at(40).sent("m", "sup", id="3").delivered("m", "sup")
    signals = play(story.at(50).end().events)
    assert facts(signals, "session s", names.SESSION_MESSAGES, names.SESSION_UNDELIVERED) == {
        "messages": 1,
        "undelivered": 0,
    }
    assert tree(signals, without=MESSAGES) == [
        "session s 0-50 killed",
        "  terminal sup 0-50 killed",
        "    invoke_agent sup #1 5-50 unknown killed",
        "      * message_sent m 10",
        "      * message_received m 11",
        "      send sup m 10",
        "        receive sup m 10-11",
    ]


def test_past_the_limit_the_oldest_undelivered_message_counts_as_undelivered_at_once() -> None:
    story = supervised().at(10)
    for n in range(4):
        story.at(10 + n).sent(f"m{n}", "dev", "sup")
    story.at(20).delivered("m0", "dev").delivered("m1", "dev")
    signals = play(story.at(30).end().events, rules=Rules(messages=3))
    assert logs_of(signals, "message_undelivered") == [
        "13 message_undelivered send unknown m0",
        "30 message_undelivered send unknown m2",
        "30 message_undelivered send unknown m3",
    ]
    assert counted(signals, names.TRUNCATED) == {"messages": 1}
    assert tree(signals, without=MESSAGES) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      * message_sent m0 10",
        "      * message_sent m1 11",
        "      * message_sent m2 12",
        "      * message_sent m3 13",
        "      send unknown m0 10",
        "      send unknown m1 11",
        "        receive unknown m1 11-20",
        "      send unknown m2 12",
        "      send unknown m3 13",
        "  terminal unknown 20-30 killed inferred=start",
        "    * message_received m1 20",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 1}


def test_4097_undelivered_messages() -> None:
    story = supervised()
    for n in range(4_097):
        story.at(10 + n / 1000).sent(f"m{n:04}", "dev", "sup")
    signals = play(story.at(20).end().events, rules=Rules(part_spans=10_000))
    assert counted(signals, names.TRUNCATED) == {"events": 4_097 - 128, "messages": 1}
    assert facts(signals, "session s", names.SESSION_MESSAGES, names.SESSION_UNDELIVERED) == {
        "messages": 4_097,
        "undelivered": 4_097,
    }
    assert len(logs_of(signals, "message_undelivered")) == 4_097


def test_prompts_to_receivers_that_never_come_do_not_pile_up() -> None:
    def size(messages: int) -> int:
        player = Player(Rules(messages=4))
        for n in range(messages):
            player.say(Story().at(n * 20).sent(f"m{n % 9}-{n:06}", f"r{n:06}", mode="handoff").events[0])
        return len(json.dumps(player.sessions.dump()))

    # A session has 128 span events at most, and these have as many.
    assert size(400) <= size(200) + 100


def test_a_prompt_typed_during_the_boot_waits_for_the_first_turn_also_when_the_boot_has_just_ended() -> None:
    story = (
        supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev").typed("p", "dev", "sup", mode="handoff")
    )
    story.at(11.9).status("dev", "ready").at(12.2).status("dev", "working").at(15).status("dev", "ready")
    assert tree(play(story.at(20).end().events), without=MESSAGES)[-3:] == [
        "          invoke_agent dev #1 12.2-15 handoff completed",
        "            -> handoff send dev p",
        "            * message_received p 10",
    ]
