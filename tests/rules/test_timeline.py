"""Scripts of one terminal's statuses, and the spells that come of them.

working@1:human   a status (or `alive`) at an instant, with what triggered it
|                 what stands before it has settled: folded, whatever comes later
rooted            something has left under the running turn
killed@9          the terminal ends, for that reason

boot 0-3 completed      turn1 4-9 error      turn1 4- (it lasts)      wait1.2 5-6 answered (the second in turn 1)
"""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

from handspan.rules.timeline import Fact, Phase, Spell, Word, cut, fold, insert, lasting

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS: tuple[Word, ...] = get_args(Word)
# Where terminals start in these scripts.
START = 0


def run(script: str, *, created: bool = True) -> tuple[Phase, list[Spell]]:
    phase, ended, facts = Phase(booting=created), list[Spell](), list[Fact]()
    for step in script.split():
        said, _, at = step.partition("@")
        at, _, trigger = at.partition(":")
        if said in WORDS:
            insert(facts, Fact(int(at), said, trigger or None))
            continue
        ended += settle(phase, facts)
        if said == "rooted":
            phase.rooted = True
        elif said != "|":
            return phase, ended + cut(phase, int(at), said, START)
    ended += settle(phase, facts)
    return phase, ended + lasting(phase, START)


def settle(phase: Phase, facts: list[Fact]) -> list[Spell]:
    ended: list[Spell] = []
    while facts:
        ended += fold(phase, facts.pop(0), START)
    return ended


def play(script: str, *, created: bool = True) -> str:
    return told(run(script, created=created)[1])


def told(spells: Iterable[Spell]) -> str:
    return ", ".join(map(shown, spells)) or "nothing"


def shown(spell: Spell) -> str:
    number = {"boot": "", "turn": f"{spell.turn}", "waiting": f"{spell.turn}.{spell.wait}"}[spell.kind]
    kind = "wait" if spell.kind == "waiting" else spell.kind
    end = "" if spell.end is None else f"{spell.end} {spell.outcome}"
    trigger = f" ({spell.trigger})" if spell.trigger else ""
    return f"{kind}{number} {spell.start}-{end}{trigger}{' lost' if spell.lost else ''}"


# --- starting up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("", "boot 0-"),
        ("working@1", "boot 0-"),
        ("working@1 ready@3", "boot 0-3 completed"),
        ("ready@3", "boot 0-3 completed"),
        ("working@1 ready@3 working@4", "boot 0-3 completed, turn1 4-"),
        ("working@1 waiting@2", "boot 0-, wait0.1 2-"),
        ("working@1 waiting@2 working@3 ready@5", "wait0.1 2-3 answered, boot 0-5 completed"),
        ("waiting@2 working@3 waiting@4 ready@5", "wait0.1 2-3 answered, wait0.2 4-5 completed, boot 0-5 completed"),
        ("working@1 error@3", "boot 0-3 error"),
        ("working@1 failed@3", "boot 0-3 failed"),
        ("waiting@1 killed@3", "wait0.1 1-3 killed, boot 0-3 killed"),
        ("working@1 exiting@1", "boot 0-1 completed"),
    ],
)
def test_starting_up_is_no_turn(script: str, spells: str) -> None:
    assert play(script) == spells


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("", "nothing"),
        ("ready@3", "nothing"),
        ("alive@3", "nothing"),
        ("working@1", "turn1 1-"),
        ("working@1 ready@3", "turn1 1-3 completed"),
        ("killed@3", "nothing"),
    ],
)
def test_what_was_first_seen_alive_has_no_boot(script: str, spells: str) -> None:
    assert play(script, created=False) == spells


