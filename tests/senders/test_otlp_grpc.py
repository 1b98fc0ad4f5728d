from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from handspan.demo import story
from handspan.otel_env import Target
from handspan.otlp import Encoder, Record, request
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.otlp_grpc import OtlpGrpc
from handspan.signals import Log, Span
from handspan.testing import play
from tests.receivers import Certificates, GrpcReceiver, Status, grpc_receiver

SIGNALS = play(story())
RECORDS: dict[Any, list[Record]] = {
    "traces": [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Span)],
    "logs": [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Log)],
    "metrics": [],
}


def sent(receiver: GrpcReceiver, kind: Any = "logs", **settings: Any) -> Any:
    sender = OtlpGrpc({kind: Target(endpoint=receiver.target, insecure=True, timeout=5, **settings)})
    try:
        return sender.send(kind, RECORDS[kind])
    finally:
        sender.close()


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_the_bytes_of_the_request_arrive(kind: Any, compression: str) -> None:
    with grpc_receiver() as receiver:
        assert sent(receiver, kind, compression=compression) == Done()
    assert receiver.bodies == [(kind, request(RECORDS[kind]))]


def test_headers_arrive() -> None:
    with grpc_receiver() as receiver:
        assert sent(receiver, headers=(("authorization", "Bearer one"),)) == Done()
    assert receiver.metadata[0]["authorization"] == "Bearer one"


def test_a_request_that_is_larger_than_the_receiver_takes_is_too_large() -> None:
    with grpc_receiver(largest=len(request(RECORDS["logs"])) - 1) as receiver:
        assert isinstance(sent(receiver), TooLarge)


@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_what_is_rejected_is_counted(kind: Any) -> None:
    with grpc_receiver(Status(rejected=3, details="too old")) as receiver:
        assert sent(receiver, kind) == Done(3, "too old")


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_some_failures_pass(code: str) -> None:
    with grpc_receiver(Status(code, "busy\nhere")) as receiver:
        assert sent(receiver) == Retry(f"gRPC {code}: busy here")
    with grpc_receiver(Status(code, after=2.5)) as receiver:
        assert sent(receiver) == Retry(f"gRPC {code}: ", 2.5)


@pytest.mark.parametrize(
    "code",
    [
        *("UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "UNAUTHENTICATED"),
        *("FAILED_PRECONDITION", "UNIMPLEMENTED", "INTERNAL"),
    ],
)
def test_all_others_are_refusals(code: str) -> None:
    with grpc_receiver(Status(code, "no", after=2)) as receiver:
        assert sent(receiver) == Refused(f"gRPC {code}: no")


def test_what_is_exhausted_passes_only_if_it_says_when() -> None:
    with grpc_receiver(Status("RESOURCE_EXHAUSTED", "quota")) as receiver:
        assert sent(receiver) == Refused("gRPC RESOURCE_EXHAUSTED: quota")
    with grpc_receiver(Status("RESOURCE_EXHAUSTED", "quota", after=0)) as receiver:
        assert sent(receiver) == Retry("gRPC RESOURCE_EXHAUSTED: quota", 0.0)


def test_a_receiver_that_comes_back_is_found_at_once() -> None:
    with grpc_receiver() as receiver:
        sender = OtlpGrpc({"logs": Target(endpoint=receiver.target, insecure=True, timeout=5)})
        assert sender.send("logs", RECORDS["logs"]) == Done()
    assert isinstance(sender.send("logs", RECORDS["logs"]), Retry)
    sender.close()


def test_closed_it_raises_nothing() -> None:
    with grpc_receiver() as receiver:
        sender = OtlpGrpc({"logs": Target(endpoint=receiver.target, insecure=True, timeout=5)})
        sender.close()
        sender.close()
        assert isinstance(sender.send("logs", RECORDS["logs"]), Retry)


def test_a_header_that_grpc_cannot_carry_raises_nothing() -> None:
    with grpc_receiver() as receiver:
        assert isinstance(sent(receiver, headers=(("x", "a\nb"),)), Refused)
        assert receiver.bodies == []


def test_a_certificate_and_its_key_may_be_one_file(certificates: Certificates) -> None:
    both = certificates.folder / "both.pem"
    both.write_bytes(certificates.content("client.key") + certificates.content("client.pem"))
    with grpc_receiver(None, certificates, demand=True) as receiver:
        target = Target(
            endpoint=receiver.target, certificate=certificates.file("ca.pem"), client_certificate=str(both), timeout=10
        )
        sender = OtlpGrpc({"logs": target})
        assert sender.send("logs", RECORDS["logs"]) == Done()
        sender.close()


def test_a_name_is_where_it_goes() -> None:
    one, two = Target(endpoint="one:1", insecure=True), Target(endpoint="two:2", insecure=True)
    assert OtlpGrpc({"logs": one, "traces": one}).name == "otlp_grpc one:1"
    assert OtlpGrpc({"logs": one, "traces": two}).name == "otlp_grpc one:1 two:2"


def test_grpc_is_not_imported_before_a_sender_is_made() -> None:
    script = "import sys, handspan.senders.otlp_grpc; print('grpc' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
