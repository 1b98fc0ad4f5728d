"""What a sweep of tmux finds of CAO's terminals: windows and sessions that are gone, agents that have left their shell.

Pure. A window that is not there is gone, as CAO writes a terminal's row after it has made the window. That is told when
a second sweep finds it so: CAO kills a session's windows first and says so afterwards, 0.9 s later and on a machine
that is overloaded some seconds. That the shell is in the foreground means that the agent has left only if it was once
seen there: before it boots, and where a proxy stands in for the shell, the shell is all that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handspan.sources.cao_facts import Found

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from handspan.cao.panes import Pane
    from handspan.sources.cao_facts import TerminalRow


@dataclass(slots=True)
class _Terminal:
    last_seen: int | None = None
    was_busy: bool = False
    left: bool = False
    missing: bool = False
    gone: bool = False


class Sweeps:
    """Remembers what was found before: each thing is found once."""

    def __init__(self) -> None:
        self._terminals: dict[str, _Terminal] = {}
        self._sessions: dict[str, int | None] = {}  # when last seen
        self._missing: set[str] = set()
        self._gone_sessions: set[str] = set()

    @property
    def doubtful(self) -> bool:
        """Whether something was missing in the last sweep that was there before: the next one tells."""
        return any(memory.missing and not memory.gone for memory in self._terminals.values())

    def saw_at_work(self, terminal: str) -> bool:
        """Whether the last sweep saw an agent in its shell: only then can a later one see that it has left."""
        memory = self._terminals.get(terminal)
        return memory is not None and memory.was_busy

    def findings(self, living: Collection[TerminalRow], panes: Collection[Pane], at: int) -> tuple[Found, ...]:
        """What has become of the `living`, given all panes there are."""
        self._terminals = {row.id: self._terminals.get(row.id) or _Terminal() for row in living}
        found = [one for row in living for one in self._terminal(row, panes, at)]
        return (*found, *self._missing_sessions({row.tmux_session for row in living}, panes, at))

    def _terminal(self, row: TerminalRow, panes: Collection[Pane], at: int) -> Iterator[Found]:
        memory, mine = self._terminals[row.id], [pane for pane in panes if _shows(pane, row)]
        alive = [pane for pane in mine if not pane.dead]
        busy = any(pane.busy for pane in alive)
        if not mine and memory.missing and not memory.gone:
            memory.gone = True
            yield Found(kind="window_gone", terminal=row.id, last_seen=memory.last_seen)
        elif mine and not memory.left and not busy and (memory.was_busy or not alive):
            memory.left = True
            code = None if alive else mine[0].exit_code
            yield Found(kind="process_exited", terminal=row.id, exit_code=code, last_seen=memory.last_seen)
        memory.was_busy, memory.missing = busy, not mine
        if alive and not memory.left:
            memory.last_seen = at

    def _missing_sessions(self, wanted: set[str], panes: Collection[Pane], at: int) -> Iterator[Found]:
        there = {pane.session for pane in panes}
        missing = wanted - there
        for session in sorted(missing & self._missing - self._gone_sessions):
            yield Found(kind="session_gone", session=session, last_seen=self._sessions.get(session))
        self._gone_sessions = missing & self._missing
        self._missing = missing
        self._sessions = {session: at if session in there else self._sessions.get(session) for session in wanted}


def _shows(pane: Pane, row: TerminalRow) -> bool:
    if pane.terminal is not None:
        return pane.terminal == row.id
    return (pane.session, pane.window) == (row.tmux_session, row.tmux_window)
