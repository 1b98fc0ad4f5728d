"""An ASGI application on a real server of ours on loopback, and what a client says to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import urllib3
import uvicorn

from handspan.hub.protocol import Punctual

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Served:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(method, self.url + path, body=body, headers=headers)

    def post(self, path: str, body: bytes, kind: str, **headers: str) -> urllib3.BaseHTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, {"content-type": kind, **named})

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """They are for the main thread."""
        yield


@contextlib.contextmanager
def served(app: ASGIApp, *, header_seconds: float = 10.0) -> Generator[Served]:
    class Protocol(Punctual):
        pass

    Protocol.header_seconds = header_seconds
    config = uvicorn.Config(
        app, http=Protocol, ws="none", lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listening]),), daemon=True)
        thread.start()
        assert server.ready.wait(10)
        try:
            yield Served(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
