from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handspan import demo, names
from handspan.hub.index import Index, sessions
from handspan.rules.memory import Rules
from handspan.signals import Log, Span
from handspan.testing import BEGIN, SECOND, Player, Story, play
from tests.recorded import entries, indexed, pushed, recording
from tests.stories import three_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.events import Event
    from handspan.signals import Signal


def summaries(signals: Iterable[Signal]) -> list[dict[str, Any]]:
    with indexed(signals).reading() as connection:
        found: list[dict[str, Any]] = sessions.listed(connection, limit=10)["sessions"]
    return found


def at(events: Iterable[Event], seconds: float) -> list[Signal]:
    """What a story has said by then."""
    until = BEGIN + round(seconds * SECOND)
    player = Player()
    for event in events:
        if event.at <= until:
            player.say(event)
    player.until(until)
    return player.signals


def moment(seconds: float) -> str:
    return str(BEGIN + round(seconds * SECOND))


def test_the_demo_while_a_worker_asks_a_person() -> None:
    assert summaries(at(demo.story(), 400)) == [
        {
            "id": "demo-checkout-1",
            "name": "checkout",
            "kind": "session",
            "source": "demo",
            "instance": "demo",
            "state": "waiting",
            "start": moment(0),
            "last_sign": moment(372),
            "agents": ["developer", "supervisor", "tester", "writer"],
            "terminals": 4,
            "open_terminals": 3,
            "messages": 4,
            "waiting": [{"terminal": "test-1", "agent": "tester", "since": moment(372)}],
            "stuck": [],
            "sentence": [
                {
                    "terminal": "sup-1",
                    "agent": "supervisor",
                    "for": "test-1",
                    "for_agent": "tester",
                    "why": "assign",
                    "since": moment(318),
                },
                {"terminal": "test-1", "agent": "tester", "why": "person", "since": moment(372)},
                {
                    "terminal": "sup-1",
                    "agent": "supervisor",
                    "for": "write-1",
                    "for_agent": "writer",
                    "why": "assign",
                    "since": moment(322),
                },
            ],
            "parts": 1,
        }
    ]


def test_a_real_handoff_while_it_runs() -> None:
    assert summaries(recording("07_handoff", 8)) == [
        {
            "id": "25d1f8f060944f96bafef394709f342e",
            "name": "cao-s5",
            "kind": "session",
            "source": "cao",
            "instance": "golden",
            "state": "running",
            "start": "1795170973498974000",
            "last_sign": "1795170980414614000",
            "agents": ["code_supervisor", "developer"],
            "terminals": 2,
            "open_terminals": 2,
            "messages": 1,
            "waiting": [],
            "stuck": [],
            "sentence": [
                {
                    "terminal": "a0a1bb1f",
                    "agent": "code_supervisor",
                    "for": "522644cc",
                    "for_agent": "developer",
                    "why": "handoff",
                    "since": "1795170980274614000",
                }
            ],
            "attach": "cao-s5",
            "parts": 1,
        }
    ]


def test_a_real_session_whose_agent_asks_a_person() -> None:
    assert summaries(recording("24_waiting_user_answer", 8)) == [
        {
            "id": "d2e89dc341154da298fa267254cc5e1c",
            "name": "cao-s15",
            "kind": "session",
            "source": "cao",
            "instance": "golden",
            "state": "waiting",
            "start": "1795171660613007000",
            "last_sign": "1795171666246182000",
            "agents": ["developer"],
            "terminals": 1,
            "open_terminals": 1,
            "messages": 1,
            "waiting": [{"terminal": "1234352d", "agent": "developer", "since": "1795171666246182000"}],
            "stuck": [],
            "sentence": [
                {"terminal": "1234352d", "agent": "developer", "why": "person", "since": "1795171666246182000"}
            ],
            "attach": "cao-s15",
            "parts": 1,
        }
    ]


def test_a_real_session_whose_window_was_closed_under_it() -> None:
    assert summaries(recording("17_window_killed_outside")) == [
        {
            "id": "053c094a473b47fa98c5dc2cb3b12d06",
            "name": "cao-s11",
            "kind": "session",
            "source": "cao",
            "instance": "golden",
            "state": "failed",
            "start": "1795171196555823000",
            "end": "1795171216419036900",
            "last_sign": "1795171216419036900",
            "agents": ["developer", "reviewer"],
            "terminals": 2,
            "open_terminals": 0,
            "messages": 0,
            "waiting": [],
            "stuck": [],
            "reason": "vanished",
            "error": "vanished",
            "sentence": [],
            "parts": 1,
        }
    ]


def test_a_session_of_three_parts_is_one() -> None:
    (found,) = summaries(play(three_parts()))
    assert {name: found[name] for name in ("state", "start", "end", "terminals", "messages", "parts", "reason")} == {
        "state": "ended",
        "start": moment(0),
        "end": moment(60 * 3600),
        "terminals": 3,
        "messages": 5,
        "parts": 3,
        "reason": "killed",
    }


