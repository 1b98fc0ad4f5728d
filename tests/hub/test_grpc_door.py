"""The door of OTLP over gRPC: real exporters, and calls that get it wrong."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from typing import TYPE_CHECKING, Any

import grpc as untyped  # type: ignore[import-untyped]
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from handspan.addresses import Address
from handspan.hub.bodies import MOST_BYTES
from handspan.hub.grpc_door import GrpcDoor
from handspan.hub.listening import Taken
from handspan.otel_env import Target
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.otlp_grpc import OtlpGrpc
from tests.hub import requests
from tests.hub.keeping import keeping

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from handspan.otlp import Kind
    from handspan.senders import Answer
    from tests.hub.keeping import Keeping

TOKEN = "t" * 16
grpc: Any = untyped


@contextlib.contextmanager
def open_door(hub: Keeping, token: str | None = None) -> Generator[int]:
    door = GrpcDoor(hub.keeper, [Address("127.0.0.1", 0)], token)
    door.start()
    try:
        yield door.ports[0]
    finally:
        door.stop(0.3)


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Keeping]:
    with keeping(tmp_path) as one:
        yield one


def post(port: int, kind: Kind, body: bytes, **more: Any) -> Answer:
    target = Target(endpoint=f"127.0.0.1:{port}", insecure=True, **more)
    with contextlib.closing(OtlpGrpc({kind: target})) as sender:
        return sender.post(kind, body)


def test_the_sdk_s_exporter(hub: Keeping) -> None:
    with open_door(hub) as port:
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}", insecure=True)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with provider.get_tracer("t").start_as_current_span("of the SDK"):
            pass
        provider.shutdown()
    ((kind, encoding, body),) = hub.kept
    assert (kind, encoding, b"of the SDK" in body) == ("traces", "protobuf", True)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("traces", requests.spans_in_protobuf("a")),
        ("logs", requests.logs_in_protobuf("a")),
        ("metrics", requests.metrics_in_protobuf("a")),
    ],
)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_our_own_sender(hub: Keeping, kind: Kind, body: bytes, compression: Any) -> None:
    with open_door(hub) as port:
        assert post(port, kind, body, compression=compression) == Done()
    assert hub.kept == [(kind, "protobuf", body)]


def test_what_is_rejected_of_a_request_is_told(hub: Keeping) -> None:
    bad = requests.spans_in_protobuf("bad", id="00" * 8)
    with open_door(hub) as port:
        answer = post(port, "traces", requests.spans_in_protobuf("good") + bad)
    assert answer == Done(1, "a span has no valid span id: it must be 8 bytes, not all zero")


def test_what_can_t_be_read_is_refused(hub: Keeping) -> None:
    with open_door(hub) as port:
        answer = post(port, "traces", b"nonsense")
    assert isinstance(answer, Refused)
    assert answer.why.startswith("gRPC INVALID_ARGUMENT: this is no ExportTraceServiceRequest")


def test_a_request_is_as_large_as_over_http_and_is_not_unpacked_past_that(hub: Keeping) -> None:
    with open_door(hub) as port:
        # More than gRPC takes where nothing is said.
        assert post(port, "logs", requests.logs_in_protobuf("x" * (MOST_BYTES - 100))) == Done()
        assert isinstance(post(port, "traces", b"x" * (MOST_BYTES + 1)), TooLarge)
        assert isinstance(post(port, "traces", b"x" * (MOST_BYTES + 1), compression="gzip"), TooLarge)
    assert [kind for kind, _, _ in hub.kept] == ["logs"]


def test_while_the_record_can_t_be_written_a_client_is_asked_to_come_back(hub: Keeping) -> None:
    with open_door(hub) as port:
        with contextlib.closing(sqlite3.connect(hub.record.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = post(port, "traces", requests.spans_in_protobuf("a"))
        assert isinstance(answer, Retry)
        assert answer.after == 5
        assert "the record can't be written (database is locked)" in answer.why
        assert post(port, "traces", requests.spans_in_protobuf("a")) == Done()


def test_where_there_is_a_token_it_is_asked_for(hub: Keeping) -> None:
    with open_door(hub, TOKEN) as port:
        answers = [
            post(port, "logs", b"", headers=headers)
            for headers in (
                (),
                (("authorization", f"Bearer {TOKEN[1:]}"),),
                (("authorization", f"Bearer {TOKEN}"),),
            )
        ]
    why = "gRPC UNAUTHENTICATED: send the hub's token: authorization: Bearer <token>"
    assert answers == [Refused(why), Refused(why), Done()]


def test_a_port_is_never_shared(hub: Keeping) -> None:
    with open_door(hub) as port:
        for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 (it can't be bound)
            with pytest.raises(Taken, match=rf" \(process \d+\) listens on {host}:{port} already"):
                GrpcDoor(hub.keeper, [Address(host, port)], None)
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port), reuse_port=True)


def test_no_other_service_is_there(hub: Keeping) -> None:
    with open_door(hub) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export")
        with pytest.raises(grpc.RpcError) as error:
            call(b"")
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_web_page_can_t_speak_to_it(hub: Keeping) -> None:
    with open_door(hub) as port, socket.create_connection(("127.0.0.1", port), 5) as browser:
        path = b"/opentelemetry.proto.collector.logs.v1.LogsService/Export"
        browser.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0")
        browser.settimeout(5)
        while browser.recv(4_096):
            pass
    assert (hub.kept, hub.counted) == ([], {})
