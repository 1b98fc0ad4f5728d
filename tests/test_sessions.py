from __future__ import annotations

import json
import pickle
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from handspan.events import Activity, Tick
from handspan.rules.memory import Rules
from handspan.sessions import OPEN, REMEMBER, Sessions
from handspan.signals import Count, Log, Resource
from handspan.testing import BEGIN, SECOND, Player, Story, logs, play, spans
from tests.stories import STORIES

if TYPE_CHECKING:
    from handspan.events import Event
    from handspan.signals import Signal

HOUR = 3_600 * SECOND
DAY = 24 * HOUR
YEAR = 366 * DAY


def begun(now: float = 0) -> Sessions:
    """Sessions that know what time it is."""
    sessions = Sessions()
    sessions.apply(Tick(at=BEGIN + round(now * SECOND)))
    return sessions


def one(story: Story) -> Event:
    (event,) = story.events
    return event


def alive(session: str, at: float = 0, terminal: str = "t") -> Event:
    return one(Story(session).at(at).alive(terminal))


def counted(signals: list[Signal]) -> Counter[str]:
    """What was counted, as `metric{labels}`, without exemplars."""
    found: Counter[str] = Counter()
    for signal in signals:
        if isinstance(signal, Count):
            assert isinstance(signal.value, int)
            labels = ", ".join(f"{name}={value}" for name, value in signal.labels.items())
            found[f"{signal.name}{{{labels}}}"] += signal.value
    return found


def opened(signals: list[Signal]) -> list[str]:
    return [f"{log.attributes['session.id']}: {log.attributes['handspan.span.name']}" for log in logs(signals)]


# --- routing ---------------------------------------------------------------------------------------------------------


def test_an_event_goes_to_its_session() -> None:
    sessions = begun()
    assert opened(sessions.apply(alive("a"))) == ["a: session", "a: terminal unknown"]
    assert opened(sessions.apply(alive("b"))) == ["b: session", "b: terminal unknown"]
    assert opened(sessions.apply(alive("a", 1, "u"))) == ["a: terminal unknown"]
    assert [session.uid for session in sessions] == ["a", "b"]


def test_two_sessions_at_once_say_what_each_says_alone() -> None:
    def story(session: str) -> list[Event]:
        return [
            one(told)
            for told in (
                Story(session).at(0).session(),
                Story(session).at(1).terminal("t", "developer"),
                Story(session).at(2).status("t", "ready"),
                Story(session).at(3).status("t", "working"),
                Story(session).at(5).typed("m", "t"),
                Story(session).at(9).end(),
            )
        ]

    together = play(event for pair in zip(story("a"), story("b"), strict=True) for event in pair)
    for session in ("a", "b"):
        alone = spans(play(story(session)))
        assert [s for s in spans(together) if s.attributes["session.id"] == session] == alone


def test_an_id_is_known_in_its_own_session_only() -> None:
    sessions = begun()
    for session in ("a", "b"):
        event = one(Story(session).add(Activity, terminal="t", id="1"))
        assert len(opened(sessions.apply(event))) == 2
        assert counted(sessions.apply(event)) == {"handspan_events_total{source=story, type=activity}": 1}
        assert opened(sessions.apply(event)) == []
    other = one(Story("a").add(Activity, terminal="u", id="1"))
    assert opened(sessions.apply(other)) == []


def test_a_notice_without_a_session_is_a_log_event_with_neither_trace_nor_session() -> None:
    sessions = begun()
    notice = one(Story().at(1).notice("server_update", session="", severity="urgent", text="v2", id="n"))
    count, log = sessions.apply(notice)
    assert count == Count(name="handspan_events_total", labels={"source": "story", "type": "notice"})
    assert log == Log(
        uid="66f5d41d6ff4d5625550cf9f21104cfbcc1ec79cd8156897d531b904102fa4b4",
        name="handspan.notice",
        at=BEGIN + SECOND,
        severity=17,
        body="The orchestrator itself noticed something.",
        resource=Resource(service="story", namespace="story", instance="i"),
        attributes={
            "handspan.notice.name": "server_update",
            "handspan.notice.text": "v2",
            "event.name": "handspan.notice",
            "log.record.uid": "66f5d41d6ff4d5625550cf9f21104cfbcc1ec79cd8156897d531b904102fa4b4",
        },
    )
    assert list(sessions) == []


