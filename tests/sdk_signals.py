"""Our signals as the OpenTelemetry SDK has them: what its own encoder is given, to compare with ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opentelemetry import trace as api
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.resources import Resource as SdkResource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from handspan import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.signals import Log, Point, Resource, Series, Span

T = TypeVar("T")

SCHEMA = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev"
SCOPE = InstrumentationScope("handspan", __version__, SCHEMA)
KINDS = {
    "internal": api.SpanKind.INTERNAL,
    "producer": api.SpanKind.PRODUCER,
    "consumer": api.SpanKind.CONSUMER,
}
SAMPLED = api.TraceFlags(api.TraceFlags.SAMPLED)


def sdk_resource(resource: Resource) -> SdkResource:
    return SdkResource(about(resource))


def about(resource: Resource) -> dict[str, str]:
    orchestrator = {
        "service.name": resource.service,
        "service.namespace": resource.namespace,
        "service.instance.id": resource.terminal or resource.instance,
        "handspan.instance": resource.instance,
        "telemetry.distro.name": "handspan",
    }
    return orchestrator | ({"handspan.terminal.id": resource.terminal} if resource.terminal else {})


def sdk_context(trace_id: str | None, span_id: str | None, *, remote: bool = False) -> api.SpanContext:
    return api.SpanContext(int(trace_id or "0", 16), int(span_id or "0", 16), remote, SAMPLED)


def sdk_span(span: Span) -> ReadableSpan:
    events = [Event(event.name, event.attributes, event.at) for event in span.events]
    links = [
        api.Link(
            sdk_context(link.trace_id, link.span_id, remote=link.type == "upstream"), {"handspan.link.type": link.type}
        )
        for link in span.links
    ]
    return ReadableSpan(
        name=span.name,
        context=sdk_context(span.trace_id, span.span_id),
        parent=sdk_context(span.trace_id, span.parent_span_id) if span.parent_span_id else None,
        resource=sdk_resource(span.resource),
        attributes=span.attributes,
        events=bounded(events, span.dropped_events),
        links=bounded(links, span.dropped_links),
        kind=KINDS[span.kind],
        status=api.Status(api.StatusCode.ERROR if span.error else api.StatusCode.UNSET),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=SCOPE,
    )


def bounded(kept: Sequence[T], dropped: int) -> BoundedList[T]:
    """A list of the SDK's that had more in it, and dropped the first ones."""
    made: BoundedList[T] = BoundedList(len(kept))
    made.extend([*(kept[0] for _ in range(dropped)), *kept])
    return made


def sdk_log(log: Log) -> ReadableLogRecord:
    about = api.NonRecordingSpan(sdk_context(log.trace_id, log.span_id))
    record = LogRecord(
        timestamp=log.at,
        observed_timestamp=log.at,
        context=api.set_span_in_context(about),
        severity_number=SeverityNumber(log.severity),
        body=log.body,
        attributes=log.attributes,
        event_name=log.name,
    )
    return ReadableLogRecord(record, sdk_resource(log.resource), SCOPE)


def sdk_metrics(series: Sequence[Series], at: int) -> sdk.MetricsData:
    """Metrics of one resource."""
    scope = sdk.ScopeMetrics(SCOPE, [sdk_metric(each, at) for each in series], SCHEMA)
    return sdk.MetricsData([sdk.ResourceMetrics(sdk_resource(series[0].resource), [scope], "")])


def sdk_metric(series: Series, at: int) -> sdk.Metric:
    cumulative = sdk.AggregationTemporality.CUMULATIVE
    data: sdk.DataT
    match series.kind:
        case "counter":
            points = [sdk_number(point, series.start, at) for point in series.points]
            data = sdk.Sum(points, cumulative, is_monotonic=True)
        case "gauge":
            data = sdk.Gauge([sdk_number(point, 0, at) for point in series.points])
        case "histogram":
            data = sdk.Histogram([sdk_distribution(point, series, at) for point in series.points], cumulative)
    return sdk.Metric(series.name, series.says, series.unit, data)


def sdk_number(point: Point, start: int, at: int) -> sdk.NumberDataPoint:
    return sdk.NumberDataPoint(point.labels, start, at, point.value, sdk_exemplars(point))


def sdk_distribution(point: Point, series: Series, at: int) -> sdk.HistogramDataPoint:
    return sdk.HistogramDataPoint(
        attributes=point.labels,
        start_time_unix_nano=series.start,
        time_unix_nano=at,
        count=sum(point.buckets),
        sum=point.value,
        bucket_counts=point.buckets,
        explicit_bounds=series.bounds,
        min=0,
        max=0,
        exemplars=sdk_exemplars(point),
    )


def sdk_exemplars(point: Point) -> list[Exemplar]:
    return [Exemplar({}, e.value, e.at, span_id=0, trace_id=int(e.trace_id, 16)) for e in point.exemplars]
