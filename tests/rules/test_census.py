"""What is open in a session, as gauges count it."""

from __future__ import annotations

from handspan import names
from handspan.rules.census import Found
from handspan.rules.memory import SECOND, Rules
from handspan.testing import Player, Story
from tests.picture_of import booted, moment, supervised


def census(story: Story, at: float, rules: Rules | None = None) -> list[Found]:
    player = Player(rules)
    for event in story.events:
        player.say(event)
    player.until(moment(at))
    return [found for session in player.sessions for found in session.census(moment(at))]


def terminal(agent: str, status: str, cli: str = "unknown") -> Found:
    return Found(names.TERMINALS, {"source": "story", "agent": agent, "cli": cli, "status": status}, 1)


def test_what_is_open_is_found() -> None:
    story = supervised().at(10).delegation("dev", "handoff", "sup").terminal("dev", "developer", cli="codex")
    story.at(12).status("dev", "ready").at(14).status("dev", "working").at(20).status("dev", "waiting")
    assert census(story, 50) == [
        Found(names.SESSIONS, {"source": "story"}, 1),
        terminal("sup", "working"),
        terminal("developer", "waiting", "codex"),
        Found(names.WAITING_NOW, {"agent": "developer"}, 1),
        Found(names.WAITING_OLDEST, {"agent": "developer"}, 30),
        Found(names.DELEGATIONS_OPEN, {"mode": "handoff"}, 1),
        Found(names.DELEGATION_OLDEST, {"mode": "handoff"}, 40),
    ]


def test_what_has_ended_is_not_counted_though_it_has_not_left() -> None:
    story = booted(supervised().at(10).delegation("dev", "handoff", "sup"), 10, "dev")
    story.at(20).answered("dev").gone("dev", "completed")
    assert census(story, 20) == [Found(names.SESSIONS, {"source": "story"}, 1), terminal("sup", "working")]


def test_an_answered_wait_is_over() -> None:
    story = supervised().at(10).status("sup", "waiting").at(12).status("sup", "working")
    assert census(story, 13) == [Found(names.SESSIONS, {"source": "story"}, 1), terminal("sup", "working")]


def test_a_stuck_agent_is_counted_until_it_moves() -> None:
    rules = Rules(stuck_after=5 * SECOND)
    assert Found(names.AGENTS_STUCK, {"agent": "sup"}, 1) in census(supervised(), 20, rules)
    assert Found(names.AGENTS_STUCK, {"agent": "sup"}, 1) not in census(supervised().at(20).alive("sup"), 20, rules)


def test_a_session_that_is_over_holds_nothing() -> None:
    assert census(supervised().at(10).end(), 20) == []
