"""What is running now, told in log events: openings, their revisions, ends before settling, and what is taken back."""

from __future__ import annotations

import pytest

from handspan import ids, names
from handspan.testing import Player, Story, logs, play, spans
from tests.picture_of import booted, logs_of, moment, span_of, supervised, tree


def test_an_opening_carries_what_the_span_will() -> None:
    story = (
        Story(name="check")
        .at(0)
        .session()
        .terminal("dev", "developer", cli="codex", pid=7)
        .at(1)
        .status("dev", "ready")
    )
    story.at(5).status("dev", "working").at(9).end()
    signals = play(story.events)
    (opening,) = [log for log in logs(signals) if log.name == "handspan.turn.started"]
    turn = span_of(signals, "invoke_agent developer #1")
    assert (opening.at, opening.trace_id, opening.span_id, opening.severity) == (
        moment(5),
        turn.trace_id,
        turn.span_id,
        names.INFO,
    )
    assert opening.resource == turn.resource
    assert dict(opening.attributes) == {
        "session.id": "s",
        "gen_ai.conversation.id": "s",
        "handspan.session.name": "check",
        "handspan.terminal.id": "dev",
        "gen_ai.agent.name": "developer",
        "gen_ai.operation.name": "invoke_agent",
        "handspan.turn.number": 1,
        "handspan.turn.trigger": "unknown",
        "handspan.span.name": "invoke_agent developer",
        "handspan.span.start": moment(5),
        "handspan.parent.span_id": turn.parent_span_id,
        "event.name": "handspan.turn.started",
        "log.record.uid": ids.log_uid("s", 1, "handspan.turn.started", ["dev", 1], 1),
    }


def test_openings_leave_at_once_and_ends_before_they_settle() -> None:
    player = Player()
    told: list[str] = []
    story = (
        supervised()
        .at(7)
        .status("sup", "waiting")
        .at(8)
        .status("sup", "working")
        .at(9)
        .status("sup", "ready")
        .at(10)
        .gone("sup")
        .end()
    )
    for event in story.events:
        told += [
            f"{log.name.removeprefix('handspan.')} {(log.at - moment(0)) / 1e9:g}" for log in logs(player.say(event))
        ]
    assert told == [
        "session.started 0",
        "terminal.started 0",
        "boot.started 0",
        "status_changed 0",
        "boot.ended 0",
        "status_changed 5",
        "turn.started 5",
        "status_changed 7",
        "waiting.started 7",
        "status_changed 8",
        "waiting.ended 8",
        "status_changed 9",
        "turn.ended 9",
        "terminal.ended 10",
        "session.ended 10",
    ]


@pytest.mark.parametrize(
    ("story", "kind"),
    [
        (supervised().at(6).terminal("dev", "developer").at(7).terminal("dev", creator="sup"), "terminal"),
        (supervised().at(6).terminal("dev").at(7).delegation("dev", "assign", "sup"), "terminal"),
        (supervised().at(5.8).typed("m", "sup"), "turn"),
        (Story(name="").at(0).session().at(1).session(name="late"), "session"),
    ],
    ids=["parent", "delegation", "cause", "name"],
)
def test_a_fact_learnt_later_sends_the_same_opening_again(story: Story, kind: str) -> None:
    signals = play(story.at(20).end().events)
    openings = [log for log in logs(signals) if log.name == f"handspan.{kind}.started"]
    last = openings[-1]
    (span,) = [span for span in spans(signals) if span.span_id == last.span_id]
    first = next(log for log in openings if log.span_id == span.span_id)
    assert (first.attributes.get(names.REVISION), last.attributes.get(names.REVISION)) == (None, 2)
    assert (first.at, first.body) == (last.at, last.body)
    assert last.attributes[names.SPAN_NAME] == span.name
    assert last.attributes.get(names.PARENT_SPAN_ID) == span.parent_span_id


