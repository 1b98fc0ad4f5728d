"""One terminal's statuses, in their order, folded into boot, turns and waits.

    booting ──ready──▶ idle ──working──▶ turn ──ready──▶ idle        exiting, from anywhere: leaving, for good
                         └───waiting───▶ turn + wait ──working──▶ turn

The rules of this file:

* Starting up is no turn: until the first `ready` (or `error`, or `exiting`), a terminal whose creation was seen is
  booting. One that was first seen alive has no boot.
* A turn goes from `working` (or from `waiting`, if that is what was seen first) to `ready` or `error`. Waiting lies
  in a turn, or in the boot (turn 0).
* `exiting` ends the turn. At the very instant of the `working` that began it, it takes the turn back: that was the
  agent being told to leave. A turn that something has already left under (`rooted`) can't be taken back.
* `unknown` ends nothing. What ends before another status is seen ends at the last sign of life.

Facts are folded in the order of (time, rank), whatever the order in which they came: that is the caller's part.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

Word = Literal["error", "ready", "waiting", "working", "exiting", "unknown", "alive"]
# At one instant the end of a turn comes before the start of the next, and a correction after what it corrects.
_RANK = {
    word: rank for rank, word in enumerate(("error", "ready", "waiting", "working", "exiting", "unknown", "alive"))
}
Kind = Literal["boot", "turn", "waiting"]


@dataclass(frozen=True, slots=True)
class Fact:
    """What was said of a terminal at one instant: a status, or only that it is `alive`."""

    at: int
    word: Word
    trigger: str | None = None

    @property
    def order(self) -> tuple[int, int]:
        return (self.at, _RANK[self.word])


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A stretch of a terminal's life; `end` and `outcome` are None while it lasts, `lost` if nobody saw it end."""

    kind: Kind
    turn: int
    wait: int = 0
    start: int
    end: int | None = None
    outcome: str | None = None
    trigger: str | None = None
    lost: bool = False


@dataclass(slots=True, kw_only=True)
class Phase:
    """Where a terminal stands after the facts folded so far. Folding moves it on."""

    booting: bool
    at: int = 0
    status: Word = "unknown"
    sign: int | None = None
    turn: int = 0
    since: int | None = None
    trigger: str | None = None
    rooted: bool = False
    waits: int = 0
    waiting: int | None = None
    leaving: bool = False
    lost: bool = False

    def copy(self) -> Phase:
        # Field by field: `copy.copy` takes ten times as long, and this is done for every event.
        return Phase(
            booting=self.booting,
            at=self.at,
            status=self.status,
            sign=self.sign,
            turn=self.turn,
            since=self.since,
            trigger=self.trigger,
            rooted=self.rooted,
            waits=self.waits,
            waiting=self.waiting,
            leaving=self.leaving,
            lost=self.lost,
        )


# Within the settling time a source tells a handful of facts of a terminal. A flood of signs of life is thinned out.
_MANY = 256


def insert(facts: list[Fact], fact: Fact) -> bool:
    """Put `fact` in its place; False if it stands there already."""
    at = bisect_left(facts, fact.order, key=lambda f: f.order)
    if at < len(facts) and facts[at].order == fact.order:
        known = facts[at]
        if fact.trigger is None or known.trigger == fact.trigger:
            return False
        facts[at] = fact if known.trigger is None else min(fact, known, key=lambda f: f.trigger or "")
        return facts[at] is fact
    if fact.word == "alive" and len(facts) >= _MANY and at > 0 and facts[at - 1].word == "alive":
        facts[at - 1] = fact
        return True
    facts.insert(at, fact)
    return True


