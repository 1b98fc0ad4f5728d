from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from handspan.demo import story
from handspan.otel_env import Compression, Target
from handspan.otlp import Encoder, Record, request
from handspan.senders import Done, Refused
from handspan.senders.otlp_http import OtlpHttp, partial_success
from handspan.signals import Log, Span
from handspan.testing import play
from tests.receivers import Says, http_receiver

SIGNALS = play(story())
RECORDS: dict[Any, list[Record]] = {
    "traces": [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Span)],
    "logs": [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Log)],
}


def target(url: str, compression: Compression = "none") -> Target:
    return Target(endpoint=url, compression=compression, timeout=5)


@pytest.mark.parametrize("kind", ["traces", "logs"])
def test_the_bytes_of_the_request_arrive(kind: Any) -> None:
    with http_receiver() as receiver:
        sender = OtlpHttp({kind: target(f"{receiver.url}/v1/{kind}")})
        assert sender.send(kind, RECORDS[kind]) == Done()
        sender.close()
        (got,) = receiver.requests
    assert (got.path, got.body) == (f"/v1/{kind}", request(RECORDS[kind]))
    assert got.headers["content-type"] == "application/x-protobuf"
    assert "content-encoding" not in got.headers


@pytest.mark.parametrize(("compression", "undo"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)])
def test_what_is_compressed_is_the_same_and_each_time_the_same_bytes(compression: Compression, undo: Any) -> None:
    with http_receiver() as receiver:
        sender = OtlpHttp({"logs": target(receiver.url, compression)})
        for _ in range(2):
            assert sender.send("logs", RECORDS["logs"]) == Done()
        sender.close()
        first, second = receiver.requests
    assert first.headers["content-encoding"] == compression
    assert undo(first.body) == request(RECORDS["logs"])
    assert len(first.body) < len(request(RECORDS["logs"])) / 2
    assert first.body == second.body
    assert compression != "gzip" or first.body[4:8] == bytes(4), "a time is in it"


def test_each_kind_has_its_own_address() -> None:
    with http_receiver() as one, http_receiver() as two:
        sender = OtlpHttp({"traces": target(f"{one.url}/t"), "logs": target(f"{two.url}/l")})
        assert sender.kinds == {"traces", "logs"}
        assert sender.send("traces", RECORDS["traces"]) == sender.send("logs", RECORDS["logs"]) == Done()
        sender.close()
        assert ([r.path for r in one.requests], [r.path for r in two.requests]) == (["/t"], ["/l"])


def test_a_name_is_what_the_addresses_have_in_common() -> None:
    sender = OtlpHttp({"traces": target("http://col/a/v1/traces"), "logs": target("http://u:p@col/a/v1/logs?k=s")})
    assert sender.name == "otlp_http http://col/a"
    sender = OtlpHttp({"traces": target("http://col/a/v1/traces"), "logs": target("http://col/b")})
    assert sender.name == "otlp_http http://col/a http://col/b"


ANSWERS: dict[Any, Any] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


def answer(kind: Any, rejected: int, said: str) -> bytes:
    response, field = ANSWERS[kind]
    message = response()
    setattr(message.partial_success, field, rejected)
    message.partial_success.error_message = said
    encoded: bytes = message.SerializeToString()
    return encoded


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_rejected_is_counted(kind: Any) -> None:
    assert partial_success(kind, answer(kind, 3, "too old")) == Done(3, "too old")
    assert partial_success(kind, answer(kind, 0, "soon gone")) == Done(0, "soon gone")
    assert partial_success(kind, answer(kind, -1, "")) == Done()
    assert partial_success(kind, b"") == Done()


def test_a_partial_success_is_done() -> None:
    with http_receiver(Says(body=answer("logs", 2, "too old"))) as receiver:
        sender = OtlpHttp({"logs": target(receiver.url)})
        assert sender.send("logs", RECORDS["logs"]) == Done(2, "too old")
        sender.close()


@pytest.mark.parametrize("body", [b"{}", b"OK", b"\xff" * 40, b"x" * 100_000], ids=["JSON", "word", "bytes", "endless"])
def test_taken_is_taken_whatever_is_said_of_it(body: bytes) -> None:
    with http_receiver(Says(202, body=body)) as receiver:
        sender = OtlpHttp({"logs": target(receiver.url)})
        assert isinstance(sender.send("logs", RECORDS["logs"]), Done)
        sender.close()


def test_a_web_page_has_taken_nothing() -> None:
    with http_receiver(Says(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Log in")) as receiver:
        sender = OtlpHttp({"logs": target(receiver.url)})
        assert sender.send("logs", RECORDS["logs"]) == Refused(
            "HTTP 200 with a web page: nothing there speaks OTLP, or it wants a login"
        )
        sender.close()
