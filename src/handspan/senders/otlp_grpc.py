"""OTLP over gRPC. grpc is imported when a sender is made: it costs 100 ms and more, which no host pays for nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from handspan import otlp
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.otlp_http import partial_success

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handspan.otel_env import Target
    from handspan.otlp import Kind, Record
    from handspan.senders import Answer

_METHODS: Mapping[Kind, str] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
# As the specification of OTLP lists them; RESOURCE_EXHAUSTED only where the answer says when to come back.
_LATER = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
# After a failure gRPC refuses to connect for up to two minutes. The caller backs off, so one second is enough here.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.primary_user_agent", "OTel-OTLP-Exporter-Handspan"),
)


class OtlpGrpc:
    def __init__(self, targets: Mapping[Kind, Target]) -> None:
        self.name = " ".join(("otlp_grpc", *dict.fromkeys(target.endpoint for target in targets.values())))
        self.kinds = frozenset(targets)
        self._channels: dict[Kind, Any] = {kind: _channel(target) for kind, target in targets.items()}
        self._targets = dict(targets)
        self._calls = {kind: channel.unary_unary(_METHODS[kind]) for kind, channel in self._channels.items()}

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        return self.post(kind, otlp.request(records))

    def post(self, kind: Kind, body: bytes) -> Answer:
        """Takes a whole request there."""
        import grpc  # type: ignore[import-untyped]  # noqa: PLC0415

        target = self._targets[kind]
        try:
            answer = self._calls[kind](body, timeout=target.timeout, metadata=target.headers)
        except grpc.RpcError as error:
            return _failure(error)
        except ValueError as error:
            # Closed meanwhile. It never left, so it is not refused either.
            return Retry(str(error))
        try:
            return partial_success(kind, answer)
        except ValueError:
            return Done(said="the answer is no OTLP")

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()


def _channel(target: Target) -> Any:
    import grpc  # noqa: PLC0415

    compression = grpc.Compression.Gzip if target.compression == "gzip" else grpc.Compression.NoCompression
    if target.insecure:
        return grpc.insecure_channel(target.endpoint, _OPTIONS, compression)
    credentials = grpc.ssl_channel_credentials(
        _content(target.certificate),
        _content(target.client_key or target.client_certificate),
        _content(target.client_certificate),
    )
    return grpc.secure_channel(target.endpoint, credentials, _OPTIONS, compression)


def _content(path: str | None) -> bytes | None:
    return Path(path).read_bytes() if path else None


def _failure(error: Any) -> Retry | TooLarge | Refused:
    code, details = error.code().name, error.details() or ""
    why = f"gRPC {code}: {' '.join(details.split())[:300]}"
    if code in _LATER:
        return Retry(why, _retry_info(error))
    if code != "RESOURCE_EXHAUSTED":
        return Refused(why)
    # "Received message larger than max (5242880 vs. 4194304)": so say the servers in C++, Go and Java alike.
    if "larger than max" in details:
        return TooLarge(why)
    after = _retry_info(error)
    return Refused(why) if after is None else Retry(why, after)


def _retry_info(error: Any) -> float | None:
    """The delay of a google.rpc.RetryInfo, which comes in a google.rpc.Status beside the answer."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _delay(value)
    return None


def _delay(encoded: bytes) -> float | None:
    status: Any = status_pb2.Status()
    info: Any = error_details_pb2.RetryInfo()
    try:
        status.ParseFromString(encoded)
        if not any(detail.Unpack(info) for detail in status.details):
            return None
    except DecodeError:
        return None
    return max(0.0, float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9))
