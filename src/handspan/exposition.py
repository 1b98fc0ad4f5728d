"""Metrics for Prometheus to scrape: the same names, labels and values as are pushed by OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as Sampled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

    from handspan.signals import Exemplar, Point, Series


class Scraped(Collector):
    """A collector for a registry of prometheus_client, over metrics as they stand whenever it is scraped.

    The library's own counters begin at zero with each process; ours go on.
    """

    def __init__(self, look: Callable[[], Iterable[Series]]) -> None:
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """Every metric, as a family of samples."""
        return (family(series) for series in self._look())


def family(series: Series) -> Metric:
    """The samples of one metric. An exemplar stands on the bucket that its value fell into."""
    labels = list(series.points[0].labels) if series.points else []
    if series.kind == "gauge":
        gauge = GaugeMetricFamily(series.name, series.says, labels=labels)
        for point in series.points:
            gauge.add_metric(list(point.labels.values()), point.value)
        return gauge
    if series.kind == "counter":
        counter = CounterMetricFamily(series.name, series.says, labels=labels)
        for point in series.points:
            exemplar = _sampled(point.exemplars[0]) if point.exemplars else None
            counter.add_metric(list(point.labels.values()), point.value, series.start / 1e9, exemplar=exemplar)
        return counter
    histogram = HistogramMetricFamily(series.name, series.says, labels=labels)
    for point in series.points:
        histogram.add_metric(list(point.labels.values()), _buckets(series, point), point.value)
    return histogram


_Bucket = tuple[str, float] | tuple[str, float, Sampled]


def _buckets(series: Series, point: Point) -> list[_Bucket]:
    """Cumulative counts under each upper bound, as Prometheus wants them."""
    found: list[_Bucket] = []
    total, below = 0, float("-inf")
    for bound, number in zip((*series.bounds, float("inf")), point.buckets, strict=True):
        total += number
        inside = next((e for e in point.exemplars if below < e.value <= bound), None)
        text = "+Inf" if bound == float("inf") else str(float(bound))
        found.append((text, total, _sampled(inside)) if inside else (text, total))
        below = bound
    return found


def _sampled(exemplar: Exemplar) -> Sampled:
    return Sampled({"trace_id": exemplar.trace_id}, exemplar.value, exemplar.at / 1e9)
