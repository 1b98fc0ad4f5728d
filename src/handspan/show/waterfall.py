"""A recorded or running session as a waterfall of text.

    for line in draw(play(story.events), width=110):
        print(line)

One block per trace: who and how much, a ruler, and a row per span with its place in the tree, its offset and length,
its bar on the block's one axis, and what there is to say. Everything is said in characters; colour only helps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handspan import names
from handspan.show import captions
from handspan.show.bars import ASCII, UNICODE, Bar, Glyphs, Scale
from handspan.show.cells import cells, clean, clip, fit, shorten
from handspan.show.picture import Block, Row, blocks
from handspan.signals import Log, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from handspan.signals import Signal

NARROWEST = 60
_MARKERS = frozenset({names.SESSION_MARKER, names.TERMINAL_MARKER})
# Red is for errors and yellow for who waits, so agents take turns with the others, in the order in which they appear.
_AGENTS = ("36", "35", "34", "32", "96", "95", "94", "92")
_BOLD, _DIM, _RED, _YELLOW = "1", "2", "31", "33"


def draw(
    signals: Iterable[Signal],
    *,
    width: int,
    colour: bool = False,
    ascii: bool = False,
    markers: bool = False,
    now: int | None = None,
) -> list[str]:
    """The lines, none wider than `width` cells. What is open is drawn until `now`, or else until the last sign."""
    known = list(signals)
    moment = max(map(_moment, known), default=0) if now is None else now
    pen = _Pen(glyphs=ASCII if ascii else UNICODE, colour=colour, ascii=ascii)
    lines: list[str] = []
    drawn = blocks(known)
    targets = {row.id: row for block in drawn for row, _ in block.rows() if row.label}
    for block in drawn:
        lines += [*_Sheet(block, targets, pen, max(width, NARROWEST), moment, markers=markers).lines(), ""]
    if drawn:
        lines.append(pen.paint(clip(pen.glyphs.legend, max(width, NARROWEST), pen.glyphs.dots), _DIM))
    return lines


def _moment(signal: Signal) -> int:
    return signal.end if isinstance(signal, Span) else signal.at if isinstance(signal, Log) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    glyphs: Glyphs
    colour: bool
    ascii: bool

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style and text.strip() else text

    def say(self, text: str) -> str:
        """Text with names of strangers in it, in characters that can be printed."""
        return clean(self.glyphs.spell(text), ascii=self.ascii)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    row: Row
    tree: str
    title: str
    short: str
    label: str
    offset: str
    length: str
    remark: str


class _Sheet:
    """One block, laid out."""

    def __init__(
        self, block: Block, targets: Mapping[str, Row], pen: _Pen, width: int, now: int, *, markers: bool
    ) -> None:
        self._block, self._targets, self._pen, self._width = block, targets, pen, width
        # What a trace leaves open, such as a message that is typed in the next part, is open until the trace's end.
        root = block.root
        self._now = now if root is None or root.end is None else min(now, root.end)
        rows = [row for row, _ in block.rows()]
        agents = dict.fromkeys(row.agent for row in rows if row.kind == names.TERMINAL)
        self._colours = {agent: _AGENTS[n % len(_AGENTS)] for n, agent in enumerate(agents)}
        self._lines = [self._line(row, lasts) for row, lasts in block.rows() if markers or row.kind not in _MARKERS]
        ends = [self._now if row.end is None else row.end for row in rows]
        self._measure(Scale(block.start, max(ends), block.begin))

    def _line(self, row: Row, lasts: tuple[bool, ...]) -> _Line:
        pen = self._pen
        tree = "".join(pen.glyphs.tree[2 if last else 3] for last in lasts[1:-1])
        tree += pen.glyphs.tree[0 if lasts[-1] else 1] if len(lasts) > 1 else ""
        end = max(row.start, self._now) if row.end is None else row.end
        instant = row.end is not None and end - row.start <= 1_000
        said = [text for text in captions.remarks(row, self._block, self._targets) if text]
        return _Line(
            row=row,
            tree=tree,
            title=pen.say(captions.title(row)),
            short=pen.say(captions.short_title(row)),
            label=f" [{row.label}]" if row.label else "",
            offset=pen.say(captions.offset(row.start - self._block.begin)),
            length="" if instant else pen.say(captions.duration(end - row.start)),
            remark=pen.say(", ".join(said)),
        )

    def _measure(self, scale: Scale) -> None:
        """Share the width out: names and remarks take what they need up to a limit, the bars get the rest."""
        gaps = 4
        self._offset = max(len(line.offset) for line in self._lines)
        self._length = max(len(line.length) for line in self._lines)
        free = self._width - self._offset - self._length - gaps
        longest = max(len(line.tree) + cells(line.title) + len(line.label) for line in self._lines)
        self._name = min(longest, max(20, free * 4 // 9))
        self._remark = min(max(cells(line.remark) for line in self._lines), (free - self._name) * 6 // 11)
        self._bars = Bar(self._pen.glyphs, scale, free - self._name - self._remark)

    # --- lines -------------------------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        return [*self._head(), self._ruler(), *(self._draw(line) for line in self._lines)]

    def _head(self) -> list[str]:
        root, say = self._block.root, self._pen.say
        name = say((root.text(names.SESSION_NAME) if root else "") or self._block.session)
        began = datetime.fromtimestamp(self._block.start // captions.SECOND, UTC)
        said = [text for text in captions.heading(self._block, self._now, self._targets) if text]
        said.insert(1, f"{began:%Y-%m-%d %H:%M:%S} UTC")
        name = shorten(name, self._width // 2, self._pen.glyphs.dots)
        first, *more = self._wrap([name, *map(say, said)])
        head = [self._pen.paint(name, _BOLD) + first[len(name) :], *more]
        head += self._wrap(captions.totals(self._block))
        waiting = self._wrap([
            f"{self._pen.glyphs.waiting * 3} {say(text)}" for text in captions.waiting(self._block, self._now)
        ])
        return [*head, *(self._pen.paint(line, _YELLOW) for line in waiting)]

    def _wrap(self, words: list[str]) -> list[str]:
        """The words on as few lines as hold them."""
        between = f" {self._pen.glyphs.between} "
        lines: list[str] = []
        for word in words:
            if lines and cells(lines[-1]) + cells(between) + cells(word) <= self._width:
                lines[-1] += between + word
            else:
                lines.append(clip(word if not lines else f"  {word}", self._width, self._pen.glyphs.dots))
        return lines

    def _ruler(self) -> str:
        left = self._name + self._offset + self._length + 3
        return self._pen.paint((" " * left + self._bars.ruler()).rstrip(), _DIM)

    def _draw(self, line: _Line) -> str:
        row, pen = line.row, self._pen
        dots = pen.glyphs.dots
        # A tree that is deeper than half the column is wide shows its last branches: those say where a row hangs.
        room = self._name // 2
        tree = line.tree if len(line.tree) <= room else dots + line.tree[1 - room :]
        left = self._name - len(tree) - len(line.label)
        title = shorten(line.title if cells(line.title) <= left else line.short, left, dots) + line.label
        parts = [
            pen.paint(tree, _DIM) + pen.paint(fit(title, self._name - len(tree)), self._title_style(row)),
            pen.paint(line.offset.rjust(self._offset), _DIM),
            line.length.rjust(self._length),
            self._bar(row),
            pen.paint(clip(line.remark, self._remark, dots), self._remark_style(row)),
        ]
        return " ".join(parts).rstrip()

    def _bar(self, row: Row) -> str:
        style = self._bar_style(row)
        styles = {"grid": _DIM, "error": _RED, "waiting": _YELLOW, "bar": style}
        return "".join(self._pen.paint(text, styles[what]) for what, text in self._bars.of(row, self._now))

    # --- styles ------------------------------------------------------------------------------------------------------

    def _bar_style(self, row: Row) -> str:
        if row.kind in {names.SESSION, *_MARKERS}:
            return _DIM
        agent = row.text(names.TARGET_AGENT) if row.kind == names.DELEGATION else row.text(names.RECEIVER_AGENT)
        colour = self._colours.get(agent or row.agent, "")
        thin = row.kind in {names.TERMINAL, names.BOOT}
        return f"{_DIM};{colour}" if thin and colour else colour

    def _title_style(self, row: Row) -> str:
        if row.kind == names.WAITING:
            return _YELLOW
        if row.kind in {names.SESSION, names.TERMINAL}:
            return f"{_BOLD};{colour}" if (colour := self._colours.get(row.agent)) else _BOLD
        return ""

    def _remark_style(self, row: Row) -> str:
        if row.error or row.stuck or row.outcome == "undelivered":
            return _RED
        return _YELLOW if row.kind == names.WAITING or row.status == "waiting" else ""
