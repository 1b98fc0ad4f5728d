"""The facts files say what the recordings say, and nothing a plugin could not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handspan.sources import cao_facts as cao
from tests.cao_facts import facts_of, scenarios, text_of

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = scenarios()


def test_there_are_29_recordings() -> None:
    assert len(SCENARIOS) == 29


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_facts_are_fresh(scenario: Path) -> None:
    kept = (scenario / "facts.jsonl").read_text(encoding="utf-8")
    assert text_of(facts_of(scenario / "recording.jsonl")) == kept, "write them again: python -m tests.cao_facts"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_facts_are_in_the_order_in_which_they_were_seen(scenario: Path) -> None:
    facts = facts_of(scenario / "recording.jsonl")
    assert [fact.at for fact in facts] == sorted(fact.at for fact in facts)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_a_terminals_row_comes_before_its_other_facts(scenario: Path) -> None:
    seen: set[str] = set()
    for fact in facts_of(scenario / "recording.jsonl"):
        match fact:
            case cao.TerminalRow():
                seen.add(fact.id)
            case cao.Status() | cao.TerminalGone():
                assert fact.terminal in seen
            case cao.Hook(terminal_id=str(terminal)):
                assert terminal in seen
            case _:
                pass


def test_only_what_a_sweep_would_have_seen_is_added() -> None:
    added = {
        (scenario.name, type(fact))
        for scenario in SCENARIOS
        for fact in facts_of(scenario / "recording.jsonl")
        if fact.added
    }
    assert added == {("16_process_dies", cao.Swept), ("17_window_killed_outside", cao.Swept)}
