"""What has settled leaves: markers, boots, turns, waits and terminals, each once and complete."""

from __future__ import annotations

import json

from handspan import names
from handspan.rules.memory import Rules
from handspan.signals import Observation
from handspan.testing import Player, Story, logs, play, spans
from tests.picture_of import booted, counted, facts, logs_of, moment, passed, span_of, supervised, tree


def leaving(story: Story) -> list[str]:
    """When each span left, to the half second, and which."""
    player = Player()
    lines: list[str] = []
    for half in range(100):
        now = moment(half / 2)
        for event in story.events:
            if now <= event.at < moment((half + 1) / 2):
                player.say(event)
        lines += [f"{half / 2:g} {span.name}" for span in spans(player.until(moment((half + 1) / 2) - 1))]
    return lines


def test_spans_leave_when_the_settling_time_has_passed_since_their_end() -> None:
    story = (
        supervised().at(10).delegation("dev", "handoff", "sup").at(10.1).terminal("dev").at(13).status("dev", "ready")
    )
    story.at(14).status("dev", "working").typed("p", "dev", "sup", mode="handoff").at(16).status("dev", "waiting")
    story.at(18).status("dev", "working").at(20).status("dev", "ready").at(21).answered("dev").at(21.5).gone(
        "dev", "completed"
    )
    story.at(30).status("sup", "ready").at(40).end()
    assert leaving(story) == [
        "2 boot sup",
        "2 session.started",
        "2 terminal.started",
        "12 terminal.started",
        "15 boot dev",
        "22 invoke_agent dev",
        "23.5 handoff dev",
        "23.5 terminal dev",
        "32 invoke_agent sup",
        "42 terminal sup",
        "42 session s",
    ]


def test_markers_are_one_microsecond_and_say_what_they_mark() -> None:
    story = (
        Story(name="check")
        .at(0)
        .session()
        .at(1)
        .terminal("dev", "developer", cli="codex", model="m", pid=7)
        .at(9)
        .end()
    )
    signals = play(story.events)
    marker = span_of(signals, "terminal.started")
    assert (marker.start, marker.end) == (moment(1), moment(1) + 1_000)
    assert dict(marker.attributes) == {
        "session.id": "s",
        "gen_ai.conversation.id": "s",
        "handspan.session.name": "check",
        "handspan.terminal.id": "dev",
        "gen_ai.agent.name": "developer",
        "handspan.agent.cli": "codex",
        "gen_ai.request.model": "m",
        "process.pid": 7,
    }
    assert (marker.resource.service, marker.resource.namespace) == ("developer", "story")
    marker = span_of(signals, "session.started")
    assert (marker.start, marker.end, marker.resource.service) == (moment(0), moment(0) + 1_000, "story")


def test_starting_up_is_no_turn_and_lasts_until_the_first_ready() -> None:
    story = (
        Story()
        .at(0)
        .session()
        .terminal("a")
        .at(0.5)
        .status("a", "working")
        .at(3)
        .status("a", "working")
        .at(4)
        .status("a", "ready")
    )
    story.at(5).status("a", "working").at(6).status("a", "ready")
    assert tree(play(story.at(20).end().events), without=()) == [
        "session s 0-20 killed",
        "  session.started 0",
        "  terminal a 0-20 killed",
        "    boot a 0-4",
        "    terminal.started 0",
        "    invoke_agent a #1 5-6 unknown completed",
    ]


def test_one_that_is_first_seen_alive_has_no_boot() -> None:
    story = Story().at(0).session().status("a", "working").at(6).status("a", "ready")
    assert tree(play(story.at(20).end().events), without=()) == [
        "session s 0-20 killed",
        "  session.started 0",
        "  terminal unknown 0-20 killed inferred=start",
        "    invoke_agent unknown #1 0-6 unknown completed",
        "    terminal.started 0",
    ]


def test_being_told_to_exit_is_no_turn_and_leaving_no_error() -> None:
    story = (
        supervised()
        .at(10)
        .status("sup", "ready")
        .at(12)
        .status("sup", "working")
        .status("sup", "exiting")
        .at(13)
        .gone("sup", "exited", exit_code=0)
    )
    signals = play(story.at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-13 exited",
        "    invoke_agent sup #1 5-10 unknown completed",
    ]
    assert logs_of(signals, "turn") == [
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "10 turn.ended invoke_agent sup #1 completed",
        "12 turn.started invoke_agent sup #2 under terminal sup",
        "12 turn.ended invoke_agent sup #2 retracted",
    ]


def test_an_exit_that_nobody_asked_for_is_an_error() -> None:
    signals = play(supervised().at(13).gone("sup", "exited", exit_code=1).at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-13 exited ERROR=exited",
        "    invoke_agent sup #1 5-13 unknown exited ERROR=exited",
    ]
    assert facts(signals, "terminal sup", names.EXIT_CODE, names.ERROR_TYPE) == {"code": 1, "type": "exited"}


