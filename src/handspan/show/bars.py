"""Bars on a time axis, in characters: which cell of a row shows what, and the ruler above."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from handspan import names
from handspan.show.captions import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from handspan.show.cells import cells
from handspan.show.picture import NOTICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.show.picture import Row

Part = Literal["grid", "bar", "waiting", "error"]
# Steps that people count in. A ruler takes the smallest that leaves room for its labels.
_STEPS = (
    *(n * MILLISECOND for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
    *(n * SECOND for n in (1, 2, 5, 10, 20, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 20, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The characters of a waterfall, each one cell wide."""

    line: str  # a life: session, terminal
    boot: str
    turn: str
    left: str  # half a cell of a turn
    right: str
    waiting: str
    awaited: str  # a delegation whose caller waits
    not_awaited: str
    queued: str
    typed: str
    error: str
    open: str
    instant: str
    grid: str
    dots: str
    between: str
    tree: tuple[str, str, str, str]  # the last child, a child, below the last, below a child
    words: tuple[tuple[str, str], ...] = ()

    def spell(self, text: str) -> str:
        for sign, word in self.words:
            text = text.replace(sign, word)
        return text

    @property
    def legend(self) -> str:
        g = self
        return (
            f"{g.turn * 2} works  {g.waiting * 2} waits for a person  {g.boot * 2} starts up  {g.awaited * 2} handoff"
            f"  {g.not_awaited * 2} assign  {g.queued}{g.typed} message  {g.open} still open  {g.error} failed"
        )


UNICODE = Glyphs(
    line="─",
    boot="░",
    turn="█",
    left="▌",
    right="▐",
    waiting="╱",  # noqa: RUF001 (it is meant to be a diagonal)
    awaited="━",
    not_awaited="╍",
    queued="·",
    typed="●",
    error="✗",
    open="►",
    instant="│",
    grid="┊",
    dots="…",
    between="·",
    tree=("└ ", "├ ", "  ", "│ "),
)
ASCII = Glyphs(
    line="-",
    boot=":",
    turn="#",
    left="#",
    right="#",
    waiting="/",
    awaited="=",
    not_awaited="~",
    queued=".",
    typed="o",
    error="X",
    open=">",
    instant="|",
    grid="'",
    dots="~",
    between="|",
    tree=("` ", "|-", "  ", "| "),
    words=(("✉ ", "msg "), ("→", "->"), ("←", "<-"), ("✗", "X"), ("◆", "*"), ("µs", "us")),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """The time from `start` to `end`, told in offsets from `zero`."""

    start: int
    end: int
    zero: int

    def at(self, time: int, steps: int) -> int:
        """Which of so many steps a time falls into."""
        length = max(1, self.end - self.start)
        return min(steps - 1, max(0, (time - self.start) * steps // length))


def exactly(time: int) -> str:
    """A time on the ruler, to the millisecond: 0s, 200ms, 1m30s, 1d00h30m."""
    if time < SECOND:
        return f"{time // MILLISECOND}ms" if time else "0s"
    seconds = f"{time % MINUTE / SECOND:06.3f}".rstrip("0").rstrip(".")
    fields = [(f"{time // DAY:02}", "d"), (f"{time // HOUR % 24:02}", "h"), (f"{time // MINUTE % 60:02}", "m")]
    fields.append((seconds or "00", "s"))
    said = [at for at, (digits, _) in enumerate(fields) if digits.strip("0")]
    label = "".join(digits + unit for digits, unit in fields[said[0] : said[-1] + 1])
    return label.removeprefix("0")


class _Cell(NamedTuple):
    part: Part
    char: str


def _part(cell: _Cell) -> Part:
    return cell.part


class Bar:
    """Draws the bars of a block, `width` cells wide."""

    def __init__(self, glyphs: Glyphs, scale: Scale, width: int) -> None:
        self._glyphs, self._scale, self._width = glyphs, scale, width
        self._ticks = self._place_ticks()
        grid = [" "] * width
        for at in self._ticks.values():
            grid[at] = glyphs.grid
        self._grid = grid

    def _place_ticks(self) -> dict[int, int]:
        """The cell of each time that is labelled."""
        scale = self._scale
        length = scale.end - scale.start
        step = next((step for step in _STEPS if step * self._width >= length * self._room(step)), None)
        if step is None:
            return {}
        first = -((scale.zero - scale.start) // step) * step
        times = range(first, scale.end - scale.zero, step)
        return {time: scale.at(scale.zero + time, self._width) for time in times}

    def _room(self, step: int) -> int:
        """What the labels of such steps need: a line, the longest of them, and two cells between."""
        last = (self._scale.end - self._scale.zero) // step * step
        return 3 + max(cells(self._tick(time)) for time in (max(0, last), max(0, last - step)))

    def ruler(self) -> str:
        line = [" "] * self._width
        for time, at in self._ticks.items():
            label = self._tick(time)
            if at + 1 + cells(label) <= self._width:
                line[at : at + 1 + len(label)] = [self._glyphs.grid, *label]
        return "".join(line)

    def _tick(self, time: int) -> str:
        return self._glyphs.spell(exactly(time))

    def of(self, row: Row, now: int) -> Iterator[tuple[Part, str]]:
        """The row's cells, in runs of the same part."""
        drawn = [_Cell("grid", char) for char in self._grid]
        end = max(row.start, now) if row.end is None else row.end
        if row.kind == names.TURN:
            self._turn(drawn, row, end, now)
        else:
            first, last = (self._scale.at(time, self._width) for time in (row.start, max(row.start, end - 1)))
            part: Part = "waiting" if row.kind == names.WAITING else "bar"
            drawn[first : last + 1] = [_Cell(part, char) for char in self._fill(row, last - first + 1)]
            self._tip(drawn, row, last)
        for part, run in groupby(drawn, key=_part):
            yield part, "".join(cell.char for cell in run)

    def _fill(self, row: Row, length: int) -> str:
        g = self._glyphs
        match row.kind:
            case names.SEND | names.RECEIVE:
                return g.queued * (length - 1) + (g.queued if row.end is None else g.typed)
            case names.BOOT:
                return g.boot * length
            case names.WAITING:
                return g.waiting * length
            case names.DELEGATION:
                return (g.not_awaited if row.attributes.get(names.AWAITED) is False else g.awaited) * length
            case names.SESSION | names.TERMINAL if length > 1:
                return g.line * length
            case _ if row.kind == NOTICE:
                return g.spell("◆")
            case _:
                return g.instant * length

    def _turn(self, drawn: list[_Cell], row: Row, end: int, now: int) -> None:
        """To half a cell, and hatched where it waits for a person."""
        g = self._glyphs
        halves = 2 * self._width
        first, last = (self._scale.at(time, halves) for time in (row.start, max(row.start, end - 1)))
        for at in range(first // 2, last // 2 + 1):
            has_left, has_right = first <= 2 * at, last > 2 * at
            drawn[at] = _Cell("bar", g.turn if has_left and has_right else g.left if has_left else g.right)
        for wait in row.children:
            if wait.kind == names.WAITING:
                until = now if wait.end is None else wait.end
                a, b = (self._scale.at(time, self._width) for time in (wait.start, max(wait.start, until - 1)))
                drawn[a : b + 1] = [_Cell("waiting", g.waiting)] * (b + 1 - a)
        self._tip(drawn, row, last // 2)

    def _tip(self, drawn: list[_Cell], row: Row, last: int) -> None:
        if row.error or row.outcome == "undelivered":
            drawn[last] = _Cell("error", self._glyphs.error)
        elif row.end is None:
            drawn[last] = _Cell(drawn[last].part, self._glyphs.open)
