"""A file of events, one JSON object a line: the stable form that events.py describes.

A line that is no event costs nothing but itself: it becomes a `Refused` in its place, and reading goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.events import Event, InvalidEvent, from_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that is no event: `line` counts from 1, `field` names what is wrong with it, `problem` says how."""

    line: int
    field: str
    problem: str


def read(lines: Iterable[str | bytes]) -> Iterator[Event | Refused]:
    """The events of a file, in its order. Blank lines are skipped, and so is a byte order mark at the beginning."""
    for number, text in texts(lines):
        if isinstance(text, Refused):
            yield text
            continue
        try:
            yield from_line(text)
        except InvalidEvent as invalid:
            yield Refused(line=number, field=invalid.field, problem=invalid.problem)


def texts(lines: Iterable[str | bytes]) -> Iterator[tuple[int, str | Refused]]:
    """The lines that hold something, each with its number, as text."""
    for number, line in enumerate(lines, start=1):
        try:
            text = line if isinstance(line, str) else line.decode()
        except UnicodeDecodeError as error:
            # JSON is UTF-8. `json.loads` would take UTF-16 and UTF-32 as well, but lines of these can't be told apart.
            yield (
                number,
                Refused(line=number, field="event", problem=f"is not UTF-8 (byte {error.start + 1} of the line)"),
            )
            continue
        text = (text.removeprefix(_BOM) if number == 1 else text).strip()
        if text:
            yield number, text