def test_a_part_that_is_over_ends_no_session() -> None:
    (found,) = summaries(at(three_parts(), 25 * 3600))
    assert (found["state"], found["parts"], "end" in found) == ("waiting", 2, False)


def test_an_agent_that_is_stuck_and_one_that_no_longer_is() -> None:
    story = Story("s").at(0).session().terminal("a").status("a", "ready").at(1).status("a", "working").events
    (found,) = summaries(at(story, 700))
    assert (found["state"], found["stuck"]) == ("stuck", [{"terminal": "a", "agent": "a", "since": moment(1)}])
    moving = [*story, *Story("s").at(701).alive("a").events]
    (found,) = summaries(at(moving, 702))
    assert (found["state"], found["stuck"]) == ("running", [])
    gone = [*story, *Story("s").at(701).gone("a").events]
    (found,) = summaries(at(gone, 702))
    assert (found["state"], found["stuck"]) == ("running", [])


def test_a_workflow_that_waits_for_its_step() -> None:
    story = Story("r", name="release").at(0).session(kind="workflow").delegation("t", "step", step="plan")
    (found,) = summaries(at(story.at(1).terminal("t", "planner").events, 2))
    assert (found["kind"], found["sentence"]) == (
        "workflow",
        [{"for": "t", "for_agent": "planner", "why": "step", "since": moment(0)}],
    )


def test_whoever_falls_silent_is_seen_to_and_seen_again() -> None:
    index = Index(":memory:")
    signals = at(Story("s", instance="here").at(0).session().terminal("a").events, 1)
    said = entries(signals, at=BEGIN)
    index.fill([*said, pushed(len(said) + 1, "here", BEGIN), pushed(len(said) + 2, "here", BEGIN + 10 * SECOND)])
    # Three intervals of ten seconds, since it was heard of last.
    assert index.look(BEGIN + 40 * SECOND) == []
    assert index.look(BEGIN + 40 * SECOND + 1) == ["s"]
    assert state(index) == "silent"
    assert index.look(BEGIN + 99 * SECOND) == []
    index.fill([pushed(len(said) + 3, "here", BEGIN + 100 * SECOND)])
    assert state(index) == "running"


def test_an_interval_is_a_minute_until_it_is_known_and_ten_at_most() -> None:
    index = Index(":memory:")
    said = entries(at(Story("s", instance="here").at(0).session().events, 1), at=BEGIN)
    index.fill([*said, pushed(len(said) + 1, "here", BEGIN)])
    assert index.look(BEGIN + 180 * SECOND) == []
    index.fill([pushed(len(said) + 2, "here", BEGIN + 3_600 * SECOND)])
    assert index.look(BEGIN + 5_400 * SECOND) == []
    assert index.look(BEGIN + 5_400 * SECOND + 1) == ["s"]


def test_whoever_pushes_nothing_is_never_silent() -> None:
    index = indexed(at(Story("s").at(0).session().events, 1))
    assert index.look(BEGIN + 10**15) == []


def state(index: Index) -> str:
    with index.reading() as connection:
        found: str = sessions.listed(connection, limit=1)["sessions"][0]["state"]
    return found


def test_a_session_of_which_only_an_agent_s_span_is_known() -> None:
    signals = play(Story("s").at(0).session().terminal("a").at(9).gone("a").events, rules=Rules())
    orphan = [signal for signal in signals if getattr(signal, "name", "") == "terminal a"]
    (found,) = summaries(orphan)
    assert (found["state"], found["name"], found["agents"], found["start"]) == ("running", "s", ["a"], moment(0))


def test_a_part_of_which_no_next_one_is_known_ends_no_session() -> None:
    signals = play(three_parts())
    first = next(signal for signal in signals if isinstance(signal, Span) and signal.name == "session three-parts")
    assert first.attributes[names.END_REASON] == "continued"
    (found,) = summaries([first])
    assert (found["state"], "end" in found) == ("running", False)


def test_a_terminal_that_is_gone_is_no_longer_stuck_whoever_says_so() -> None:
    story = Story("s").at(0).session().terminal("a").status("a", "ready").at(1).status("a", "working").events
    signals = at([*story, *Story("s").at(701).gone("a").events], 710)
    without = [signal for signal in signals if not (isinstance(signal, Log) and signal.name == names.UNSTUCK)]
    assert len(without) == len(signals) - 1
    (found,) = summaries(without)
    assert (found["state"], found["stuck"]) == ("running", [])


def test_one_goes_to_the_terminal_that_waits() -> None:
    story = Story("s").at(0).session()
    for n, terminal in enumerate(("a", "b", "c")):
        story.at(n / 10).terminal(terminal, tmux_session=f"tmux-{terminal}").status(terminal, "ready")
    assert summaries(at(story.events, 1))[0]["attach"] == "tmux-a"
    story.at(2).status("b", "waiting")
    assert summaries(at(story.events, 3))[0]["attach"] == "tmux-b"
