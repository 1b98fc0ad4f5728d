"""A story to look at: four agents, and one of each thing that can happen between them.

A supervisor hands a change to a developer and waits for it, then assigns the tests and the documentation to two workers
at once. The tester asks a person, calls back, and is given more to do; the writer dies, and what the supervisor later
asks it never arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handspan.testing import Story

if TYPE_CHECKING:
    from handspan.events import Event


def story() -> list[Event]:
    """The events, in the order in which they happened."""
    told = Story("demo-checkout-1", name="checkout", source="demo", instance="demo")
    _begin(told)
    _hand_off(told)
    _assign(told)
    _ask_a_person(told)
    _die(told)
    _call_back(told)
    _end(told)
    return told.events


def _begin(told: Story) -> None:
    told.at(0).session().terminal("sup-1", agent="supervisor", cli="claude_code", model="claude-opus-4")
    told.at(0.2).status("sup-1", "working")
    told.at(5.5).status("sup-1", "ready")
    told.at(21).typed("brief", "sup-1", size=412).status("sup-1", "working", trigger="human")


def _hand_off(told: Story) -> None:
    told.at(58).delegation("dev-1", "handoff", "sup-1", message="change")
    told.sent("change", "dev-1", "sup-1", "handoff", size=1_730)
    told.at(58.3).terminal("dev-1", agent="developer", cli="codex", creator="sup-1").status("dev-1", "working")
    told.at(66).status("dev-1", "ready")
    told.at(66.4).status("dev-1", "working").delivered("change", "dev-1")
    told.at(148).usage("dev-1", model="gpt-5", input_tokens=48_200, output_tokens=3_900, cost_usd=0.11)
    told.at(291).status("dev-1", "ready")
    told.at(292).answered("dev-1")
    told.at(293.5).gone("dev-1", "completed")


def _assign(told: Story) -> None:
    told.at(318).delegation("test-1", "assign", "sup-1", message="tests")
    told.sent("tests", "test-1", "sup-1", "assign", size=640)
    told.at(318.4).terminal("test-1", agent="tester", cli="kiro_cli", creator="sup-1").status("test-1", "working")
    told.at(322).delegation("write-1", "assign", "sup-1", message="docs")
    told.sent("docs", "write-1", "sup-1", "assign", size=388)
    told.at(322.4).terminal("write-1", agent="writer", cli="claude_code", creator="sup-1").status("write-1", "working")
    told.at(327).status("test-1", "ready")
    told.at(327.5).status("test-1", "working").delivered("tests", "test-1")
    told.at(330).status("sup-1", "ready").status("write-1", "ready")
    told.at(330.4).status("write-1", "working").delivered("docs", "write-1")


def _ask_a_person(told: Story) -> None:
    told.at(372).status("test-1", "waiting")
    told.at(495).status("test-1", "working")


def _die(told: Story) -> None:
    told.at(538).gone("write-1", "exited", exit_code=137, error="killed by the kernel: out of memory")


def _call_back(told: Story) -> None:
    told.at(655).sent("passed", "sup-1", "test-1", size=911)
    told.at(656).status("test-1", "ready")
    told.at(656.2).status("sup-1", "working").delivered("passed", "sup-1")
    told.at(690).sent("progress", "write-1", "sup-1", size=96)
    told.at(702).sent("again", "test-1", "sup-1", size=204)
    told.at(702.8).status("test-1", "working").delivered("again", "test-1")
    told.at(731).status("sup-1", "ready")
    told.at(768).sent("done", "sup-1", "test-1", size=77)
    told.at(769).status("test-1", "ready")
    told.at(769.4).status("sup-1", "working").delivered("done", "sup-1")
    told.at(801).status("sup-1", "ready")


def _end(told: Story) -> None:
    told.at(822).gone("test-1")
    told.at(823).gone("sup-1").end()
