"""`handspan up`: the hub, until it is told to end."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from handspan import config
from handspan.addresses import Address, addresses
from handspan.commands import Failure
from handspan.hub import listening
from handspan.hub.guards import Allowed
from handspan.hub.hub import Hub, Plan
from handspan.hub.serving import serve
from handspan.setting_kinds import ENDPOINTS
from handspan.spool.lock import Held

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from handspan.config import Settings

_GRPC_PORT = 4317
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says; what it does not say, the settings do."""

    listen: str | None
    grpc: bool
    forward: Sequence[str]
    hosts: Sequence[str]
    origins: Sequence[str]
    demo: bool


def up(asked: Asked, say: Callable[[str], None]) -> None:
    """Run until a signal ends it. Raises Failure."""
    # The hub is a process of its own: what it has to say, it says on stderr.
    logging.basicConfig(level=logging.WARNING, format="handspan: %(message)s")
    settings = _settings()
    where = _listen(asked.listen, settings)
    with contextlib.ExitStack() as opened:
        sockets = _sockets(where)
        for one in sockets:
            opened.enter_context(one)
        bound = [Address(*one.getsockname()[:2]) for one in sockets]
        grpc = [Address(address.host, _GRPC_PORT) for address in bound] if asked.grpc else []
        plan = Plan(
            forward=_forward(_urls(asked.forward) or settings.forward or (), [*bound, *grpc]),
            grpc=grpc,
            allowed=Allowed(
                hosts=frozenset({*map(str.lower, asked.hosts), *(address.host for address in bound)}),
                origins=frozenset(map(str.lower, asked.origins)),
                token=settings.token,
            ),
            demo=asked.demo,
        )
        hub = _hub(settings, plan)
        opened.callback(hub.close)
        _start(hub)
        serve(hub.app(), sockets, lambda: say(_ready(bound[0], settings)))


def _ready(address: Address, settings: Settings) -> str:
    token = "#token=<your token>" if settings.token else ""
    return f"Handspan shows what your agents do at http://{address}/{token} and keeps it in {settings.state_dir}."


def _settings() -> Settings:
    try:
        return config.read(os.environ).settings
    except config.WrongSetting as wrong:
        raise Failure(str(wrong)) from wrong


def _listen(said: str | None, settings: Settings) -> Sequence[Address]:
    try:
        where = addresses(said) if said else settings.listen
    except ValueError as error:
        raise Failure(f"--listen {said} is no host:port: name an IP address or localhost, and a port.") from error
    if settings.token is None and not all(address.is_loopback for address in where):
        raise Failure(
            "whoever reaches this machine could read what your agents do: set HANDSPAN_TOKEN to a long random text, or"
            " listen on localhost."
        )
    return where


def _sockets(where: Sequence[Address]) -> list[socket.socket]:
    try:
        return listening.listen(where)
    except listening.Taken as taken:
        raise Failure(f"{taken}, or name another address with --listen.") from taken


def _urls(said: Sequence[str]) -> Sequence[str]:
    try:
        return [url for each in said for url in cast("tuple[str, ...]", ENDPOINTS.read(each))]
    except ValueError as error:
        raise Failure(f"--forward takes {ENDPOINTS.allowed}.") from error


def _forward(urls: Sequence[str], own: Sequence[Address]) -> Sequence[str]:
    for url in urls:
        parts = urlsplit(url)
        if listening.is_own(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, _GRPC_PORT), own):
            raise Failure(f"{parts.hostname}:{parts.port} is the hub itself: name another endpoint with --forward.")
    return urls


def _hub(settings: Settings, plan: Plan) -> Hub:
    try:
        return Hub(settings, os.environ, plan)
    except Held as held:
        raise Failure(
            f"another hub ({held}) keeps its record in {settings.state_dir}: end it, or name another folder with"
            " HANDSPAN_STATE_DIR."
        ) from held
    except (OSError, sqlite3.Error) as error:
        raise Failure(
            f"{settings.state_dir} can't be written ({error}): name another folder with HANDSPAN_STATE_DIR."
        ) from error


def _start(hub: Hub) -> None:
    if hub.record.set_aside:
        logging.getLogger("handspan").warning(
            "The record could not be used. It is kept as %s, and a new one was begun.", hub.record.set_aside
        )
    try:
        hub.start()
    except listening.Taken as taken:
        raise Failure(f"{taken}, or go without gRPC with --no-grpc.") from taken