# --- turns and waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("working@4 ready@9", "turn1 4-9 completed"),
        ("working@4 error@9", "turn1 4-9 error"),
        ("working@4 working@6 ready@9", "turn1 4-9 completed"),
        ("working@4 ready@9 ready@11", "turn1 4-9 completed"),
        ("working@4 ready@6 working@7 ready@9", "turn1 4-6 completed, turn2 7-9 completed"),
        ("working@4 error@6 working@7", "turn1 4-6 error, turn2 7-"),
        ("working@4:handoff working@6:human ready@9", "turn1 4-9 completed (handoff)"),
        ("working@4:handoff ready@6 working@7", "turn1 4-6 completed (handoff), turn2 7-"),
        ("working@4 killed@9", "turn1 4-9 killed"),
        ("working@4 ready@6 killed@9", "turn1 4-6 completed"),
        # waits
        ("waiting@4", "turn1 4-, wait1.1 4-"),
        ("waiting@4:human working@6 ready@9", "wait1.1 4-6 answered, turn1 4-9 completed (human)"),
        ("working@4 waiting@5 working@6 ready@9", "wait1.1 5-6 answered, turn1 4-9 completed"),
        ("working@4 waiting@5 waiting@6 working@7", "wait1.1 5-7 answered, turn1 4-"),
        ("working@4 waiting@5 ready@9", "wait1.1 5-9 completed, turn1 4-9 completed"),
        ("working@4 waiting@5 error@9", "wait1.1 5-9 error, turn1 4-9 error"),
        ("working@4 waiting@5 killed@9", "wait1.1 5-9 killed, turn1 4-9 killed"),
        (
            "working@4 waiting@5 working@6 waiting@7 working@8",
            "wait1.1 5-6 answered, wait1.2 7-8 answered, turn1 4-",
        ),
        (
            "waiting@4 working@5 ready@6 waiting@7 working@8",
            "wait1.1 4-5 answered, turn1 4-6 completed, wait2.1 7-8 answered, turn2 7-",
        ),
        ("alive@3 working@4 alive@5 ready@6 alive@7", "turn1 4-6 completed"),
    ],
)
def test_a_turn_goes_from_working_to_ready_or_error(script: str, spells: str) -> None:
    assert play(script, created=False) == spells


# --- being told to leave ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("working@1 ready@3 working@4 exiting@4", "boot 0-3 completed"),
        ("ready@1 working@2 ready@3 working@4 exiting@4 ready@5", "boot 0-1 completed, turn1 2-3 completed"),
        ("ready@3 working@4 | exiting@4", "boot 0-3 completed"),
        ("ready@3 working@4 exiting@5", "boot 0-3 completed, turn1 4-5 completed"),
        ("ready@3 working@4 | rooted exiting@4", "boot 0-3 completed, turn1 4-4 completed"),
        ("ready@3 working@4 | rooted ready@5 working@6 exiting@6", "boot 0-3 completed, turn1 4-5 completed"),
        ("ready@3 working@4 waiting@5 exiting@6", "boot 0-3 completed, wait1.1 5-6 completed, turn1 4-6 completed"),
        ("ready@3 waiting@4 exiting@4", "boot 0-3 completed"),
        ("ready@3 exiting@4", "boot 0-3 completed"),
        # It leaves for good: nothing that follows is a turn.
        ("ready@3 exiting@4 working@5 waiting@6 error@7", "boot 0-3 completed"),
        ("ready@3 exiting@4 working@5 killed@7", "boot 0-3 completed"),
        ("ready@3 exiting@4 unknown@5 working@6 killed@7", "boot 0-3 completed"),
    ],
)
def test_being_told_to_leave_is_no_turn(script: str, spells: str) -> None:
    assert play(script) == spells


# --- what nobody saw -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("working@4 unknown@6", "turn1 4-"),
        ("working@4 unknown@6 ready@9", "turn1 4-4 completed lost"),
        ("working@4 alive@5 unknown@6 ready@9", "turn1 4-5 completed lost"),
        ("working@4 alive@5 unknown@6 killed@9", "turn1 4-5 killed lost"),
        # A sign of life says that the terminal was there, not that its agent still worked.
        ("working@4 unknown@6 alive@7 ready@9", "turn1 4-7 completed lost"),
        ("working@4 unknown@6 alive@7 killed@9", "turn1 4-7 killed lost"),
        ("working@4 unknown@6 working@7 ready@9", "turn1 4-9 completed"),
        ("working@4 unknown@6 waiting@7 killed@9", "wait1.1 7-9 killed, turn1 4-9 killed"),
        ("working@4 waiting@5 unknown@6 ready@9", "wait1.1 5-5 completed lost, turn1 4-5 completed lost"),
        ("working@4 waiting@5 unknown@6 working@9", "wait1.1 5-5 answered lost, turn1 4-"),
        ("working@4 unknown@6 unknown@7 ready@9", "turn1 4-4 completed lost"),
        ("working@4 unknown@6 ready@9 working@10 ready@11", "turn1 4-4 completed lost, turn2 10-11 completed"),
        ("unknown@6 killed@9", "nothing"),
    ],
)
def test_what_nobody_saw_end_ends_at_the_last_sign_of_life(script: str, spells: str) -> None:
    assert play(script, created=False) == spells


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        # Taken up after a restart: it may have booted long ago.
        ("unknown@1", "nothing"),
        ("unknown@1 ready@3", "nothing"),
        ("unknown@1 working@2", "turn1 2-"),
        # It was seen to start up, and then lost.
        ("working@1 unknown@2", "boot 0-"),
        ("working@1 unknown@2 ready@9", "boot 0-1 completed lost"),
        ("alive@1 unknown@2 killed@9", "boot 0-1 killed lost"),
    ],
)
def test_a_boot_that_nobody_saw(script: str, spells: str) -> None:
    assert play(script) == spells