def test_a_notice_without_a_session_is_said_once_in_ten_seconds() -> None:
    player = Player()
    notice = one(Story().at(0).notice("server_update", session=""))
    assert len(logs(player.say(notice, BEGIN))) == 1
    for after in (0, 5, 10):
        repeated = player.say(notice, BEGIN + after * SECOND)
        assert counted(repeated) == {"handspan_events_total{source=story, type=notice}": 1}
        assert logs(reloaded(player).say(notice)) == logs(repeated) == []
    assert len(logs(player.say(notice, BEGIN + 10 * SECOND + 1))) == 1


def test_another_event_without_a_session_is_counted_once_as_invalid() -> None:
    sessions = begun()
    assert counted(sessions.apply(alive(""))) == {
        "handspan_events_total{source=story, type=activity}": 1,
        "handspan_events_dropped_total{source=story, reason=invalid}": 1,
    }
    assert list(sessions) == []


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "taken", "reason"),
    [
        (BEGIN + 60 * SECOND, BEGIN + 60 * SECOND, None),
        (BEGIN + 60 * SECOND + 1, BEGIN, "future"),
        (2**63 - 1, BEGIN, "future"),
        (BEGIN - YEAR, BEGIN - YEAR, None),
        (BEGIN - YEAR - 1, BEGIN, "late"),
        (946_684_800 * SECOND, BEGIN, "late"),
    ],
)
def test_a_clock_that_is_wrong_is_replaced_and_counted(at: int, taken: int, reason: str | None) -> None:
    sessions = begun()
    signals = sessions.apply(one(Story("a").add(Activity, terminal="t", at=at)))
    dropped = {f"handspan_events_dropped_total{{source=story, reason={reason}}}": 1} if reason else {}
    assert counted(signals) == {"handspan_events_total{source=story, type=activity}": 1} | dropped
    assert {log.at for log in logs(signals)} == {taken}


def test_a_notice_from_the_future_happened_now() -> None:
    sessions = begun()
    signals = sessions.apply(one(Story().at(DAY / SECOND).notice("n", session="")))
    assert [log.at for log in logs(signals)] == [BEGIN]


@pytest.mark.parametrize(
    ("last_seen", "begins"),
    [
        (946_684_800 * SECOND, BEGIN - YEAR),
        (BEGIN - YEAR - 1, BEGIN - YEAR),
        (BEGIN - 30 * DAY, BEGIN - 30 * DAY),
        (BEGIN, BEGIN),
        (2**63 - 1, BEGIN),
    ],
)
def test_a_look_goes_back_a_year_and_never_ahead(last_seen: int, begins: int) -> None:
    player = Player()
    player.say(one(Story("a").at(0).gone("t", "vanished", last_seen=last_seen)))
    assert min(log.at for log in logs(player.signals)) == begins
    player.until(BEGIN + 10 * SECOND)
    assert {span.start for span in spans(player.signals) if span.name == "terminal unknown"} == {begins}


def test_before_time_is_known_every_time_is_taken() -> None:
    sessions = Sessions()
    assert {log.at for log in logs(sessions.apply(alive("a", 5 * DAY / SECOND)))} == {BEGIN + 5 * DAY}
    assert sessions.now == 0


def test_an_event_moves_no_time() -> None:
    sessions = begun()
    sessions.apply(alive("a"))
    assert spans(sessions.apply(alive("a", 50))) == []
    assert sessions.now == BEGIN
    assert sessions.apply(Tick(at=BEGIN)) == []
    assert sessions.apply(Tick(at=BEGIN - SECOND)) == []
    assert sessions.now == BEGIN


