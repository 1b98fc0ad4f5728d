"""Real receivers on loopback for what is sent: HTTP and gRPC servers that behave as they are told."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc  # type: ignore[import-untyped]
from google.protobuf.any_pb2 import Any as Packed  # type: ignore[import-untyped]
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.proto.collector.logs.v1 import (  # pyright: ignore[reportMissingTypeStubs]
    logs_service_pb2,
    logs_service_pb2_grpc,
)
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(frozen=True, slots=True)
class Certificates:
    """One authority, a server's and a client's certificate signed by it, and an authority that signed nothing."""

    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / name)

    def content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()


_OPENSSL = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = handspan tests
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = IP:127.0.0.1,DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


def make_certificates(folder: Path) -> Certificates:
    (folder / "openssl.cnf").write_text(_OPENSSL)
    for name, extensions, authority in (
        ("ca", "ca", None),
        ("stranger", "ca", None),
        ("server", "leaf", "ca"),
        ("client", "leaf", "ca"),
    ):
        signed_by = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"] if authority else []
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-config", "openssl.cnf", "-extensions", extensions, *signed_by),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
                *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return Certificates(folder)


@dataclass(frozen=True, slots=True)
class Says:
    """What a receiver answers. `cut` closes the connection before the end of the body; `raw` is no HTTP at all."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cut: bool = False
    hang: bool = False
    close: bool = False
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    # Which connection it came by: the port it came from.
    connection: int


class HttpReceiver(ThreadingHTTPServer):
    """`says` are the answers in their order; the last one stays."""

    daemon_threads = True

    def __init__(self, *says: Says) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says = list(says)
        self.requests: list[Request] = []
        self.arrived = threading.Condition()
        self.released = threading.Event()
        self.closed = threading.Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def secure(self, certificates: Certificates, *, demand: bool = False) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.file("server.pem"), certificates.file("server.key"))
        if demand:
            context.load_verify_locations(certificates.file("ca.pem"))
            context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that hangs up, or does not like our certificate, is what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def receiver(self) -> HttpReceiver:
        return cast("HttpReceiver", self.server)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.receiver.arrived:
            self.receiver.requests.append(Request(self.path, headers, body, self.client_address[1]))
            self.receiver.arrived.notify_all()
        says = self.receiver.says.pop(0) if len(self.receiver.says) > 1 else self.receiver.says[0]
        self._answer(says)

    def do_GET(self) -> None:
        raise AssertionError("a redirect was followed")

    def _answer(self, says: Says) -> None:
        if says.hang:
            self.receiver.released.wait()
            self.close_connection = True
            return
        if says.raw is not None:
            self.wfile.write(says.raw)
            self.close_connection = True
            return
        self.send_response(says.status)
        for name, value in says.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(says.body) + (100 if says.cut else 0)))
        self.end_headers()
        self.wfile.write(says.body)
        self.close_connection = says.cut or says.close

    def finish(self) -> None:
        super().finish()
        if self.close_connection:
            self.connection.close()
            self.receiver.closed.set()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@contextmanager
def http_receiver(
    *says: Says, certificates: Certificates | None = None, demand: bool = False
) -> Generator[HttpReceiver]:
    server = HttpReceiver(*(says or (Says(),)))
    if certificates:
        server.secure(certificates, demand=demand)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- gRPC ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Status:
    """What a gRPC receiver answers: a code by name (OK with how many it rejected), and after how long to come back."""

    code: str = "OK"
    details: str = ""
    after: float | None = None
    rejected: int = 0
    hang: bool = False


@dataclass(slots=True)
class GrpcReceiver:
    status: Status
    port: int = 0
    bodies: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    metadata: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    released: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def export(self, kind: str, request: Any, context: Any) -> None:
        with self.arrived:
            self.bodies.append((kind, request.SerializeToString()))
            self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
            self.arrived.notify_all()
        if self.status.hang:
            self.released.wait()
        if self.status.after is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", retry_info(self.status.after)),))
        if self.status.code != "OK":
            context.abort(getattr(grpc.StatusCode, self.status.code), self.status.details)


def retry_info(seconds: float) -> bytes:
    info: Any = error_details_pb2.RetryInfo()
    info.retry_delay.FromNanoseconds(round(seconds * 1e9))
    packed = Packed()
    packed.Pack(info)
    status: Any = status_pb2.Status(details=[packed])
    encoded: bytes = status.SerializeToString()
    return encoded


# The generated module of each kind, what its service answers, and where that counts what was rejected.
_SERVICES: dict[str, tuple[Any, str, Any, str]] = {
    "traces": (
        trace_service_pb2_grpc,
        "add_TraceServiceServicer_to_server",
        trace_service_pb2.ExportTraceServiceResponse,
        "rejected_spans",
    ),
    "logs": (
        logs_service_pb2_grpc,
        "add_LogsServiceServicer_to_server",
        logs_service_pb2.ExportLogsServiceResponse,
        "rejected_log_records",
    ),
    "metrics": (
        metrics_service_pb2_grpc,
        "add_MetricsServiceServicer_to_server",
        metrics_service_pb2.ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
}


@dataclass(frozen=True, slots=True)
class _Servicer:
    receiver: GrpcReceiver
    kind: str

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 (so gRPC calls it)
        self.receiver.export(self.kind, request, context)
        _, _, response, field = _SERVICES[self.kind]
        answer = response()
        setattr(answer.partial_success, field, self.receiver.status.rejected)
        answer.partial_success.error_message = self.receiver.status.details
        return answer


@contextmanager
def grpc_receiver(
    status: Status | None = None,
    certificates: Certificates | None = None,
    *,
    demand: bool = False,
    largest: int = 4 * 1024 * 1024,
) -> Generator[GrpcReceiver]:
    receiver = GrpcReceiver(status or Status())
    server: Any = grpc.server(ThreadPoolExecutor(4), options=(("grpc.max_receive_message_length", largest),))
    for kind, (generated, add, _, _) in _SERVICES.items():
        getattr(generated, add)(_Servicer(receiver, kind), server)
    if certificates:
        pair = (certificates.content("server.key"), certificates.content("server.pem"))
        credentials = grpc.ssl_server_credentials([pair], certificates.content("ca.pem") if demand else None, demand)
        receiver.port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        receiver.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.stop(None).wait()


# --- neither ---------------------------------------------------------------------------------------------------------


@contextmanager
def raw_receiver(answer: bytes) -> Generator[int]:
    """Takes each connection, answers the same bytes to whatever is said, and closes. Yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer_all, args=(listening, answer), daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer_all(listening: socket.socket, answer: bytes) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.recv(65_536)
            connection.sendall(answer)