# --- the whole table -------------------------------------------------------------------------------------------------

# How to get there, by the phase's name. Every word then comes at 9.
PHASES = {
    "booting": "working@1",
    "booting, waits": "working@1 waiting@2",
    "idle": "ready@1",
    "turn": "ready@1 working@2",
    "turn, waits": "ready@1 working@2 waiting@3",
    "leaving": "ready@1 exiting@2",
}
# fmt: off
TABLE = {
    ("booting", "error"): ("idle", "boot 0-9 error"),
    ("booting", "ready"): ("idle", "boot 0-9 completed"),
    ("booting", "waiting"): ("booting, waits", "nothing"),
    ("booting", "working"): ("booting", "nothing"),
    ("booting", "exiting"): ("leaving", "boot 0-9 completed"),
    ("booting", "unknown"): ("booting, lost", "nothing"),
    ("booting", "alive"): ("booting", "nothing"),

    ("booting, waits", "error"): ("idle", "wait0.1 2-9 error, boot 0-9 error"),
    ("booting, waits", "ready"): ("idle", "wait0.1 2-9 completed, boot 0-9 completed"),
    ("booting, waits", "waiting"): ("booting, waits", "nothing"),
    ("booting, waits", "working"): ("booting", "wait0.1 2-9 answered"),
    ("booting, waits", "exiting"): ("leaving", "wait0.1 2-9 completed, boot 0-9 completed"),
    ("booting, waits", "unknown"): ("booting, waits, lost", "nothing"),
    ("booting, waits", "alive"): ("booting, waits", "nothing"),

    ("idle", "error"): ("idle", "nothing"),
    ("idle", "ready"): ("idle", "nothing"),
    ("idle", "waiting"): ("turn, waits", "nothing"),
    ("idle", "working"): ("turn", "nothing"),
    ("idle", "exiting"): ("leaving", "nothing"),
    ("idle", "unknown"): ("idle, lost", "nothing"),
    ("idle", "alive"): ("idle", "nothing"),

    ("turn", "error"): ("idle", "turn1 2-9 error"),
    ("turn", "ready"): ("idle", "turn1 2-9 completed"),
    ("turn", "waiting"): ("turn, waits", "nothing"),
    ("turn", "working"): ("turn", "nothing"),
    ("turn", "exiting"): ("leaving", "turn1 2-9 completed"),
    ("turn", "unknown"): ("turn, lost", "nothing"),
    ("turn", "alive"): ("turn", "nothing"),

    ("turn, waits", "error"): ("idle", "wait1.1 3-9 error, turn1 2-9 error"),
    ("turn, waits", "ready"): ("idle", "wait1.1 3-9 completed, turn1 2-9 completed"),
    ("turn, waits", "waiting"): ("turn, waits", "nothing"),
    ("turn, waits", "working"): ("turn", "wait1.1 3-9 answered"),
    ("turn, waits", "exiting"): ("leaving", "wait1.1 3-9 completed, turn1 2-9 completed"),
    ("turn, waits", "unknown"): ("turn, waits, lost", "nothing"),
    ("turn, waits", "alive"): ("turn, waits", "nothing"),

    ("leaving", "error"): ("leaving", "nothing"),
    ("leaving", "ready"): ("leaving", "nothing"),
    ("leaving", "waiting"): ("leaving", "nothing"),
    ("leaving", "working"): ("leaving", "nothing"),
    ("leaving", "exiting"): ("leaving", "nothing"),
    ("leaving", "unknown"): ("leaving, lost", "nothing"),
    ("leaving", "alive"): ("leaving", "nothing"),
}
# fmt: on


