"""A hub at work: it serves until it is told to end by a signal, and then ends within two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import uvicorn

from handspan.hub.protocol import Punctual

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator

    from starlette.types import ASGIApp

# Requests that are being answered at the end. A live page's never is.
_GRACE = 0.5
_BACKLOG = 2_048


def serve(app: ASGIApp, sockets: list[socket.socket], ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called when the doors are open."""
    config = uvicorn.Config(
        app,
        http=Punctual,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE,  # type: ignore[arg-type] # (it is given to asyncio, which takes parts of seconds)
    )
    asyncio.run(_Server(config, ready).serve(sockets))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """uvicorn's own would raise the signal again after the end, as if nothing had been ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self.should_exit = True
