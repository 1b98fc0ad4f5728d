"""OTLP over gRPC. Bytes go through as they came: what reads them is what reads them from HTTP."""

from __future__ import annotations

import hmac
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from handspan.hub import listening
from handspan.hub.answers import CODES, Refusal
from handspan.hub.bodies import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handspan.addresses import Address
    from handspan.hub.keeper import Keeper
    from handspan.otlp import Kind

_SERVICES: dict[str, Kind] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
    "opentelemetry.proto.collector.metrics.v1.MetricsService": "metrics",
}
# Each waits for a commit, and all that wait are in one.
_AT_ONCE = 16
_OPTIONS = (
    # Or two servers would share a port, and each get half.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.max_concurrent_streams", 100),
)


class GrpcDoor:
    """Raises `listening.Taken`."""

    def __init__(self, keeper: Keeper, addresses: Sequence[Address], token: str | None) -> None:
        import grpc as untyped  # type: ignore[import-untyped]  # noqa: PLC0415 (a hub without this door does not pay for it)

        grpc: Any = untyped

        self._keeper = keeper
        self._authorization = f"Bearer {token}".encode() if token else None
        self._codes: Any = grpc.StatusCode
        self._pool = ThreadPoolExecutor(_AT_ONCE, "handspan-grpc")
        self._server: Any = grpc.server(self._pool, options=_OPTIONS)
        for service, kind in _SERVICES.items():
            method = grpc.unary_unary_rpc_method_handler(self._exporting(kind))
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
        self.ports = [self._bound(address) for address in addresses]

    def _bound(self, address: Address) -> int:
        # gRPC itself says no more than that it failed, and says it on stderr.
        for one in listening.listen([address]):
            one.close()
        return int(self._server.add_insecure_port(str(address)))

    def start(self) -> None:
        self._server.start()

    def stop(self, grace: float) -> None:
        """End within `grace` seconds."""
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=False)

    def _exporting(self, kind: Kind) -> Callable[[bytes, Any], bytes]:
        def export(body: bytes, context: Any) -> bytes:
            try:
                self._check(context)
                return self._kept(kind, body)
            except Refusal as refusal:
                raise self._aborted(context, refusal) from refusal

        return export

    def _check(self, context: Any) -> None:
        said = dict(context.invocation_metadata()).get("authorization", "")
        if self._authorization and not hmac.compare_digest(said.encode(), self._authorization):
            raise Refusal(401, "send the hub's token: authorization: Bearer <token>")

    def _kept(self, kind: Kind, body: bytes) -> bytes:
        taken = self._keeper.take(kind, "protobuf", body)
        error = None
        if taken.committed:
            wait([taken.committed])
            error = taken.committed.exception()
        return self._keeper.done(taken, error)

    def _aborted(self, context: Any, refusal: Refusal) -> BaseException:
        codes = {
            400: self._codes.INVALID_ARGUMENT,
            401: self._codes.UNAUTHENTICATED,
            429: self._codes.RESOURCE_EXHAUSTED,
            503: self._codes.UNAVAILABLE,
        }
        if refusal.after is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", _retry_info(refusal)),))
        context.abort(codes[refusal.status], refusal.why)
        return refusal


def _retry_info(refusal: Refusal) -> bytes:
    """Without it a client takes "exhausted" for an end."""
    from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]  # noqa: PLC0415

    info: Any = error_details_pb2.RetryInfo()
    info.retry_delay.FromSeconds(refusal.after)
    status: Any = status_pb2.Status(code=CODES[refusal.status], message=refusal.why)
    status.details.add().Pack(info)
    encoded: bytes = status.SerializeToString()
    return encoded
