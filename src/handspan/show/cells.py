"""Text as a terminal shows it: made harmless, measured in cells, and shortened to fit.

Names come from strangers. A control character in one could move the cursor, and an invisible or direction-changing one
could make it look like another name, so none is ever printed: they are written out, as `\\x1b`. What is wide takes two
cells, what combines takes none.
"""

from __future__ import annotations

import unicodedata

# Control, format (direction marks, joiners), private use, surrogate, unassigned, line and paragraph separators: nobody
# knows how many cells these take, or what they do.
_WRITTEN_OUT = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_COMBINING = frozenset({"Mn", "Me"})
# No script needs more marks on one letter; a pile of them covers the lines around.
_MARKS = 3
_TAB_AND_BREAKS = str.maketrans("\t\n\r\v\f", "     ")


def clean(text: str, *, ascii: bool = False) -> str:
    """The text on one line, with nothing in it that a terminal would obey; in ASCII if need be."""
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text.translate(_TAB_AND_BREAKS)):
        category = unicodedata.category(char)
        marks = marks + 1 if category in _COMBINING else 0
        if category in _WRITTEN_OUT or (ascii and not char.isascii()):
            out.append(char.encode("ascii", "backslashreplace").decode() if ord(char) > 127 else f"\\x{ord(char):02x}")
        elif marks <= _MARKS and not _chooses_a_variant(char):
            out.append(" " if category == "Zs" else char)
    return "".join(out)


def _chooses_a_variant(char: str) -> bool:
    # With one of these the same character is drawn one cell wide here and two there.
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def cells(text: str) -> int:
    """How many cells a clean text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    # The second and third part of a Korean syllable that has no code point of its own stand in the first one's cells.
    if unicodedata.category(char) in _COMBINING or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int, dots: str = "…") -> str:
    """The text in at most `width` cells: what is too long keeps its two ends."""
    if cells(text) <= width:
        return text
    if width < 3:
        return _first(text, width)
    tail = (width - 1) // 2
    return _first(text, width - 1 - tail) + dots + _last(text, tail)


def clip(text: str, width: int, dots: str = "…") -> str:
    """The text in at most `width` cells: what is too long loses its end."""
    if cells(text) <= width:
        return text
    return _first(text, width - 1).rstrip() + dots if width > 0 else ""


def fit(text: str, width: int) -> str:
    """A text that is short enough, filled up to `width` cells."""
    return text + " " * (width - cells(text))


def _first(text: str, width: int) -> str:
    used = 0
    for at, char in enumerate(text):
        used += _cells(char)
        if used > width:
            return text[:at]
    return text


def _last(text: str, width: int) -> str:
    used = 0
    for at in range(len(text) - 1, -1, -1):
        used += _cells(text[at])
        if used > width:
            return text[at + 1 :]
    return text
