"""Our signals by protobuf's own classes: what the bytes of records are compared with.

Only for signals that protobuf takes as they are: no half surrogate pairs, no integers beyond 64 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.signals import Span

if TYPE_CHECKING:
    from google.protobuf.message import Message  # type: ignore[import-untyped] # (it has no stubs)

    from handspan.signals import Attributes, Exemplar, Link, Log, Point, Series, SpanEvent, SpanKind, Value


def record_of(signal: Span | Log) -> bytes:
    return _bytes(_span(signal) if isinstance(signal, Span) else _log(signal))


def metric_of(series: Series, at: int) -> bytes:
    return _bytes(_metric(series, at))


def _bytes(message: Message) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


def _attributes(attributes: Attributes) -> list[common_pb2.KeyValue]:
    return [common_pb2.KeyValue(key=name, value=_value(value)) for name, value in attributes.items()]


def _value(value: Value) -> common_pb2.AnyValue:
    if isinstance(value, str):
        return common_pb2.AnyValue(string_value=value)
    if isinstance(value, bool):  # before int, which it is one of
        return common_pb2.AnyValue(bool_value=value)
    if isinstance(value, int):
        return common_pb2.AnyValue(int_value=value)
    if isinstance(value, float):
        return common_pb2.AnyValue(double_value=value)
    return common_pb2.AnyValue(array_value=common_pb2.ArrayValue(values=map(_value, value)))


# --- spans -----------------------------------------------------------------------------------------------------------

_KINDS: dict[SpanKind, trace_pb2.Span.SpanKind.ValueType] = {
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "producer": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "consumer": trace_pb2.Span.SPAN_KIND_CONSUMER,
}
_SAMPLED = 0x01
_LOCAL = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = _LOCAL | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_ERROR = trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR)


def _span(span: Span) -> trace_pb2.Span:
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id or ""),
        flags=_LOCAL | _SAMPLED,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=span.start,
        end_time_unix_nano=span.end,
        attributes=_attributes(span.attributes),
        events=map(_event, span.events),
        dropped_events_count=span.dropped_events,
        links=map(_link, span.links),
        dropped_links_count=span.dropped_links,
        status=_ERROR if span.error else None,
    )


def _event(event: SpanEvent) -> trace_pb2.Span.Event:
    return trace_pb2.Span.Event(time_unix_nano=event.at, name=event.name, attributes=_attributes(event.attributes))


def _link(link: Link) -> trace_pb2.Span.Link:
    return trace_pb2.Span.Link(
        trace_id=bytes.fromhex(link.trace_id),
        span_id=bytes.fromhex(link.span_id),
        attributes=_attributes({names.LINK_TYPE: link.type}),
        flags=_REMOTE if link.type == names.LINK_UPSTREAM else _LOCAL | _SAMPLED,
    )


# --- log events ------------------------------------------------------------------------------------------------------


def _log(log: Log) -> LogRecord:
    return LogRecord(
        time_unix_nano=log.at,
        observed_time_unix_nano=log.at,
        severity_number=SeverityNumber.ValueType(log.severity),
        body=_value(log.body),
        attributes=_attributes(log.attributes),
        flags=_SAMPLED if log.trace_id else 0,
        trace_id=bytes.fromhex(log.trace_id or ""),
        span_id=bytes.fromhex(log.span_id or ""),
        event_name=log.name,
    )


# --- metrics ---------------------------------------------------------------------------------------------------------

_CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE


def _metric(series: Series, at: int) -> metrics_pb2.Metric:
    metric = metrics_pb2.Metric(name=series.name, description=series.says, unit=series.unit)
    match series.kind:
        case "gauge":
            metric.gauge.data_points.extend(_number(point, 0, at) for point in series.points)
        case "counter":
            metric.sum.aggregation_temporality = _CUMULATIVE
            metric.sum.is_monotonic = True
            metric.sum.data_points.extend(_number(point, series.start, at) for point in series.points)
        case "histogram":
            metric.histogram.aggregation_temporality = _CUMULATIVE
            metric.histogram.data_points.extend(_distribution(point, series, at) for point in series.points)
    return metric


def _number(point: Point, start: int, at: int) -> metrics_pb2.NumberDataPoint:
    made = metrics_pb2.NumberDataPoint(
        attributes=_attributes(point.labels),
        start_time_unix_nano=start,
        time_unix_nano=at,
        exemplars=map(_exemplar, point.exemplars),
    )
    _put(made, point.value)
    return made


def _distribution(point: Point, series: Series, at: int) -> metrics_pb2.HistogramDataPoint:
    return metrics_pb2.HistogramDataPoint(
        attributes=_attributes(point.labels),
        start_time_unix_nano=series.start,
        time_unix_nano=at,
        count=sum(point.buckets),
        sum=point.value,
        bucket_counts=point.buckets,
        explicit_bounds=series.bounds,
        exemplars=map(_exemplar, point.exemplars),
    )


def _exemplar(exemplar: Exemplar) -> metrics_pb2.Exemplar:
    made = metrics_pb2.Exemplar(time_unix_nano=exemplar.at, trace_id=bytes.fromhex(exemplar.trace_id))
    _put(made, exemplar.value)
    return made


def _put(into: metrics_pb2.NumberDataPoint | metrics_pb2.Exemplar, value: float) -> None:
    if isinstance(value, int):
        into.as_int = value
    else:
        into.as_double = value
