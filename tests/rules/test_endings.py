"""A session ends, and everything that is still open in it."""

from __future__ import annotations

import json

import pytest

from handspan import names
from handspan.events import MessageDelivered
from handspan.rules.memory import SECOND, Rules
from handspan.sessions import Sessions
from handspan.testing import Player, Story, play, spans
from tests.picture_of import booted, counted, facts, logs_of, moment, span_of, supervised, tree


def everything_open() -> Story:
    """A turn, a wait, a boot, a handoff, an assignment, a step and a message on its way are open."""
    story = booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev").at(14).status("dev", "working")
    story.at(15).delegation("rev", "assign", "sup")
    booted(story, 15, "rev").at(19).status("rev", "waiting").sent("m", "rev", "sup")
    return story.at(20).delegation("t", "step", step="build").terminal("t")


# How a session's end ends what is in it: the terminals, the handoff, the assignment, the step; and which of it is an error.
ENDS = {
    "completed": ("completed", "completed", "unanswered", "completed"),
    "killed": ("killed", "cancelled", "unanswered", "cancelled"),
    "exited": ("exited ERROR=exited", "unknown", "failed ERROR=failed", "failed ERROR=failed"),
    "vanished": ("vanished ERROR=vanished", "unknown", "failed ERROR=failed", "failed ERROR=failed"),
    "empty": ("killed", "cancelled", "unanswered", "cancelled"),
    "replaced": ("replaced", "cancelled", "unanswered", "cancelled"),
    "failed": ("failed ERROR=failed", "unknown", "failed ERROR=failed", "failed ERROR=failed"),
    "idle": ("idle", "unknown", "unanswered", "unknown"),
    "unknown": ("unknown", "unknown", "unknown", "unknown"),
}


@pytest.mark.parametrize(("reason", "ends"), ENDS.items(), ids=ENDS)
def test_a_sessions_end_ends_all_that_is_open(reason: str, ends: tuple[str, str, str, str]) -> None:
    terminal, handoff, assign, step = ends
    own = {"exited", "vanished", "failed"}
    boot = f" ERROR={reason}" if reason in own else ""
    assert tree(play(everything_open().at(30).end(reason).events), without=("session.started", "terminal.started")) == [
        f"session s 0-30 {reason}{boot}",
        f"  terminal sup 0-30 {terminal}",
        "    boot sup 0",
        f"    invoke_agent sup #1 5-30 unknown {terminal}".replace("unknown unknown", "unknown"),
        "      * message_sent m 19",
        f"      handoff dev 10-30 {handoff}",
        f"        terminal dev 10-30 {terminal}",
        "          boot dev 10-12",
        f"          invoke_agent dev #1 14-30 handoff {terminal}",
        f"      assign rev 15-30 {assign}",
        f"        terminal rev 15-30 {terminal}",
        "          boot rev 15-17",
        f"          invoke_agent rev #1 19-30 assign {terminal}",
        "            waiting_for_input 19-30",
        "      send rev m 19",
        f"  step build 20-30 {step}",
        f"    terminal t 20-30 {terminal}",
        f"      boot t 20-30{boot}",
    ]


def test_ends_are_told_at_once_and_the_undelivered_at_the_end() -> None:
    signals = play(everything_open().at(30).end().events)
    ended = [
        line
        for line in logs_of(
            signals, "session", "terminal", "turn", "waiting", "boot", "delegation", "message_undelivered"
        )
        if line.startswith("30 ")
    ]
    assert ended == [
        "30 session.ended session s killed",
        "30 delegation.ended handoff dev cancelled",
        "30 delegation.ended assign rev unanswered",
        "30 delegation.ended step build cancelled",
        "30 terminal.ended terminal sup killed",
        "30 turn.ended invoke_agent sup #1 killed",
        "30 terminal.ended terminal dev killed",
        "30 turn.ended invoke_agent dev #1 killed",
        "30 terminal.ended terminal rev killed",
        "30 waiting.ended waiting_for_input killed",
        "30 turn.ended invoke_agent rev #1 killed",
        "30 terminal.ended terminal t killed",
        "30 boot.ended boot t killed",
        "30 message_undelivered send rev m",
    ]