def name_of(phase: Phase) -> str:
    being = "leaving" if phase.leaving else "booting" if phase.booting else "idle" if phase.since is None else "turn"
    return being + (", waits" if phase.waiting is not None else "") + (", lost" if phase.lost else "")


def test_every_word_in_every_phase() -> None:
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for name, script in PHASES.items():
        for word in WORDS:
            phase, _ = run(script)
            assert name_of(phase) == name
            ended = fold(phase, Fact(9, word), START)
            found[name, word] = name_of(phase), told(ended)
    assert found == TABLE


def test_a_phase_knows_its_status_and_when_it_was_seen() -> None:
    phase, _ = run("working@4 alive@6")
    assert (phase.at, phase.status, phase.sign) == (4, "working", 6)
    phase, _ = run("working@4 alive@6 unknown@8")
    assert (phase.at, phase.status, phase.sign) == (8, "unknown", 6)


# --- the order of facts ----------------------------------------------------------------------------------------------


def test_at_one_instant_an_end_comes_before_a_start_and_a_correction_after_what_it_corrects() -> None:
    facts: list[Fact] = []
    for word in ("alive", "unknown", "exiting", "working", "waiting", "ready", "error"):
        insert(facts, Fact(5, word))
    assert [fact.word for fact in facts] == ["error", "ready", "waiting", "working", "exiting", "unknown", "alive"]


@pytest.mark.parametrize(
    ("script", "spells"),
    [
        ("working@4 ready@6 working@6 ready@8", "turn1 4-6 completed, turn2 6-8 completed"),
        ("ready@3 working@4 exiting@4", "nothing"),
        ("working@4 unknown@6 ready@9 alive@5", "turn1 4-5 completed lost"),
        ("working@4 waiting@5 working@6 ready@9", "wait1.1 5-6 answered, turn1 4-9 completed"),
        ("working@4 waiting@5 ready@5", "turn1 4-5 completed, turn2 5-, wait2.1 5-"),
    ],
)
def test_facts_may_come_in_any_order(script: str, spells: str) -> None:
    for shuffled in itertools.permutations(script.split()):
        assert (shuffled, play(" ".join(shuffled), created=False)) == (shuffled, spells)


def test_signs_of_life_may_come_in_any_order() -> None:
    script = "working@4 unknown@5 alive@6 ready@8 alive@9"
    for shuffled in itertools.permutations(script.split()):
        assert (shuffled, play(" ".join(shuffled), created=False)) == (shuffled, "turn1 4-6 completed lost")


def test_a_trigger_may_be_said_before_or_after_the_same_word_without_one() -> None:
    assert play("working@4 working@4:human ready@9", created=False) == "turn1 4-9 completed (human)"
    assert play("working@4:human working@4 ready@9", created=False) == "turn1 4-9 completed (human)"
    # Of two, it is the same one in either order.
    assert play("working@4:human working@4:assign ready@9", created=False) == "turn1 4-9 completed (assign)"
    assert play("working@4:assign working@4:human ready@9", created=False) == "turn1 4-9 completed (assign)"


def test_a_fact_that_is_there_already_changes_nothing() -> None:
    facts = [Fact(4, "working"), Fact(6, "alive")]
    assert not insert(facts, Fact(4, "working"))
    assert not insert(facts, Fact(6, "alive"))
    assert facts == [Fact(4, "working"), Fact(6, "alive")]
    assert insert(facts, Fact(4, "ready"))
    assert facts == [Fact(4, "ready"), Fact(4, "working"), Fact(6, "alive")]


def test_a_flood_of_signs_of_life_is_thinned_out() -> None:
    facts = [Fact(0, "working")]
    for at in range(1, 256):
        assert insert(facts, Fact(at, "alive"))
    assert facts[1:] == [Fact(at, "alive") for at in range(1, 256)]
    for at in range(256, 1_000):
        assert insert(facts, Fact(at, "alive"))
    assert len(facts) == 256
    assert facts[-1] == Fact(999, "alive")
    assert insert(facts, Fact(1_000, "ready"))
    assert facts[-2:] == [Fact(999, "alive"), Fact(1_000, "ready")]


def test_a_copy_is_equal_and_another() -> None:
    values = {"status": "working", "trigger": "human"} | {
        field.name: True if field.type == "bool" else 7
        for field in fields(Phase)
        if field.name not in {"status", "trigger"}
    }
    phase = Phase(**cast("dict[str, Any]", values))
    assert phase.copy() == phase
    assert phase.copy() is not phase
