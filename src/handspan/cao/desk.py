"""Puts what CAO says and what its tables show in the order that `sources/cao_facts.py` promises.

* A terminal that a status or a hook shows has its row read first. While the database is locked that is tried again, and
  all that came later waits, for 2 s at most: after that what is said goes on without rows until a look succeeds.
* A terminal that only the table shows is told when neither a status nor a hook has come in the time that they take.
* What a look finds of a terminal that is not told yet waits for the next look.
* A run's row and its steps are read with the terminal of a step; and a run that is new begins before it ends.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from handspan.cao.followed import Followed
from handspan.cao.tables import HANDOFFS, INBOX, RUNS
from handspan.sources import cao_facts as cao

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from handspan.cao.tables import Tables

_SECOND = 1_000_000_000
# CAO's writes take milliseconds. Whoever locks its database for longer than this has stopped CAO as well.
_PATIENCE = 2 * _SECOND
# A database that is locked makes one wait, one that is broken does not.
_PAUSE = 0.05
# A status comes 0.1 s after the row, on a machine that is not overloaded.
SHOWN_WITHIN = 5 * _SECOND
# Rows that ended this long before a start may not have been told by the process before; a restart takes seconds.
_RECENT = 300 * _SECOND
# Names that are no terminals: senders through the API, and terminals that are over but not silent.
_STRANGERS_KEPT = 1_024
# The rest of a session's environment is no concern of ours, and may be secret.
_STEP_VARIABLES = ("CAO_WORKFLOW_RUN_ID", "CAO_WORKFLOW_STEP_ID")


class Desk:
    """Used from one thread. `entered` is called with the row of every terminal that is told."""

    def __init__(
        self,
        tables: Tables,
        put: Callable[[cao.Fact], None],
        *,
        session_env: Callable[[str], Mapping[str, str]],
        entered: Callable[[cao.TerminalRow], None],
        shown_within: int,
        clock: Callable[[], int],
    ) -> None:
        self._tables = tables
        self._put = put
        self._session_env = session_env
        self._entered = entered
        self._shown_within = shown_within
        self._clock = clock
        self._told: dict[str, cao.TerminalRow] = {}
        self._killed: set[str] = set()
        self._unshown: dict[str, int] = {}  # since when
        self._strangers: dict[str, None] = {}
        self._inbox = Followed[int]()
        self._handoffs = Followed[str]()
        self._runs = Followed[str]()
        self._steps = Followed[tuple[str, str]]()
        self._begun = self._blind = False
        self._version: object = None
        self._looked = 0

    @property
    def living(self) -> list[cao.TerminalRow]:
        """The terminals that are told and not over."""
        return [row for row in self._told.values() if row.id not in self._killed]

    @property
    def open(self) -> bool:
        """Whether anything may still happen of its own."""
        return bool(self.living or self._unshown or self._runs.told)

    def begin(self, at: int) -> None:
        """The server has started."""
        self._put(cao.ServerStarted(at=at))

    def hear(self, fact: cao.Hook | cao.Status) -> None:
        """A hook or the bus has told something."""
        seen_by: cao.SeenBy = "hook" if isinstance(fact, cao.Hook) else "status"
        for terminal in _shown(fact):
            self._sight(terminal, fact.at, seen_by)
        self._put(fact)
        if isinstance(fact, cao.Hook) and fact.event_type == "post_kill_terminal" and fact.terminal_id in self._told:
            self._killed.add(fact.terminal_id)

    def look(self) -> None:
        """Tell what is new in the tables. Raises sqlite3.Error if they can't be read now."""
        version, at = self._tables.version(), self._clock()
        if version != self._version:
            if not self._begun:
                self._resume(at)
            self._terminals(at)
            self._messages(at)
            self._handed_off(at)
            self._workflows(at)
            # What waits for a terminal to be shown is looked at again.
            self._version = None if self._unshown else version
        self._looked, self._blind = at, False

    # --- terminals ---------------------------------------------------------------------------------------------------

    def _resume(self, at: int) -> None:
        """What was there before this start: its terminals, and what the process before may not have told."""
        since = at - _RECENT
        self._inbox.follow(self._tables.standing(INBOX, since))
        self._handoffs.follow(self._tables.standing(HANDOFFS, since))
        self._runs.follow(self._tables.standing(RUNS, since))
        # Some never finish, as the server that ran them was killed: nothing is told of those until they change.
        self._runs.hush(self._tables.unfinished_runs())
        for row in self._tables.terminals(at, "table"):
            if row.id not in self._told:
                self._enter(row)
        self._begun = True

    def _sight(self, terminal: str, at: int, seen_by: cao.SeenBy) -> None:
        if terminal in self._told or terminal in self._strangers or self._blind:
            return
        try:
            row = self._read(terminal, at, seen_by)
        except sqlite3.Error:
            self._blind = True
            return
        if row is None:
            self._estrange(terminal)
        else:
            self._enter(row)

    def _read(self, terminal: str, at: int, seen_by: cao.SeenBy) -> cao.TerminalRow | None:
        while True:
            try:
                return self._tables.terminal(terminal, at, seen_by)
            except sqlite3.Error:
                if self._clock() - at > _PATIENCE:
                    raise
            time.sleep(_PAUSE)

    def _enter(self, row: cao.TerminalRow) -> None:
        environment = self._session_env(row.tmux_session)
        step = {name: environment[name] for name in _STEP_VARIABLES if name in environment}
        if _STEP_VARIABLES[0] in step:
            self._runs.follow([step[_STEP_VARIABLES[0]]])
            self._workflows(row.at)
        self._told[row.id] = row
        self._unshown.pop(row.id, None)
        told = replace(row, session_env=step or None)
        self._put(told)
        self._entered(told)

    def _terminals(self, at: int) -> None:
        there = {row.id: row for row in self._tables.terminals(at, "table")}
        for terminal in [name for name in self._told if name not in there]:
            self._gone(self._told.pop(terminal), at)
        self._unshown = {name: self._unshown.get(name, at) for name in there if name not in self._told}
        for terminal, since in list(self._unshown.items()):
            if at - since >= self._shown_within:
                self._enter(there[terminal])

    def _gone(self, row: cao.TerminalRow, at: int) -> None:
        if row.id in self._killed:
            self._killed.remove(row.id)
        else:
            self._put(cao.TerminalGone(at=at, terminal=row.id, last_seen=max(row.at, self._looked)))

    def _estrange(self, terminal: str) -> None:
        self._strangers[terminal] = None
        if len(self._strangers) > _STRANGERS_KEPT:
            del self._strangers[next(iter(self._strangers))]

    # --- messages, handoffs, workflows -------------------------------------------------------------------------------

    def _messages(self, at: int) -> None:
        for row in self._tables.inbox(at, self._inbox.keys):
            if row.receiver_id in self._unshown:
                self._inbox.follow([row.id])
            elif self._inbox.news(row.id, row.status, final=row.status != "pending"):
                self._put(row)

    def _handed_off(self, at: int) -> None:
        for row in self._tables.handoffs(at, self._handoffs.keys):
            if row.terminal_id in self._unshown:
                self._handoffs.follow([row.job_id])
            elif self._handoffs.news(row.job_id, row.state, final=row.state != "running"):
                self._put(row)

    def _workflows(self, at: int) -> None:
        # The runs are read before the steps: of a run that has ended, all steps are then seen as they ended.
        runs, before = self._tables.runs(at, self._runs.keys), set(self._runs.told)
        changed = [row for row in runs if self._runs.news(row.run_id, row.state, final=row.finished_at is not None)]
        steps = self._tables.steps(at, {*self._runs.told, *(row.run_id for row in changed)})
        for row in changed:
            if row.run_id not in before:
                self._put(replace(row, state="running", finished_at=None))
        for step in steps:
            if self._steps.news(_key(step), (step.state, step.attempts, step.error_kind), final=False):
                self._put(step)
        for row in changed:
            if row.run_id in before or row.state != "running":
                self._put(row)
        over = {row.run_id for row in changed if row.finished_at is not None}
        self._steps.forget([_key(step) for step in steps if step.run_id in over])


def _shown(fact: cao.Hook | cao.Status) -> Iterator[str]:
    """The terminals that a fact is about."""
    named = (fact.terminal,) if isinstance(fact, cao.Status) else (fact.terminal_id, fact.sender, fact.receiver)
    yield from (name for name in named if name)


def _key(step: cao.StepRow) -> tuple[str, str]:
    return step.run_id, step.step_id
