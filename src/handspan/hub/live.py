"""The live feed: what has changed, to everybody who looks, as server-sent events.

Nobody has a queue. A viewer has a position, and is told what changed after it as soon as it can take more: so a slow
one misses the states between and delays nobody, and a broken connection goes on from the last id. Whoever is so far
behind that everything anew is less is told to reload.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from handspan.hub.index.entries import dumped
from handspan.hub.index.sessions import changes, summaries

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from handspan.hub.index import Index

# A proxy or a laptop that slept is noticed by the next write, and proxies close what is quiet for a minute.
_HEARTBEAT = 15.0
# A screen has no use for more than twenty pictures a second of a bulk import.
_PAUSE = 0.05
# What was just asked of the index is what the other viewers of the same session ask next.
_REMEMBERED = 64

HEARTBEAT = ": still there\n\n"
RELOAD = "event: reload\ndata: {}\n\n"


class _Viewer:
    """Somebody who looks; `silent` are the sessions that fell silent since it was told last."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        self.silent: set[str] = set()


class Feed:
    """Everybody who looks. `shown` is the index that the page shows now: the demo's, or the real one."""

    def __init__(self, shown: Callable[[], Index]) -> None:
        self._shown = shown
        self._viewers: set[_Viewer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answers: dict[tuple[Any, ...], asyncio.Future[str | None]] = {}

    @property
    def viewers(self) -> int:
        """How many look."""
        return len(self._viewers)

    def told(self, position: int, silent: Sequence[str] = ()) -> None:  # noqa: ARG002 # the indexer's word; each viewer has its own position
        """Something was committed. May be called by any thread, and never waits."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, tuple(silent))

    def _wake(self, silent: Sequence[str]) -> None:
        self._answers.clear()
        for viewer in self._viewers:
            viewer.silent.update(silent)
            viewer.woken.set()

    async def events(self, session: str | None, after: int | None) -> AsyncGenerator[str]:
        """What a viewer is sent, until it goes: of the list, or of one session too. None: what comes from now on."""
        self._loop = asyncio.get_running_loop()
        viewer = _Viewer()
        self._viewers.add(viewer)
        try:
            async for event in self._events(viewer, session, after):
                yield event
        finally:
            self._viewers.discard(viewer)

    async def _events(self, viewer: _Viewer, session: str | None, after: int | None) -> AsyncGenerator[str]:
        index = self._shown()
        position = index.position if after is None else after
        yield HEARTBEAT
        while True:
            viewer.woken.clear()
            now = self._shown()
            silent, viewer.silent = sorted(viewer.silent), set()
            answer = await self._answer(index, session, position, silent) if now is index else None
            if answer is None:
                yield RELOAD
                return
            if answer:
                yield answer
                position = int(answer.partition("\n")[0].removeprefix("id: "))
            await asyncio.sleep(_PAUSE)
            while not await _in_time(viewer.woken):
                yield HEARTBEAT

    async def _answer(self, index: Index, session: str | None, after: int, silent: list[str]) -> str | None:
        """The event that tells what changed; empty if nothing did, None if it is too much."""
        key = (index, session, after, *silent)
        if key not in self._answers:
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            told = asyncio.to_thread(_changed, index, session, after, silent)
            self._answers[key] = asyncio.ensure_future(told)
        # Whoever goes away meanwhile takes nothing from the others.
        return await asyncio.shield(self._answers[key])


async def _in_time(event: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(event.wait(), _HEARTBEAT)
    except TimeoutError:
        return False
    return True


def _changed(index: Index, session: str | None, after: int, silent: list[str]) -> str | None:
    with index.reading() as connection:
        found = changes(connection, session, after)
        if found is None:
            return None
        told = {each["id"] for each in found["sessions"]}
        found["sessions"] += summaries(connection, [uid for uid in silent if uid not in told])
    if not any(found[name] for name in ("sessions", "spans", "gone", "arrows")):
        return ""
    return f"id: {found['position']}\nevent: change\ndata: {dumped(found)}\n\n"
