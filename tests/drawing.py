"""Draws the tree of a running session: once from what has left so far, once from the spans of the finished one.

Small on purpose and unlike the waterfall: it is the reader that TELEMETRY.md promises can be written from log events
alone, and what the two drawings have in common is what that promise says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan import names
from handspan.signals import Log, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handspan.signals import Signal

KINDS = (names.SESSION, names.TERMINAL, names.BOOT, names.TURN, names.WAITING, names.DELEGATION)
# What is over ends at its instant, or a microsecond later: no span is shorter than that.
INSTANT = 1_000
_OPENS = {names.started(kind) for kind in KINDS}
_ENDS = {names.ended(kind): names.started(kind) for kind in KINDS}
# Spans that have no opening: they are there at once.
_UNOPENED = {"send", "receive", "session.started", "terminal.started"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One span as it is drawn."""

    name: str
    parent: str | None
    start: int
    open: bool


Drawing = dict[tuple[str, str], Line]


def finished(spans: Iterable[Span], at: int) -> Drawing:
    """The final tree, cut at an instant: what had begun by then, and whether it was still going on."""
    return {
        (s.trace_id, s.span_id): Line(name=s.name, parent=s.parent_span_id, start=s.start, open=s.end > at + INSTANT)
        for s in spans
        if s.start <= at and s.name.split(" ")[0] not in _UNOPENED
    }


def running(signals: Iterable[Signal], at: int) -> Drawing:
    """The tree of what has left by an instant: spans, and openings that have not been taken back."""
    openings: dict[tuple[str, str], Log] = {}
    over: set[tuple[str, str]] = set()
    left: list[Span] = []
    for signal in signals:
        if isinstance(signal, Span):
            left.append(signal)
        elif isinstance(signal, Log) and signal.trace_id and signal.span_id:
            _read(signal, (signal.trace_id, signal.span_id), openings, over)
    return {key: _line(log, over=key in over) for key, log in openings.items()} | finished(left, at)


def _read(log: Log, key: tuple[str, str], openings: dict[tuple[str, str], Log], over: set[tuple[str, str]]) -> None:
    if log.name in _OPENS:
        before = openings.get(key)
        # Said again in the same words after its end, it goes on after all; in other words, it is only better known.
        if before and _words(before) == _words(log):
            over.discard(key)
        openings[key] = log
    elif log.attributes.get(names.OUTCOME) == "retracted":
        openings.pop(key, None)
        over.discard(key)
    elif log.name in _ENDS:
        over.add(key)


def _words(log: Log) -> dict[str, object]:
    return {k: v for k, v in log.attributes.items() if k not in {names.REVISION, names.LOG_UID}}


def _line(log: Log, *, over: bool) -> Line:
    said = log.attributes
    parent, start = said.get(names.PARENT_SPAN_ID), said[names.SPAN_START]
    assert isinstance(start, int)
    return Line(
        name=str(said[names.SPAN_NAME]), parent=None if parent is None else str(parent), start=start, open=not over
    )