def test_every_revision_has_its_own_uid_and_counts_from_one() -> None:
    story = supervised().terminal("dev").status("dev", "ready").at(10).status("dev", "working")
    for n in range(3):
        story.at(10.1 + n / 10).typed(f"m{n}", "dev", "sup")
    signals = play(story.at(20).end().events)
    openings = [
        log
        for log in logs(signals)
        if log.name == "handspan.turn.started" and log.attributes[names.TERMINAL_ID] == "dev"
    ]
    assert [log.attributes.get(names.REVISION) for log in openings] == [None, 2, 3, 4]
    assert [log.uid for log in openings] == [
        ids.log_uid("s", 1, "handspan.turn.started", ["dev", 1], n) for n in (1, 2, 3, 4)
    ]
    assert len({log.uid for log in logs(signals)}) == len(logs(signals))


def test_names_learnt_late_are_on_everything_that_leaves_after() -> None:
    story = (
        Story(name="")
        .at(0)
        .session()
        .status("a", "working")
        .at(1)
        .alive("a")
        .at(10)
        .session(name="check")
        .terminal("a", "agent")
    )
    signals = play(story.at(11).status("a", "ready").at(20).end().events)
    assert tree(signals, without=()) == [
        "session check 0-20 killed",
        "  session.started 0",
        "  terminal agent 0-20 killed inferred=start",
        "    invoke_agent agent #1 0-11 unknown completed",
        "    terminal.started 0",
    ]
    assert logs_of(signals, "session", "terminal", "turn") == [
        "0 session.started session check",
        "0 terminal.started terminal agent under session check",
        "0 turn.started invoke_agent agent #1 under terminal agent",
        "0 session.started session check (2)",
        "0 terminal.started terminal agent under session check (2)",
        "0 turn.started invoke_agent agent #1 under terminal agent (2)",
        "0 terminal.started terminal agent under session check (3)",
        "0 turn.started invoke_agent agent #1 under terminal agent (3)",
        "11 turn.ended invoke_agent agent #1 completed",
        "20 session.ended session check killed",
        "20 terminal.ended terminal agent killed",
    ]


def test_an_attribute_that_is_known_does_not_change() -> None:
    story = (
        Story()
        .at(0)
        .session()
        .terminal("a", "first", model="m1")
        .at(5)
        .terminal("a", "second", model="m2", cli="codex")
    )
    signals = play(story.at(20).end().events)
    attributes = span_of(signals, "terminal first").attributes
    assert (attributes[names.AGENT_NAME], attributes[names.MODEL], attributes[names.AGENT_CLI]) == (
        "first",
        "m1",
        "codex",
    )


def test_a_turn_that_was_nothing_is_taken_back_and_its_number_is_free() -> None:
    story = supervised().at(10).status("sup", "ready").at(12).status("sup", "working").status("sup", "exiting")
    signals = play(story.at(13).gone("sup", "exited").at(20).end().events)
    (retracted,) = [log for log in logs(signals) if log.attributes.get(names.OUTCOME) == "retracted"]
    assert (retracted.name, retracted.span_id) == ("handspan.turn.ended", ids.span_id("s", "turn", ["sup", 2]))
    assert retracted.span_id not in {span.span_id for span in spans(signals)}


def test_a_worker_dead_before_its_handoff_is_told_keeps_the_call_open() -> None:
    story = (
        booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev").at(20).gone("dev", "exited").at(60)
    )
    signals = play(story.answered("dev", "timeout").at(80).end().events)
    assert logs_of(signals, "delegation") == [
        "10 delegation.started handoff dev under invoke_agent sup #1",
        "10 delegation.started handoff dev under invoke_agent sup #1 (2)",
        "60 delegation.ended handoff dev timeout",
    ]


def test_waiting_asks_for_action_and_errors_are_errors() -> None:
    story = (
        supervised()
        .at(6)
        .status("sup", "waiting")
        .at(7)
        .status("sup", "error")
        .at(8)
        .gone("sup", "vanished")
        .at(9)
        .end("vanished")
    )
    signals = play(story.events)
    assert [(log.name, log.severity) for log in logs(signals) if log.severity != names.INFO] == [
        ("handspan.waiting.started", 10),
        ("handspan.turn.ended", 17),
        ("handspan.terminal.ended", 17),
        ("handspan.session.ended", 17),
    ]