def test_an_exit_told_late_takes_back_a_turn_that_has_not_left() -> None:
    story = supervised().at(10).status("sup", "ready").at(12).status("sup", "working")
    passed(story, 20).status("sup", "exiting", at=moment(12)).at(21).gone("sup", "exited")
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-21 exited",
        "    invoke_agent sup #1 5-10 unknown completed",
    ]
    assert logs_of(signals, "turn") == [
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "10 turn.ended invoke_agent sup #1 completed",
        "12 turn.started invoke_agent sup #2 under terminal sup",
        "12 turn.ended invoke_agent sup #2 retracted",
    ]


def test_a_turn_under_which_something_has_left_is_not_taken_back() -> None:
    story = supervised().at(10).status("sup", "ready").at(12).status("sup", "working").at(13).sent("m", "dev", "sup")
    passed(story, 20).status("sup", "exiting", at=moment(12)).at(21).gone("sup", "exited")
    assert tree(play(story.at(30).end().events)) == [
        "session s 0-30 killed",
        "  terminal sup 0-21 exited",
        "    invoke_agent sup #1 5-10 unknown completed",
        "    invoke_agent sup #2 12 unknown completed",
        "      * message_sent m 13",
        "      send unknown m 13",
    ]


def test_waiting_lies_in_its_turn_or_in_the_boot() -> None:
    story = (
        Story()
        .at(0)
        .session()
        .terminal("a")
        .at(1)
        .status("a", "waiting")
        .at(3)
        .status("a", "working")
        .at(4)
        .status("a", "waiting")
    )
    story.at(5).status("a", "ready").at(10).status("a", "working").at(11).status("a", "waiting").at(13).status(
        "a", "ready"
    )
    signals = play(story.at(20).end().events)
    assert tree(signals, without=("session.started", "terminal.started")) == [
        "session s 0-20 killed",
        "  terminal a 0-20 killed",
        "    boot a 0-5",
        "      waiting_for_input 1-3",
        "      waiting_for_input 4-5",
        "    invoke_agent a #1 10-13 unknown completed",
        "      waiting_for_input 11-13",
    ]
    assert logs_of(signals, "boot", "waiting") == [
        "0 boot.started boot a under terminal a",
        "1 waiting.started waiting_for_input under boot a",
        "3 waiting.ended waiting_for_input answered",
        "4 waiting.started waiting_for_input under boot a",
        "5 waiting.ended waiting_for_input completed",
        "5 boot.ended boot a completed",
        "11 waiting.started waiting_for_input under invoke_agent a #1",
        "13 waiting.ended waiting_for_input completed",
    ]
    assert facts(signals, "terminal a", names.TERMINAL_BUSY, names.TERMINAL_WAITING) == {
        "busy_seconds": 1.0,
        "waiting_seconds": 5.0,
    }


def test_waiting_without_working_begins_a_turn() -> None:
    story = supervised().at(6).status("sup", "ready").at(10).status("sup", "waiting").at(12).status("sup", "ready")
    assert tree(play(story.at(20).end().events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-6 unknown completed",
        "    invoke_agent sup #2 10-12 unknown completed",
        "      waiting_for_input 10-12",
    ]


def test_a_turn_that_ends_in_error_is_one_and_the_next_is_not() -> None:
    story = supervised().at(6).status("sup", "error").at(7).status("sup", "working").at(8).status("sup", "ready")
    signals = play(story.at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-6 unknown error ERROR=error",
        "    invoke_agent sup #2 7-8 unknown completed",
    ]
    assert facts(signals, "session s", names.SESSION_ERRORS) == {"errors": 1}
    assert facts(signals, "invoke_agent sup #1", names.ERROR_TYPE) == {"type": "error"}


def test_what_nobody_saw_end_ends_at_the_last_sign_of_life() -> None:
    """A restart in the middle of a turn, and nothing is heard of the agent again until it is ready."""
    story = supervised().at(8).alive("sup").at(12).status("sup", "unknown").at(30).status("sup", "ready")
    assert tree(play(story.at(40).end().events)) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-8 unknown completed inferred=end",
    ]


def test_a_restart_ends_nothing_that_goes_on() -> None:
    story = (
        supervised()
        .at(8)
        .alive("sup")
        .at(12)
        .terminal("sup", model="m")
        .status("sup", "unknown")
        .at(13)
        .status("sup", "working")
    )
    signals = play(story.at(30).status("sup", "ready").at(40).end().events)
    assert tree(signals) == [
        "session s 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-30 unknown completed",
    ]
    assert facts(signals, "terminal sup", names.MODEL) == {"model": "m"}


