"""The doors of OTLP over HTTP: real exporters, and clients that get it wrong."""

from __future__ import annotations

import contextlib
import gc
import gzip
import json
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from handspan import otlp
from handspan.hub.answers import JSON, PROTOBUF
from handspan.hub.bodies import MOST_BYTES
from handspan.otel_env import Target
from handspan.senders import Done, TooLarge
from handspan.senders.otlp_http import OtlpHttp
from tests.hub import requests
from tests.hub.hubs import running

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from handspan.otlp import Kind
    from tests.hub.hubs import Running

IN_PROTOBUF: dict[Kind, bytes] = {
    "traces": requests.spans_in_protobuf("work"),
    "logs": requests.logs_in_protobuf("said"),
    "metrics": requests.metrics_in_protobuf("m"),
}


@pytest.fixture
def hub(tmp_path: Path) -> Generator[Running]:
    with running(tmp_path) as one:
        yield one


def kept(hub: Running) -> list[tuple[str, str, bytes]]:
    return [(entry.kind, entry.encoding, entry.body) for entry in hub.hub.record.after(0, 1_000_000)]


# --- real exporters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", list(Compression))
def test_the_sdk_s_exporter_of_spans(hub: Running, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"{hub.http.url}/v1/traces", compression=compression)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("of the SDK"):
        pass
    provider.shutdown()
    ((kind, encoding, body),) = kept(hub)
    (group,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert (kind, encoding, group.scope_spans[0].spans[0].name) == ("traces", "protobuf", "of the SDK")


def test_the_sdk_s_exporter_of_logs(hub: Running) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{hub.http.url}/v1/logs")))
    provider.get_logger("l").emit(body="of the SDK")
    provider.shutdown()
    ((kind, _, body),) = kept(hub)
    (group,) = ExportLogsServiceRequest.FromString(body).resource_logs
    assert (kind, group.scope_logs[0].log_records[0].body.string_value) == ("logs", "of the SDK")


def test_the_sdk_s_exporter_of_metrics(hub: Running) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{hub.http.url}/v1/metrics"), 3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("m").create_counter("of.the.sdk").add(3)
    provider.shutdown()
    ((kind, _, body),) = kept(hub)
    (group,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    assert (kind, group.scope_metrics[0].metrics[0].name) == ("metrics", "of.the.sdk")


def test_our_own_sender(hub: Running) -> None:
    target = Target(endpoint=f"{hub.http.url}/v1/traces", compression="gzip")
    with contextlib.closing(OtlpHttp({"traces": target})) as sender:
        record = otlp.Record(kind="traces", key="", resource=b"", body=_span_body())
        assert sender.send("traces", [record]) == Done()
        too_large = otlp.Record(kind="traces", key="", resource=b"", body=b"\x12" + b"x" * MOST_BYTES)
        # And it hears why, although it has sent so much that nobody wanted.
        assert isinstance(sender.send("traces", [too_large]), TooLarge)
    assert kept(hub) == [("traces", "protobuf", otlp.request([record]))]


def _span_body() -> bytes:
    request = ExportTraceServiceRequest.FromString(requests.spans_in_protobuf("ours"))
    body: bytes = request.resource_spans[0].scope_spans[0].spans[0].SerializeToString()
    return body


# --- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_each_kind_in_each_encoding_is_kept_as_it_came(hub: Running, kind: Kind) -> None:
    in_json = requests.in_json(requests.ONE[kind])
    answers = [
        hub.http.post(f"/v1/{kind}", IN_PROTOBUF[kind], PROTOBUF),
        hub.http.post(f"/v1/{kind}", in_json, "application/json; charset=utf-8"),
        hub.http.post(f"/v1/{kind}", gzip.compress(in_json), JSON, content_encoding="gzip"),
        hub.http.post(f"/v1/{kind}", zlib.compress(IN_PROTOBUF[kind]), PROTOBUF, content_encoding="deflate"),
    ]
    assert [(one.status, one.data, one.headers["content-type"]) for one in answers] == [
        (200, b"", PROTOBUF),
        (200, b"{}", JSON),
        (200, b"{}", JSON),
        (200, b"", PROTOBUF),
    ]
    assert kept(hub) == [
        (kind, "protobuf", IN_PROTOBUF[kind]),
        (kind, "json", in_json),
        (kind, "json", in_json),
        (kind, "protobuf", IN_PROTOBUF[kind]),
    ]


def test_nothing_is_a_request_of_which_nothing_is_to_be_kept(hub: Running) -> None:
    assert hub.http.post("/v1/traces", b"", PROTOBUF).status == 200
    assert kept(hub) == []


def test_what_is_rejected_of_a_request_is_told_in_its_encoding(hub: Running) -> None:
    bad = requests.spans_in_protobuf("bad", trace="00" * 16)
    answer = hub.http.post("/v1/traces", IN_PROTOBUF["traces"] + bad, PROTOBUF)
    said = ExportTraceServiceResponse.FromString(answer.data).partial_success
    why = "a span has no valid trace id: it must be 16 bytes, not all zero"
    assert (answer.status, said.rejected_spans, said.error_message) == (200, 1, why)
    document = requests.in_json(requests.traces(requests.span("good"), requests.span(traceId="")))
    assert hub.http.post("/v1/traces", document, JSON).json() == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": why}
    }


# --- what is not taken -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status"),
    [
        (b"nonsense", PROTOBUF, {}, 400),
        (b"nonsense", JSON, {}, 400),
        (b"nonsense", PROTOBUF, {"content_encoding": "gzip"}, 400),
        (b"x" * (MOST_BYTES + 1), PROTOBUF, {}, 413),
        (gzip.compress(b"x" * (MOST_BYTES + 1), 1), PROTOBUF, {"content_encoding": "gzip"}, 413),
        (b"", "application/x-ndjson", {}, 415),
        (b"", "text/plain", {}, 415),
        (b"", PROTOBUF, {"content_encoding": "br"}, 415),
    ],
)
def test_a_refusal_is_a_status_in_the_request_s_encoding(
    hub: Running, body: bytes, kind: str, headers: dict[str, str], status: int
) -> None:
    answer = hub.http.post("/v1/logs", body, kind, **headers)
    of_protobuf = kind == PROTOBUF
    said: Any = Status.FromString(answer.data) if of_protobuf else Status(**json.loads(answer.data))
    assert (answer.status, answer.headers["content-type"]) == (status, PROTOBUF if of_protobuf else JSON)
    assert (said.code, bool(said.message)) == (8 if status == 413 else 3, True)
    assert kept(hub) == []


