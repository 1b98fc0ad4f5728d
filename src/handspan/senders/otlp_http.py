"""OTLP over HTTP: protobuf bodies, an address for each kind of record."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from handspan import otlp
from handspan.senders import Done, Refused, Retry
from handspan.senders.posting import Poster, failure, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handspan.otel_env import Compression, Target
    from handspan.otlp import Kind, Record
    from handspan.senders import Answer
    from handspan.senders.posting import Reply

_PROTOBUF = "application/x-protobuf"
_HEADERS = {"User-Agent": "OTel-OTLP-Exporter-Handspan"}


class OtlpHttp:
    def __init__(self, targets: Mapping[Kind, Target]) -> None:
        bases = (place(target.endpoint).removesuffix(f"/v1/{kind}") for kind, target in targets.items())
        self.name = " ".join(("otlp_http", *dict.fromkeys(bases)))
        self.kinds = frozenset(targets)
        self._targets = dict(targets)
        self._posters = {kind: Poster(target) for kind, target in targets.items()}

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        return self.post(kind, otlp.request(records))

    def post(self, kind: Kind, body: bytes, content_type: str = _PROTOBUF) -> Answer:
        """Takes a whole request there."""
        compression = self._targets[kind].compression
        headers = {**_HEADERS, "Content-Type": content_type}
        if compression != "none":
            headers["Content-Encoding"] = compression
        reply = self._posters[kind].post(_compressed(body, compression), headers)
        if isinstance(reply, Retry):
            return reply
        return _taken(kind, reply) if 200 <= reply.status < 300 else failure(reply)

    def close(self) -> None:
        for poster in self._posters.values():
            poster.close()


def _compressed(body: bytes, compression: Compression) -> bytes:
    match compression:
        case "gzip":
            return gzip.compress(body, compresslevel=6, mtime=0)
        case "deflate":
            return zlib.compress(body)
        case "none":
            return body


def _taken(kind: Kind, reply: Reply) -> Done | Refused:
    if reply.headers.get("content-type", "").lower().startswith("text/html"):
        # A login page or a captive portal answers 200 to everything. What it "took" would be lost.
        return Refused(f"HTTP {reply.status} with a web page: nothing there speaks OTLP, or it wants a login")
    try:
        return partial_success(kind, reply.body or b"")
    except ValueError:
        # Some answer with JSON or a word. The status says that they took it, and it is not sent twice.
        return Done(said="the answer is no OTLP")


def partial_success(kind: Kind, answer: bytes) -> Done:
    """What of a request was rejected, as its answer says; ValueError for what is no answer of OTLP."""
    response: Any  # protobuf's classes come without types
    match kind:
        case "traces":
            response, field = ExportTraceServiceResponse(), "rejected_spans"
        case "logs":
            response, field = ExportLogsServiceResponse(), "rejected_log_records"
        case "metrics":
            response, field = ExportMetricsServiceResponse(), "rejected_data_points"
    try:
        response.ParseFromString(answer)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    said = response.partial_success
    return Done(max(0, getattr(said, field)), said.error_message)
