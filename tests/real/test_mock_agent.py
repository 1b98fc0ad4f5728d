from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.real import plays
from tests.real.cao_install import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PROMPT = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT} "


class Screen:
    """A terminal with the agent in it."""

    def __init__(self, home: Path) -> None:
        self._diary = home / "diary" / "t1.jsonl"
        self._ours, theirs = pty.openpty()
        self.agent = subprocess.Popen(
            [sys.executable, "-c", "from tests.real.mock_agent import main; main()"],
            cwd=ROOT,
            env={"HOME": str(home), "CAO_TERMINAL_ID": "t1", "PATH": os.environ["PATH"], "PYTHONUTF8": "1"},
            stdin=theirs,
            stdout=theirs,
        )
        os.close(theirs)

    def close(self) -> None:
        self.agent.kill()
        self.agent.wait()
        os.close(self._ours)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def until(self, end: str) -> str:
        """What is shown up to there."""
        shown = b""
        while not shown.endswith(end.encode()):
            shown += os.read(self._ours, 1)
        return shown.decode().replace("\r\n", "\n")

    def deeds(self) -> list[str]:
        return [json.loads(line)["deed"] for line in self._diary.read_text().splitlines()]

    def last(self) -> int:
        """When it did the last of its deeds."""
        return int(json.loads(self._diary.read_text().splitlines()[-1])["at"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("plays", "gates", "diary"):
        (tmp_path / name).mkdir()
    return tmp_path


@contextmanager
def screen(home: Path) -> Generator[Screen]:
    made = Screen(home)
    try:
        assert made.until(PROMPT) == PROMPT
        yield made
    finally:
        made.close()


def test_what_is_pasted_is_one_turn_and_enter_alone_is_none(home: Path) -> None:
    with screen(home) as agent:
        agent.type("\r\x1b[200~first\nsecond\x1b[201~\r\r")
        assert agent.until(PROMPT) == f"first\nsecond\n> MOCK:\ndone\n{PROMPT}"
        agent.type("third\n")
        assert agent.until(PROMPT) == f"third\n> MOCK:\ndone\n{PROMPT}"
        agent.type("/exit\r")
        assert agent.agent.wait(10) == 0
        assert agent.deeds() == ["ready", "began", "ended", "began", "ended", "left"]


def test_it_works_until_a_gate_is_open(home: Path) -> None:
    told = plays.write(home, "work", [plays.wait("go")])
    with screen(home) as agent:
        agent.type(f"Do it. {told}\r")
        agent.until("work\r\n")
        while "waits" not in agent.deeds():
            time.sleep(0.01)
        opened = time.time_ns()
        (home / "gates" / "go").touch()
        assert agent.until(PROMPT) == f"> MOCK:\nwaited for go\n{PROMPT}"
        assert agent.deeds() == ["ready", "began", "waits", "ended"]
        assert agent.last() > opened


def test_it_asks_and_waits_for_the_answer(home: Path) -> None:
    told = plays.write(home, "work", [plays.ask()])
    with screen(home) as agent:
        agent.type(f"{told}\r\r")
        assert agent.until("(y/n)\r\n") == "play:work\nAPPROVAL_REQUIRED: Allow it? (y/n)\n"
        agent.type("yes\r")
        assert agent.until(PROMPT) == "yes\n" + "...\n" * 8 + f"> MOCK:\nwas told yes\n{PROMPT}"
        assert agent.deeds() == ["ready", "began", "asks", "answered", "ended"]


def test_it_fails_and_says_nothing_more(home: Path) -> None:
    told = plays.write(home, "work", [plays.fail()])
    with screen(home) as agent:
        agent.type(f"{told}\r")
        assert agent.until(PROMPT) == f"play:work\nERROR: mock failure injected\n{PROMPT}"
        agent.type("And now?\r")
        assert agent.until("now?\r\n") == "And now?\n"
        assert agent.deeds() == ["ready", "began", "failed"]


def test_it_dies(home: Path) -> None:
    told = plays.write(home, "work", [plays.die()])
    with screen(home) as agent:
        agent.type(f"{told}\r")
        assert agent.agent.wait(10) == 1
        assert agent.deeds() == ["ready", "began", "died"]
