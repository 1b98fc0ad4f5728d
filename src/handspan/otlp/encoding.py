"""Signals to records: each signal is encoded once, to the bytes that protobuf's own classes would make of it.

By hand, since it is done for every event: benchmarks/results/way_out.md has what that saves. Fields are called by their
numbers in OTLP's .proto files, and stand in the order of these.

Equal signals give equal bytes on any machine, so the time at which a log event was observed is the time at which it
happened. No signal that the rules make is refused here, whatever a source has put into it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from handspan import names
from handspan.otlp.requests import Record
from handspan.otlp.wire import data, double, fixed32, fixed64, int64, message, sfixed64, uint32
from handspan.signals import Span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.signals import Attributes, Exemplar, Link, Log, Point, Resource, Series, SpanEvent, SpanKind, Value

# --- records ---------------------------------------------------------------------------------------------------------

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
# One for each terminal that has something to say, some 200 bytes each. A session rarely has a hundred.
_RESOURCES: Final = 1_024


class Encoder:
    """Signals to records. `extra` goes into every resource. It overrides nothing that a resource says itself, but for
    the orchestrator's name of its service."""

    def __init__(self, extra: Mapping[str, str] = _NOTHING) -> None:
        self._service = extra.get(names.SERVICE_NAME)
        self._extra = {name: value for name, value in extra.items() if not _is_ours(name)}
        self._resource = lru_cache(_RESOURCES)(self._encoded)

    def record(self, signal: Span | Log) -> Record:
        resource = self._resource(signal.resource)
        if isinstance(signal, Span):
            key = signal.trace_id + signal.span_id
            return Record(kind="traces", key=key, resource=resource, body=_span(signal))
        return Record(kind="logs", key=signal.uid, resource=resource, body=_log(signal))

    def metric(self, series: Series, at: int) -> Record:
        """The record of a metric as it stands at `at`: cumulative, since its start."""
        resource = self._resource(series.resource)
        return Record(kind="metrics", key=series.name, resource=resource, body=_metric(series, at))

    def _encoded(self, resource: Resource) -> bytes:
        about = _about(resource) | self._extra
        if resource.terminal is None and self._service:
            about[names.SERVICE_NAME] = self._service
        return _attributes(1, about)


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


# --- values ----------------------------------------------------------------------------------------------------------

# What an AnyValue's integer can hold.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
# The attributes of a hundred terminals at once. The rules let none be longer than 1,024 bytes: 2.5 MB at the most.
_ATTRIBUTES: Final = 1_024


def _text(text: str) -> bytes:
    # A source inside the process may hand over half a surrogate pair, which is no UTF-8.
    return text.encode("utf-8", "backslashreplace")


def _attributes(field: int, attributes: Attributes) -> bytes:
    return b"".join([
        _text_attribute(field, name, value) if isinstance(value, str) else _key_value(field, name, value)
        for name, value in attributes.items()
    ])


# Nine of ten attributes are texts that came before. Only texts: True is equal to 1, and -0.0 to 0.0, but their bytes
# are not.
@lru_cache(_ATTRIBUTES)
def _text_attribute(field: int, name: str, text: str) -> bytes:
    return _key_value(field, name, text)


def _key_value(field: int, name: str, value: Value) -> bytes:
    return message(field, data(1, _text(name)) + message(2, _value(value)))


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return message(1, _text(value))
    if isinstance(value, bool):  # before int, which it is one of
        return int64(2, value)
    if isinstance(value, int):
        # The sum of several reports may be larger; the specification has such a number as decimal text.
        return int64(3, value) if _LEAST <= value <= _MOST else _value(str(value))
    if isinstance(value, float):
        return double(4, value)
    return message(5, b"".join([message(1, _value(each)) for each in value]))


# --- spans -----------------------------------------------------------------------------------------------------------

_KINDS: Final[Mapping[SpanKind, int]] = MappingProxyType({"internal": 1, "producer": 4, "consumer": 5})
# The flags of a span and of what it links to: it is sampled, whether it is remote is known, and it is.
_SAMPLED, _KNOWN, _IS_REMOTE = 0x001, 0x100, 0x200
# Parents, and all links but those to a stranger's span, are spans of ours.
_OURS: Final = _KNOWN | _SAMPLED
_STRANGERS: Final = _KNOWN | _IS_REMOTE
_STATUS_ERROR: Final = message(15, uint32(3, 2))


