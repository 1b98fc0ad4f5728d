from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.otlp import Encoder, request
from handspan.signals import Exemplar, Link, Log, Point, Resource, Series, Span, SpanEvent
from handspan.testing import BEGIN
from tests import protobuf_signals, signal_strategies
from tests.golden_files import played
from tests.sdk_signals import about, sdk_log, sdk_metrics, sdk_span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.signals import Value

ORCHESTRATOR = Resource(service="cao", namespace="cao", instance="4f2a")
DEVELOPER = Resource(service="developer", namespace="cao", instance="4f2a", terminal="t1")
TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000001"
# One of every kind of value, at its limits.
VALUES: dict[str, Value] = {
    "text": "ä\0",
    "no text": "",
    "yes": True,
    "no": False,
    "zero": 0,
    "least": -(2**63),
    "most": 2**63 - 1,
    "float": 0.1,
    "whole": 1.0,
    "endless": float("inf"),
    "texts": ("a", ""),
    "no texts": (),
}
FULL = Span(
    trace_id=TRACE,
    span_id="b7ad6b7169203331",
    parent_span_id="00f067aa0ba902b7",
    name="send ä",
    kind="producer",
    start=BEGIN,
    end=BEGIN + 1_000,
    resource=DEVELOPER,
    attributes=VALUES,
    events=(
        SpanEvent(name="message_sent", at=BEGIN + 1, attributes=VALUES),
        SpanEvent(name="message_sent", at=BEGIN + 2, attributes={}),
    ),
    links=(
        Link(trace_id=OTHER, span_id="0000000000000001", type=names.LINK_MESSAGE),
        Link(trace_id=OTHER, span_id="0000000000000002", type=names.LINK_UPSTREAM),
    ),
    error=True,
    dropped_events=3,
    dropped_links=4,
)
NOTICE = Log(
    uid="u1",
    name="handspan.notice",
    at=BEGIN,
    severity=names.ACTION,
    body="",
    resource=ORCHESTRATOR,
    attributes=VALUES | {names.LOG_UID: "u1"},
)
SERIES = (
    Series(
        name="handspan_messages_total",
        kind="counter",
        unit="{message}",
        says="Messages sent.",
        start=BEGIN,
        resource=ORCHESTRATOR,
        points=(
            Point(
                labels={"mode": "ä"},
                value=2**63 - 1,
                exemplars=(
                    Exemplar(trace_id=TRACE, value=1, at=BEGIN + 5),
                    Exemplar(trace_id=OTHER, value=0.5, at=BEGIN + 6),
                ),
            ),
            Point(labels={}, value=0.1),
        ),
    ),
    Series(
        name="handspan_terminals",
        kind="gauge",
        unit="{terminal}",
        says="Terminals.",
        start=BEGIN,
        resource=ORCHESTRATOR,
        points=(Point(labels={"source": "cao"}, value=0), Point(labels={"source": ""}, value=-1.5)),
    ),
    Series(
        name="handspan_turn_seconds",
        kind="histogram",
        unit="s",
        says="The length of turns.",
        start=BEGIN,
        resource=ORCHESTRATOR,
        points=(
            Point(
                labels={"agent": "a"},
                value=7.5,
                buckets=(1, 0, 2),
                exemplars=(Exemplar(trace_id=TRACE, value=7.0, at=BEGIN + 5),),
            ),
            Point(labels={"agent": "b"}, value=0, buckets=(0, 0, 0)),
        ),
        bounds=(0.1, 5.0),
    ),
)


@cache
def golden() -> tuple[Span | Log, ...]:
    return tuple(s for _, signals in played() for s in signals if isinstance(s, Span | Log))


# --- beside the official encoder -------------------------------------------------------------------------------------

SAMPLED = 0x01
REMOTE = trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


