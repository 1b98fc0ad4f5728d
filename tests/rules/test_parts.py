"""Parts: a session that lasts goes on in a new trace, and everything in it is told once."""

from __future__ import annotations

from handspan import ids, names
from handspan.events import MessageDelivered
from handspan.rules.memory import SECOND, Rules
from handspan.testing import Player, Story, logs, play, spans
from tests.picture_of import booted, counted, logs_of, moment, passed, supervised, tree

# The part is cut at 100 s.
AGED = Rules(part_age=100 * SECOND)


def everything_open() -> Story:
    """At 100 s a boot, turns, a wait, an assignment, a handoff and a message on its way are open."""
    story = booted(supervised().at(10).delegation("dev", "assign", "sup", message="p"), 10, "dev")
    story.at(14).status("dev", "working").typed("p", "dev", "sup", mode="assign").at(20).delegation(
        "rev", "handoff", "sup"
    )
    booted(story, 20, "rev").at(24).status("rev", "working").at(50).status("rev", "waiting").at(60).sent(
        "m", "rev", "sup"
    )
    return story.at(95).terminal("new", creator="dev")


def test_what_is_open_ends_in_the_old_part_and_goes_on_in_the_next() -> None:
    story = (
        everything_open().at(110).status("new", "ready").at(120).status("rev", "working").at(125).status("rev", "ready")
    )
    story.at(126).status("rev", "working").delivered("m", "rev").at(130).answered("rev").at(131).gone(
        "rev", "completed"
    )
    story.at(140).sent("c", "sup", "dev").at(150).status("sup", "ready").at(151).status("sup", "working").delivered(
        "c", "sup"
    )
    signals = play(story.at(160).end().events, rules=AGED)
    assert tree(signals, without=()) == [
        "session s 0-100 continued",
        "  session.started 0",
        "  terminal sup 0-100 continued",
        "    boot sup 0",
        "    terminal.started 0",
        "    invoke_agent sup #1 5-100 unknown continued",
        "      * message_sent p 10",
        "      * message_sent m 60",
        "      assign dev 10-100 continued",
        "        send dev p 10 assign",
        "          receive dev p 10-14",
        "        terminal dev 10-100 continued",
        "          boot dev 10-12",
        "          terminal.started 10",
        "          invoke_agent dev #1 14-100 assign continued",
        "            -> assign send dev p",
        "            * message_received p 14",
        "          terminal new 95-100 continued",
        "            boot new 95-100 continued",
        "            terminal.started 95",
        "      handoff rev 20-100 continued",
        "        terminal rev 20-100 continued",
        "          boot rev 20-22",
        "          terminal.started 20",
        "          invoke_agent rev #1 24-100 handoff continued",
        "            waiting_for_input 50-100 continued",
        "      send rev m 60",
        "        receive rev m 60-126",
        "session s 100-160 killed",
        "  -> continuation session s (part 1)",
        "  session.started 100",
        "  terminal sup 100-160 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-150 unknown completed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "      assign dev 100-140 completed",
        "        -> continuation assign dev (part 1)",
        "        terminal dev 100-160 killed",
        "          -> continuation terminal dev (part 1)",
        "          invoke_agent dev #1 100-160 assign killed",
        "            -> continuation invoke_agent dev #1 (part 1)",
        "            * message_sent c 140",
        "            send sup c 140 callback",
        "              receive sup c 140-151",
        "          terminal new 100-160 killed",
        "            -> continuation terminal new (part 1)",
        "            boot new 100-110",
        "              -> continuation boot new (part 1)",
        "            terminal.started 100",
        "          terminal.started 100",
        "      handoff rev 100-131 completed",
        "        -> continuation handoff rev (part 1)",
        "        terminal rev 100-131 completed",
        "          -> continuation terminal rev (part 1)",
        "          invoke_agent rev #1 100-125 handoff completed",
        "            -> continuation invoke_agent rev #1 (part 1)",
        "            waiting_for_input 100-120",
        "              -> continuation waiting_for_input (part 1)",
        "          terminal.started 100",
        "          invoke_agent rev #2 126-131 message completed",
        "            -> message send rev m (part 1)",
        "            * message_received m 126",
        "    terminal.started 100",
        "    invoke_agent sup #2 151-160 callback killed",
        "      -> callback send sup c",
        "      -> callback assign dev",
        "      * message_received c 151",
    ]


