"""Calls one plugin, on a thread and an event loop of its own, and catches all that the plugin does."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import traceback
from collections import Counter, deque
from contextlib import suppress
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from handspan.plugins import Plugin, handlers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from handspan.plugins import Handler
    from handspan.plugins.events import HookEvent

# Events are about 1 KB, so an inbox that nobody empties holds about 10 MB.
QUEUE = 10_000
# One line a minute of each plugin, however often it fails.
_QUIET = 60.0
# Of an error's own words: they may be a whole response.
_WORDS = 300

_log = logging.getLogger("handspan.hooks")


class Caller:
    """One plugin. `set_up` is set once it is known whether the plugin can be called."""

    def __init__(self, plugin: Plugin | EntryPoint, timeout: float) -> None:
        self.name = plugin.name if isinstance(plugin, EntryPoint) else type(plugin).__name__
        self.complaints = Complaints(self.name)
        self.set_up = threading.Event()
        self._given = plugin
        self._timeout = timeout
        self._plugin: Plugin | None = None
        self._handlers: dict[str, list[Handler]] = {}
        self._inbox: deque[HookEvent | None] = deque()
        self._news = asyncio.Event()
        self._running: _Run | None = None
        self._last_moment: asyncio.TimerHandle | None = None
        self._cut_off = False

    # --- on other threads --------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name=f"handspan-plugin-{self.name}", daemon=True)
        self._thread.start()

    def tell(self, event: HookEvent) -> None:
        if len(self._inbox) >= QUEUE or not self._thread.is_alive():
            self.complaints.count("dropped")
            return
        self._inbox.append(event)
        self._soon(self._news.set)

    def watch(self) -> None:
        """Complain of a call that can't be cancelled: what can be has been by twice the time it has."""
        run = self._running
        if run and run.seconds() > 2 * self._timeout:
            self._complain(run, "timed_out", f"is still running after {run.seconds():.1f} s")

    def stop(self, within: float) -> None:
        """Call what is in the inbox for so many seconds at most, then tear down."""
        self._soon(self._stop, within)

    def join(self, wait: float) -> None:
        self._thread.join(wait)
        if self._thread.is_alive():
            what = self._running.what if self._running else "a task that it began"
            _log.warning("Plugin %s: left behind, %s does not end", self.name, what)

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # The loop is closed: the plugin was skipped, or has ended.
            self._loop.call_soon_threadsafe(call, *arguments)

    # --- on the plugin's thread --------------------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # A task that the plugin began can end the loop: by sys.exit(), for one.
            self.complaints.say("failed", f"has ended: {_in_words(error)}")

    async def _serve(self) -> None:
        await self._run("setup", self._begin)
        self.set_up.set()
        if self._plugin is None:
            return
        while (event := await self._next()) is not None:
            for handler in self._handlers.get(event.name, ()):
                if not self._cut_off:
                    await self._run(getattr(handler, "__name__", event.name), handler, event)
        if self._last_moment:
            self._last_moment.cancel()
        await self._run("teardown", self._plugin.teardown)

    async def _begin(self) -> None:
        plugin = _loaded(self._given)
        self._handlers = handlers_of(plugin)
        await _done(plugin.setup())
        self._plugin = plugin

    async def _next(self) -> HookEvent | None:
        while not self._inbox:
            self._news.clear()
            await self._news.wait()
        return self._inbox.popleft()

    async def _run(self, what: str, call: Callable[..., object], *arguments: object) -> None:
        limit = asyncio.timeout(self._timeout)
        self._running = run = _Run(what, limit)
        try:
            async with limit:
                await _done(call(*arguments))
        except BaseException as error:  # Whatever one handler does, the next is called.
            self._failed(run, error)
        finally:
            self._running = None
        if run.seconds() > self._timeout:
            self._complain(run, "timed_out", f"took {run.seconds():.1f} s")

    def _stop(self, within: float) -> None:
        self._inbox.append(None)
        self._news.set()
        self._last_moment = self._loop.call_later(within, self._cut)

    def _cut(self) -> None:
        self._cut_off = True
        self.complaints.count("dropped", sum(event is not None for event in self._inbox))
        self._inbox.clear()
        self._inbox.append(None)
        if self._running and not self._running.limit.expired():
            self._running.limit.reschedule(self._loop.time())

    def _failed(self, run: _Run, error: BaseException) -> None:
        stopped = run.limit.expired()
        how = f"stopped after {run.seconds():.1f} s" if stopped else f"failed: {_in_words(error)}"
        if run.what == "setup":
            self._complain(run, "skipped", f"{how}; the plugin is skipped")
        else:
            self._complain(run, "timed_out" if stopped else "failed", how)

    def _complain(self, run: _Run, reason: str, how: str) -> None:
        if run.complain():
            self.complaints.say(reason, f"{run.what} {how}")


class _Run:
    """One call of a plugin's code. Its own thread and the one that watches may both complain of it; once is enough."""

    def __init__(self, what: str, limit: asyncio.Timeout) -> None:
        self.what = what
        self.limit = limit
        self._begun = time.monotonic()
        self._first = threading.Lock()

    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def complain(self) -> bool:
        return self._first.acquire(blocking=False)


class Complaints:
    """What went wrong with one plugin: all of it counted, and some of it said."""

    def __init__(self, plugin: str) -> None:
        self.counts: Counter[str] = Counter()
        self._plugin = plugin
        self._lock = threading.Lock()
        self._unsaid = 0
        self._quiet_until = 0.0

    def count(self, reason: str, number: int = 1) -> None:
        with self._lock:
            self.counts[reason] += number

    def say(self, reason: str, text: str) -> None:
        self.count(reason)
        with self._lock:
            if time.monotonic() < self._quiet_until:
                self._unsaid += 1
                return
            more = f" (and {self._unsaid} more since the last such line)" if self._unsaid else ""
            self._unsaid = 0
            self._quiet_until = time.monotonic() + _QUIET
        _log.warning("Plugin %s: %s%s", self._plugin, text, more)


def _loaded(given: Plugin | EntryPoint) -> Plugin:
    if isinstance(given, Plugin):
        return given
    kind = given.load()
    if not (isinstance(kind, type) and issubclass(kind, Plugin)):
        raise TypeError(f"{given.value} is no subclass of handspan.Plugin")
    return kind()


async def _done(result: object) -> None:
    if inspect.isawaitable(result):
        await result


def _in_words(error: BaseException) -> str:
    """An error in one line, and where it was raised."""
    words = " ".join(traceback.format_exception_only(error)[-1].split())[:_WORDS]
    frames = traceback.extract_tb(error.__traceback__)
    return f"{words} ({frames[-1].filename}:{frames[-1].lineno})" if frames else words
