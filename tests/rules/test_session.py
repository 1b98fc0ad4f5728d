"""One session: pure, deterministic, moved by ticks alone, and the same after a dump."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest

from handspan.events import Tick
from handspan.rules.memory import SECOND, Rules
from handspan.rules.session import VERSION, Session
from handspan.sessions import Sessions
from handspan.signals import Count, Log, Span
from handspan.testing import Player, Story, play, spans
from tests.picture_of import counted, moment, supervised, tree
from tests.stories import STORIES

if TYPE_CHECKING:
    from handspan.events import Event
    from handspan.signals import Signal

# Small enough that stories run into parts, limits and idle ends.
SMALL = Rules(part_spans=12, messages=4, past_turns=2, past_terminals=2, terminals=6, stuck_after=5 * SECOND)
IDLE = dataclasses.replace(SMALL, idle_after=900 * SECOND)
RULES = {"as they are": Rules(), "small": SMALL, "idle": IDLE}


class Interrupted(Player):
    """Dumped to JSON and loaded before the nth event, or before every one."""

    def __init__(self, rules: Rules, before: int | None = None) -> None:
        super().__init__(rules)
        self._before = before
        self._said = 0

    def say(self, event: Event, now: int | None = None) -> list[Signal]:
        if self._before is None or self._said == self._before:
            self.sessions = Sessions.load(json.loads(json.dumps(self.sessions.dump())), self.sessions.rules)
        self._said += 1
        return super().say(event, now)


def played(player: Player, events: list[Event]) -> list[Signal]:
    for event in events:
        player.say(event, max(event.at, player.sessions.now))
    player.until(player.sessions.now + 2_000 * SECOND)
    return player.signals


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("name", STORIES)
def test_a_dump_before_every_event_changes_nothing(name: str, rules: Rules) -> None:
    events = STORIES[name]()
    assert played(Interrupted(rules), events) == played(Player(rules), events)


@pytest.mark.parametrize("name", STORIES)
def test_a_dump_before_any_one_event_changes_nothing(name: str) -> None:
    events = STORIES[name]()
    whole = played(Player(SMALL), events)
    for cut in range(len(events)):
        assert played(Interrupted(SMALL, cut), events) == whole


@pytest.mark.parametrize("name", STORIES)
def test_the_same_events_give_the_same_bytes(name: str) -> None:
    assert [repr(s) for s in play(STORIES[name]())] == [repr(s) for s in play(STORIES[name]())]


@pytest.mark.parametrize("rules", [Rules(), SMALL], ids=["as they are", "small"])
@pytest.mark.parametrize("name", STORIES)
def test_no_signal_is_made_twice(name: str, rules: Rules) -> None:
    signals = played(Player(rules), STORIES[name]())
    ids = [(s.trace_id, s.span_id) for s in signals if isinstance(s, Span)]
    uids = [s.uid for s in signals if isinstance(s, Log)]
    assert (len(set(ids)), len(set(uids))) == (len(ids), len(uids))


@pytest.mark.parametrize("name", STORIES)
def test_what_was_told_last_of_a_span_is_what_the_span_says(name: str) -> None:
    """The opening with the highest revision names the span's name, start and parent; an end its end."""
    signals = play(STORIES[name]())
    found = {s.span_id: s for s in spans(signals)}
    openings = {s.span_id: s for s in signals if isinstance(s, Log) and s.name.endswith(".started")}
    ends = {s.span_id: s for s in signals if isinstance(s, Log) and s.name.endswith(".ended")}
    told = {
        span: (
            log.attributes["handspan.span.name"],
            log.attributes["handspan.span.start"],
            log.attributes.get("handspan.parent.span_id"),
        )
        for span, log in openings.items()
        if span in found
    }
    assert told == {i: (found[i].name, found[i].start, found[i].parent_span_id) for i in told if i}
    assert {i: log.at for i, log in ends.items() if i in found} == {
        i: min(ends[i].at, found[i].end) for i in ends if i in found and i
    }


