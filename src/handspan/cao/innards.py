"""The parts of CAO that it does not promise to plugins, found out one by one: what is missing costs what it told."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

_CAO = "cli_agent_orchestrator"
# Where CAO has its database, if it does not say so.
_DATABASE = ".aws/cli-agent-orchestrator/db/cli-agent-orchestrator.db"


class Bus(Protocol):
    """CAO's event bus, as far as we use it."""

    def subscribe(self, pattern: str) -> asyncio.Queue[Any]: ...
    def unsubscribe(self, pattern: str, queue: asyncio.Queue[Any]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Innards:
    """`lost` has a sentence for each part that was not found. `utc`: see Tables."""

    database: Path
    utc: bool
    bus: Bus | None
    get_session_env: Callable[[str], Mapping[str, str]]
    set_session_env: Callable[[str, dict[str, str]], None]
    uses_tmux: Callable[[], bool]
    lost: tuple[str, ...]

    @property
    def instance(self) -> str:
        """Which CAO this is: two servers on one database are one."""
        return hashlib.sha256(os.path.realpath(self.database).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def find() -> Innards:
    """Reads nothing and starts nothing: all of it is imported in cao-server anyway."""
    lost: list[str] = []
    bus = _part("services.event_bus", "bus", lost, "turns, and whether an agent works or waits")
    getter = _part("services.session_env", "get_session_env", lost, "which terminals are steps of workflows")
    setter = _part("services.session_env", "set_session_env", lost, "which session agents' own telemetry belongs to")
    _part("backends.registry", "_backend", lost, "agents, windows and sessions that vanish")
    return Innards(
        database=_part("constants", "DATABASE_FILE", [], "") or Path.home() / _DATABASE,
        utc=_part("clients.database", "UTCDateTime", [], "") is not None,
        bus=bus,
        get_session_env=getter or _nothing,
        set_session_env=setter or _ignored,
        uses_tmux=_uses_tmux,
        lost=tuple(lost),
    )


def _part(module: str, name: str, lost: list[str], tells: str) -> Any:
    try:
        return getattr(importlib.import_module(f"{_CAO}.{module}"), name)
    except (ImportError, AttributeError):
        lost.append(f"this CAO has no {module}.{name}, so Handspan can't tell {tells}")
        return None


def _uses_tmux() -> bool:
    """Not known before CAO has chosen. `get_backend` would choose, and in our thread."""
    backend = _part("backends.registry", "_backend", [], "")
    return any(cls.__name__ == "TmuxBackend" for cls in type(backend).__mro__)


def _nothing(_: str) -> Mapping[str, str]:
    return {}


def _ignored(_session: str, _environment: dict[str, str]) -> None:
    pass
