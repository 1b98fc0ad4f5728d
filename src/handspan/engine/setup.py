"""What an engine works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handspan.events import Event
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.senders import Sender
from handspan.signals import Count, Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """All that an engine is handed by whoever hosts it."""

    folder: Path
    destinations: Mapping[str, Sender]
    source: str
    instance: str
    push_every: float
    translate: Callable[[Any], Iterable[Event]]
    scrub: Callable[[Event], Event]
    told: Callable[[Sequence[Log]], None]
    counted: Callable[[], Iterable[Count]]
    rules: Rules
    encoder: Encoder
    clock: Callable[[], int]
    queue: int
    spool_bytes: int
    spool_age: int
