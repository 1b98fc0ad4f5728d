"""One server that plays many scenarios at once, who watches it, and where its telemetry arrives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.real.cao_install import ROOT
from tests.real.cao_server import CaoServer
from tests.real.scenarios import SCENARIOS
from tests.real.scene import Roles, Scene
from tests.real.sink import Sink, grpc_sink, sink
from tests.real.truth import Witness

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

# What a server is told, so that Handspan's plugin is not in it; and so that CAO's own telemetry is on.
WITHOUT_HANDSPAN = {"PYTHONPATH": str(ROOT / "tests" / "real" / "alone")}
WITH_OWN = {"OTEL_SDK_DISABLED": "false"}
# As many as two cores bear: CAO gives up an agent that is not there in 15 s.
_AT_ONCE = 4


class Stage:
    def __init__(self, server: CaoServer, witness: Witness, arrived: Sink, pool: ThreadPoolExecutor) -> None:
        self.server = server
        self.witness = witness
        self.sink = arrived
        self._pool = pool
        self._played: dict[str, Future[Roles]] = {}

    def scene(self, name: str) -> Scene:
        return Scene(name=name, server=self.server, witness=self.witness)

    def begin(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._played:
                self._played[name] = self._pool.submit(SCENARIOS[name], self.scene(name))

    def played(self, name: str) -> Roles:
        """Who took part in the scenario, once it is over."""
        self.begin([name])
        return self._played[name].result()


@contextmanager
def stage(environment: Path, folder: Path, settings: Mapping[str, str] | None = None) -> Generator[Stage]:
    told = settings or {}
    with (
        grpc_sink() if told.keys() >= WITH_OWN.keys() else sink() as arrived,
        CaoServer(environment, folder, {**arrived.settings, **told}) as server,
        Witness(server.database, server.home / "diary") as witness,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        try:
            yield Stage(server, witness, arrived, pool)
        finally:
            # What is still played when all tests are over is of no use to anyone.
            witness.leave()
            pool.shutdown(cancel_futures=True)
