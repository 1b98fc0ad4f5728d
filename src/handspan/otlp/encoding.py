"""Signals to records: each signal is encoded once, by protobuf's own classes.

Equal signals give equal bytes on any machine, so the time at which a log event was observed is the time at which it
happened. No signal that the rules make is refused here, whatever a source has put into it.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.otlp.requests import Record
from handspan.signals import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message  # type: ignore[import-untyped] # (it has no stubs)

    from handspan.signals import Attributes, Exemplar, Link, Log, Point, Resource, Series, SpanEvent, SpanKind, Value

# --- records ---------------------------------------------------------------------------------------------------------

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
# One for each terminal that has something to say, some 200 bytes each. A session rarely has a hundred.
_RESOURCES: Final = 1_024


class Encoder:
    """Signals to records. `extra` goes into every resource, and overrides nothing that a resource says itself."""

    def __init__(self, extra: Mapping[str, str] = _NOTHING) -> None:
        self._extra = {name: value for name, value in extra.items() if not _is_ours(name)}
        self._resource = lru_cache(_RESOURCES)(self._encoded)

    def record(self, signal: Span | Log) -> Record:
        resource = self._resource(signal.resource)
        if isinstance(signal, Span):
            key = signal.trace_id + signal.span_id
            return Record(kind="traces", key=key, resource=resource, body=_bytes(_span(signal)))
        return Record(kind="logs", key=signal.uid, resource=resource, body=_bytes(_log(signal)))

    def metric(self, series: Series, at: int) -> Record:
        """The record of a metric as it stands at `at`: cumulative, since its start."""
        resource = self._resource(series.resource)
        return Record(kind="metrics", key=series.name, resource=resource, body=_bytes(_metric(series, at)))

    def _encoded(self, resource: Resource) -> bytes:
        return _bytes(resource_pb2.Resource(attributes=_attributes(_about(resource) | self._extra)))


def _is_ours(name: str) -> bool:
    return name in names.RESOURCE or name == names.SESSION_ID or name.startswith("handspan.")


def _about(resource: Resource) -> dict[str, Value]:
    about: dict[str, Value] = {
        names.SERVICE_NAME: resource.service,
        names.SERVICE_NAMESPACE: resource.namespace,
        names.SERVICE_INSTANCE: resource.instance if resource.terminal is None else resource.terminal,
        names.INSTANCE: resource.instance,
        names.DISTRO: "handspan",
    }
    if resource.terminal is not None:
        about[names.TERMINAL_ID] = resource.terminal
    return about


def _bytes(message: Message) -> bytes:
    encoded: bytes = message.SerializeToString()
    return encoded


# --- values ----------------------------------------------------------------------------------------------------------

# What an AnyValue's integer can hold.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1


def _text(text: str) -> str:
    # A source inside the process may hand over half a surrogate pair, which protobuf refuses.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _attributes(attributes: Attributes) -> list[common_pb2.KeyValue]:
    return [common_pb2.KeyValue(key=_text(name), value=_value(value)) for name, value in attributes.items()]


def _value(value: Value) -> common_pb2.AnyValue:
    if isinstance(value, str):
        return common_pb2.AnyValue(string_value=_text(value))
    if isinstance(value, bool):  # before int, which it is one of
        return common_pb2.AnyValue(bool_value=value)
    if isinstance(value, int):
        # The sum of several reports may be larger; the specification has such a number as decimal text.
        return common_pb2.AnyValue(int_value=value) if _LEAST <= value <= _MOST else _value(str(value))
    if isinstance(value, float):
        return common_pb2.AnyValue(double_value=value)
    return common_pb2.AnyValue(array_value=common_pb2.ArrayValue(values=map(_value, value)))


# --- spans -----------------------------------------------------------------------------------------------------------

_KINDS: Final[Mapping[SpanKind, trace_pb2.Span.SpanKind.ValueType]] = MappingProxyType({
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "producer": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "consumer": trace_pb2.Span.SPAN_KIND_CONSUMER,
})
_SAMPLED: Final = 0x01
# Parents, and all links but those to a stranger's span, are spans of ours: known not to be remote.
_LOCAL: Final = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE: Final = _LOCAL | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_ERROR: Final = trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR)


def _span(span: Span) -> trace_pb2.Span:
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id or ""),
        flags=_LOCAL | _SAMPLED,
        name=_text(span.name),
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
    return trace_pb2.Span.Event(
        time_unix_nano=event.at, name=_text(event.name), attributes=_attributes(event.attributes)
    )


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
        event_name=_text(log.name),
    )


# --- metrics ---------------------------------------------------------------------------------------------------------

_CUMULATIVE: Final = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE


def _metric(series: Series, at: int) -> metrics_pb2.Metric:
    metric = metrics_pb2.Metric(name=_text(series.name), description=_text(series.says), unit=_text(series.unit))
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
    if isinstance(value, int) and _LEAST <= value <= _MOST:
        into.as_int = value
    else:
        into.as_double = value