def _span(span: Span) -> bytes:
    return b"".join((
        data(1, bytes.fromhex(span.trace_id)),
        data(2, bytes.fromhex(span.span_id)),
        data(4, bytes.fromhex(span.parent_span_id or "")),
        data(5, _text(span.name)),
        uint32(6, _KINDS[span.kind]),
        fixed64(7, span.start),
        fixed64(8, span.end),
        _attributes(9, span.attributes),
        *[message(11, _event(event)) for event in span.events],
        uint32(12, span.dropped_events),
        *[message(13, _link(link)) for link in span.links],
        uint32(14, span.dropped_links),
        _STATUS_ERROR if span.error else b"",
        fixed32(16, _OURS),
    ))


def _event(event: SpanEvent) -> bytes:
    return fixed64(1, event.at) + data(2, _text(event.name)) + _attributes(3, event.attributes)


def _link(link: Link) -> bytes:
    return b"".join((
        data(1, bytes.fromhex(link.trace_id)),
        data(2, bytes.fromhex(link.span_id)),
        _text_attribute(4, names.LINK_TYPE, link.type),
        fixed32(6, _STRANGERS if link.type == names.LINK_UPSTREAM else _OURS),
    ))


# --- log events ------------------------------------------------------------------------------------------------------


def _log(log: Log) -> bytes:
    return b"".join((
        fixed64(1, log.at),
        uint32(2, log.severity),
        message(5, _value(log.body)),
        _attributes(6, log.attributes),
        fixed32(8, _SAMPLED if log.trace_id else 0),
        data(9, bytes.fromhex(log.trace_id or "")),
        data(10, bytes.fromhex(log.span_id or "")),
        fixed64(11, log.at),
        data(12, _text(log.name)),
    ))


# --- metrics ---------------------------------------------------------------------------------------------------------

_CUMULATIVE: Final = uint32(2, 2)
_MONOTONIC: Final = uint32(3, 1)


def _metric(series: Series, at: int) -> bytes:
    return b"".join((
        data(1, _text(series.name)),
        data(2, _text(series.says)),
        data(3, _text(series.unit)),
        _points(series, at),
    ))


def _points(series: Series, at: int) -> bytes:
    match series.kind:
        case "gauge":
            return message(5, b"".join([message(1, _number(point, 0, at)) for point in series.points]))
        case "counter":
            points = [message(1, _number(point, series.start, at)) for point in series.points]
            return message(7, b"".join([*points, _CUMULATIVE, _MONOTONIC]))
        case "histogram":
            points = [message(1, _distribution(point, series, at)) for point in series.points]
            return message(9, b"".join([*points, _CUMULATIVE]))


def _number(point: Point, start: int, at: int) -> bytes:
    return b"".join((
        fixed64(2, start),
        fixed64(3, at),
        _as_double(4, point.value),
        *[message(5, _exemplar(exemplar)) for exemplar in point.exemplars],
        _as_integer(6, point.value),
        _attributes(7, point.labels),
    ))


def _distribution(point: Point, series: Series, at: int) -> bytes:
    return b"".join((
        fixed64(2, series.start),
        fixed64(3, at),
        fixed64(4, sum(point.buckets)),
        double(5, point.value),
        data(6, struct.pack(f"<{len(point.buckets)}Q", *point.buckets)),
        data(7, struct.pack(f"<{len(series.bounds)}d", *series.bounds)),
        *[message(8, _exemplar(exemplar)) for exemplar in point.exemplars],
        _attributes(9, point.labels),
    ))


def _exemplar(exemplar: Exemplar) -> bytes:
    return b"".join((
        fixed64(2, exemplar.at),
        _as_double(3, exemplar.value),
        data(5, bytes.fromhex(exemplar.trace_id)),
        _as_integer(6, exemplar.value),
    ))


# A number is in one of two fields, and other fields stand between them.


def _as_double(field: int, value: float) -> bytes:
    return b"" if _is_integer(value) else double(field, value)


def _as_integer(field: int, value: float) -> bytes:
    return sfixed64(field, int(value)) if _is_integer(value) else b""


def _is_integer(value: float) -> bool:
    return isinstance(value, int) and _LEAST <= value <= _MOST