def test_the_parts_are_linked_both_ways_by_attribute() -> None:
    signals = play(supervised().at(250).alive("sup").at(251).end().events, rules=AGED)
    roots = [s for s in spans(signals) if s.parent_span_id is None]
    traces = [ids.trace_id("s", part) for part in (1, 2, 3)]
    assert [s.trace_id for s in roots] == traces
    assert [s.span_id for s in roots] == [ids.span_id("s", "session", "", part) for part in (1, 2, 3)]
    assert [
        (
            s.attributes[names.PART],
            s.attributes.get(names.PART_PREVIOUS),
            s.attributes.get(names.PART_NEXT),
            s.attributes[names.SESSION_ID],
        )
        for s in roots
    ] == [(1, None, traces[1], "s"), (2, traces[0], traces[2], "s"), (3, traces[1], None, "s")]


def test_the_next_part_begins_with_the_markers_of_all_that_goes_on_each_with_what_it_continues() -> None:
    signals = play(everything_open().at(110).end().events, rules=AGED)
    markers = {
        (span.name, span.attributes.get(names.TERMINAL_ID)): span.attributes.get(names.CONTINUES)
        for span in spans(signals)
        if span.trace_id == ids.trace_id("s", 2) and span.name.endswith(".started")
    }
    terminals = {("terminal.started", t): ids.span_id("s", "terminal", t) for t in ("sup", "dev", "rev", "new")}
    assert markers == {("session.started", None): ids.span_id("s", "session", "")} | terminals


def test_the_next_part_begins_with_the_openings_of_all_that_goes_on_each_with_what_it_continues() -> None:
    signals = play(everything_open().at(110).end().events, rules=AGED)
    again = {
        (log.name, log.attributes.get(names.CONTINUES))
        for log in logs(signals)
        if log.name.endswith(".started") and log.trace_id == ids.trace_id("s", 2)
    }
    assert again == {
        ("handspan.session.started", ids.span_id("s", "session", "")),
        *(("handspan.terminal.started", ids.span_id("s", "terminal", t)) for t in ("sup", "dev", "rev", "new")),
        *(("handspan.turn.started", ids.span_id("s", "turn", [t, 1])) for t in ("sup", "dev", "rev")),
        ("handspan.waiting.started", ids.span_id("s", "waiting", ["rev", 1, 1])),
        ("handspan.boot.started", ids.span_id("s", "boot", "new")),
        *(("handspan.delegation.started", ids.span_id("s", "delegation", t)) for t in ("dev", "rev")),
    }
    assert all(log.at == moment(100) for log in logs(signals) if log.attributes.get(names.CONTINUES))


def test_roll_ups_run_over_all_parts_and_nothing_is_counted_twice() -> None:
    story = (
        everything_open()
        .at(110)
        .status("new", "ready")
        .at(120)
        .status("rev", "working")
        .at(125)
        .answered("rev", "failed")
    )
    story.at(140).status("dev", "error").at(150).gone("dev").gone("rev").gone("new").status("sup", "ready")
    signals = play(story.at(160).end().events, rules=AGED)
    totals = [
        {
            k.rpartition(".")[2]: v
            for k, v in s.attributes.items()
            if k.startswith("handspan.session.") and not isinstance(v, str)
        }
        for s in spans(signals)
        if s.parent_span_id is None
    ]
    assert totals == [
        {},
        {"terminals": 4, "turns": 3, "messages": 2, "undelivered": 1, "delegations": 2, "unanswered": 1, "errors": 2},
    ]
    ends = {
        str(s.attributes[names.TERMINAL_ID]): (
            s.attributes[names.TERMINAL_TURNS],
            s.attributes[names.TERMINAL_BUSY],
            s.attributes[names.TERMINAL_WAITING],
        )
        for s in spans(signals)
        if names.TERMINAL_TURNS in s.attributes
    }
    assert ends == {"sup": (1, 145.0, 0.0), "dev": (1, 126.0, 0.0), "rev": (1, 56.0, 70.0), "new": (0, 0.0, 0.0)}
    assert counted(signals, names.TERMINALS_ENDED) == {"killed": 4}
    assert counted(signals, names.SESSIONS_ENDED) == {"killed": 1}


