"""Export requests, put together from encoded records without looking into them.

The requests of all three kinds have the same shape (field numbers in brackets):

    request ─[1]─ one for each resource ┬[1]─ Resource
                                        └[2]─ one scope ┬[1]─ InstrumentationScope
                                                        ├[2]─ Span, LogRecord or Metric: one for each record
                                                        └[3]─ schema URL
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from handspan import __version__, names
from handspan.otlp.wire import message

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["traces", "logs", "metrics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An encoded signal. A span or log event that is told again has the same `key`; a metric's is its name."""

    kind: Kind
    key: str
    resource: bytes
    body: bytes


_SCOPE: Final = message(1, message(1, names.SCOPE.encode()) + message(2, __version__.encode()))
_SCHEMA_URL: Final = message(3, names.SCHEMA_URL.encode())
# What stands around a record that is alone with its resource: the scope, and the tags and lengths of its group, its
# resource, its scope and itself. A tag is one byte here, a length below 32 GiB at most five.
_AROUND: Final = len(_SCOPE) + len(_SCHEMA_URL) + 4 * (1 + 5)


def request(records: Sequence[Record]) -> bytes:
    """The export request of records of one kind, grouped by resource in the order of first appearance."""
    if len({record.kind for record in records}) > 1:
        raise ValueError("a request takes records of one kind: make one for each")
    groups: dict[bytes, list[bytes]] = {}
    for record in records:
        groups.setdefault(record.resource, []).append(message(2, record.body))
    return b"".join(message(1, _group(resource, bodies)) for resource, bodies in groups.items())


def _group(resource: bytes, bodies: list[bytes]) -> bytes:
    return message(1, resource) + message(2, _SCOPE + b"".join(bodies) + _SCHEMA_URL)


def framed_size(record: Record) -> int:
    """The most that `record` adds to a request: no request is larger than these of its records together."""
    return len(record.resource) + len(record.body) + _AROUND
