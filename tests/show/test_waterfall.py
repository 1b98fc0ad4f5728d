"""Whole waterfalls, compared with tests/golden/waterfall.

python -m tests.show.test_waterfall --write     draws them anew; look at the difference before you keep it
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handspan.demo import story as demo
from handspan.rules.memory import Rules
from handspan.show.cells import cells
from handspan.show.waterfall import draw
from handspan.signals import Log, Span
from handspan.testing import BEGIN, SECOND, Player, Story, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from handspan.events import Event
    from handspan.signals import Signal

GOLDEN = Path(__file__).parent.parent / "golden" / "waterfall"
WIDTHS = (60, 61, 80, 110, 200)
NASTY = "evil\x1b[2J\x9b31m\r\n\u202etxt.exe\u200b"
WIDE = "開発者エージェント🙂한국어"


def until(events: list[Event], seconds: float) -> list[Signal]:
    """What has left so many seconds after the beginning."""
    player = Player()
    for event in events:
        if event.at <= BEGIN + seconds * SECOND:
            player.say(event, max(event.at, player.sessions.now))
    player.until(BEGIN + round(seconds * SECOND))
    return player.signals


def rows(lines: list[str]) -> list[str]:
    """The tree alone: what stands before a row's label and offset."""
    return [tree.group(1) for line in lines if (tree := re.match(r"(.*?\S)(?: \[\w+\])? +\+\d", line))]


def strangers() -> list[Signal]:
    """Names with escapes, with direction marks, with wide characters, and far too long ones."""
    story = Story("strangers", name=NASTY, source="story\x07")
    story.at(0).session().terminal("a", agent=WIDE * 5, cli=NASTY)
    story.at(1).status("a", "ready").at(2).status("a", "working")
    story.at(3).delegation("b", "handoff", "a").sent("p", "b", "a", "handoff")
    story.at(3.1).terminal("b", agent=NASTY, creator="a").at(4).status("b", "working").delivered("p", "b")
    story.at(5).notice(NASTY, text=NASTY, terminal="b", severity="error").at(6).answered("b", "failed", error=NASTY)
    return play(story.at(10).end(error=NASTY).events)


def parts() -> list[Signal]:
    """A session in three parts; a turn and a message go on from one to the next."""
    story = Story("parts", name="long").at(0).session().terminal("a", agent="supervisor").at(2).status("a", "ready")
    story.at(10).status("a", "working").delegation("b", "assign", "a").sent("p", "b", "a", "assign")
    story.at(11).terminal("b", agent="developer").at(14).status("b", "ready").status("b", "working").delivered("p", "b")
    story.at(86_000).sent("q", "b", "a").at(90_000).status("b", "ready").status("b", "working").delivered("q", "b")
    story.at(180_000).typed("r", "a", "b").status("b", "ready").at(180_010).status("a", "ready")
    return play(story.at(180_060).end().events)


def family() -> list[Signal]:
    """A workflow's run, and a session that a worker of it began."""
    run = Story("run", name="release")
    run.at(0).session(kind="workflow").delegation("w", "step", step="build", attempt=2)
    run.at(0.1).terminal("w", agent="builder").at(2).status("w", "ready").at(3).status("w", "working")
    run.at(20).status("w", "ready").gone("w", "completed").at(21).end("completed")
    child = (
        Story("child", name="inner").at(4).session(parent_session="run", parent_worker="w").terminal("c", agent="scout")
    )
    child.at(5).status("c", "ready").at(6).status("c", "working", trigger="schedule").at(9).gone("c").end()
    return play(sorted([*run.events, *child.events], key=lambda event: event.at))