def test_a_turn_keeps_its_trigger_over_the_parts() -> None:
    story = supervised().at(6).status("sup", "ready").at(10).status("sup", "working").at(10.5).typed("m", "sup")
    signals = play(story.at(250).status("sup", "ready").at(260).end().events, rules=AGED)
    assert [line.strip() for line in tree(signals) if "#2" in line and "->" not in line] == [
        "invoke_agent sup #2 10-100 message continued",
        "invoke_agent sup #2 100-200 message continued",
        "invoke_agent sup #2 200-250 message completed",
    ]


def test_events_of_a_turn_stand_in_the_part_of_their_time() -> None:
    story = supervised().at(99).sent("m1", "x", "sup").at(100.5).sent("m2", "x", "sup").at(101).sent("m3", "x", "sup")
    assert tree(play(story.at(110).end().events, rules=AGED)) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "      * message_sent m1 99",
        "      send unknown m1 99",
        "session s 100-110 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-110 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-110 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "      * message_sent m2 100.5",
        "      * message_sent m3 101",
        "      send unknown m2 100.5",
        "      send unknown m3 101",
    ]


def test_a_turn_links_to_a_send_in_the_part_before() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(50).sent("m", "dev", "sup")
    story.at(120).status("dev", "working").delivered("m", "dev")
    assert tree(play(story.at(130).end().events, rules=AGED)) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "      * message_sent m 50",
        "      send dev m 50",
        "  terminal dev 5-100 continued",
        "session s 100-130 killed",
        "  -> continuation session s (part 1)",
        "  terminal dev 100-130 killed",
        "    -> continuation terminal dev (part 1)",
        "    invoke_agent dev #1 120-130 message killed",
        "      -> message send dev m (part 1)",
        "      * message_received m 120",
        "  terminal sup 100-130 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-130 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
    ]


def test_what_ended_before_the_cut_leaves_in_the_old_part_though_it_has_not_settled() -> None:
    story = supervised().at(90).terminal("dev").status("dev", "ready")
    story.at(98.5).typed("p", "x", "sup").at(99).status("sup", "ready").at(99.5).gone("dev").at(110).end()
    signals = play(story.events, rules=AGED)
    assert tree(signals) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-99 unknown completed",
        "      * message_sent p 98.5",
        "      send unknown p 98.5",
        "  terminal dev 90-99.5 killed",
        "  terminal unknown 98.5-100 continued inferred=start",
        "session s 100-110 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-110 killed",
        "    -> continuation terminal sup (part 1)",
        "  terminal unknown 100-110 killed inferred=start",
        "    -> continuation terminal unknown (part 1)",
        "    * message_received p 98.5",
    ]
    assert logs_of(signals, "turn", "terminal") == [
        "0 terminal.started terminal sup under session s",
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "90 terminal.started terminal dev under session s",
        "98.5 terminal.started terminal unknown under session s",
        "99 turn.ended invoke_agent sup #1 completed",
        "99.5 terminal.ended terminal dev killed",
        "100 terminal.ended terminal sup continued",
        "100 terminal.ended terminal unknown continued",
        "100 terminal.started terminal sup under session s continues terminal sup",
        "100 terminal.started terminal unknown under session s continues terminal unknown",
        "110 terminal.ended terminal sup killed",
        "110 terminal.ended terminal unknown killed",
    ]


def test_what_is_told_after_the_cut_of_a_moment_before_it_has_happened_just_after_it_and_in_its_order() -> None:
    story = passed(supervised(), 101).status("sup", "working", at=moment(99.5)).terminal("dev", at=moment(98))
    story.status("sup", "ready", at=moment(99)).sent("m", "dev", "sup", at=moment(99.6))
    signals = play(story.at(110).end().events, rules=AGED)
    assert tree(signals, without=("session.started", "terminal.started")) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    boot sup 0",
        "    invoke_agent sup #1 5-100 unknown continued",
        "session s 100-110 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-110 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-100.000063 unknown completed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "    invoke_agent sup #2 100.0000635-110 unknown killed",
        "      * message_sent m 100.0000636",
        "      send dev m 100.0000636",
        "  terminal dev 100.000062-110 killed",
        "    boot dev 100.000062-110",
    ]


