"""Where telemetry arrives: an OTLP endpoint on loopback that keeps all of it and tells when something has come."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING

from handspan.otlp import read
from tests.receivers import http_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from handspan.signals import Log, Span
    from tests.receivers import HttpReceiver, Request

# A span leaves within a second of its end; the longest that Handspan itself waits is its settling time, 2 s.
_PATIENCE = 60.0


class Sink:
    def __init__(self, receiver: HttpReceiver) -> None:
        self._receiver = receiver

    @property
    def settings(self) -> dict[str, str]:
        """What points an OpenTelemetry exporter here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self._receiver.url}

    def spans(self) -> list[Span]:
        return [span for body in self._bodies("/v1/traces") for span in read("traces", body)]

    def logs(self) -> list[Log]:
        return [log for body in self._bodies("/v1/logs") for log in read("logs", body)]

    def until(self, what: str, true: Callable[[Sink], bool]) -> None:
        """Returns as soon as it is so; `what` is what is missing if it never is."""
        arrived = self._receiver.arrived
        with arrived:
            if not arrived.wait_for(lambda: true(self), _PATIENCE):
                names = [span.name for span in self.spans()] + [log.name for log in self.logs()]
                raise AssertionError(f"{what}: not after {_PATIENCE} s. What has arrived is {names}")

    def _bodies(self, path: str) -> list[bytes]:
        return [_body(request) for request in list(self._receiver.requests) if request.path == path]


def _body(request: Request) -> bytes:
    return gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body


@contextmanager
def sink() -> Generator[Sink]:
    with http_receiver() as receiver:
        yield Sink(receiver)
