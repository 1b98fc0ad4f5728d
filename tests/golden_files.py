"""The golden files: what is expected of every story and recording, as readable text.

python -m tests.golden_files --write     writes them anew; look at the difference before you keep it
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from handspan.rules.memory import SECOND, Rules
from handspan.sources.cao import Translator
from handspan.sources.cao_facts import from_line
from handspan.testing import Player, play
from handspan.transcript import describe
from tests.stories import STORIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.signals import Signal

GOLDEN = Path(__file__).parent / "golden"
DAY = 24 * 3600 * SECOND


def expected() -> Iterator[tuple[Path, str]]:
    """Every golden file, and what it should hold."""
    for path, signals in played():
        told = f"{STORIES[path.stem].__doc__}\n\n" if path.parent.name == "stories" else ""
        yield path, told + describe(signals)


def played() -> Iterator[tuple[Path, list[Signal]]]:
    """Every golden file, and the signals of its story or recording."""
    for name, story in STORIES.items():
        # idle_end is the one story of a source that can't look.
        rules = Rules(idle_after=DAY) if name == "idle_end" else Rules()
        after = 2 * 24 * 3600.0 if name == "idle_end" else 10.0
        yield GOLDEN / "stories" / f"{name}.txt", play(story(), rules=rules, after=after)
    for facts in sorted((GOLDEN / "cao").glob("*/facts.jsonl")):
        yield facts.parent / "telemetry.txt", _played(facts)


def _played(path: Path) -> list[Signal]:
    player = Player()
    translator = Translator("golden")
    for line in path.read_text().splitlines():
        fact = from_line(line)
        for event in translator.translate(fact):
            player.say(event, max(fact.at, player.sessions.now))
    player.until(player.sessions.now + 10 * SECOND)
    return player.signals


if __name__ == "__main__":
    for path, text in expected():
        if "--write" in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.relative_to(GOLDEN)} differs")