def test_a_status_from_before_the_last_one_known_at_the_cut_is_late() -> None:
    story = passed(supervised().at(99).status("sup", "ready"), 101).status("sup", "working", at=moment(98.5))
    signals = play(story.at(110).end().events, rules=AGED)
    assert [line.strip() for line in tree(signals) if "invoke_agent" in line] == [
        "invoke_agent sup #1 5-99 unknown completed"
    ]
    assert counted(signals, names.EVENTS_DROPPED) == {"late": 1}


def test_what_caused_a_turn_and_is_told_after_the_cut_links_to_the_piece_that_goes_on() -> None:
    story = supervised().at(6).status("sup", "ready").terminal("dev").status("dev", "ready")
    story.at(99.5).status("dev", "working").at(100.2).typed("p", "dev", "sup")
    assert tree(play(story.at(110).end().events, rules=AGED)) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-6 unknown completed",
        "  terminal dev 6-100 continued",
        "    invoke_agent dev #1 99.5-100 unknown continued",
        "session s 100-110 killed",
        "  -> continuation session s (part 1)",
        "  terminal dev 100-110 killed",
        "    -> continuation terminal dev (part 1)",
        "    invoke_agent dev #1 100-110 message killed",
        "      -> continuation invoke_agent dev #1 (part 1)",
        "      -> message send dev p",
        "      * message_received p 100",
        "  terminal sup 100-110 killed",
        "    -> continuation terminal sup (part 1)",
        "    * message_sent p 100",
        "    send dev p 100",
    ]


def test_a_turn_that_has_gone_on_is_not_taken_back() -> None:
    story = booted(supervised(), 10, "dev")
    story.at(100).status("dev", "working").at(101).status("dev", "exiting", at=moment(100)).at(110).end()
    signals = play(story.events, rules=Rules(part_spans=7))
    assert "invoke_agent dev #1" not in "".join(tree(signals))


def test_what_has_gone_on_ended_in_the_new_part_however_early_its_end_is_dated() -> None:
    story = supervised().at(90).terminal("dev").status("dev", "ready")
    passed(story, 105).status("sup", "ready", at=moment(99)).gone("dev", "vanished", last_seen=moment(98))
    assert tree(play(story.at(110).end().events, rules=AGED)) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "  terminal dev 90-100 continued",
        "session s 100-110 killed",
        "  -> continuation session s (part 1)",
        "  terminal dev 100 vanished inferred=end ERROR=vanished",
        "    -> continuation terminal dev (part 1)",
        "  terminal sup 100-110 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-100.000063 unknown completed",
        "      -> continuation invoke_agent sup #1 (part 1)",
    ]


def test_a_death_that_was_found_before_the_cut_and_not_told_yet_lies_after_it() -> None:
    story = supervised().at(90).terminal("dev").status("dev", "ready")
    story.at(99).gone("dev", "vanished", last_seen=moment(98)).at(110).end()
    assert [line.strip() for line in tree(play(story.events, rules=AGED)) if "dev" in line] == [
        "terminal dev 90-100 continued",
        "terminal dev 100 vanished inferred=end ERROR=vanished",
        "-> continuation terminal dev (part 1)",
    ]


def test_an_answer_that_is_dated_before_the_cut_and_told_after_it_ends_its_delegation_right_after_it() -> None:
    story = booted(
        supervised().at(10).delegation("dev", "handoff", "sup").delegation("rev", "assign", "sup"), 10, "dev"
    )
    booted(story, 10, "rev").at(14).status("dev", "working").status("rev", "working")
    passed(story, 105).answered("dev", at=moment(99)).sent("c", "sup", "rev", at=moment(99))
    signals = play(story.at(110).end().events, rules=AGED)
    lines = [line.strip() for line in tree(signals) if line.strip().startswith(("handoff", "assign", "send"))]
    assert lines == [
        "assign rev 10-100 continued",
        "handoff dev 10-100 continued",
        "assign rev 100-100.000063 completed",
        "send sup c 100.000063 callback",
        "handoff dev 100-100.000063 completed",
    ]


