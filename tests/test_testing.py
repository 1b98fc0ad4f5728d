from __future__ import annotations

from typing import TYPE_CHECKING

import handspan.testing
from handspan.events import Tick, to_json
from handspan.rules.memory import Rules
from handspan.sessions import Sessions
from handspan.testing import BEGIN, SECOND, Clock, Player, Story, logs, moved, play, spans

if TYPE_CHECKING:
    from handspan.events import Event
    from handspan.signals import Signal


class Recorded(Sessions):
    """Sessions that keep what was applied to them, in seconds since the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.applied: list[tuple[float, str]] = []

    def apply(self, event: Event | Tick) -> list[Signal]:
        self.applied.append(((event.at - BEGIN) / SECOND, type(event).__name__))
        return super().apply(event)


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock()
    assert clock.now == BEGIN
    assert clock.advance(1.5) == clock.now == BEGIN + 1_500_000_000
    assert clock.advance(0.000_000_001) == BEGIN + 1_500_000_001
    assert Clock(5).now == 5


def test_a_story_is_a_list_of_events() -> None:
    story = Story("s1", name="checkout", source="cao", instance="i1").at(0).session(kind="workflow")
    story.terminal("sup", "supervisor", pid=7).at(1.5).terminal("dev").status("sup", "working", trigger="human")
    story.alive("sup").sent("m", "dev", "sup", "assign", size=3).delivered("m", "dev").typed("n", "sup", mode="handoff")
    story.delegation("dev", "assign", "sup").delegation("rev", "handoff").delegation("x", "handoff", awaited=False)
    story.answered("dev").answered("rev", "failed", error="e").usage("dev", input_tokens=4).notice("ci", session="")
    story.at(2).gone("dev").gone("rev", "exited", exit_code=1).end().end("empty", session="other", at=BEGIN)

    assert [said(event) for event in story.events] == [
        "0 s1 session_started name=checkout kind=workflow",
        "0 s1 terminal_started terminal=sup agent=supervisor pid=7",
        "1.5 s1 terminal_started terminal=dev agent=dev",
        "1.5 s1 status_changed terminal=sup status=working trigger=human",
        "1.5 s1 activity terminal=sup",
        "1.5 s1 message_sent message=m mode=assign receiver=dev sender=sup typed=False size=3",
        "1.5 s1 message_delivered message=m terminal=dev",
        "1.5 s1 message_sent message=n mode=handoff receiver=sup typed=True",
        "1.5 s1 delegation_started worker=dev mode=assign awaited=False caller=sup",
        "1.5 s1 delegation_started worker=rev mode=handoff awaited=True",
        "1.5 s1 delegation_started worker=x mode=handoff awaited=False",
        "1.5 s1 delegation_ended worker=dev outcome=completed",
        "1.5 s1 delegation_ended worker=rev outcome=failed error=e",
        "1.5 s1 usage_reported terminal=dev input_tokens=4 output_tokens=0 cache_read_tokens=0 cache_write_tokens=0",
        "1.5 - notice name=ci severity=info",
        "2 s1 terminal_ended terminal=dev reason=killed",
        "2 s1 terminal_ended terminal=rev reason=exited exit_code=1",
        "2 s1 session_ended reason=killed",
        "0 other session_ended reason=empty",
    ]
    assert {(event.source, event.instance) for event in story.events} == {("cao", "i1")}


def said(event: Event) -> str:
    fields = to_json(event)
    for name in ("type", "at", "source", "instance", "session", "id"):
        fields.pop(name, None)
    own = " ".join(f"{name}={value}" for name, value in fields.items())
    return f"{(event.at - BEGIN) / SECOND:g} {event.session or '-'} {to_json(event)['type']} {own}"


def test_a_story_s_name_is_its_session_s_if_nothing_else_is_said() -> None:
    assert Story("s1").name == "s1"
    assert Story("s1", name="").session().events == Story("s1", name="").session(name="").events
    assert Story("s1", begin=BEGIN + 5).at(1).alive("t").events[0].at == BEGIN + 5 + SECOND


def test_ticks_come_when_something_is_due_and_with_each_event() -> None:
    sessions = Recorded()
    player = Player(sessions=sessions)
    for event in Story().at(0).session().terminal("a").at(1).status("a", "ready").at(10).alive("a").events:
        player.say(event)
    player.until(BEGIN + 15 * SECOND)
    assert sessions.applied == [
        (0.0, "Tick"),
        (0.0, "SessionStarted"),
        (0.0, "TerminalStarted"),
        (1.0, "Tick"),
        (1.0, "StatusChanged"),
        # What began at 0 and what changed at 1 has settled after two seconds.
        (2.0, "Tick"),
        (3.0, "Tick"),
        (10.0, "Tick"),
        (10.0, "Activity"),
        (12.0, "Tick"),
        (15.0, "Tick"),
    ]


def test_time_never_goes_back() -> None:
    sessions = Recorded()
    player = Player(sessions=sessions)
    player.until(BEGIN + SECOND)
    player.until(BEGIN)
    assert sessions.applied == [(1.0, "Tick")]
    assert player.sessions.now == BEGIN + SECOND


def test_an_event_may_be_delivered_later_than_it_happened() -> None:
    sessions = Recorded()
    player = Player(sessions=sessions)
    (event,) = Story().at(3).alive("a").events
    player.say(event, BEGIN + 4 * SECOND)
    assert sessions.applied == [(4.0, "Tick"), (3.0, "Activity")]


def test_say_and_until_return_what_is_new_and_the_player_keeps_it_all() -> None:
    player = Player()
    (event,) = Story().at(0).alive("a").events
    said = player.say(event)
    assert [log.name for log in logs(said)] == ["handspan.session.started", "handspan.terminal.started"]
    settled = player.until(BEGIN + 2 * SECOND)
    assert [span.name for span in spans(settled)] == ["session.started", "terminal.started"]
    assert player.signals == said + settled
    player.say(Story().at(3).terminal("b").events[0])
    # What time brings until an event comes with the event.
    assert [span.name for span in spans(player.say(Story().at(9).alive("a").events[0]))] == ["terminal.started"]


def test_play_tells_a_whole_story() -> None:
    story = Story().at(0).session().terminal("a").at(1).status("a", "ready").at(2).end()
    assert [span.name for span in spans(play(story.events))] == [
        "session.started",
        "terminal.started",
        "boot a",
        "terminal a",
        "session s",
    ]
    # Nothing settles if no time is left for it, and everything at once if the rules say so.
    assert [span.name for span in spans(play(story.events, after=0))] == ["session.started", "terminal.started"]
    assert len(spans(play(story.events, after=0.5, rules=Rules(settle=SECOND // 2)))) == 5


def test_play_delivers_a_late_event_at_once() -> None:
    story = Story().at(5).status("a", "working").at(4).status("a", "ready").at(6).status("a", "ready")
    turns = [span for span in spans(play(story.events)) if span.name == "invoke_agent unknown"]
    assert [((turn.start - BEGIN) / SECOND, (turn.end - BEGIN) / SECOND) for turn in turns] == [(5.0, 6.0)]


def test_spans_and_logs_are_picked_out_in_their_order() -> None:
    signals = play(Story().at(0).session().terminal("a").at(1).end().events)
    assert [signal for signal in signals if signal in spans(signals)] == spans(signals)
    assert {type(signal).__name__ for signal in signals} == {"Span", "Log", "Count"}
    assert len(spans(signals)) + len(logs(signals)) == sum(type(s).__name__ != "Count" for s in signals)


def test_a_story_can_be_moved() -> None:
    events = Story().at(0).session().at(1).end().events
    later = moved(events, 2.5)
    assert [event.at - BEGIN for event in later] == [2_500_000_000, 3_500_000_000]
    assert [event.id for event in later] == [event.id for event in events]
    assert moved(later, -2.5) == events


def test_the_first_example_runs() -> None:
    code = "\n".join(line[4:] for line in (handspan.testing.__doc__ or "").splitlines() if line.startswith("    "))
    told: dict[str, list[Signal]] = {}
    exec(code, {"Story": Story, "play": play}, told)  # noqa: S102 (what the documentation says)
    assert [span.name for span in spans(told["signals"])] == ["session.started", "terminal.started", "boot supervisor"]
