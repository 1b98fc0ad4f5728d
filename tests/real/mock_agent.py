"""A coding agent's CLI of our own, run in CAO's terminals by its provider `mock_cli`, which reads the screen.

    U+276F text  the prompt, and what was typed or pasted at it: a turn begins
    > MOCK:      an answer follows: the turn is done once the prompt stands below it

A message that has `play:NAME` in it makes the agent do what the file `plays/NAME.json` in its home says, step by step;
any other is answered at once. All that it does is in `diary/<terminal>.jsonl`, each deed in a line. So the tests know
what truly happened from the agents themselves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tests.real.mcp_client import McpClient

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASTE, _PASTED = b"\x1b[200~", b"\x1b[201~"
_PLAY = re.compile(r"\bplay:(\w+)")
# Files are looked at so often: 50 agents would need a hundredth of a core.
_LOOK = 0.02
# No agent answers sooner. The provider reads a screen that has stood still for 0.2 s: of a turn that is over by then CAO
# sees nothing, and leaves the next message in the inbox for a minute.
_LEAST = 0.5
_PROMPT = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT} "


class Agent:
    def __init__(self) -> None:
        self._home = Path.home()
        self._diary = self._home / "diary" / f"{os.environ['CAO_TERMINAL_ID']}.jsonl"
        self._tools: McpClient | None = None

    def run(self) -> None:
        self._note("ready")
        self._show(_PROMPT)
        while (text := self._listen()) != "/exit":
            self._note("began", text=text)
            time.sleep(_LEAST)
            answer = self._play(text) or "done"
            self._note("ended")
            self._show(f"> MOCK:\n{answer}\n{_PROMPT}")
        self._note("left")
        if self._tools:
            self._tools.close()

    def _play(self, text: str) -> str:
        return "; ".join(self._do(step) for name in _PLAY.findall(text) for step in self._steps(name))

    def _steps(self, name: str) -> Iterator[dict[str, Any]]:
        yield from json.loads((self._home / "plays" / f"{name}.json").read_text())

    def _do(self, step: dict[str, Any]) -> str:
        match step:
            case {"do": "wait", "gate": str(gate)}:
                return self._wait(gate)
            case {"do": "call", "tool": str(tool), "arguments": arguments}:
                return self._call(tool, arguments)
            case {"do": "ask"}:
                return self._ask()
            case {"do": "fail"}:
                return self._fail()
            case {"do": "die"}:
                return self._die()
            case _:
                raise ValueError(f"no agent can do {step}")

    def _wait(self, gate: str) -> str:
        self._note("waits", gate=gate)
        while not (self._home / "gates" / gate).exists():
            time.sleep(_LOOK)
        return f"waited for {gate}"

    def _call(self, tool: str, arguments: dict[str, Any]) -> str:
        if self._tools is None:
            self._tools = self._start_tools()
        self._note("calls", tool=tool, arguments=arguments)
        result = self._tools.call(tool, **arguments)
        self._note("called", tool=tool, result=result)
        return f"called {tool}"

    def _start_tools(self) -> McpClient:
        server = shutil.which("cao-mcp-server")
        assert server, "the environment's bin is on the PATH"
        with (self._home / "mcp.log").open("ab") as log:
            return McpClient([server], os.environ, log)

    def _ask(self) -> str:
        self._note("asks")
        self._show("APPROVAL_REQUIRED: Allow it? (y/n)\n")
        answer = self._listen()
        self._note("answered", text=answer)
        # The provider `hermes`, for CAO without `mock_cli`, looks for a question in the last eight lines.
        self._show("...\n" * 8)
        return f"was told {answer}"

    def _fail(self) -> NoReturn:
        self._note("failed")
        # The provider finds this text anywhere on the screen. An agent that has failed says nothing more.
        self._show(f"ERROR: mock failure injected\n{_PROMPT}")
        while self._listen():
            pass
        raise SystemExit

    def _die(self) -> NoReturn:
        self._note("died")
        os._exit(1)

    def _listen(self) -> str:
        """What is typed, up to Enter. Enter alone says nothing: CAO presses it twice."""
        while not (text := self._line().strip()):
            pass
        self._show(f"{text}\n")
        return text

    def _line(self) -> str:
        """Line ends inside a paste are part of what is pasted."""
        heard, pasting = b"", False
        while pasting or not heard.endswith((b"\r", b"\n")):
            key = os.read(sys.stdin.fileno(), 1)
            if not key:
                raise SystemExit
            heard += key
            for mark in (_PASTE, _PASTED):
                if heard.endswith(mark):
                    heard, pasting = heard.removesuffix(mark), mark == _PASTE
        return heard.decode(errors="replace")

    def _show(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _note(self, deed: str, **more: Any) -> None:
        with self._diary.open("a") as diary:
            diary.write(json.dumps({"at": time.time_ns(), "deed": deed, **more}) + "\n")


def main() -> None:
    # Keys come one by one and are echoed by the agent, as in every CLI that draws its own input line.
    tty.setcbreak(sys.stdin.fileno())
    Agent().run()
