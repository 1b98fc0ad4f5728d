"""A whole hub on loopback: a state directory of its own, a free port, real clients."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan import config, otlp
from handspan.hub.guards import Allowed
from handspan.hub.hub import Hub, Plan
from tests.hub.served import Served, served

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from handspan.addresses import Address
    from handspan.hub.record import Entry
    from handspan.signals import Log, Span


@dataclass(frozen=True, slots=True)
class Running:
    hub: Hub
    http: Served

    def until(self, entries: int) -> list[Entry]:
        """What is kept, once there is so much of it."""
        assert self.hub.record.wait(entries - 1, 10)
        return self.hub.record.after(0, 1_000_000)

    def signals(self) -> list[Span | Log]:
        """What the hub's own engine has made of events."""
        found: list[Span | Log] = []
        for entry in self.hub.record.after(0, 1_000_000):
            if entry.kind != "metrics":
                found += otlp.read(entry.kind, entry.body)
        return found


def settings_of(folder: Path, **environ: str) -> config.Settings:
    named = {f"HANDSPAN_{name.upper()}": value for name, value in environ.items()}
    state = {"HOME": str(folder), "HANDSPAN_STATE_DIR": str(folder / "state"), "HANDSPAN_SETTLE": "0.1s"}
    return config.read({**state, **named}).settings


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    forward: Sequence[str] = (),
    grpc: Sequence[Address] = (),
    allowed: Allowed | None = None,
    demo: bool = False,
    **environ: str,
) -> Generator[Running]:
    plan = Plan(forward=forward, grpc=grpc, allowed=allowed or Allowed(), demo=demo)
    hub = Hub(settings_of(folder, **environ), {}, plan)
    try:
        hub.start()
        with served(hub.app()) as http:
            yield Running(hub, http)
    finally:
        hub.close()
