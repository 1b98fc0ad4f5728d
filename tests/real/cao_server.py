"""A real cao-server on loopback. Its home, its database and its tmux are in one folder, which outlives its processes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self
from urllib.error import URLError

from tests.real.cao_api import CaoApi
from tests.real.cao_install import ROOT
from tests.real.mcp_client import McpClient
from tests.receivers import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Importing CAO takes 3 s on an idle machine; a minute is for one that has everything else to do.
_START = 60.0
_STOP = 30.0
_LOOK = 0.05

# Agents find CAO's tools on their PATH, so a profile names none. `hermesProfile` is the command of an agent that CAO's
# provider `hermes` is to start: CAO up to 2.3.0 has no `mock_cli`. What `hermes` looks for on the screen can be set, and
# an answer is what it gets for both: what was typed is no longer in the output that it sees.
_HERMES = {"CAO_HERMES_USER_PREFIX_REGEX": "^> MOCK:", "CAO_HERMES_ASSISTANT_HEADER_REGEX": "> MOCK:"}
_PROFILE = """---
name: {name}
description: A {name} for tests
role: developer
hermesProfile: mock_cli
---
Do as you are told.
"""
_AGENTS = ("lead", "coder", "reviewer")


class CaoServer:
    """`environment` is where CAO is installed; `settings` are variables for the server, such as where telemetry goes."""

    def __init__(self, environment: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self.home = folder / "home"
        self.log = folder / "server.log"
        self._bin = environment / "bin"
        self._tools_log = folder / "tools.log"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.variables = {
            "PATH": f"{folder / 'bin'}:{self._bin}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TMUX_TMPDIR": str(folder / "tmux"),
            "CAO_API_HOST": "127.0.0.1",
            "CAO_API_PORT": str(self._port),
            "CAO_MOCK_CLI_SCRIPTED_PROMPTS": "1",
            **_HERMES,
            **settings,
        }
        has_mock = any(environment.glob("lib/python*/site-packages/cli_agent_orchestrator/providers/mock_cli.py"))
        self.api = CaoApi(f"http://127.0.0.1:{self._port}", "mock_cli" if has_mock else "hermes")
        self._furnish(folder)

    def _furnish(self, folder: Path) -> None:
        for name in ("bin", "tmux", "home/plays", "home/gates", "home/diary", "home/work"):
            (folder / name).mkdir(parents=True)
        store = self.cao_home / "agent-store"
        store.mkdir(parents=True)
        for name in _AGENTS:
            (store / f"{name}.md").write_text(_PROFILE.format(name=name))
        # Only scripts need an approval, and it is a person's.
        (self.cao_home / "settings.json").write_text('{"workflow": {"require_approval": false}}')
        # Panes are login shells, and /etc/profile puts another PATH in place of the one they are given.
        (self.home / ".profile").write_text(f"PATH={shlex.quote(self.variables['PATH'])}\nPS1='$ '\n")
        agent = folder / "bin" / "mock_cli"
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.real.mock_agent import main; main()"
        agent.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(program)}\n")
        agent.chmod(0o755)

    @property
    def cao_home(self) -> Path:
        return self.home / ".aws" / "cli-agent-orchestrator"

    @property
    def database(self) -> Path:
        return self.cao_home / "db" / "cli-agent-orchestrator.db"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process, "the server was not started"
        return self._process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "cao-server", "--host", "127.0.0.1", "--port", str(self._port)],
                cwd=self.home / "work",
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await_health()

    def _await_health(self) -> None:
        deadline = time.monotonic() + _START
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"cao-server ended with {self.process.returncode}: {self.tail()}"
            try:
                self.api.ask("GET", "/health")
            except (URLError, ConnectionError):
                time.sleep(_LOOK)
            else:
                return
        raise AssertionError(f"cao-server does not answer after {_START} s: {self.tail()}")

    def stop(self) -> int:
        """SIGTERM, and what the server exits with."""
        self.process.terminate()
        return self.process.wait(_STOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Ends the server and its tmux, and with that the agents; their tools end with their stdin."""
        if self._process and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        self._end_tmux()

    def _end_tmux(self) -> None:
        """It has a socket of its own, and stays when its last session is closed: CAO tells it to."""
        shells = [int(pid) for pid in self.tmux("list-panes", "-a", "-F", "#{pane_pid}").split()]
        self.tmux("kill-server")
        deadline = time.monotonic() + _STOP
        while self.tmux("show-options", "-s", "exit-empty") or any(map(lives, shells)):
            assert time.monotonic() < deadline, f"tmux or one of its shells does not end: {shells}"
            time.sleep(_LOOK)

    def tmux(self, *arguments: str) -> str:
        """What its own tmux answers; nothing if there is none."""
        command = ["tmux", *arguments]
        return subprocess.run(command, env=self.variables, capture_output=True, text=True, check=False).stdout

    def as_terminal(self, terminal: str) -> McpClient:
        """CAO's tools, as the agent in this terminal has them."""
        variables = {**self.variables, "CAO_TERMINAL_ID": terminal}
        with self._tools_log.open("ab") as log:
            return McpClient([str(self._bin / "cao-mcp-server")], variables, log)

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def lives(pid: int) -> bool:
    """A process that has ended may still be there until somebody asks how."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.strip().startswith("Z") and bool(state.strip())
