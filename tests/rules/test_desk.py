"""What the rules work with: the order of the agenda, what is told when, and what of it is bounded."""

from __future__ import annotations

import json

import pytest

from handspan import ids, names
from handspan.rules.memory import Rules
from handspan.testing import Player, Story, logs, play, spans
from tests.picture_of import facts, logs_of, moment, passed, supervised, tree


def test_what_is_due_at_one_instant_leaves_before_what_it_hangs_under() -> None:
    """All of this settles at the same moment; a turn still takes up the events of its messages."""
    story = (
        Story()
        .at(0)
        .session()
        .terminal("a")
        .status("a", "ready")
        .at(5)
        .delegation("b", "handoff", "a")
        .terminal("b")
        .status("b", "ready")
    )
    story.at(10).status("b", "working").sent("m", "a", "b").delivered("m", "a").status("b", "ready").answered("b").gone(
        "b", "completed"
    ).end("completed")
    signals = play(story.events)
    assert [span.name for span in spans(signals)] == [
        "boot a",
        "session.started",
        "terminal.started",
        "boot b",
        "terminal.started",
        "send a",
        "receive a",
        "handoff b",
        "invoke_agent b",
        "terminal b",
        "terminal a",
        "session s",
    ]
    assert tree(signals) == [
        "session s 0-10 completed",
        "  terminal a 0-10 completed",
        "    * message_received m 10",
        "    handoff b 5-10 completed",
        "      terminal b 5-10 completed",
        "        invoke_agent b #1 10 handoff completed",
        "          * message_sent m 10",
        "          send a m 10",
    ]


def test_all_ticks_at_once_leave_the_same_as_one_by_one() -> None:
    """An engine that slept for a day ticks once."""
    events = (
        supervised()
        .at(10)
        .sent("m", "sup")
        .at(11)
        .delivered("m", "sup")
        .at(20)
        .status("sup", "ready")
        .at(30)
        .end()
        .events
    )
    slow, quick = Player(), Player()
    for event in events:
        slow.sessions.apply(event)
        quick.say(event)
    slow.until(moment(3600))
    quick.until(moment(3600))
    assert tree(slow.signals) == tree(quick.signals)


def test_a_creator_told_after_its_children_gives_them_their_place() -> None:
    story = Story().at(0).session().at(1).terminal("kid", creator="mum").delegation("w", "assign", "mum")
    signals = play(passed(story, 1.5).terminal("mum", at=moment(0.5)).at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal mum 0.5-20 killed",
        "    assign unknown 1-20 unknown",
        "    terminal kid 1-20 killed",
    ]
    assert logs_of(signals, "terminal", "delegation") == [
        "1 terminal.started terminal kid under session s",
        "1 delegation.started assign unknown under session s",
        "1 delegation.started assign unknown under terminal mum (2)",
        "0.5 terminal.started terminal mum under session s",
        "1 terminal.started terminal kid under terminal mum (2)",
        "20 delegation.ended assign unknown unknown",
        "20 terminal.ended terminal kid killed",
        "20 terminal.ended terminal mum killed",
    ]


def test_a_status_told_late_moves_the_call_into_its_turn() -> None:
    story = supervised().at(8).status("sup", "ready").at(10).delegation("dev", "assign", "sup")
    signals = play(passed(story, 11).status("sup", "working", at=moment(9.5)).at(20).end().events)
    assert tree(signals) == [
        "session s 0-20 killed",
        "  terminal sup 0-20 killed",
        "    invoke_agent sup #1 5-8 unknown completed",
        "    invoke_agent sup #2 9.5-20 unknown killed",
        "      assign unknown 10-20 unknown",
    ]
    assert logs_of(signals, "delegation") == [
        "10 delegation.started assign unknown under terminal sup",
        "10 delegation.started assign unknown under invoke_agent sup #2 (2)",
        "20 delegation.ended assign unknown unknown",
    ]


def test_message_received_names_the_turn_it_started_or_ran_into_and_its_send() -> None:
    story = supervised().at(7).typed("m", "sup").at(8).status("sup", "ready").at(9).typed("n", "sup")
    signals = play(story.at(20).end().events)
    assert logs_of(signals, "message_received") == [
        "7 message_received send sup m in invoke_agent sup #1",
        "9 message_received send sup n",
    ]
    received = [log for log in logs(signals) if log.name == names.MESSAGE_RECEIVED]
    assert [log.span_id for log in received] == [ids.span_id("s", "send", "m"), ids.span_id("s", "send", "n")]


def test_signals_carry_an_exemplar_of_their_part() -> None:
    signals = play(supervised().at(10).status("sup", "ready").at(20).end().events)
    traces = {s.trace_id for s in signals if hasattr(s, "trace_id")}
    assert traces == {ids.trace_id("s")}


@pytest.mark.parametrize(
    "kind", ["messages", "undelivered", "workers", "terminals", "statuses", "retracted", "children"]
)
def test_a_session_that_never_ends_stays_bounded_in_memory(kind: str) -> None:
    rules = Rules(messages=8, past_terminals=4, past_turns=4, terminals=20)

    def size(times: int) -> int:
        player = Player(rules)
        for event in Story().at(0).session().terminal("sup").status("sup", "ready").events:
            player.say(event)
        for n in range(times):
            for event in round_of(kind, n).events:
                player.say(event)
        player.until(player.sessions.now + 10_000_000_000)
        return len(json.dumps(player.sessions.dump()))

    # 128 span events of a terminal or a session are reached before, and numbers have a few more digits.
    assert size(600) <= size(300) * 1.02 + 100


def round_of(kind: str, n: int) -> Story:
    at, name = 10 + n * 10.0, f"{n:06}"
    story = Story().at(at)
    if kind == "messages":
        return story.status("sup", "working").typed(name, "sup", "sup").at(at + 1).status("sup", "ready")
    if kind == "undelivered":
        return story.sent(name, f"to{name}", f"from{name}" if n == 0 else "sup", "handoff")
    if kind == "workers":
        story.delegation(name, "handoff", "ghost").terminal(name).sent(f"p{name}", name, "ghost", "handoff").at(at + 1)
        return story.delivered(f"p{name}", name).answered(name).gone(name, "completed")
    if kind == "terminals":
        return story.terminal(name, creator="sup").status(name, "working").at(at + 1).gone(name)
    if kind == "statuses":
        return story.status("sup", "waiting").at(at + 1).status("sup", "unknown").at(at + 2).status("sup", "error")
    if kind == "children":
        return story.terminal(name, creator=f"c{name}").at(at + 1).gone(name)
    return story.answered(name).alive("sup")


def test_an_event_past_128_on_a_terminal_is_counted_on_it() -> None:
    story = supervised().at(6).status("sup", "ready")
    for n in range(130):
        story.at(10 + n).sent(f"m{n:03}", "x", "sup")
    signals = play(story.at(200).end().events)
    (terminal,) = [s for s in spans(signals) if s.name == "terminal sup"]
    assert (len(terminal.events), terminal.dropped_events) == (128, 2)
    assert facts(signals, "terminal sup", names.TERMINAL_SENT) == {"messages_sent": 130}