def test_status_changed_names_both_statuses_and_is_said_once() -> None:
    story = (
        supervised()
        .at(6)
        .status("sup", "working")
        .at(7)
        .status("sup", "waiting")
        .at(8)
        .status("sup", "unknown")
        .at(9)
        .status("sup", "exiting")
    )
    assert logs_of(play(story.at(20).end().events), "status_changed") == [
        "0 status_changed terminal sup unknown > ready",
        "5 status_changed terminal sup ready > working",
        "7 status_changed terminal sup working > waiting",
        "8 status_changed terminal sup waiting > unknown",
        "9 status_changed terminal sup unknown > exiting",
    ]


# --- links and triggers ----------------------------------------------------------------------------------------------

UPSTREAM = f"00-{'c' * 32}-{'d' * 16}-01"


def test_a_child_sessions_root_links_to_the_parent_sessions_delegation_and_carries_its_ids() -> None:
    parent = supervised("p").at(10).delegation("w", "handoff", "sup").at(30).answered("w").at(40).end()
    child = Story("c").at(11).session(parent_session="p", parent_worker="w").terminal("a").at(29).end("completed")
    signals = play(sorted([*parent.events, *child.events], key=lambda e: e.at))
    assert tree(signals) == [
        "session p 0-40 killed",
        "  terminal sup 0-40 killed",
        "    invoke_agent sup #1 5-40 unknown killed",
        "      handoff unknown 10-30 completed",
        "session c 11-29 completed",
        "  -> parent_session handoff unknown (part 1)",
        "  terminal a 11-29 completed",
    ]
    attributes = span_of(signals, "session c").attributes
    assert (attributes[names.PARENT_SESSION], attributes[names.PARENT_WORKER]) == ("p", "w")


def test_an_upstream_traceparent_becomes_a_link_but_never_of_a_root() -> None:
    story = (
        Story().at(0).session(traceparent=UPSTREAM).at(1).terminal("a", traceparent=UPSTREAM).at(2).status("a", "ready")
    )
    story.at(3).delegation("w", "assign", "a", traceparent=UPSTREAM).sent("m", "a", traceparent=UPSTREAM)
    signals = play(story.at(9).end().events)
    linked = sorted(span.name for span in spans(signals) if [link.type for link in span.links] == ["upstream"])
    assert linked == ["assign unknown", "send a", "session.started", "terminal a"]


@pytest.mark.parametrize("mode", ["handoff", "assign", "step"])
def test_a_workers_first_turn_is_triggered_by_its_delegation_without_a_prompt_too(mode: str) -> None:
    story = (
        booted(supervised().at(10).delegation("dev", mode), 10, "dev")
        .at(14)
        .status("dev", "working")
        .at(15)
        .status("dev", "ready")
        .at(16)
    )
    signals = play(story.status("dev", "working").at(20).end().events)
    triggers = [span_of(signals, f"invoke_agent dev #{n}").attributes[names.TURN_TRIGGER] for n in (1, 2)]
    assert triggers == [mode, "unknown"]


@pytest.mark.parametrize("trigger", ["human", "schedule", "callback"])
def test_a_trigger_is_what_the_source_says_where_no_message_is_known(trigger: str) -> None:
    story = supervised().at(6).status("sup", "ready").at(10).status("sup", "working", trigger=trigger)
    signals = play(story.at(20).end().events)
    assert span_of(signals, "invoke_agent sup #2").attributes[names.TURN_TRIGGER] == trigger
    by_terminal = play(
        Story()
        .at(0)
        .session()
        .terminal("a", trigger=trigger)
        .at(1)
        .status("a", "ready")
        .at(5)
        .status("a", "working")
        .at(9)
        .end()
        .events
    )
    assert span_of(by_terminal, "invoke_agent a #1").attributes[names.TURN_TRIGGER] == trigger
