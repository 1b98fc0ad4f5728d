"""The panes of the tmux server that CAO uses, and whether their agents still run. Asked as a user would ask.

tmux runs as a program of its own, with a time-out: through libtmux a tmux that hangs would hang us too. CAO names no
socket either, so in cao-server's environment both reach the same one.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# tmux answers in milliseconds; what the hooks tell waits as long as this takes.
_LONGEST = 2.0
# Names are last: only they are a person's choice, and tmux allows no tab in them.
_FORMAT = "\t".join((
    *("#{@cao_terminal_id}", "#{pane_dead}", "#{pane_dead_status}", "#{pane_pid}"),
    *("#{session_name}", "#{window_name}"),
))
_PROC = Path("/proc")
_NO_SERVER = "no server running"
_NO_SOCKET = re.compile(r"error connecting to (.+) \(No such file or directory\)")


@dataclass(frozen=True, slots=True)
class Pane:
    """`busy`: a program of its shell's is in the foreground, not the shell. CAO's versions up to 2.5.0 mark no id."""

    session: str
    window: str
    terminal: str | None = None
    dead: bool = False
    exit_code: int | None = None
    busy: bool = False


class Unanswered(Exception):
    """tmux did not say which panes there are: that is no sign that there are none."""


def panes(tmux: str = "tmux") -> list[Pane]:
    """All panes there are. Raises Unanswered."""
    lines = [line.split("\t", 5) for line in _listing(tmux).split("\n")]
    rows = [line for line in lines if len(line) == 6]
    busy = _busy({int(row[3]) for row in rows if row[3].isdigit() and row[1] != "1"})
    return [
        Pane(
            session=session,
            window=window,
            terminal=terminal or None,
            dead=dead == "1",
            exit_code=int(status) if status.isdigit() else None,
            busy=pid.isdigit() and int(pid) in busy,
        )
        for terminal, dead, status, pid, session, window in rows
    ]


def _listing(tmux: str) -> str:
    done = _run(tmux, "list-panes", "-a", "-F", _FORMAT)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip()
    socket = _NO_SOCKET.search(said)
    if _NO_SERVER in said or (socket and not _served(socket[1])):
        return ""
    raise Unanswered(said)


def _served(socket: str) -> bool:
    """Whether a server listens where no file is any more: those who tidy /tmp delete it. True if nobody can say."""
    try:
        return f" {socket}\n" in (_PROC / "net/unix").read_text("utf-8", "replace")
    except OSError:
        return True


def _busy(shells: Collection[int]) -> set[int]:
    """Those in whose terminal another group of processes than their own is in the foreground."""
    return {pid for pid, group, foreground in _groups(shells) if foreground > 0 and group != foreground}


def _groups(pids: Collection[int]) -> Iterable[tuple[int, int, int]]:
    """Of each process the group, and the group in its terminal's foreground."""
    if (_PROC / "self/stat").exists():
        return [(pid, *groups) for pid in pids if (groups := _groups_of(pid))]
    said = _run("ps", "-o", "pid=,pgid=,tpgid=", "-p", ",".join(map(str, pids))).stdout if pids else ""
    numbers = [line.split() for line in said.splitlines()]
    return [(int(pid), int(group), int(foreground)) for pid, group, foreground in numbers]


def _groups_of(pid: int) -> tuple[int, int] | None:
    try:
        # After the name in brackets, which may hold anything: state, parent, group, session, terminal, foreground.
        fields = (_PROC / f"{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[2]), int(fields[5])
    except (OSError, IndexError, ValueError):
        return None


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 (no shell, and nothing in it comes from outside)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LONGEST,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unanswered(str(error)) from error
