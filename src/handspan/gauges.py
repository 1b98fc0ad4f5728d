"""Gauges: how it stands now. They are made when they are asked for, from what is open and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Point, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from handspan.rules.census import Found
    from handspan.signals import Resource

# Of what is found several times the oldest counts in these, and the sum in all others.
_OLDEST = frozenset({names.DELEGATION_OLDEST, names.WAITING_OLDEST, names.SPOOL_OLDEST})


def gauges(found: Iterable[Found], resource: Resource) -> Iterator[Series]:
    """Every gauge for which something was found."""
    values: dict[str, dict[tuple[str, ...], float]] = {}
    for one in found:
        of_name = values.setdefault(one.gauge, {})
        key = tuple(one.labels.get(label, "") for label in names.METRICS[one.gauge].labels)
        held = of_name.get(key, 0)
        of_name[key] = max(held, one.value) if one.gauge in _OLDEST else held + one.value
    for name, of_name in sorted(values.items()):
        yield Series(
            name=name,
            kind="gauge",
            unit="s" if name.endswith("_seconds") else "By" if name.endswith("_bytes") else "",
            says=names.METRICS[name].says,
            start=0,
            resource=resource,
            points=tuple(Point(labels=_labels(name, key), value=value) for key, value in sorted(of_name.items())),
        )


def _labels(name: str, key: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(names.METRICS[name].labels, key, strict=True))
