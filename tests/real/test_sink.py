from __future__ import annotations

import gzip
import threading
import urllib.request

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from handspan import names
from handspan.otel_env import Target
from handspan.otlp import Encoder, request
from handspan.senders.otlp_grpc import OtlpGrpc
from handspan.signals import Log, Resource, Span
from tests.real import sink as module
from tests.real.sink import grpc_sink, sink

RESOURCE = Resource(service="cao", namespace="handspan", instance="i")
SPAN = Span(
    trace_id="1" * 32,
    span_id="2" * 16,
    parent_span_id=None,
    name="session",
    kind="internal",
    start=1,
    end=2,
    resource=RESOURCE,
    attributes={},
)
# A receiver knows a log event by its uid, which the encoder leaves to whoever made it.
LOG = Log(
    uid="u",
    name="handspan.notice",
    at=1,
    severity=9,
    body="b",
    resource=RESOURCE,
    attributes={names.LOG_UID: "u"},
)


def post(url: str, body: bytes, **headers: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()  # noqa: S310 (loopback)


def test_what_arrives_is_read() -> None:
    encode = Encoder().record
    with sink() as arrived:
        url = arrived.settings["OTEL_EXPORTER_OTLP_ENDPOINT"]
        post(f"{url}/v1/traces", request([encode(SPAN)]))
        post(f"{url}/v1/logs", gzip.compress(request([encode(LOG)])), **{"Content-Encoding": "gzip"})
        post(f"{url}/v1/metrics", b"")
        assert (arrived.spans(), arrived.logs()) == ([SPAN], [LOG])


def test_ours_are_told_from_others() -> None:
    others = OtlpSpan(name="GET /health", trace_id=bytes(16), span_id=bytes(8))
    told = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[others])])])
    with sink() as arrived:
        url = arrived.settings["OTEL_EXPORTER_OTLP_ENDPOINT"]
        post(f"{url}/v1/traces", told.SerializeToString())
        post(f"{url}/v1/traces", request([Encoder().record(SPAN)]))
        assert (arrived.spans(), arrived.others_spans()) == ([SPAN], [others])


def test_what_arrives_by_grpc_is_read() -> None:
    with grpc_sink() as arrived:
        endpoint = arrived.settings["OTEL_EXPORTER_OTLP_ENDPOINT"].removeprefix("http://")
        sender = OtlpGrpc(dict.fromkeys(("traces", "logs"), Target(endpoint=endpoint, insecure=True, timeout=5)))
        sender.send("traces", [Encoder().record(SPAN)])
        sender.send("logs", [Encoder().record(LOG)])
        sender.close()
        arrived.until("both", lambda sink: (sink.spans(), sink.logs()) == ([SPAN], [LOG]))


def test_a_wait_ends_when_it_has_arrived() -> None:
    with sink() as arrived:
        url = arrived.settings["OTEL_EXPORTER_OTLP_ENDPOINT"]
        sending = threading.Timer(0.1, post, [f"{url}/v1/traces", request([Encoder().record(SPAN)])])
        sending.start()
        arrived.until("a span", lambda sink: len(sink.spans()) == 1)
        sending.join()


def test_a_wait_says_what_has_arrived_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    with sink() as arrived:
        post(f"{arrived.settings['OTEL_EXPORTER_OTLP_ENDPOINT']}/v1/traces", request([Encoder().record(SPAN)]))
        with pytest.raises(AssertionError, match=r"two spans: not after 0.1 s. What has arrived is \['session'\]"):
            arrived.until("two spans", lambda sink: len(sink.spans()) == 2)
