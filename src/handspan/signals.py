"""What leaves: spans, log events, counts, observations and what they add up to, as plain values before any encoding.

Ids are lower-case hex, times nanoseconds since 1970. A signal says which agent it is about (`Resource`); the host it
ran on and whatever the user adds to every resource are the encoder's to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Value = str | int | float | bool | tuple[str, ...]
Attributes = Mapping[str, Value]
SpanKind = Literal["internal", "producer", "consumer"]
SeriesKind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Who a signal is about: an agent in its terminal, or (no terminal) the orchestrator itself."""

    service: str
    namespace: str
    instance: str
    terminal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    trace_id: str
    span_id: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    name: str
    at: int
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A finished span. It is made once; `dropped_*` count what the limits cut from it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: SpanKind
    start: int
    end: int
    resource: Resource
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    links: tuple[Link, ...] = ()
    error: bool = False
    dropped_events: int = 0
    dropped_links: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log event. `uid` is the same whenever the same event is told again, so that a receiver can drop the repeat."""

    uid: str
    name: str
    at: int
    severity: int
    body: str
    resource: Resource
    attributes: Attributes
    trace_id: str | None = None
    span_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """An addition to a counter; `trace_id` is its exemplar."""

    name: str
    labels: Mapping[str, str]
    value: int | float = 1
    trace_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A value for a histogram; `trace_id` is its exemplar."""

    name: str
    labels: Mapping[str, str]
    value: float
    trace_id: str | None = None


Signal = Span | Log | Count | Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One value out of many, and the trace it comes from."""

    trace_id: str
    value: int | float
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A metric for one set of labels. Of a histogram `value` is the sum, and `buckets` how many each one holds."""

    labels: Mapping[str, str]
    value: int | float
    buckets: tuple[int, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A metric as it stands: what was counted since `start`, or a gauge's values.

    A bucket holds what is at most its bound and above the one before; past the last of `bounds` there is one more.
    """

    name: str
    kind: SeriesKind
    unit: str
    says: str
    start: int
    resource: Resource
    points: tuple[Point, ...]
    bounds: tuple[float, ...] = ()
