"""What each producer has pushed of its metrics last, for one place where all of them are scraped."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

from handspan import names
from handspan.metrics import BOUNDS
from handspan.signals import Point, Resource, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A machine has a handful of orchestrators. Whoever makes up a name for each push must not fill the memory.
_PRODUCERS = 200
# As many points as a metric of ours has at most in practice (metrics.py bounds each label).
_POINTS = 10_000
INSTANCE = "instance"


class Pushed:
    """For any thread."""

    def __init__(self) -> None:
        # By instance, the one that pushed last at the end; by name, as each is pushed whole.
        self._states: dict[str, dict[str, Series]] = {}
        self._lock = threading.Lock()

    def hear(self, request: Any) -> None:
        """Take in an export request of metrics. What is none of ours in it is left alone."""
        for instance, series in _ours(request):
            with self._lock:
                state = self._states.pop(instance, {})
                state[series.name] = series
                self._states[instance] = state
                if len(self._states) > _PRODUCERS:
                    del self._states[next(iter(self._states))]

    def series(self) -> list[Series]:
        """All of it, with the producer's instance in each resource."""
        with self._lock:
            return [series for state in self._states.values() for series in state.values()]


def by_instance(all_series: Iterable[Series]) -> list[Series]:
    """One metric of each name, in which a label tells the instances apart."""
    found: dict[str, Series] = {}
    for series in all_series:
        points = tuple(
            dataclasses.replace(point, labels={INSTANCE: series.resource.instance, **point.labels})
            for point in series.points
        )
        held = found.get(series.name)
        found[series.name] = (
            dataclasses.replace(held, start=min(held.start, series.start), points=held.points + points)
            if held
            else dataclasses.replace(series, points=points)
        )
    return list(found.values())


def _ours(request: Any) -> Iterator[tuple[str, Series]]:
    for group in request.resource_metrics:
        told = {a.key: a.value.string_value for a in group.resource.attributes}
        instance = told.get(names.INSTANCE)
        if not instance:
            continue
        resource = Resource(
            service=told.get(names.SERVICE_NAME, ""),
            namespace=told.get(names.SERVICE_NAMESPACE, ""),
            instance=instance,
        )
        for scope in group.scope_metrics:
            if scope.scope.name == names.SCOPE:
                for metric in scope.metrics:
                    series = _series(metric, resource)
                    if series:
                        yield instance, series


_FIELDS = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}


def _series(metric: Any, resource: Resource) -> Series | None:
    """A metric as it was encoded; None for what is not as ours are."""
    known = names.METRICS.get(metric.name)
    points: Any = getattr(metric, _FIELDS[known.type]).data_points if known else ()
    if not known or not 0 < len(points) <= _POINTS:
        return None
    try:
        read = tuple(_point(point, known) for point in points)
    except ValueError:
        return None
    return Series(
        name=known.name,
        kind=known.type,
        unit=metric.unit,
        says=known.says,
        start=points[0].start_time_unix_nano,
        resource=resource,
        points=read,
        bounds=BOUNDS if known.type == "histogram" else (),
    )


def _point(point: Any, metric: names.Metric) -> Point:
    told = {a.key: a.value.string_value for a in point.attributes}
    if told.keys() != set(metric.labels):
        raise ValueError("it has other labels")
    labels = {label: told[label] for label in metric.labels}
    if metric.type != "histogram":
        return Point(labels=labels, value=getattr(point, point.WhichOneof("value") or "as_double"))
    if tuple(point.explicit_bounds) != BOUNDS or len(point.bucket_counts) != len(BOUNDS) + 1:
        raise ValueError("it has other buckets")
    return Point(labels=labels, value=point.sum, buckets=tuple(point.bucket_counts))
