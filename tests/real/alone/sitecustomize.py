"""On a Python's path, this hides Handspan's plugin from CAO: the same packages, and CAO alone with them."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoints
from typing import Any

_all: Any = importlib.metadata.entry_points


def _others(**wanted: Any) -> Any:
    return EntryPoints(point for point in _all(**wanted) if not point.value.startswith("handspan."))


importlib.metadata.entry_points = _others