DRAWINGS: dict[str, Callable[[], list[str]]] = {
    **{f"demo_{width}": partial(draw, play(demo()), width=width) for width in WIDTHS},
    "demo_ascii": lambda: draw(play(demo()), width=80, ascii=True),
    "demo_colour": lambda: draw(play(demo()), width=110, colour=True),
    "demo_markers": lambda: draw(play(demo()), width=110, markers=True),
    "demo_at_62": lambda: draw(until(demo(), 62), width=110),
    "demo_at_400": lambda: draw(until(demo(), 400), width=110, now=BEGIN + 400 * SECOND),
    "demo_at_560": lambda: draw(until(demo(), 560), width=110),
    "strangers": lambda: draw(strangers(), width=110),
    "strangers_ascii": lambda: draw(strangers(), width=110, ascii=True),
    "parts": lambda: draw(parts(), width=110),
    "family": lambda: draw(family(), width=110),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_as_expected(name: str) -> None:
    assert "\n".join(DRAWINGS[name]()) + "\n" == (GOLDEN / f"{name}.txt").read_text("utf-8")


def test_every_golden_file_is_drawn() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(DRAWINGS)


def test_nothing_gives_no_lines() -> None:
    assert draw([], width=80) == []
    assert draw(play(Story("").at(0).notice("lonely").events), width=80) == []


@pytest.mark.parametrize("width", range(60, 201, 7))
@pytest.mark.parametrize("ascii", [False, True], ids=["unicode", "ascii"])
def test_no_line_is_too_wide_and_nothing_commands_the_terminal(width: int, ascii: bool) -> None:
    for signals in (play(demo()), strangers(), parts(), family(), until(demo(), 500)):
        for line in draw(signals, width=width, ascii=ascii, markers=True):
            assert cells(line) <= width
            assert not [char for char in line if unicodedata.category(char).startswith("C")]
            assert not ascii or line.isascii()


def test_a_terminal_narrower_than_60_gets_60() -> None:
    assert draw(play(demo()), width=1) == draw(play(demo()), width=60)


def test_colour_changes_no_character() -> None:
    painted = draw(strangers(), width=100, colour=True)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line).rstrip() for line in painted] == draw(strangers(), width=100)


def test_log_events_alone_draw_the_same_tree() -> None:
    signals = play(demo())
    logs = draw([signal for signal in signals if isinstance(signal, Log)], width=200)
    assert rows(logs) == rows(draw([signal for signal in signals if isinstance(signal, Span)], width=200))


def test_a_turn_that_was_taken_back_is_not_drawn() -> None:
    story = Story("s").at(0).session().terminal("a").at(1).status("a", "ready")
    story.at(2).status("a", "working").status("a", "exiting")
    assert rows(draw(until(story.events, 3), width=80)) == ["session s", "└ terminal a", "  └ boot a"]


def test_a_chain_deeper_than_the_stack_is_drawn() -> None:
    story = Story("deep").at(0).session()
    for number in range(sys.getrecursionlimit() + 10):
        story.at(number / 10).terminal(f"t{number}", agent=f"a{number}", creator=f"t{number - 1}" if number else None)
    assert len(draw(play(story.events), width=80)) > sys.getrecursionlimit()


def test_a_message_that_waits_is_drawn_until_now_and_one_that_never_came_until_the_end() -> None:
    story = Story("s").at(0).session().terminal("a").at(1).status("a", "ready").at(2).sent("m", "a", size=3)
    waits = next(line for line in draw(until(story.events, 8), width=80, now=BEGIN + 8 * SECOND) if "✉" in line)
    assert "6.0s" in waits
    assert "queued" in waits
    lost = next(line for line in draw(play(story.at(9).end().events), width=80, now=BEGIN + 99 * SECOND) if "✉" in line)
    assert "7.0s" in lost
    assert "✗ undelivered" in lost


def test_who_is_stuck_is_said() -> None:
    story = Story("s").at(0).session().terminal("a").at(1).status("a", "ready").at(2).status("a", "working")
    signals = play(story.events, rules=Rules(stuck_after=5 * SECOND))
    assert any("✗ stuck, working" in line for line in draw(signals, width=80))


if __name__ == "__main__":
    for name, drawing in DRAWINGS.items():
        text = "\n".join(drawing()) + "\n"
        path = GOLDEN / f"{name}.txt"
        if "--write" in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            print(f"{path.name} differs")  # noqa: T201 (it is a command)