def as_meant_for_spans(official: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    for span in (s for group in official.resource_spans for scope in group.scope_spans for s in scope.spans):
        # It leaves the trace flags out; here a span is sampled, and so is what it links to, but for a stranger's span.
        span.flags |= SAMPLED
        for link in span.links:
            link.flags |= 0 if link.flags & REMOTE else SAMPLED
        # It writes a status that says nothing.
        if span.status == trace_pb2.Status():
            span.ClearField("status")
    return official


def as_meant_for_logs(official: ExportLogsServiceRequest) -> ExportLogsServiceRequest:
    for record in (r for group in official.resource_logs for scope in group.scope_logs for r in scope.log_records):
        # It takes the flags of a trace for granted where there is none.
        if not record.trace_id:
            record.flags = 0
    return official


def as_meant_for_metrics(official: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest:
    for metric in (m for group in official.resource_metrics for scope in group.scope_metrics for m in scope.metrics):
        points: list[Any] = [*metric.sum.data_points, *metric.gauge.data_points, *metric.histogram.data_points]
        for point in points:
            # An exemplar names a trace here, and no span.
            for exemplar in point.exemplars:
                exemplar.ClearField("span_id")
        for point in metric.histogram.data_points:
            # Minimum and maximum are not kept: since a start long ago they say nothing.
            point.ClearField("min")
            point.ClearField("max")
    return official


# Each alone, so that a difference can be read, and all together, so that they are grouped alike.


def test_spans_are_what_the_official_encoder_makes_of_them() -> None:
    spans = [FULL, *(signal for signal in golden() if isinstance(signal, Span))]
    for some in (*([span] for span in spans), spans):
        ours = ExportTraceServiceRequest.FromString(request([Encoder().record(span) for span in some]))
        theirs = as_meant_for_spans(encode_spans([sdk_span(span) for span in some]))
        assert str(ours) == str(theirs)


def test_log_events_are_what_the_official_encoder_makes_of_them() -> None:
    logs = [NOTICE, *(signal for signal in golden() if isinstance(signal, Log))]
    for some in (*([log] for log in logs), logs):
        ours = ExportLogsServiceRequest.FromString(request([Encoder().record(log) for log in some]))
        theirs = as_meant_for_logs(encode_logs([sdk_log(log) for log in some]))
        assert str(ours) == str(theirs)


def test_metrics_are_what_the_official_encoder_makes_of_them() -> None:
    at = BEGIN + 60
    ours = ExportMetricsServiceRequest.FromString(request([Encoder().metric(series, at) for series in SERIES]))
    theirs = as_meant_for_metrics(encode_metrics(sdk_metrics(SERIES, at)))
    assert str(ours) == str(theirs)


# --- beside protobuf's own classes ---------------------------------------------------------------------------------


@given(signal_strategies.spans | signal_strategies.logs)
def test_a_record_is_the_bytes_that_protobuf_makes_of_it(signal: Span | Log) -> None:
    assert Encoder().record(signal).body == protobuf_signals.record_of(signal)


def test_the_records_of_a_story_are_the_bytes_that_protobuf_makes_of_them() -> None:
    encoder = Encoder()
    for signal in (FULL, NOTICE, *golden()):
        assert encoder.record(signal).body == protobuf_signals.record_of(signal)


@given(signal_strategies.series, signal_strategies.times)
def test_a_metric_is_the_bytes_that_protobuf_makes_of_it(series: Series, at: int) -> None:
    assert Encoder().metric(series, at).body == protobuf_signals.metric_of(series, at)


@given(signal_strategies.resources, st.dictionaries(signal_strategies.texts, signal_strategies.texts))
def test_a_resource_is_the_bytes_that_protobuf_makes_of_it(resource: Resource, extra: dict[str, str]) -> None:
    log = Log(uid="u", name="n", at=1, severity=9, body="b", resource=resource, attributes={})
    encoded = Encoder(extra).record(log).resource
    assert encoded == resource_pb2.Resource.FromString(encoded).SerializeToString(deterministic=True)


EQUAL: tuple[Value, ...] = (True, 1, 1.0, False, 0, 0.0, -0.0, "1", "", ())


def test_values_that_are_equal_are_told_apart() -> None:
    encoder = Encoder()
    logs = [
        Log(uid="u", name="n", at=1, severity=9, body="", resource=DEVELOPER, attributes={"same": value})
        for value in EQUAL * 2
    ]
    assert [encoder.record(log).body for log in logs] == [protobuf_signals.record_of(log) for log in logs]


# --- records ---------------------------------------------------------------------------------------------------------


def test_a_record_is_known_by_its_signal_s_id() -> None:
    encoder = Encoder()
    records = [encoder.record(FULL), encoder.record(NOTICE), encoder.metric(SERIES[0], BEGIN)]
    assert [(record.kind, record.key) for record in records] == [
        ("traces", TRACE + "b7ad6b7169203331"),
        ("logs", "u1"),
        ("metrics", "handspan_messages_total"),
    ]


def test_no_two_signals_of_a_story_have_the_same_key() -> None:
    encoder = Encoder()
    for path, signals in played():
        keys = [encoder.record(signal).key for signal in signals if isinstance(signal, Span | Log)]
        assert len(set(keys)) == len(keys) > 0, path


@given(signal_strategies.spans | signal_strategies.logs)
def test_equal_signals_are_equal_bytes(signal: Span | Log) -> None:
    assert Encoder().record(signal) == Encoder().record(signal)


# --- resources -------------------------------------------------------------------------------------------------------


def resource_of(resource: Resource, extra: Mapping[str, str]) -> dict[str, str]:
    log = Log(uid="u", name="n", at=1, severity=9, body="b", resource=resource, attributes={})
    read = resource_pb2.Resource.FromString(Encoder(extra).record(log).resource)
    told = [(attribute.key, attribute.value.string_value) for attribute in read.attributes]
    assert len(dict(told)) == len(told)
    return dict(told)


def test_a_resource_is_the_agent_or_the_orchestrator() -> None:
    assert resource_of(DEVELOPER, {}) == {
        "service.name": "developer",
        "service.namespace": "cao",
        "service.instance.id": "t1",
        "handspan.instance": "4f2a",
        "handspan.terminal.id": "t1",
        "telemetry.distro.name": "handspan",
    }
    assert resource_of(ORCHESTRATOR, {}) == {
        "service.name": "cao",
        "service.namespace": "cao",
        "service.instance.id": "4f2a",
        "handspan.instance": "4f2a",
        "telemetry.distro.name": "handspan",
    }


def test_what_is_added_to_a_resource_overrides_nothing_but_the_name_of_the_orchestrator_s_service() -> None:
    taken = {"host.name": "h", "service.version": "7", "sessions.id": "s", "handspanner": "h", "half": "\ud800"}
    ours = dict.fromkeys((*names.RESOURCE, "session.id", "handspan.anything"), "mine")
    said = taken | {"half": "\\ud800"}
    assert resource_of(ORCHESTRATOR, taken | ours) == about(ORCHESTRATOR) | said | {"service.name": "mine"}
    assert resource_of(DEVELOPER, taken | ours) == about(DEVELOPER) | said


def test_a_resource_is_encoded_once() -> None:
    encoder = Encoder()
    one, two = (Resource(service="a", namespace="n", instance="i", terminal="t") for _ in range(2))
    logs = [Log(uid="u", name="n", at=1, severity=9, body="b", resource=about, attributes={}) for about in (one, two)]
    first, second = (encoder.record(log).resource for log in logs)
    assert first is second


# --- what a source may have put into it ------------------------------------------------------------------------------


def test_an_integer_that_does_not_fit_is_decimal_text() -> None:
    numbers = {"most": 2**63 - 1, "more": 2**63, "least": -(2**63), "less": -(2**63) - 1}
    log = Log(uid="u", name="n", at=1, severity=9, body="b", resource=DEVELOPER, attributes=numbers)
    read = LogRecord.FromString(Encoder().record(log).body)
    assert [(a.key, a.value.int_value, a.value.string_value) for a in read.attributes] == [
        ("most", 9223372036854775807, ""),
        ("more", 0, "9223372036854775808"),
        ("least", -9223372036854775808, ""),
        ("less", 0, "-9223372036854775809"),
    ]


@pytest.mark.parametrize(
    ("value", "as_int", "as_double"),
    [
        (2**63 - 1, 9223372036854775807, 0),
        (2**63, 0, 9223372036854775808.0),
        (-(2**63) - 1, 0, -9223372036854775808.0),
    ],
)
def test_a_count_that_does_not_fit_is_a_float(value: int, as_int: int, as_double: float) -> None:
    exemplar = Exemplar(trace_id=TRACE, value=value, at=1)
    made = Series(
        name="n",
        kind="counter",
        unit="",
        says="",
        start=1,
        resource=ORCHESTRATOR,
        points=(Point(labels={}, value=value, exemplars=(exemplar,)),),
    )
    (point,) = Metric.FromString(Encoder().metric(made, 2).body).sum.data_points
    assert (point.as_int, point.as_double) == (as_int, as_double)
    assert (point.exemplars[0].as_int, point.exemplars[0].as_double) == (as_int, as_double)


def test_no_number_stays_no_number() -> None:
    log = Log(uid="u", name="n", at=1, severity=9, body="b", resource=DEVELOPER, attributes={"nan": float("nan")})
    read = LogRecord.FromString(Encoder().record(log).body)
    assert str(read.attributes[0].value.double_value) == "nan"


def encoded(texts: list[str]) -> list[tuple[bytes, bytes]]:
    """Resources and bodies of signals with these texts wherever one may stand."""
    text = iter(texts)
    resource = Resource(service=next(text), namespace=next(text), instance=next(text), terminal=next(text))
    attributes: dict[str, Value] = {next(text): next(text), "texts": (next(text), next(text))}
    span = Span(
        trace_id=TRACE,
        span_id="b7ad6b7169203331",
        parent_span_id=None,
        name=next(text),
        kind="internal",
        start=1,
        end=2,
        resource=resource,
        attributes=attributes,
        events=(SpanEvent(name=next(text), at=1, attributes=attributes),),
        links=(Link(trace_id=TRACE, span_id="0000000000000001", type=next(text)),),
    )
    uid, name, body = next(text), next(text), next(text)
    attributes = attributes | {names.LOG_UID: uid}
    log = Log(uid=uid, name=name, at=1, severity=9, body=body, resource=resource, attributes=attributes)
    made = Series(
        name=next(text),
        kind="gauge",
        unit=next(text),
        says=next(text),
        start=1,
        resource=resource,
        points=(Point(labels={next(text): next(text)}, value=1),),
    )
    encoder = Encoder()
    records = (encoder.record(span), encoder.record(log), encoder.metric(made, 2))
    return [(record.resource, record.body) for record in records]


@given(st.lists(signal_strategies.broken_texts, min_size=19, max_size=19))
def test_half_a_surrogate_pair_is_escaped_wherever_it_stands(broken: list[str]) -> None:
    assert encoded(broken) == encoded([text.encode("utf-8", "backslashreplace").decode() for text in broken])