def test_while_the_record_can_t_be_written_a_client_is_asked_to_come_back(
    hub: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with contextlib.closing(sqlite3.connect(hub.hub.record.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = hub.http.post("/v1/traces", IN_PROTOBUF["traces"], PROTOBUF)
        not_ready = hub.http.ask("GET", "/readyz")
    said: Any = Status.FromString(answer.data)
    assert (answer.status, answer.headers["retry-after"], said.code) == (503, "5", 14)
    assert (not_ready.status, not_ready.json()) == (
        503,
        {"ready": False, "troubles": ["the record can't be written: database is locked"]},
    )
    assert hub.http.post("/v1/traces", IN_PROTOBUF["traces"], PROTOBUF).status == 200
    assert hub.http.ask("GET", "/readyz").status == 200
    gc.collect()
    # It is said once, and asyncio has nothing to complain of.
    assert [record.name for record in caplog.records] == ["handspan", "handspan"]


def test_others_are_served_while_one_waits_for_its_commit(hub: Running) -> None:
    with (
        contextlib.closing(sqlite3.connect(hub.hub.record.path, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as senders,
    ):
        other.execute("BEGIN IMMEDIATE")
        # It waits for a second, which is how long the record waits for another program.
        waiting = senders.submit(hub.http.post, "/v1/traces", IN_PROTOBUF["traces"], PROTOBUF)
        served = 0
        while not waiting.done():
            assert hub.http.ask("GET", "/healthz").status == 200
            served += 1
    assert served > 5


def test_other_methods_and_paths_are_none(hub: Running) -> None:
    answers = [hub.http.ask("GET", "/v1/traces"), hub.http.post("/v1/profiles", b"", PROTOBUF)]
    assert [(one.status, one.json()) for one in answers] == [
        (405, {"error": "Method Not Allowed"}),
        (404, {"error": "Not Found"}),
    ]