def test_a_terminal_that_is_killed_while_working_ends_its_turn_with_it() -> None:
    signals = play(supervised().at(10).status("sup", "waiting").at(12).gone("sup").at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-12 killed",
        "    invoke_agent sup #1 5-12 unknown killed",
        "      waiting_for_input 10-12",
    ]
    assert logs_of(signals, "turn", "waiting", "terminal") == [
        "0 terminal.started terminal sup under session s",
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "10 waiting.started waiting_for_input under invoke_agent sup #1",
        "12 terminal.ended terminal sup killed",
        "12 waiting.ended waiting_for_input killed",
        "12 turn.ended invoke_agent sup #1 killed",
    ]


def test_a_terminal_that_never_got_ready_failed() -> None:
    signals = play(Story().at(0).session().terminal("a").at(5).gone("a", "failed").at(20).end().events)
    assert tree(signals, without=("session.started", "terminal.started")) == [
        "session s 0-20 killed",
        "  terminal a 0-5 failed ERROR=failed",
        "    boot a 0-5 ERROR=failed",
    ]
    assert facts(signals, "session s", names.SESSION_ERRORS) == {"errors": 2}


def test_a_terminal_first_heard_of_by_its_death_has_a_span() -> None:
    signals = play(supervised().at(10).gone("b", "vanished", last_seen=moment(8)).at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "  terminal unknown 8 vanished inferred=start,end ERROR=vanished",
    ]


def test_a_terminals_end_names_its_roll_ups() -> None:
    story = (
        supervised()
        .at(7)
        .usage("sup", input_tokens=5, output_tokens=6, cache_read_tokens=7, cache_write_tokens=8, cost_usd=0.5)
    )
    story.usage("sup", input_tokens=5, cost_usd=0.25).at(10).status("sup", "ready").at(12).status("sup", "working").at(
        15
    ).gone("sup")
    signals = play(story.at(20).end().events)
    totals = {
        k: v
        for k, v in span_of(signals, "terminal sup").attributes.items()
        if k.startswith(("handspan.terminal.", "gen_ai.usage", "handspan.cost"))
    }
    assert totals == {
        "handspan.terminal.id": "sup",
        "handspan.terminal.turns": 2,
        "handspan.terminal.busy_seconds": 8.0,
        "handspan.terminal.waiting_seconds": 0.0,
        "handspan.terminal.messages_sent": 0,
        "handspan.terminal.messages_received": 0,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 6,
        "gen_ai.usage.cache_read.input_tokens": 7,
        "gen_ai.usage.cache_write.input_tokens": 8,
        "handspan.cost_usd": 0.75,
    }


def test_turns_and_delegations_are_observed_once_with_their_length() -> None:
    story = booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev").at(15).answered("dev", "timeout")
    signals = play(story.at(20).status("sup", "error").at(30).end().events)
    seen = [(s.name, dict(s.labels), s.value) for s in signals if isinstance(s, Observation)]
    assert seen == [
        (names.DELEGATION_SECONDS, {"mode": "handoff", "sender": "sup", "receiver": "dev", "outcome": "timeout"}, 5.0),
        (names.TURN_SECONDS, {"agent": "sup", "outcome": "error"}, 15.0),
    ]
    assert counted(signals, names.TERMINALS_ENDED) == {"killed": 2}


def test_delegations_by_a_caller_that_never_comes_do_not_pile_up() -> None:
    def size(workers: int) -> int:
        player = Player(Rules(terminals=5, past_terminals=4, messages=4))
        for n in range(workers):
            story = Story().at(n * 20).delegation(f"w{n:06}", "handoff", "ghost").terminal(f"w{n:06}")
            for event in story.at(n * 20 + 1).answered(f"w{n:06}").gone(f"w{n:06}", "completed").events:
                player.say(event)
        return len(json.dumps(player.sessions.dump()))

    assert size(200) <= size(100) + 100


def test_a_terminal_that_comes_again_after_it_has_left_is_counted_and_no_second_span() -> None:
    story = supervised().at(10).gone("sup").at(20).terminal("sup").status("sup", "ready").at(21).delivered("m", "sup")
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  * message_received m 21",
        "  * message_sent m 21",
        "  terminal sup 0-10 killed",
        "    invoke_agent sup #1 5-10 unknown killed",
        "  send sup m 21",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 2}


def test_what_comes_after_a_terminals_end_is_counted() -> None:
    story = (
        supervised()
        .at(10)
        .status("sup", "ready")
        .gone("sup")
        .at(10.5)
        .status("sup", "working")
        .at(11)
        .status("sup", "ready")
    )
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-10 killed",
        "    invoke_agent sup #1 5-10 unknown completed",
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 2}


def test_a_death_found_by_looking_is_told_after_three_seconds() -> None:
    player = Player()
    for event in supervised().at(20).gone("sup", "vanished", last_seen=moment(18)).events:
        player.say(event)
    assert [log.name for log in logs(player.until(moment(22.9)))] == []
    assert [log.name for log in logs(player.until(moment(23)))] == ["handspan.terminal.ended", "handspan.turn.ended"]