def fold(phase: Phase, fact: Fact, start: int) -> list[Spell]:
    """Move `phase` on over `fact`; what ended by it. `start` is the terminal's."""
    if fact.word == "alive":
        phase.sign = fact.at
        return []
    phase.at = fact.at
    if fact.word == "unknown":
        # Nothing was ever seen of a terminal that is taken up after a restart: it may have booted long ago.
        phase.booting = phase.booting and phase.sign is not None
        phase.status, phase.lost = "unknown", True
        return []
    spells = [] if phase.leaving else _FOLDS[fact.word](phase, fact, start)
    phase.status = phase.status if phase.leaving and fact.word != "exiting" else fact.word
    phase.sign, phase.lost = fact.at, False
    return spells


def _fold_working(phase: Phase, fact: Fact, _: int) -> list[Spell]:
    spells: list[Spell] = []
    if phase.waiting is not None:
        spells.append(_wait(phase, fact.at, "answered"))
        phase.waiting = None
    if not phase.booting and phase.since is None:
        _begin(phase, fact)
    return spells


def _fold_waiting(phase: Phase, fact: Fact, _: int) -> list[Spell]:
    if not phase.booting and phase.since is None:
        _begin(phase, fact)
    if phase.waiting is None:
        phase.waiting = fact.at
        phase.waits += 1
    return []


def _fold_ready(phase: Phase, fact: Fact, start: int) -> list[Spell]:
    spells = cut(phase, fact.at, "error" if fact.word == "error" else "completed", start)
    _rest(phase)
    return spells


def _fold_exiting(phase: Phase, fact: Fact, start: int) -> list[Spell]:
    waits_over = phase.waits - (phase.waiting is not None)
    if phase.since == fact.at and not phase.rooted and not waits_over:
        phase.turn -= 1
        phase.since = phase.waiting = None
    spells = cut(phase, fact.at, "completed", start)
    _rest(phase)
    phase.leaving = True
    return spells


_FOLDS = {
    "working": _fold_working,
    "waiting": _fold_waiting,
    "ready": _fold_ready,
    "error": _fold_ready,
    "exiting": _fold_exiting,
}


def _begin(phase: Phase, fact: Fact) -> None:
    phase.turn += 1
    phase.since, phase.trigger, phase.rooted, phase.waits = fact.at, fact.trigger, False, 0


def _rest(phase: Phase) -> None:
    phase.booting = phase.rooted = False
    phase.since = phase.trigger = phase.waiting = None
    phase.waits = 0


def cut(phase: Phase, end: int, outcome: str, start: int) -> list[Spell]:
    """What would end at `end`, if all that goes on did."""
    spells: list[Spell] = []
    if phase.waiting is not None:
        spells.append(_wait(phase, end, outcome))
    if phase.booting:
        at = _seen_end(phase, start, end)
        spells.append(Spell(kind="boot", turn=0, start=start, end=at, outcome=outcome, lost=phase.lost))
    if phase.since is not None:
        at, lost, trigger = _seen_end(phase, phase.since, end), phase.lost, phase.trigger
        turn = Spell(
            kind="turn", turn=phase.turn, start=phase.since, end=at, outcome=outcome, trigger=trigger, lost=lost
        )
        spells.append(turn)
    return spells


def lasting(phase: Phase, start: int) -> list[Spell]:
    """What goes on after the facts folded so far."""
    spells: list[Spell] = []
    if phase.booting:
        spells.append(Spell(kind="boot", turn=0, start=start))
    if phase.since is not None:
        spells.append(Spell(kind="turn", turn=phase.turn, start=phase.since, trigger=phase.trigger))
    if phase.waiting is not None:
        spells.append(Spell(kind="waiting", turn=phase.turn, wait=phase.waits, start=phase.waiting))
    return spells


def _wait(phase: Phase, end: int, outcome: str) -> Spell:
    assert phase.waiting is not None
    at = _seen_end(phase, phase.waiting, end)
    return Spell(
        kind="waiting", turn=phase.turn, wait=phase.waits, start=phase.waiting, end=at, outcome=outcome, lost=phase.lost
    )


def _seen_end(phase: Phase, start: int, end: int) -> int:
    return min(end, max(start, phase.sign or start)) if phase.lost else end
