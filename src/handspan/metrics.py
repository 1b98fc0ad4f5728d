"""Counters and histograms as they stand: added to by the rules, kept in the spool with what they count.

A restart neither resets nor doubles them: their state is committed in the transaction of the signals that changed it.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Count, Exemplar, Point, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from handspan.signals import Observation, Resource

# Upper bounds in seconds: from a message typed at once to a turn that lasts a day.
BOUNDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)
# Agents and models come by the dozen. Whoever makes up a name for each session must not fill a backend.
_VALUES = 100
OTHER = "other"
# What OTLP's integers hold. Past it a counter is counted in doubles.
_LARGEST = 2**63 - 1


@dataclass(slots=True)
class _Standing:
    """How a metric stands for one set of labels. A counter has no buckets; `exemplars` has one for each bucket."""

    start: int
    total: float = 0
    buckets: list[int] = field(default_factory=list[int])
    exemplars: dict[int, Exemplar] = field(default_factory=dict[int, Exemplar])


class Book:
    """All counters and histograms of one spool."""

    def __init__(self, rows: Iterable[tuple[str, str, str]] = ()) -> None:
        self._points: dict[tuple[str, tuple[str, ...]], _Standing] = {}
        self._changed: dict[tuple[str, tuple[str, ...]], None] = {}
        self._values: dict[tuple[str, str], set[str]] = {}
        for name, labels, state in rows:
            if name in names.METRICS:
                self._points[name, self._known(name, json.loads(labels))] = _read(state)

    def add(self, signal: Count | Observation, at: int) -> None:
        """Count, or take in a value."""
        key = (signal.name, self._known(signal.name, signal.labels))
        point = self._points.get(key)
        if point is None:
            point = self._points[key] = _Standing(at)
        self._changed[key] = None
        point.total += signal.value
        if point.total > _LARGEST:
            point.total = float(point.total)
        bucket = 0
        if not isinstance(signal, Count):
            bucket = bisect_left(BOUNDS, signal.value)
            point.buckets = point.buckets or [0] * (len(BOUNDS) + 1)
            point.buckets[bucket] += 1
        if signal.trace_id:
            point.exemplars[bucket] = Exemplar(trace_id=signal.trace_id, value=signal.value, at=at)

    def _known(self, name: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(self._bounded(name, label, labels.get(label, "")) for label in names.METRICS[name].labels)

    def _bounded(self, name: str, label: str, value: str) -> str:
        values = self._values.setdefault((name, label), set())
        if value in values or value == OTHER:
            return value
        if len(values) >= _VALUES:
            return OTHER
        values.add(value)
        return value

    def changed(self) -> list[tuple[str, str, str]]:
        """The rows of what has changed since this was last asked."""
        rows = [self._row(key) for key in self._changed]
        self._changed.clear()
        return rows

    def all_changed(self) -> None:
        """Everything is to be written again, into a file that has none of it."""
        self._changed = dict.fromkeys(self._points)

    def _row(self, key: tuple[str, tuple[str, ...]]) -> tuple[str, str, str]:
        name, values = key
        labels = dict(zip(names.METRICS[name].labels, values, strict=True))
        return name, json.dumps(labels), _written(self._points[key])

    def series(self, resource: Resource) -> Iterator[Series]:
        """All that was ever counted, as it stands."""
        by_name: dict[str, list[tuple[str, ...]]] = {}
        for name, values in sorted(self._points):
            by_name.setdefault(name, []).append(values)
        for name, found in by_name.items():
            metric = names.METRICS[name]
            yield Series(
                name=name,
                kind=metric.type,
                unit="s" if name.endswith("_seconds") else "",
                says=metric.says,
                start=min(self._points[name, values].start for values in found),
                resource=resource,
                points=tuple(self._point(name, values) for values in found),
                bounds=BOUNDS if metric.type == "histogram" else (),
            )

    def _point(self, name: str, values: tuple[str, ...]) -> Point:
        standing = self._points[name, values]
        return Point(
            labels=dict(zip(names.METRICS[name].labels, values, strict=True)),
            value=standing.total,
            buckets=tuple(standing.buckets),
            exemplars=tuple(exemplar for _, exemplar in sorted(standing.exemplars.items())),
        )


def _written(point: _Standing) -> str:
    exemplars = {bucket: [e.trace_id, e.value, e.at] for bucket, e in point.exemplars.items()}
    return json.dumps([point.start, point.total, point.buckets, exemplars])


def _read(state: str) -> _Standing:
    start, total, buckets, exemplars = json.loads(state)
    held = {int(n): Exemplar(trace_id=trace, value=value, at=at) for n, (trace, value, at) in exemplars.items()}
    return _Standing(start, total, buckets, held)
