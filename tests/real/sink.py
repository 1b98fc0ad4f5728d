"""Where telemetry arrives: an OTLP endpoint on loopback that keeps all of it and tells when something has come."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handspan import names
from handspan.otlp import read
from tests.receivers import grpc_receiver, http_receiver

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Mapping

    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

    from handspan.signals import Log, Span
    from tests.receivers import Request

# A span leaves within a second of its end; the longest that Handspan itself waits is its settling time, 2 s. CAO's own
# waits for 5 s.
_PATIENCE = 60.0


class Sink:
    """`settings` are what points an OpenTelemetry exporter here, and `bodies` the requests of a kind."""

    def __init__(
        self, settings: Mapping[str, str], arrived: threading.Condition, bodies: Callable[[str], list[bytes]]
    ) -> None:
        self.settings = settings
        self._arrived = arrived
        self._bodies = bodies

    def spans(self) -> list[Span]:
        return [span for body in self._bodies("traces") if _ours(body) for span in read("traces", body)]

    def logs(self) -> list[Log]:
        return [log for body in self._bodies("logs") if _ours(body) for log in read("logs", body)]

    def others_spans(self) -> list[OtlpSpan]:
        """Those that somebody else in the server's process has sent."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self._bodies("traces") if not _ours(body)]
        return [
            span
            for request in requests
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def until(self, what: str, true: Callable[[Sink], bool]) -> None:
        """Returns as soon as it is so; `what` is what is missing if it never is."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: true(self), _PATIENCE):
                arrived = [span.name for span in self.spans()] + [log.name for log in self.logs()]
                raise AssertionError(f"{what}: not after {_PATIENCE} s. What has arrived is {arrived}")


def _ours(body: bytes) -> bool:
    """Everything of ours has it in its resource, and nobody else's telemetry has."""
    return names.INSTANCE.encode() in body


@contextmanager
def sink() -> Generator[Sink]:
    with http_receiver() as receiver:

        def bodies(kind: str) -> list[bytes]:
            return [_body(request) for request in list(receiver.requests) if request.path == f"/v1/{kind}"]

        yield Sink({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, receiver.arrived, bodies)


def _body(request: Request) -> bytes:
    return gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body


@contextmanager
def grpc_sink() -> Generator[Sink]:
    """For all that is in one process: CAO's own telemetry knows gRPC alone, and reads the variables that we read."""
    with grpc_receiver() as receiver:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{receiver.target}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }

        def bodies(kind: str) -> list[bytes]:
            return [body for what, body in list(receiver.bodies) if what == kind]

        yield Sink(settings, receiver.arrived, bodies)