def test_a_prompt_that_is_typed_after_the_cut_was_sent_at_the_cut_under_its_call() -> None:
    story = supervised().at(99).delegation("dev", "handoff", "sup").terminal("dev", creator="sup")
    story.at(103).status("dev", "ready").at(104).status("dev", "working").at(104.8).typed(
        "p", "dev", "sup", mode="handoff"
    )
    signals = play(story.at(120).end().events, rules=AGED)
    assert [line for line in tree(signals) if "message_sent" not in line] == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "      handoff dev 99-100 continued",
        "        terminal dev 99-100 continued",
        "session s 100-120 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-120 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-120 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "      handoff dev 100-120 cancelled",
        "        -> continuation handoff dev (part 1)",
        "        send dev p 100 handoff",
        "        terminal dev 100-120 killed",
        "          -> continuation terminal dev (part 1)",
        "          invoke_agent dev #1 104-120 handoff killed",
        "            -> handoff send dev p",
        "            * message_received p 104",
    ]


def test_a_stuck_one_is_stuck_over_the_cut_and_once() -> None:
    signals = play(supervised().at(800).alive("sup").at(900).end().events, rules=Rules(part_age=650 * SECOND))
    assert logs_of(signals, "stuck", "unstuck") == [
        "605 stuck terminal sup",
        "800 unstuck terminal sup",
    ]
    assert {log.trace_id for log in logs(signals) if log.name == names.UNSTUCK} == {ids.trace_id("s", 2)}


def test_a_session_whose_end_is_dated_before_the_cut_and_told_after_it_ends_right_after_it() -> None:
    story = passed(supervised(), 105).end(at=moment(99))
    signals = play(story.events, rules=AGED)
    assert tree(signals) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "session s 100-100.000063 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-100.000063 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-100.000063 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
    ]
    assert logs_of(signals, "session", "terminal", "turn") == [
        "0 session.started session s",
        "0 terminal.started terminal sup under session s",
        "5 turn.started invoke_agent sup #1 under terminal sup",
        "100 session.ended session s continued",
        "100 terminal.ended terminal sup continued",
        "100 turn.ended invoke_agent sup #1 continued",
        "100 session.started session s continues session s",
        "100 terminal.started terminal sup under session s continues terminal sup",
        "100 turn.started invoke_agent sup #1 under terminal sup continues invoke_agent sup #1",
        "100.000063 session.ended session s killed",
        "100.000063 terminal.ended terminal sup killed",
        "100.000063 turn.ended invoke_agent sup #1 killed",
    ]


def test_a_session_that_ends_right_after_a_cut_ends_in_the_next_part() -> None:
    assert tree(play(everything_open().at(101).end().events, rules=AGED)) == [
        "session s 0-100 continued",
        "  terminal sup 0-100 continued",
        "    invoke_agent sup #1 5-100 unknown continued",
        "      * message_sent p 10",
        "      * message_sent m 60",
        "      assign dev 10-100 continued",
        "        send dev p 10 assign",
        "        terminal dev 10-100 continued",
        "          invoke_agent dev #1 14-100 assign continued",
        "            -> assign send dev p",
        "            * message_received p 14",
        "          terminal new 95-100 continued",
        "      handoff rev 20-100 continued",
        "        terminal rev 20-100 continued",
        "          invoke_agent rev #1 24-100 handoff continued",
        "            waiting_for_input 50-100 continued",
        "      send rev m 60",
        "session s 100-101 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 100-101 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 100-101 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "      assign dev 100-101 unanswered",
        "        -> continuation assign dev (part 1)",
        "        terminal dev 100-101 killed",
        "          -> continuation terminal dev (part 1)",
        "          invoke_agent dev #1 100-101 assign killed",
        "            -> continuation invoke_agent dev #1 (part 1)",
        "          terminal new 100-101 killed",
        "            -> continuation terminal new (part 1)",
        "      handoff rev 100-101 cancelled",
        "        -> continuation handoff rev (part 1)",
        "        terminal rev 100-101 killed",
        "          -> continuation terminal rev (part 1)",
        "          invoke_agent rev #1 100-101 handoff killed",
        "            -> continuation invoke_agent rev #1 (part 1)",
        "            waiting_for_input 100-101",
        "              -> continuation waiting_for_input (part 1)",
    ]


