"""The tutorial, command by command, on a real CAO: with our agent in place of Claude Code, and other ports.

Nothing is downloaded: what the environment of the other tests has is there as if pip had installed it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.real import plays
from tests.real.cao_install import LOCK, ROOT
from tests.real.cao_server import CaoServer
from tests.receivers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE = (ROOT / "docs" / "tutorial" / "cao-in-two-minutes.md").read_text()
# Two agents boot and one of them works for the other: 20 s on an idle machine.
_LONGEST = 240.0


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def server(cao: Path, tmp_path: Path) -> Iterator[CaoServer]:
    """Its home and its agents: the tutorial starts it."""
    made = CaoServer(cao, tmp_path / "cao", {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"})
    yield made
    made.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


def furnished(environment: Path, home: Path) -> str:
    """The commands by which ~/cao has the packages of `environment`, and CAO's programs."""
    (packages,) = environment.glob("lib/python*/site-packages")
    place = home / "cao" / packages.relative_to(environment)
    programs = (path for path in (environment / "bin").iterdir() if path.name.startswith("cao"))
    return "\n".join([
        f"echo {packages} > {place}/there.pth",
        *(f"sed '1s:.*:#!{home}/cao/bin/python:' {path} > ~/cao/bin/{path.name}" for path in programs),
        "chmod +x ~/cao/bin/cao*",
    ])


@pytest.mark.skipif(not LOCK.startswith("cao-2.5.4"), reason="the tutorial is for CAO 2.5.4")
def test_every_command_of_the_tutorial(cao: Path, server: CaoServer, checkout: Path) -> None:
    port = free_port()
    server.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
    handoff = plays.write(
        server.home, "tutorial", [plays.call("handoff", agent_profile="developer", message="Write hello.py.")]
    )
    (look,) = blocks("python")
    (checkout / "look.py").write_text(look.replace("4318", str(port)))
    script = "".join(blocks("sh"))
    for there, here in (
        ("-m venv ~/cao\n", f"-m venv ~/cao\n{furnished(cao, server.home)}\n"),
        ("claude_code", server.api.provider),
        ("say when it is done.", f"say when it is done. {handoff}"),
    ):
        assert there in script
        script = script.replace(there, here)
    said, returned = run(script, checkout, server.variables)
    assert returned == 0, said
    assert f"What cao does is told to otlp_http http://127.0.0.1:{port}" in said
    (shown,) = blocks("text")
    assert names((checkout / "spans.txt").read_text()) == names(shown)


def run(script: str, folder: Path, variables: Mapping[str, str]) -> tuple[str, int]:
    """What it says, and what it returns. Nothing that it has started outlives it."""
    with subprocess.Popen(
        ["bash", "-euxc", script],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            return shell.communicate(timeout=_LONGEST)[0], shell.returncode
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)


def names(spans: str) -> list[str]:
    """In no order: what ends within the same second leaves together."""
    return sorted(line.split(" s  ")[1] for line in spans.splitlines())
