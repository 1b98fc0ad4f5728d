"""Calls plugins when something happened, and lets nothing that they do reach anyone else.

    put ──▶ one thread, which makes events of log events ──▶ a thread with its own event loop for each plugin

A plugin has a thread of its own because Python can't stop code that blocks: one that hangs, in a sync handler or in an
async one that does not await, holds up its own events and nobody else's. The first thread watches the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from typing import TYPE_CHECKING

from handspan import names
from handspan.plugins.audit import Audit
from handspan.plugins.caller import QUEUE, Caller
from handspan.plugins.chat import Chat
from handspan.plugins.events import Listener
from handspan.signals import Count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from handspan.plugins import Plugin
    from handspan.signals import Log

GROUP = "handspan.plugins"

_log = logging.getLogger("handspan.hooks")


def installed(environ: Mapping[str, str], state_dir: Path) -> list[Plugin | EntryPoint]:
    """The plugins of ours that `environ` switches on, and those that installed packages declare. Loads none of them."""
    ours = (Audit.configured(environ, state_dir), Chat.configured(environ))
    return [*(plugin for plugin in ours if plugin), *entry_points(group=GROUP)]


class Hooks:
    """The plugins, and the threads that call them; there are none before `start`.

    A set-up or a handler that takes more than `timeout` seconds is cancelled, or named if it can't be.
    """

    def __init__(self, plugins: Iterable[Plugin | EntryPoint], *, timeout: float = 10.0) -> None:
        self._callers = [Caller(plugin, timeout) for plugin in plugins]
        self._timeout = timeout
        self._inbox: deque[Log] = deque()
        self._dropped = 0
        self._news = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._deliver, name="handspan-hooks", daemon=True)
        self._started = False
        self._closed = False
        self._counted: dict[tuple[str, str], int] = {}

    def start(self, wait: float) -> None:
        """Set all plugins up, and wait for that, for so many seconds at most. Started twice, it only waits."""
        deadline = time.monotonic() + wait
        with self._lock:
            if not self._closed and not self._started:
                self._started = True
                self._begin()
        for caller in self._callers:
            caller.set_up.wait(max(0.0, deadline - time.monotonic()))

    def put(self, logs: Sequence[Log]) -> None:
        """Tell the plugins. For one thread to call; it never waits and never raises, and drops what is too much."""
        if not self._callers:
            return
        room = 0 if self._closed else max(0, QUEUE - len(self._inbox))
        self._inbox.extend(islice(logs, room))
        self._dropped += max(0, len(logs) - room)
        self._news.set()

    def counts(self) -> dict[tuple[str, str], int]:
        """What went wrong, by plugin and reason: skipped, failed, timed_out or dropped. `*` is all plugins."""
        counts = {("*", "dropped"): self._dropped} if self._dropped else {}
        for caller in self._callers:
            for reason, count in list(caller.complaints.counts.items()):
                counts[caller.name, reason] = counts.get((caller.name, reason), 0) + count
        return counts

    def failures(self) -> Iterator[Count]:
        """What has gone wrong since this was last asked. For one thread to ask."""
        before, self._counted = self._counted, self.counts()
        for (plugin, outcome), number in self._counted.items():
            if new := number - before.get((plugin, outcome), 0):
                yield Count(name=names.HOOK_FAILURES, labels={"hook": plugin, "outcome": outcome}, value=new)

    def close(self, timeout: float) -> None:
        """Call handlers for what is queued, for half of so many seconds at most, then tear down. Safe twice."""
        deadline = time.monotonic() + timeout
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if not (self._started and self._callers):
            return
        self._news.set()
        self._thread.join(timeout / 2)
        for caller in self._callers:
            caller.stop(timeout / 2)
        for caller in self._callers:
            caller.join(max(0.0, deadline - time.monotonic()))

    def _begin(self) -> None:
        if not self._callers:
            _log.info("No plugin is installed: no hook is called.")
            return
        for caller in self._callers:
            caller.start()
        self._thread.start()

    def _deliver(self) -> None:
        listener, closed = Listener(), False
        while not closed:
            self._news.wait(self._timeout)
            self._news.clear()
            closed = self._closed
            while self._inbox:
                if event := listener.hear(self._inbox.popleft()):
                    for caller in self._callers:
                        caller.tell(event)
            for caller in self._callers:
                caller.watch()