def test_a_tick_reaches_only_sessions_that_are_due() -> None:
    sessions = begun()
    assert (sessions.due, sessions.now) == (None, BEGIN)
    sessions.apply(alive("a"))
    assert sessions.due == BEGIN + 2 * SECOND
    sessions.apply(Tick(at=BEGIN + SECOND))
    sessions.apply(alive("b", 1))
    assert sessions.due == BEGIN + 2 * SECOND

    def reached() -> dict[str, int]:
        return {session.uid: (session.dump()["state"]["now"] - BEGIN) // SECOND for session in sessions}

    assert reached() == {"a": 0, "b": 1}
    first = sessions.apply(Tick(at=BEGIN + 2 * SECOND))
    assert [(span.attributes["session.id"], span.name) for span in spans(first)] == [
        ("a", "session.started"),
        ("a", "terminal.started"),
    ]
    assert reached() == {"a": 2, "b": 1}
    assert sessions.due == BEGIN + 3 * SECOND
    sessions.apply(Tick(at=BEGIN + 3 * SECOND))
    assert reached() == {"a": 2, "b": 3}


def test_due_is_never_forgotten() -> None:
    sessions = begun()
    for second in range(0, 100, 5):
        sessions.apply(Tick(at=BEGIN + second * SECOND))
        for session in ("a", "b"):
            sessions.apply(alive(session, second))
        assert sessions.due == BEGIN + (second + 2) * SECOND
        sessions.apply(Tick(at=BEGIN + (second + 2) * SECOND))
        assert sessions.due is not None
        assert sessions.due <= min(session.due or 0 for session in sessions)


def test_a_quiet_session_that_goes_on_needs_no_more_memory() -> None:
    player = Player()
    weights: list[int] = []
    for second in range(0, 5_000, 5):
        player.say(alive("a", second))
        weights.append(len(pickle.dumps(player.sessions)))
    assert weights[-1] < 1.2 * weights[20]


# --- ends ------------------------------------------------------------------------------------------------------------


def ended() -> Player:
    """A session of two seconds that is over at second 4."""
    player = Player()
    for event in Story("a").at(0).session().at(2).end().events:
        player.say(event)
    player.until(BEGIN + 4 * SECOND)
    return player


@pytest.mark.parametrize("after", [4, 60, 23 * 3600])
def test_a_word_about_an_ended_session_is_counted_and_begins_nothing(after: float) -> None:
    player = ended()
    assert list(player.sessions) == []
    player.until(BEGIN + round(after * SECOND))
    for event in (alive("a", after), *Story("a").at(after).session().end().notice("n").events):
        kind = {"Activity": "activity", "SessionStarted": "session_started", "SessionEnded": "session_ended"}.get(
            type(event).__name__, "notice"
        )
        signals = player.sessions.apply(event)
        assert [type(signal).__name__ for signal in signals] == ["Count", "Count"]
        assert counted(signals) == {
            f"handspan_events_total{{source=story, type={kind}}}": 1,
            "handspan_events_dropped_total{source=story, reason=ended}": 1,
        }
    assert list(player.sessions) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_an_ended_session_is_known_until_many_more_have_ended(restarted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert REMEMBER == 50_000
    monkeypatch.setattr("handspan.sessions.REMEMBER", 2)
    player = ended()
    for number in range(5):
        event = alive("a", 5 + number * 10)
        assert "handspan_events_dropped_total{source=story, reason=ended}" in counted(player.say(event)), number
        player.say(one(Story(f"b{number}").at(5 + number * 10).end()))
        player.until(BEGIN + (9 + number * 10) * SECOND)
        player = reloaded(player) if restarted else player
    # Two generations of three have ended: the first is forgotten, the second is not.
    assert len(opened(player.say(alive("a", 60)))) == 2
    assert opened(player.say(alive("b4", 61))) == []


def test_until_its_spans_have_left_a_session_is_not_over() -> None:
    player = Player()
    for event in Story("a").at(0).session().at(2).end().events:
        player.say(event)
    player.until(BEGIN + 4 * SECOND - 1)
    assert [session.over for session in player.sessions] == [False]
    player.say(one(Story("a").at(1).alive("t")), BEGIN + 4 * SECOND - 1)
    assert [span.name for span in spans(player.until(BEGIN + 10 * SECOND))] == [
        "terminal.started",
        "terminal unknown",
        "session a",
    ]


def test_no_more_sessions_are_open_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OPEN == 10_000
    monkeypatch.setattr("handspan.sessions.OPEN", 3)
    player = Player()
    for session in ("a", "b", "c"):
        player.say(one(Story(session).at(0).session()))
    signals = player.say(one(Story("d").at(1).session()))
    assert counted(signals) == {
        "handspan_events_total{source=story, type=session_started}": 1,
        "handspan_events_dropped_total{source=story, reason=limit}": 1,
    }
    assert [session.uid for session in player.sessions] == ["a", "b", "c"]
    # What is open goes on, and what ends makes room.
    assert len(opened(player.say(alive("a", 2)))) == 1
    player.say(one(Story("b").at(3).end()))
    player.until(BEGIN + 6 * SECOND)
    assert len(opened(player.say(alive("d", 7)))) == 2
    assert [session.uid for session in player.sessions] == ["a", "c", "d"]


# --- dumps -----------------------------------------------------------------------------------------------------------


def reloaded(player: Player, rules: Rules | None = None) -> Player:
    """The same sessions after a restart: through JSON, as a file holds them."""
    return Player(sessions=Sessions.load(json.loads(json.dumps(player.sessions.dump())), rules))


@pytest.mark.parametrize("name", list(STORIES))
def test_a_story_goes_on_after_each_of_its_events(name: str) -> None:
    events = STORIES[name]()
    expected = play(events)
    player = Player()
    signals: list[Signal] = []
    for event in events:
        signals += player.say(event, max(event.at, player.sessions.now))
        player = reloaded(player)
    signals += player.until(player.sessions.now + 10 * SECOND)
    assert signals == expected


def test_a_dump_holds_time_ends_and_what_is_due() -> None:
    player = ended()
    player.say(alive("b", 5))
    again = reloaded(player)
    assert again.sessions.now == player.sessions.now == BEGIN + 5 * SECOND
    assert again.sessions.due == player.sessions.due == BEGIN + 7 * SECOND
    assert [session.uid for session in again.sessions] == ["b"]
    assert again.sessions.dump() == player.sessions.dump()
    assert again.until(BEGIN + 9 * SECOND) == player.until(BEGIN + 9 * SECOND)
    assert "handspan_events_dropped_total{source=story, reason=ended}" in counted(again.sessions.apply(alive("a", 9)))


def test_a_dump_of_nothing_is_small_and_read_again() -> None:
    form = Sessions().dump()
    assert form == {"now": 0, "ended": {}, "ended_before": {}, "seen": {}, "sessions": []}
    assert Sessions.load(form).dump() == form


def test_a_dump_does_not_change_when_its_sessions_go_on() -> None:
    player = Player()
    for event in Story("a").at(0).session().at(2).end().events:
        player.say(event)
    form = player.sessions.dump()
    before = json.dumps(form)
    player.until(BEGIN + 4 * SECOND)
    assert json.dumps(form) == before


def test_the_rules_are_the_reader_s_and_not_the_dump_s() -> None:
    player = Player(Rules(settle=5 * SECOND))
    player.say(alive("a"))
    assert "rules" not in player.sessions.dump()["sessions"][0]["state"]
    again = reloaded(player, Rules(settle=SECOND))
    assert again.sessions.rules == Rules(settle=SECOND)
    again.say(alive("a", 1, "u"))
    assert again.sessions.due == BEGIN + 2 * SECOND


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_dump_of_another_version_is_not_guessed_at(version: object) -> None:
    player = Player()
    player.say(alive("a"))
    form = player.sessions.dump()
    assert form["sessions"][0]["version"] == 1
    form["sessions"][0]["version"] = version
    with pytest.raises(ValueError, match=rf"^a dump of version {version!r}; this Handspan reads version 1$"):
        Sessions.load(form)
