"""Stories from files: lines of events, or of what CAO said, in the order in which they were written.

Reading is streaming, and sorts nothing: the order of the lines is the order of delivery, and time moves with the
largest time seen.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from handspan.events import Event, InvalidEvent, from_line
from handspan.sources import cao, cao_facts
from handspan.sources.jsonl import Refused, texts
from handspan.testing import Player

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from handspan.signals import Signal

SECOND = 1_000_000_000
# What is said last still has to settle, and a source may hold an end back until it is explained.
_SETTLE = 10 * SECOND
# One event has at most two texts of a million characters; JSON may write each in twelve bytes.
_LONGEST_LINE = 32 * 1_048_576
# As far as sessions.py believes a clock. One wrong year would end all that is open, and play a part for each day.
_JUMP = 366 * 24 * 3600 * SECOND
# So many lines in a row may each be alone with their time before the first of them is given up.
_ALONE = 8
_IN_FOLDERS = ("facts.jsonl", "events.jsonl")


class NoStory(Exception):
    """There is nothing to read. Says what to do next."""


@contextmanager
def opened(path: str, stdin: IO[bytes]) -> Generator[tuple[str, Iterator[bytes]]]:
    """The name of the file at `path` (a file, a folder that holds one, or `-`) and its lines."""
    if path == "-":
        yield "stdin", _lines(stdin, "stdin")
        return
    file = _file(Path(path))
    try:
        stream = file.open("rb")
    except OSError as error:
        raise _unreadable(str(file), error) from error
    with stream:
        yield str(file), _lines(stream, str(file))


def _unreadable(name: str, error: OSError) -> NoStory:
    return NoStory(f"{name} can't be read ({error.strerror}): name another file.")


def _file(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise NoStory(f"{path} does not exist. Name a file of events, a folder of a recording, or - for stdin.")
        return path
    found = next((path / name for name in _IN_FOLDERS if (path / name).is_file()), None)
    if found is None:
        raise NoStory(f"{path} holds no story. Name a folder with {' or '.join(_IN_FOLDERS)} in it, or a file.")
    return found


def _lines(stream: IO[bytes], name: str) -> Iterator[bytes]:
    begun = False
    while line := _piece(stream, name):
        if not begun and b"\0" in line[:8192]:
            raise NoStory(f"{name} is no text: `handspan schema` says what a file of events must hold.")
        begun = True
        yield line
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            line = _piece(stream, name)  # the rest of a line that was refused for its beginning


def _piece(stream: IO[bytes], name: str) -> bytes:
    try:
        return stream.readline(_LONGEST_LINE)
    except OSError as error:
        raise _unreadable(name, error) from error


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a story: when it was said, and what."""

    number: int
    at: int
    said: Event | cao_facts.Fact


class Telling:
    """Plays what is read into sessions. `until` stops the story so many seconds after it began."""

    def __init__(self, until: float | None = None) -> None:
        self.events = 0
        self.now: int | None = None
        self._until = until
        self._limit: int | None = None
        self._player = Player()
        self._cao = cao.Translator("recording")

    def signals(self, lines: Iterable[bytes]) -> Iterator[Signal | Refused]:
        """Everything that is said because of these lines, and the lines that are none."""
        for told in self._dated(lines):
            if isinstance(told, Refused):
                yield told
                continue
            if self._limit is not None and told.at > self._limit:
                break
            yield from self._say(told.at, self._translated(told))
        yield from self._finish()

    def said(self, lines: Iterable[bytes]) -> Iterator[tuple[int, Event] | Refused]:
        """Every event of these lines with the time at which it was said, and the lines that are none."""
        last = 0
        for told in self._dated(lines):
            if isinstance(told, Refused):
                yield told
                continue
            last = max(last, told.at)
            yield from ((last, event) for event in self._translated(told))
        if last:
            yield from ((last, event) for event in self._cao.translate(cao_facts.Swept(at=last + _SETTLE)))

    def _dated(self, lines: Iterable[bytes]) -> Iterator[_Line | Refused]:
        """The lines that agree on the year, in their order; one that is alone with its time is refused."""
        alone: list[_Line] = []
        agreed: int | None = None
        for number, text in texts(lines):
            told = text if isinstance(text, Refused) else _read(number, text)
            if isinstance(told, Refused):
                yield told
                continue
            at = told.at
            mate = next((line for line in alone if abs(at - line.at) <= _JUMP), None)
            if mate is None and (agreed is None or abs(at - agreed) > _JUMP):
                alone.append(told)
                if len(alone) > _ALONE:
                    yield _alone(alone.pop(0))
                continue
            yield from (_alone(line) for line in alone if line is not mate)
            alone.clear()
            if mate:
                yield mate
            yield told
            agreed = max(at, mate.at if mate else agreed or 0)
        if agreed is None and alone:
            yield alone.pop(0)
        yield from map(_alone, alone)

    def _translated(self, line: _Line) -> tuple[Event, ...]:
        if isinstance(line.said, cao_facts.Fact):
            return self._cao.translate(line.said)
        return (line.said,)

    def _say(self, at: int, events: tuple[Event, ...]) -> Iterator[Signal]:
        if self.now is None and self._until is not None:
            self._limit = at + round(self._until * SECOND)
        self.now = max(at, self.now or 0)
        yield from self._played(self._player.until(self.now))
        for event in events:
            self.events += 1
            yield from self._played(self._player.say(event, self.now))

    def _finish(self) -> Iterator[Signal]:
        if self.now is None:
            return
        if self._limit is not None:
            self.now = self._limit
            yield from self._played(self._player.until(self.now))
            return
        # A look that finds nothing is CAO's clock: it brings out what was held back.
        for event in self._cao.translate(cao_facts.Swept(at=self.now + _SETTLE)):
            self.events += 1
            yield from self._played(self._player.say(event, self.now))
        yield from self._played(self._player.until(self.now + _SETTLE))

    def _played(self, out: list[Signal]) -> list[Signal]:
        # The player keeps what it played, for tests. A long file must not be kept.
        self._player.signals.clear()
        return out


def _read(number: int, text: str) -> _Line | Refused:
    if '"fact"' in text and (fact := _fact(number, text)):
        return fact if isinstance(fact, Refused) else _Line(number, fact.at, fact)
    try:
        event = from_line(text)
    except InvalidEvent as invalid:
        return Refused(line=number, field=invalid.field, problem=invalid.problem)
    return _Line(number, event.at, event)


def _alone(line: _Line) -> Refused:
    return Refused(line=line.number, field="at", problem="is more than a year away from the lines around it")


def _fact(number: int, text: str) -> cao_facts.Fact | Refused | None:
    """The fact of a line, or None if it is an event that only mentions the word."""
    try:
        form = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(form, dict) or "fact" not in cast("dict[str, object]", form):
        return None
    try:
        return cao_facts.from_line(text)
    except ValueError as error:
        field, _, problem = str(error).partition(": ")
        return Refused(line=number, field=field, problem=problem)
    except (AttributeError, TypeError):
        # The plugin writes facts, so their form is checked loosely; a file may hold anything.
        return Refused(line=number, field="fact", problem="holds a value of the wrong kind")