def test_only_a_tick_moves_time() -> None:
    player = Player()
    for event in supervised().at(50).status("sup", "ready").at(51).end().events:
        player.sessions.apply(event)
    assert player.sessions.now == 0
    assert [s for s in player.sessions.apply(Tick(at=moment(1))) if isinstance(s, Span)] == []
    assert tree(list(player.sessions.apply(Tick(at=moment(60))))) == [
        "session s 0-51 killed",
        "  terminal sup 0-51 killed",
        "    invoke_agent sup #1 5-50 unknown completed",
    ]


def test_time_never_goes_back() -> None:
    session = Session.begin(supervised().events[0], moment(0), Rules())
    assert session.apply(Tick(at=moment(10)))
    before = session.dump()
    assert session.apply(Tick(at=moment(10))) == []
    assert session.apply(Tick(at=moment(5))) == []
    assert session.dump() == before


def test_it_says_when_it_is_due_and_has_nothing_to_say_before() -> None:
    session = Session.begin(supervised().events[0], moment(0), Rules())
    session.apply(supervised().events[0])
    assert session.due == moment(2)
    assert session.apply(Tick(at=moment(2) - 1)) == []
    assert [s.name for s in session.apply(Tick(at=moment(2))) if isinstance(s, Span)] == ["session.started"]


def test_a_session_that_is_over_says_nothing_and_is_due_never() -> None:
    events = supervised().at(10).end().events
    session = Session.begin(events[0], moment(0), Rules())
    for event in events:
        session.apply(event)
    session.apply(Tick(at=moment(12)))
    assert (session.over, session.due, session.uid) == (True, None, "s")
    assert session.apply(events[0]) == []
    assert session.apply(Tick(at=moment(99))) == []


def test_a_repeat_is_counted_and_changes_nothing() -> None:
    session = Session.begin(supervised().events[0], moment(0), Rules())
    story = Story().at(1).usage("a", input_tokens=5)
    session.apply(story.events[0])
    again = session.apply(story.events[0])
    assert [s.name for s in again if isinstance(s, Count)] == ["handspan_events_total"]
    assert len(again) == 1


def test_a_repeat_is_known_for_ten_seconds_at_least() -> None:
    story = Story().at(0).session().at(1).usage("a", input_tokens=5)
    player = Player()
    for event in story.events:
        player.say(event)
    for later in (2, 5, 10.9):
        player.say(story.events[1], moment(later))
    assert counted(player.signals, "handspan_tokens_total") == {"input unknown unknown": 5}


def test_a_dump_names_its_version_and_another_is_not_guessed_at() -> None:
    form = Session.begin(supervised().events[0], moment(0), Rules()).dump()
    assert form["version"] == VERSION
    for version in (VERSION + 1, None, "1"):
        with pytest.raises(ValueError, match="a dump of version"):
            Session.load({**form, "version": version}, Rules())


def test_what_comes_late_is_settled_64_events_at_a_time_though_no_tick_comes_between() -> None:
    player = Player()
    player.until(moment(1_000))
    story = Story("s").at(0)
    for n in range(63):
        story.at(n).status("sup", ("ready", "working")[n % 2])
    for event in story.events:
        player.sessions.apply(event)
    before = player.sessions.dump()["sessions"][0]["state"]["terminals"]["sup"]
    (last,) = Story("s").at(63).alive("sup").events
    left = [signal for signal in player.sessions.apply(last) if isinstance(signal, Span)]
    after = player.sessions.dump()["sessions"][0]["state"]["terminals"]["sup"]
    assert (len(before["facts"]), "past" in before) == (63, False)
    assert ("facts" in after, len(after["past"])) == (False, 31)
    assert len(left) == 33


def test_the_rules_are_no_part_of_a_dump() -> None:
    player = Player(Rules(stuck_after=5 * SECOND))
    for event in supervised().events:
        player.say(event)
    player.sessions = Sessions.load(json.loads(json.dumps(player.sessions.dump())), Rules())
    player.until(moment(500))
    assert [s.name for s in player.signals if isinstance(s, Log) and s.name == "handspan.stuck"] == []
