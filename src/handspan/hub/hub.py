"""The hub as one process runs it: what it is made of, started and ended in order.

sockets ▶ record ▶ its own engine ▶ forward ▶ index ▶ gRPC ▶ HTTP        started in this order, ended in the other
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handspan import names
from handspan.addresses import Address
from handspan.hosting import Host
from handspan.hub import pushed
from handspan.hub.app import application
from handspan.hub.doors import otlp
from handspan.hub.events_door import events
from handspan.hub.forward import Forward
from handspan.hub.guards import Allowed, Guards
from handspan.hub.health import health
from handspan.hub.into_record import IntoRecord
from handspan.hub.keeper import Keeper
from handspan.hub.onward import Onward
from handspan.hub.pushed import Pushed
from handspan.hub.record import Record
from handspan.hub.retention import Bounds
from handspan.hub.showing import Showing
from handspan.hub.tally import Tally
from handspan.signals import Point, Resource, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp

    from handspan.config import Settings
    from handspan.hub.grpc_door import GrpcDoor

WEB = Path(__file__).parent / "web"
SOURCE = "hub"
# A scrape has ten seconds; an engine that can't write its file now does not answer.
_LOOK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a hub is to run, beside its settings. `grpc` are the addresses of that door; a `demo` is shown until anything
    real has come."""

    forward: Sequence[str] = ()
    grpc: Sequence[Address] = ()
    allowed: Allowed
    demo: bool = False


class Hub:
    """Raises `spool.lock.Held` where another hub has the state directory, OSError or sqlite3.Error where its record
    can't be opened, ValueError for a target that can't be used. `start` raises `listening.Taken`."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], plan: Plan) -> None:
        targets = [Onward(url) for url in plan.forward]
        self._plan = plan
        self._tally = Tally()
        self._pushed = Pushed()
        self.record = Record(
            settings.state_dir / "record.db",
            bounds=Bounds(most_bytes=settings.spool_max_bytes, age=settings.spool_max_age),
            lost=self._tally.lost,
        )
        instance = _instance(settings.state_dir)
        self._resource = Resource(service=SOURCE, namespace=SOURCE, instance=instance)
        self._host = Host(
            settings,
            environ,
            source=SOURCE,
            instance=instance,
            translate=lambda event: (event,),
            looks=False,
            otlp={"record": IntoRecord(self.record)},
        )
        self._keeper = Keeper(self.record, self._tally, self._pushed.hear)
        self._forward = Forward(self.record, targets, self._tally)
        self._showing = Showing(self.record, settings.state_dir / "index.db", demo=plan.demo)
        self._grpc: GrpcDoor | None = None

    def app(self) -> ASGIApp:
        """What it serves over HTTP."""
        doors = [otlp(self._keeper), events(self._host.submit), health(self._troubles, self._metrics)]
        return Guards(application([*doors, self._showing.router], WEB), self._plan.allowed)

    def start(self) -> None:
        if self._plan.grpc:
            # Imported where it is used: it takes a tenth of a second.
            from handspan.hub.grpc_door import GrpcDoor  # noqa: PLC0415

            self._grpc = GrpcDoor(self._keeper, self._plan.grpc, self._plan.allowed.token)
        self._host.start()
        self._forward.start()
        self._showing.start()
        if self._grpc:
            self._grpc.start()

    def flush(self, timeout: float) -> bool:
        """Whether all that came in as events has become entries of the record, within `timeout` seconds."""
        return self._host.flush(timeout)

    def close(self) -> None:
        """End within a second and a half; what has not been passed on stays in the record."""
        if self._grpc:
            self._grpc.stop(0.3)
        self._host.close(0.8)
        self._forward.stop(0.2)
        self._showing.stop()
        self.record.close()

    def _troubles(self) -> list[str]:
        return [f"the record can't be written: {self.record.trouble}"] if self.record.trouble else []

    def _metrics(self) -> list[Series]:
        return pushed.by_instance([*self._own(), *self._tally.series(self._resource), *self._pushed.series()])

    def _own(self) -> list[Series]:
        held = Series(
            name=names.RECORD_BYTES,
            kind="gauge",
            unit="By",
            says=names.METRICS[names.RECORD_BYTES].says,
            start=0,
            resource=self._resource,
            points=(Point(labels={}, value=self.record.bytes()),),
        )
        try:
            return [held, *self._host.metrics(_LOOK)]
        except TimeoutError:
            return [held]


def _instance(state_dir: Path) -> str:
    """The same after a restart: two hubs of one state directory are one."""
    return hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:16]
