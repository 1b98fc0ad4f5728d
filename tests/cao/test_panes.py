from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handspan.cao import panes as reading
from handspan.cao.panes import Pane, Unanswered, panes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

_PATIENCE = 20.0


class Tmux:
    """A tmux server of its own, without the configuration of whoever runs this."""

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-f", "/dev/null", *arguments], capture_output=True, text=True, check=True
        ).stdout

    def pid(self) -> int:
        return int(self.run("display-message", "-p", "#{pid}"))


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Tmux]:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    tmux = Tmux()
    # The shell is one with job control and without a user's files, whatever the user's own is.
    tmux.run("new-session", "-d", "-s", "cao-one", "-n", "lead", "sh -i")
    pid = tmux.pid()
    yield tmux
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def until(true: Callable[[list[Pane]], bool]) -> list[Pane]:
    deadline = time.monotonic() + _PATIENCE
    while not true(found := panes()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@needs_tmux
def test_a_pane_is_busy_while_a_program_of_its_shells_runs(tmux: Tmux) -> None:
    assert until(lambda found: not found[0].busy) == [Pane(session="cao-one", window="lead")]
    tmux.run("send-keys", "-t", "cao-one:lead", "sleep 60", "Enter")
    assert until(lambda found: found[0].busy) == [Pane(session="cao-one", window="lead", busy=True)]
    tmux.run("send-keys", "-t", "cao-one:lead", "C-c")
    until(lambda found: not found[0].busy)


@needs_tmux
def test_panes_have_the_id_that_cao_has_marked(tmux: Tmux) -> None:
    tmux.run("set-option", "-w", "-t", "cao-one:lead", "@cao_terminal_id", "4f1a")
    tmux.run("new-window", "-d", "-t", "cao-one:", "-n", "a\u2028| b'c", "sh -i")
    tmux.run("split-window", "-d", "-t", "cao-one:0", "sh -i")
    tmux.run("set-option", "-p", "-t", "cao-one:0.1", "@cao_terminal_id", "77aa")
    found = [(pane.window, pane.terminal) for pane in panes()]
    assert found == [("lead", "4f1a"), ("lead", "77aa"), ("a\u2028| b'c", None)]


@needs_tmux
def test_a_pane_that_remains_when_its_process_has_ended_is_dead(tmux: Tmux) -> None:
    tmux.run("set-option", "-g", "remain-on-exit", "on")
    tmux.run("new-window", "-d", "-t", "cao-one:", "-n", "coder", "exit 3")
    # tmux knows how it ended a moment after that it has.
    found = until(lambda found: found[1].exit_code is not None)
    assert found[1] == Pane(session="cao-one", window="coder", dead=True, exit_code=3)


@needs_tmux
def test_without_a_server_there_are_no_panes(tmux: Tmux) -> None:
    pid = tmux.pid()
    tmux.run("kill-server")
    deadline = time.monotonic() + _PATIENCE
    while _lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert panes() == []


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@needs_tmux
def test_where_no_server_ever_was_there_are_no_panes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    assert panes() == []


@needs_tmux
@pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="only Linux tells who listens where no file is")
def test_a_server_whose_socket_was_tidied_away_is_not_gone(tmux: Tmux) -> None:
    Path(tmux.run("display-message", "-p", "#{socket_path}").strip()).unlink()
    with pytest.raises(Unanswered, match="No such file or directory"):
        panes()


@needs_tmux
def test_a_system_that_has_no_proc_asks_ps(tmux: Tmux, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("ps") is None:
        pytest.skip("ps is not installed")
    tmux.run("send-keys", "-t", "cao-one:lead", "sleep 60", "Enter")
    until(lambda found: found[0].busy)
    monkeypatch.setattr(reading, "_PROC", Path("/nowhere"))
    tmux.run("new-window", "-d", "-t", "cao-one:", "-n", "coder", "sh -i")
    assert [pane.busy for pane in panes()] == [True, False]


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    def write(script: str) -> str:
        path = tmp_path / "tmux"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_a_tmux_that_hangs_is_given_up(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_LONGEST", 0.2)
    start = time.monotonic()
    with pytest.raises(Unanswered, match=r"timed out after 0\.2 seconds"):
        panes(program("exec sleep 60"))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("said", ["permission denied", "lost server", "error connecting to /x (Connection refused)"])
def test_a_tmux_that_can_not_answer_has_not_said_that_there_are_none(program: Callable[[str], str], said: str) -> None:
    with pytest.raises(Unanswered, match=said.split(" (", maxsplit=1)[0]):
        panes(program(f"echo '{said}' >&2; exit 1"))


def test_no_tmux_at_all_is_unknown() -> None:
    with pytest.raises(Unanswered, match="No such file"):
        panes("/nowhere/tmux")


def test_an_answer_that_is_not_understood_is_no_pane(program: Callable[[str], str]) -> None:
    lines = r"\t0\t\tpid\tcao-one\tlead\nwords\n\t\n4f1a\t1\tx\t\tcao-one\tw\tx\n\377\t0\t\t999999999\ts\tw\n"
    assert panes(program(f"printf '{lines}'")) == [
        Pane(session="cao-one", window="lead"),
        Pane(session="cao-one", window="w\tx", terminal="4f1a", dead=True),
        Pane(session="s", window="w", terminal="�"),
    ]