def test_a_part_is_cut_when_it_holds_as_many_spans_as_it_may() -> None:
    """The session's marker, the supervisor's and its boot make three; the fourth send fills the part."""
    story = supervised()
    for n in range(6):
        story.at(10 + 3 * n).sent(f"m{n}", "x", "sup")
    signals = play(story.at(40).end().events, rules=Rules(part_spans=7))
    assert tree(signals, without=()) == [
        "session s 0-21 continued",
        "  session.started 0",
        "  terminal sup 0-21 continued",
        "    boot sup 0",
        "    terminal.started 0",
        "    invoke_agent sup #1 5-21 unknown continued",
        "      * message_sent m0 10",
        "      * message_sent m1 13",
        "      * message_sent m2 16",
        "      * message_sent m3 19",
        "      send unknown m0 10",
        "      send unknown m1 13",
        "      send unknown m2 16",
        "      send unknown m3 19",
        "session s 21-40 killed",
        "  -> continuation session s (part 1)",
        "  session.started 21",
        "  terminal sup 21-40 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 21-40 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
        "      * message_sent m4 22",
        "      * message_sent m5 25",
        "      send unknown m4 22",
        "      send unknown m5 25",
        "    terminal.started 21",
    ]


def test_a_cut_does_not_follow_a_cut_that_carries_more_than_a_part_holds() -> None:
    story = supervised()
    for n in range(6):
        story.at(10).terminal(f"t{n}").status(f"t{n}", "ready")
    signals = play(story.at(200).end().events, rules=Rules(part_spans=4))
    assert [s.attributes[names.PART] for s in spans(signals) if s.parent_span_id is None] == [
        1,
        2,
    ]


def test_parts_of_a_day_and_of_4000_spans_are_the_defaults() -> None:
    assert (Rules().part_age, Rules().part_spans) == (24 * 3600 * SECOND, 4_000)


def test_a_source_that_fell_silent_is_not_cut_until_it_speaks_again() -> None:
    rules = Rules(part_age=100 * SECOND, idle_after=1000 * SECOND)
    story = supervised().at(350).alive("sup").at(360).end()
    assert tree(play(story.events, rules=rules)) == [
        "session s 0-350.000000001 continued",
        "  terminal sup 0-350.000000001 continued",
        "    invoke_agent sup #1 5-350.000000001 unknown continued",
        "session s 350.000000001-360 killed",
        "  -> continuation session s (part 1)",
        "  terminal sup 350.000000001-360 killed",
        "    -> continuation terminal sup (part 1)",
        "    invoke_agent sup #1 350.000000001-360 unknown killed",
        "      -> continuation invoke_agent sup #1 (part 1)",
    ]


def test_what_a_cut_makes_due_is_done_at_once() -> None:
    """A caller that has just ended leaves at the cut, and what it assigned is asked at that instant how it stands."""
    story = supervised().at(10).delegation("dev", "assign", "sup").terminal("dev", creator="sup")
    story.at(20).sent("m1", "x", "sup").at(21.5).gone("sup", "killed")
    player = Player(Rules(part_spans=5))
    for event in story.events:
        player.say(event)
    player.until(moment(22))
    (session,) = player.sessions
    assert [span.attributes[names.PART] for span in spans(player.signals) if span.name == "session.started"] == [1, 2]
    assert session.due is None or session.due > player.sessions.now


def test_a_turn_that_is_squeezed_before_a_message_was_not_started_by_it() -> None:
    story = passed(Story().at(0).alive("dev"), 101).sent("m", "dev", at=moment(99.8))
    passed(story, 105).status("dev", "working", at=moment(97)).add(
        MessageDelivered, message="m", terminal="dev", at=moment(98)
    )
    signals = play(story.at(110).end().events, rules=AGED)
    assert [line.strip() for line in tree(signals)][-4:] == [
        "-> continuation terminal unknown (part 1)",
        "invoke_agent unknown #1 100.000061-110 unknown killed",
        "* message_received m 100.0000638",
        "send unknown m 100.0000638",
    ]
