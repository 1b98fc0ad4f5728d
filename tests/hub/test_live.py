from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from handspan.hub import live
from handspan.hub.index import Index, sessions
from handspan.hub.live import HEARTBEAT, RELOAD, Feed
from handspan.testing import BEGIN, SECOND, Story, play
from tests.recorded import entries, pushed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    import pytest

    from handspan.hub.record import Entry

PATIENCE = 20


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE))


def requests(messages: int = 1) -> list[Entry]:
    """A session, then a message a request."""
    story = Story("s", instance="here").at(0).session().terminal("a").status("a", "ready")
    for n in range(messages):
        story.at(10 + 10 * n).sent(f"m{n}", "a")
    return entries(play(story.events), size=1_000)


async def change(viewer: AsyncIterator[str]) -> dict[str, Any]:
    """The next change, past all that only says that somebody is there."""
    async for event in viewer:
        if event != HEARTBEAT:
            identity, kind, data = event.strip().split("\n")
            assert kind == "event: change"
            found: dict[str, Any] = json.loads(data.removeprefix("data: "))
            assert identity == f"id: {found['position']}"
            return found
    raise AssertionError("the feed is over")


def test_a_viewer_is_told_what_came_after_its_position() -> None:
    async def test() -> None:
        index = Index(":memory:")
        feed = Feed(lambda: index)
        found = requests()
        index.fill(found[:1])
        async with aclosing(feed.events("s", 0)) as viewer:
            assert await anext(viewer) == HEARTBEAT
            first = await change(viewer)
            with index.reading() as connection:
                assert first == sessions.changes(connection, "s", 0)
            index.fill(found)
            feed.told(index.position)
            second = await change(viewer)
            with index.reading() as connection:
                assert second == sessions.changes(connection, "s", first["position"])

    run(test())


def test_without_a_position_only_what_comes_from_now_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT", 0.01)

    async def test() -> None:
        index = Index(":memory:")
        feed = Feed(lambda: index)
        found = requests()
        index.fill(found[:1])
        async with aclosing(feed.events(None, None)) as viewer:
            assert [await anext(viewer) for _ in range(2)] == [HEARTBEAT] * 2
            waiting = asyncio.ensure_future(change(viewer))
            await asyncio.sleep(0)
            index.fill(found)
            feed.told(index.position)
            told = await waiting
            assert (told["position"], [each["id"] for each in told["sessions"]], told["spans"]) == (
                index.position,
                ["s"],
                [],
            )

    run(test())


def test_a_commit_that_changes_nothing_for_a_viewer_is_not_told() -> None:
    async def test() -> None:
        index = Index(":memory:")
        feed = Feed(lambda: index)
        found = requests()
        index.fill([*found, pushed(len(found) + 1, "here", BEGIN)])
        async with aclosing(feed.events(None, index.position)) as viewer:
            assert await anext(viewer) == HEARTBEAT
            waiting = asyncio.ensure_future(change(viewer))
            feed.told(index.position)
            index.look(BEGIN + 181 * SECOND)
            feed.told(index.position, ["s"])
            told = await waiting
            assert [(each["id"], each["state"]) for each in told["sessions"]] == [("s", "silent")]

    run(test())


def test_whoever_has_missed_too_much_or_another_index_reloads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        index = Index(":memory:")
        index.fill(requests())
        shown = [index]
        feed = Feed(lambda: shown[0])
        assert [event async for event in feed.events("s", index.position + 1)] == [HEARTBEAT, RELOAD]
        async with aclosing(feed.events("s", index.position)) as viewer:
            assert await anext(viewer) == HEARTBEAT
            waiting = asyncio.ensure_future(anext(viewer))
            await asyncio.sleep(0)
            shown[0] = Index(":memory:")
            feed.told(0)
            assert await waiting == RELOAD
        shown[0] = index
        monkeypatch.setattr(sessions, "MOST_CHANGES", 2)
        assert [event async for event in feed.events("s", 0)] == [HEARTBEAT, RELOAD]

    run(test())


def test_a_connection_that_is_quiet_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_HEARTBEAT", 0.01)

    async def test() -> None:
        index = Index(":memory:")
        async with aclosing(Feed(lambda: index).events(None, 0)) as viewer:
            assert [await anext(viewer) for _ in range(3)] == [HEARTBEAT] * 3

    run(test())


def test_whoever_goes_is_forgotten() -> None:
    async def test() -> None:
        index = Index(":memory:")
        feed = Feed(lambda: index)
        async with aclosing(feed.events(None, None)) as viewer:
            await anext(viewer)
            assert feed.viewers == 1
        assert feed.viewers == 0

    run(test())


def test_told_before_anybody_looks_and_after_the_loop_has_ended_is_told_to_nobody() -> None:
    index = Index(":memory:")
    feed = Feed(lambda: index)
    feed.told(0)

    async def test() -> None:
        async with aclosing(feed.events(None, None)) as viewer:
            await anext(viewer)

    run(test())
    feed.told(0)


def test_two_hundred_viewers_and_one_who_never_reads() -> None:
    """Everybody who reads has everything; the one who does not is told in one piece when it does."""

    async def test() -> None:
        index = Index(":memory:")
        feed = Feed(lambda: index)
        found = requests(messages=30)
        index.fill(found[:1])
        begin = index.position
        slow = feed.events("s", begin)
        assert await anext(slow) == HEARTBEAT
        viewers = [asyncio.ensure_future(until(feed.events("s", begin), len(found))) for _ in range(200)]
        await asyncio.sleep(0)
        for each in found[1:]:
            await asyncio.to_thread(index.fill, [each])
            feed.told(index.position)
        messages = [f"m{n}" for n in range(30)]
        for viewer in viewers:
            assert await viewer == set(messages)
        told = await change(slow)
        assert [arrow["message"] for arrow in told["arrows"]] == messages
        await slow.aclose()

    run(test())


async def until(events: AsyncIterator[str], position: int) -> set[str]:
    """The messages of which a viewer hears up to a position."""
    heard: set[str] = set()
    while True:
        told = await change(events)
        heard |= {arrow["message"] for arrow in told["arrows"]}
        if told["position"] >= position:
            return heard
