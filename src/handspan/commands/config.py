"""What `handspan config` says: every setting in force, its value without secrets, and where it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from handspan.config import WrongSetting, read, variable
from handspan.setting_kinds import HIDDEN, address_of
from handspan.show.cells import cells, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OF_EXPORTERS = (
    *("ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION", "INSECURE"),
    *("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"),
)
# What otel_env.py asks for.
OTEL = (
    *("OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"),
    *(
        f"OTEL_EXPORTER_OTLP_{kind}{what}"
        for what, kind in product(_OF_EXPORTERS, ("", "TRACES_", "LOGS_", "METRICS_"))
    ),
)
# A longer value pushes only its own line out of the columns.
_WIDEST = 50


@dataclass(frozen=True, slots=True)
class Report:
    """Lines for stdout, complaints for stderr, and the exit code."""

    lines: list[str]
    complaints: tuple[str, ...]
    status: int


@dataclass(frozen=True, slots=True)
class _Row:
    setting: str
    value: str | None
    origin: str
    where: str | None


def report(environment: Mapping[str, str], *, as_json: bool) -> Report:
    try:
        configuration = read(environment)
    except WrongSetting as wrong:
        return Report([], wrong.problems, 2)
    rows = [
        *(_Row(variable(found.name), found.value, found.origin, found.where) for found in configuration.found),
        *_otel(environment),
    ]
    return Report([_json(row) for row in rows] if as_json else _columns(rows), configuration.warnings, 0)


def _otel(environment: Mapping[str, str]) -> Iterator[_Row]:
    """Those that Handspan honours, then those that are for others, or misspelt."""
    for name in OTEL:
        if value := environment.get(name):
            yield _Row(name, _shown(name, value), "environment", name)
    for name in sorted(environment):
        if name.startswith("OTEL_") and name not in OTEL:
            yield _Row(name, HIDDEN, "unused", name)


def _shown(name: str, value: str) -> str:
    if name.endswith("_HEADERS"):
        return HIDDEN
    return address_of(value) if name.endswith("_ENDPOINT") else value


def _json(row: _Row) -> str:
    return json.dumps({"setting": row.setting, "value": row.value, "from": row.origin, "where": row.where})


def _columns(rows: list[_Row]) -> list[str]:
    lines = [(row.setting, clean(row.value or "none"), _origin(row)) for row in rows]
    first, second = (max(width for line in lines if (width := cells(line[n])) <= _WIDEST) for n in (0, 1))
    return [f"{_padded(name, first)}  {_padded(value, second)}  {origin}" for name, value, origin in lines]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cells(text))


def _origin(row: _Row) -> str:
    if row.origin == "unused":
        return "not used by Handspan"
    return row.origin if row.where in {None, row.setting} else clean(f"{row.origin} {row.where}")
