"""Gauges: sums, and the oldest of what is told in seconds."""

from __future__ import annotations

from handspan import names
from handspan.gauges import gauges
from handspan.rules.census import Found
from handspan.signals import Point, Resource, Series

RESOURCE = Resource(service="cao", namespace="cao", instance="i")


def test_what_is_found_several_times_is_added_up_and_of_ages_the_oldest_counts() -> None:
    found = [
        Found(names.WAITING_NOW, {"agent": "b"}, 1),
        Found(names.WAITING_OLDEST, {"agent": "b"}, 3.0),
        Found(names.WAITING_NOW, {"agent": "a"}, 1),
        Found(names.WAITING_NOW, {"agent": "b"}, 1),
        Found(names.WAITING_OLDEST, {"agent": "b"}, 9.0),
        Found(names.WAITING_OLDEST, {"agent": "b"}, 5.0),
        Found(names.SPOOL_BYTES, {}, 4096),
    ]
    assert list(gauges(found, RESOURCE)) == [
        _gauge(names.SPOOL_BYTES, "By", Point(labels={}, value=4096)),
        _gauge(names.WAITING_NOW, "", Point(labels={"agent": "a"}, value=1), Point(labels={"agent": "b"}, value=2)),
        _gauge(names.WAITING_OLDEST, "s", Point(labels={"agent": "b"}, value=9.0)),
    ]


def _gauge(name: str, unit: str, *points: Point) -> Series:
    says = names.METRICS[name].says
    return Series(name=name, kind="gauge", unit=unit, says=says, start=0, resource=RESOURCE, points=points)


def test_every_gauge_of_the_table_is_found_somewhere() -> None:
    declared = {metric.name for metric in names.METRICS.values() if metric.type == "gauge"}
    assert declared == {
        *{names.SESSIONS, names.TERMINALS, names.DELEGATIONS_OPEN, names.DELEGATION_OLDEST},
        *{names.WAITING_NOW, names.WAITING_OLDEST, names.AGENTS_STUCK},
        *{names.SPOOL_ITEMS, names.SPOOL_BYTES, names.SPOOL_OLDEST},
        # The hub's own.
        names.RECORD_BYTES,
    }
