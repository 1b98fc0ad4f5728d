"""What the log events of one span come to while the span itself has not left: is it there, is it over, what is known.

Openings have revisions, ends have revisions of their own, and no event says which came after a word of the other kind:

* The opening with the highest revision says what is known. The first opening came before every end.
* An opening in the same words as the one before was told because what it opens goes on after an end; one in other words
  is only better known. So there was an end before each of the former, and with no more ends than those, it goes on.
* Where this leaves it open, what arrived last was told last: destinations keep the order. Where one did not, the span
  puts it right two seconds later.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from handspan import names
from handspan.hub.index.entries import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

RETRACTED = "retracted"


class Telling(NamedTuple):
    """An opening or an end. `arrived` is its place among all that arrived."""

    arrived: int
    at: int
    said: Mapping[str, Any]

    @property
    def revision(self) -> int:
        return number(self.said, names.REVISION) or 1

    def words(self) -> dict[str, Any]:
        return {name: value for name, value in self.said.items() if name not in _NO_WORDS}


_NO_WORDS = {names.REVISION, names.LOG_UID}


class Standing(NamedTuple):
    """The opening that counts, and the end if it is over."""

    opening: Telling
    ending: Telling | None


def standing(openings: Iterable[Telling], endings: Iterable[Telling]) -> Standing | None:
    """How things stand, or None if there is nothing: no opening yet, or taken back."""
    opened = sorted(openings, key=lambda telling: telling.revision)
    if not opened:
        return None
    ending = max(ended := list(endings), key=lambda telling: telling.revision, default=None)
    if ending is None or _goes_on(opened, ending, len(ended)):
        return Standing(opened[-1], None)
    return None if ending.said.get(names.OUTCOME) == RETRACTED else Standing(opened[-1], ending)


def _goes_on(opened: Sequence[Telling], ending: Telling, ends: int) -> bool:
    again = [told for before, told in itertools.pairwise(opened) if before.words() == told.words()]
    if len(again) >= ends:
        return True
    back = opened[1:] if ending.said.get(names.OUTCOME) == RETRACTED else again
    return any(told.arrived > ending.arrived for told in back)
