"""Export requests for the hub's tests: of each kind, in both encodings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from handspan.otlp import Kind

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def span(name: str = "work", **more: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000"}
    return {"traceId": TRACE, "spanId": SPAN, "name": name, "kind": 2, **times, **more}


def traces(*spans: dict[str, Any], service: str = "s") -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    scope = {"scope": {"name": "library", "version": "1"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def logs(*texts: str) -> dict[str, Any]:
    records = [{"timeUnixNano": "1544712660000000000", "body": {"stringValue": text}} for text in texts]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}


def metrics(*names: str) -> dict[str, Any]:
    points = [{"asInt": "3", "timeUnixNano": "1544712660000000000"}]
    found = [{"name": name, "gauge": {"dataPoints": points}} for name in names]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": found}]}]}


ONE: dict[Kind, dict[str, Any]] = {"traces": traces(span()), "logs": logs("said"), "metrics": metrics("m")}


def in_json(document: object) -> bytes:
    return json.dumps(document).encode()


def spans_in_protobuf(*names: str, trace: str = TRACE, id: str = SPAN) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "s"
    scope = group.scope_spans.add()
    scope.scope.name, scope.scope.version = "library", "1"
    for name in names:
        scope.spans.add(
            trace_id=bytes.fromhex(trace),
            span_id=bytes.fromhex(id),
            name=name,
            kind=2,
            start_time_unix_nano=1544712660000000000,
            end_time_unix_nano=1544712661000000000,
        )
    encoded: bytes = request.SerializeToString()
    return encoded


def logs_in_protobuf(*texts: str) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for text in texts:
        records.add(time_unix_nano=1544712660000000000).body.string_value = text
    encoded: bytes = request.SerializeToString()
    return encoded


def metrics_in_protobuf(*names: str) -> bytes:
    request = ExportMetricsServiceRequest()
    found = request.resource_metrics.add().scope_metrics.add().metrics
    for name in names:
        found.add(name=name).gauge.data_points.add(as_int=3, time_unix_nano=1544712660000000000)
    encoded: bytes = request.SerializeToString()
    return encoded