def test_ends_that_were_said_before_stand() -> None:
    story = (
        everything_open()
        .at(25)
        .gone("dev", "exited", exit_code=3)
        .answered("dev", "failed", error="broke")
        .at(26)
        .sent("c", "sup", "rev")
    )
    signals = play(story.at(30).end().events)
    assert tree(signals) == [
        "session s 0-30 killed",
        "  terminal sup 0-30 killed",
        "    invoke_agent sup #1 5-30 unknown killed",
        "      * message_sent m 19",
        "      handoff dev 10-25 failed ERROR=failed",
        "        terminal dev 10-25 exited ERROR=exited",
        "          invoke_agent dev #1 14-25 handoff exited ERROR=exited",
        "      assign rev 15-26 completed",
        "        terminal rev 15-30 killed",
        "          invoke_agent rev #1 19-30 assign killed",
        "            * message_sent c 26",
        "            waiting_for_input 19-30",
        "            send sup c 26 callback",
        "      send rev m 19",
        "  step build 20-30 cancelled",
        "    terminal t 20-30 killed",
    ]
    assert facts(signals, "handoff dev", names.ERROR_TEXT, names.ERROR_TYPE) == {"text": "broke", "type": "failed"}


def test_a_terminal_that_is_reported_after_its_session_says_why_itself() -> None:
    story = supervised().at(20).end("empty").at(20.4).gone("sup", "exited", exit_code=2)
    signals = play(story.events)
    assert tree(signals) == [
        "session s 0-20 empty",
        "  terminal sup 0-20 exited ERROR=exited",
        "    invoke_agent sup #1 5-20 unknown exited ERROR=exited",
    ]
    assert facts(signals, "terminal sup", names.EXIT_CODE) == {"code": 2}


def test_a_sessions_end_within_the_settling_time_explains_a_death_that_was_found_by_looking() -> None:
    story = supervised().at(15).gone("sup", "exited", last_seen=moment(13))
    signals = play(story.at(16).end("killed").events)
    assert facts(signals, "terminal sup", names.END_REASON, names.ERROR_TYPE) == {"reason": "killed"}
    assert facts(signals, "session s", names.SESSION_ERRORS) == {"errors": 0}


def test_of_two_ends_the_stronger_counts() -> None:
    assert tree(play(supervised().at(20).end("vanished").at(21).end("killed").events)) == [
        "session s 0-21 killed",
        "  terminal sup 0-21 killed",
        "    invoke_agent sup #1 5-21 unknown killed",
    ]
    assert tree(play(supervised().at(20).end("killed").at(21).end("vanished").events)) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
    ]


def test_what_comes_after_a_sessions_end_is_counted() -> None:
    story = (
        supervised()
        .at(20)
        .end()
        .at(21)
        .terminal("dev")
        .status("sup", "ready")
        .sent("m", "sup")
        .notice("n")
        .at(30)
        .terminal("dev")
    )
    signals = play(story.events)
    assert [span.name for span in spans(signals) if "dev" in span.name] == []
    # A message, or a notice, may be a late report of what went before.
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 3}


def test_a_session_ends_once() -> None:
    signals = play(supervised().at(20).end().at(21).end().at(60).end("vanished").events)
    assert logs_of(signals, "session") == ["0 session.started session s", "20 session.ended session s killed"]
    assert counted(signals, names.SESSIONS_ENDED) == {"killed": 1}
    assert counted(signals, names.EVENTS_DROPPED) == {"ended": 1}


def test_a_session_that_was_not_seen_to_begin_says_so() -> None:
    signals = play(Story(name="").at(0).status("a", "working").at(20).end().events)
    assert tree(signals) == [
        "session 0-20 killed inferred=start",
        "  terminal unknown 0-20 killed inferred=start",
        "    invoke_agent unknown #1 0-20 unknown killed",
    ]


def test_errors_of_a_session_are_its_spans_with_an_error_itself_included() -> None:
    signals = play(everything_open().at(30).end("vanished").events)
    assert facts(signals, "session s", names.SESSION_ERRORS) == {"errors": sum(span.error for span in spans(signals))}


# --- idle ------------------------------------------------------------------------------------------------------------

IDLE = Rules(idle_after=100 * SECOND)


