from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from handspan import __version__
from handspan.otlp import Encoder, Record, framed_size, request
from tests import signal_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

ENCODER = Encoder({"host.name": "h"})
SCHEMA = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"

spans = signal_strategies.spans.map(ENCODER.record)
logs = signal_strategies.logs.map(ENCODER.record)
metrics = st.builds(ENCODER.metric, signal_strategies.series, signal_strategies.times)
requests = st.one_of([st.lists(records, max_size=8) for records in (spans, logs, metrics)])


def grouped(records: Sequence[Record]) -> dict[bytes, list[bytes]]:
    return {r.resource: [s.body for s in records if s.resource == r.resource] for r in records}


def in_the_ordinary_way(records: Sequence[Record]) -> bytes:
    """What protobuf makes of the same resources and bodies, read and written again."""
    groups = [(Resource.FromString(resource), bodies) for resource, bodies in grouped(records).items()]
    scope: dict[str, Any] = {"scope": InstrumentationScope(name="handspan", version=__version__), "schema_url": SCHEMA}
    message: Any
    match records[0].kind:
        case "traces":
            message = ExportTraceServiceRequest()
            for resource, bodies in groups:
                scoped = ScopeSpans(spans=map(Span.FromString, bodies), **scope)
                message.resource_spans.append(ResourceSpans(resource=resource, scope_spans=[scoped]))
        case "logs":
            message = ExportLogsServiceRequest()
            for resource, bodies in groups:
                scoped = ScopeLogs(log_records=map(LogRecord.FromString, bodies), **scope)
                message.resource_logs.append(ResourceLogs(resource=resource, scope_logs=[scoped]))
        case "metrics":
            message = ExportMetricsServiceRequest()
            for resource, bodies in groups:
                scoped = ScopeMetrics(metrics=map(Metric.FromString, bodies), **scope)
                message.resource_metrics.append(ResourceMetrics(resource=resource, scope_metrics=[scoped]))
    return bytes(message.SerializeToString())


@given(requests)
def test_a_request_is_what_protobuf_makes_of_its_records(records: list[Record]) -> None:
    assert request(records) == (in_the_ordinary_way(records) if records else b"")


def named(length: int, resource: bytes = b"") -> Record:
    """The record of a span that has nothing but a name of this length."""
    return Record(kind="traces", key="k", resource=resource, body=Span(name="x" * length).SerializeToString())


# A length takes one more byte from 128, from 16,384 and from 2,097,152 on.
@pytest.mark.parametrize(
    ("name", "body"),
    [
        (125, 127),
        (126, 128),
        (16_380, 16_383),
        (16_381, 16_384),
        (2_097_147, 2_097_151),
        (2_097_148, 2_097_152),
    ],
)
def test_a_length_takes_as_many_bytes_as_it_needs(name: int, body: int) -> None:
    record = named(name)
    assert len(record.body) == body
    # Without the name, so that a difference can be read.
    made, meant = (made.replace(b"x" * name, b"") for made in (request([record]), in_the_ordinary_way([record])))
    assert made == meant


def test_groups_stand_in_the_order_of_their_first_record() -> None:
    one, two = (Resource(dropped_attributes_count=n).SerializeToString() for n in (1, 2))
    records = [named(name, resource) for name, resource in ((5, two), (6, one), (7, two))]
    read = ExportTraceServiceRequest.FromString(request(records))
    assert [
        (group.resource.dropped_attributes_count, [len(span.name) for span in group.scope_spans[0].spans])
        for group in read.resource_spans
    ] == [(2, [5, 7]), (1, [6])]


def test_a_request_of_nothing_is_empty() -> None:
    assert request([]) == b""


def test_records_of_two_kinds_are_no_request() -> None:
    span, log = (Record(kind=kind, key="k", resource=b"", body=b"") for kind in ("traces", "logs"))
    with pytest.raises(ValueError, match=r"^a request takes records of one kind: make one for each$"):
        request([span, log])


@given(requests)
def test_no_request_is_larger_than_its_records_say(records: list[Record]) -> None:
    assert len(request(records)) <= sum(map(framed_size, records))


@pytest.mark.parametrize("size", [0, 127, 128, 16_384, 2_097_152, 4 * 1_048_576])
@pytest.mark.parametrize("resources", [1, 7])
def test_records_say_little_more_than_their_request_is_large(size: int, resources: int) -> None:
    records = [Record(kind="logs", key="k", resource=b"r" * n, body=b"b" * size) for n in range(resources)]
    said, made = sum(map(framed_size, records)), len(request(records))
    # Four lengths of five bytes, of which the shortest take one.
    assert made <= said <= made + 16 * resources
