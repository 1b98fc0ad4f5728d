"""What the plugin's `setup()` begins and its `teardown()` ends."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from handspan import config, hosting
from handspan.cao import innards, panes, said
from handspan.cao.desk import SHOWN_WITHIN, Desk
from handspan.cao.joining import Joining
from handspan.cao.poller import Poller
from handspan.cao.sweeps import Sweeps
from handspan.cao.tables import Tables
from handspan.sources.cao import SOURCE, Translator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.cao.innards import Bus, Innards

_log = logging.getLogger("handspan")

# All that may take at a stop of the server, the poller's last look and the host's last commit.
_STOP = 2.0
_LAST_LOOK = 1.0


class Watch:
    """One life of cao-server, watched."""

    def __init__(self, host: hosting.Host, poller: Poller, bus: Bus | None) -> None:
        self._host = host
        self._poller = poller
        self._bus = bus
        if bus is not None:
            self._statuses = bus.subscribe(said.STATUS_TOPIC)
            self._draining = asyncio.get_running_loop().create_task(self._drain())

    def hear(self, event: Any) -> None:
        """A hook's event: from any thread, in microseconds."""
        fact = said.hook(event, time.time_ns())
        if fact is not None:
            self._poller.hear(fact)

    async def _drain(self) -> None:
        # At once, as the bus says no time, and drops what its queue can't hold.
        while True:
            fact = said.status(await self._statuses.get(), time.time_ns())
            if fact is not None:
                self._poller.hear(fact)

    def end(self) -> None:
        """Stop within 2 s. On the server's loop, which has nothing left to serve: its threads may all be busy."""
        until = time.monotonic() + _STOP
        if self._bus is not None:
            self._draining.cancel()
            self._bus.unsubscribe(said.STATUS_TOPIC, self._statuses)
            self._take_rest()
        self._poller.stop(_LAST_LOOK)
        self._host.close(until - time.monotonic())

    def _take_rest(self) -> None:
        while not self._statuses.empty():
            fact = said.status(self._statuses.get_nowait(), time.time_ns())
            if fact is not None:
                self._poller.hear(fact)


def begin(environ: Mapping[str, str]) -> Watch:
    """On the server's loop. Raises config.WrongSetting, ValueError or OSError; nothing runs then."""
    read = config.read(environ)
    for warning in read.warnings:
        _log.warning("%s", warning)
    parts = innards.find()
    for lost in parts.lost:
        _log.warning("%s.", lost)
    translator = Translator(parts.instance)
    host = hosting.Host(
        read.settings, environ, source=SOURCE, instance=parts.instance, translate=translator.translate, looks=True
    )
    poller = _poller(parts, host)
    watch = Watch(host, poller, parts.bus)
    host.start()
    poller.start()
    return watch


def _poller(parts: Innards, host: hosting.Host) -> Poller:
    tables = Tables(parts.database, utc=parts.utc)
    desk = Desk(
        tables,
        host.put,
        session_env=parts.get_session_env,
        entered=Joining(parts.get_session_env, parts.set_session_env).enter,
        shown_within=SHOWN_WITHIN if parts.bus else 0,
        clock=time.time_ns,
    )
    return Poller(tables, desk, Sweeps(), host.put, panes=panes.panes, uses_tmux=parts.uses_tmux)