def test_a_session_without_a_sign_ends_idle_at_its_last_one() -> None:
    player = Player(IDLE)
    for event in supervised().at(50).alive("sup").events:
        player.say(event)
    player.until(moment(149.9))
    assert [s.name for s in spans(player.signals) if s.name.startswith("session ")] == []
    player.until(moment(153))
    assert tree(player.signals) == [
        "session s 0-50 idle inferred=end",
        "  terminal sup 0-50 idle inferred=end",
        "    invoke_agent sup #1 5-50 unknown idle inferred=end",
    ]
    assert counted(player.signals, names.SESSIONS_ENDED) == {"idle": 1}


def test_any_event_is_a_sign() -> None:
    story = supervised().at(90).notice("n").at(180).usage("sup", input_tokens=1).at(270).sent("m", "x")
    signals = play(story.events, rules=IDLE, after=200)
    assert tree(signals) == [
        "session s 0-270 idle inferred=end",
        "  * message_sent m 270",
        "  terminal sup 0-270 idle inferred=end",
        "    invoke_agent sup #1 5-270 unknown idle inferred=end",
        "  send unknown m 270",
    ]


def test_only_sources_that_cannot_look_end_idle() -> None:
    signals = play(supervised().events, after=30 * 24 * 3600)
    assert [line for line in logs_of(signals, "session") if "ended" in line and "continued" not in line] == []


def test_an_idle_end_in_a_later_part_is_in_that_part() -> None:
    rules = Rules(idle_after=100 * SECOND, part_age=90 * SECOND)
    story = supervised().at(80).alive("sup").at(89.9).alive("sup")
    assert tree(play(story.events, rules=rules, after=200)) == [
        "session s 0-90 continued",
        "  terminal sup 0-90 continued",
        "    invoke_agent sup #1 5-90 unknown continued",
        "session s 90 idle inferred=end",
        "  -> continuation session s (part 1)",
        "  terminal sup 90 idle inferred=end",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 90 unknown idle inferred=end",
        "      -> continuation invoke_agent sup #1 (part 1)",
    ]


def test_a_session_that_ended_idle_and_speaks_again_after_a_week_makes_no_span_twice() -> None:
    events = supervised().at(7 * 24 * 3600).status("sup", "ready").events
    for day in range(7):
        events += Story("other").at(day * 24 * 3600 + 60).status("a", "ready").events
    signals = play(sorted(events, key=lambda e: e.at), rules=Rules(idle_after=24 * 3600 * SECOND), after=7 * 24 * 3600)
    made = [(span.trace_id, span.span_id) for span in spans(signals)]
    assert len(set(made)) == len(made)


# --- a dump in the middle --------------------------------------------------------------------------------------------


class Interrupted(Player):
    """Dumped and loaded after the nth event."""

    def interrupt(self) -> None:
        self.sessions = Sessions.load(json.loads(json.dumps(self.sessions.dump())), self.sessions.rules)


@pytest.mark.parametrize("reason", ENDS)
def test_a_dump_between_a_sessions_end_and_its_settling_changes_nothing(reason: str) -> None:
    events = everything_open().at(30).end(reason).events
    player = Interrupted()
    for event in events:
        player.say(event)
    player.interrupt()
    player.until(moment(40))
    assert player.signals == play(events)


def test_an_error_of_the_session_is_told_in_the_sources_words() -> None:
    signals = play(supervised().at(20).end("failed", error="no tmux").events)
    assert facts(signals, "session s", names.ERROR_TEXT, names.ERROR_TYPE) == {"text": "no tmux", "type": "failed"}
    assert span_of(signals, "session s").error


def test_a_delivery_may_be_told_after_the_end_of_the_session_it_came_before() -> None:
    story = supervised().at(10).sent("m", "sup").at(20).end()
    assert tree(
        play(story.at(21).add(MessageDelivered, message="m", terminal="sup", at=moment(19)).events),
        without=("boot", "session.started", "terminal.started"),
    ) == [
        "session s 0-20 killed",
        "  * message_sent m 10",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-20 unknown killed",
        "      * message_received m 19",
        "  send sup m 10",
        "    receive sup m 10-19",
    ]
