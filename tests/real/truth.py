"""What truly happened, from CAO's database and from the diaries of the agents; never from what Handspan says of it.

Rows of CAO's tables are deleted and changed while a server runs, so a witness reads them all the time and remembers.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

# The shortest life of a row that matters is that of a worker, seconds.
_LOOK = 0.05
# What one step of a scenario may take: making a session takes 4 s, and four of them on two cores 15.
PATIENCE = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A row of the terminals table, from the first look that saw it to the first one that missed it."""

    id: str
    session: str
    window: str
    agent: str
    provider: str
    caller: str | None
    incarnation: str | None
    seen: int
    gone: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    id: int
    sender: str
    receiver: str
    text: str
    status: str
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    job: str
    state: str
    worker: str | None
    answer: str | None
    error: str | None
    created: int
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    id: str
    workflow: str
    tier: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    run: str
    id: str
    state: str
    attempts: int
    error_kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an agent wrote into its diary; `mock_agent.py` says what there is."""

    at: int
    what: str
    more: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    terminals: Mapping[str, Terminal] = field(default_factory=dict[str, Terminal])
    messages: Mapping[int, Message] = field(default_factory=dict[int, Message])
    handoffs: Mapping[str, Handoff] = field(default_factory=dict[str, Handoff])
    runs: Mapping[str, Run] = field(default_factory=dict[str, Run])
    steps: Mapping[tuple[str, str], Step] = field(default_factory=dict[tuple[str, str], Step])
    diaries: Mapping[str, tuple[Deed, ...]] = field(default_factory=dict[str, tuple[Deed, ...]])

    def deeds(self, terminal: str, what: str) -> list[Deed]:
        return [deed for deed in self.diaries.get(terminal, ()) if deed.what == what]

    def called_by(self, caller: str) -> list[Terminal]:
        """The terminals that it had made, oldest first."""
        return [terminal for terminal in self.terminals.values() if terminal.caller == caller]

    def in_session(self, session: str) -> list[Terminal]:
        """Of all incarnations of the name, oldest first."""
        return [terminal for terminal in self.terminals.values() if terminal.session == session]


class Witness:
    """Looks at the database and the diaries, and remembers what is no longer there."""

    def __init__(self, database: Path, diaries: Path) -> None:
        self._database = database
        self._diaries = diaries
        self._truth = Truth()
        self._changed = threading.Condition()
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="witness")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self._thread.join()

    def leave(self) -> None:
        """Nobody waits any more."""
        self._leaving.set()
        with self._changed:
            self._changed.notify_all()

    @property
    def truth(self) -> Truth:
        with self._changed:
            return self._truth

    def until(self, what: str, true: Callable[[Truth], bool]) -> Truth:
        """The truth, as soon as it is so; `what` is what is missing if it never is."""
        with self._changed:
            self._changed.wait_for(lambda: self._leaving.is_set() or true(self._truth), PATIENCE)
            if not true(self._truth):
                raise AssertionError(f"{what}: not after {PATIENCE} s. All that happened is {self._truth}")
            return self._truth

    def _watch(self) -> None:
        while not self._leaving.wait(_LOOK):
            try:
                seen = look(self._database, self._diaries, self._truth)
            except sqlite3.OperationalError:
                continue
            if seen != self._truth:
                with self._changed:
                    self._truth = seen
                    self._changed.notify_all()


def look(database: Path, diaries: Path, before: Truth) -> Truth:
    """What was true before, and what is now. Raises `OperationalError` while CAO writes."""
    now = time.time_ns()
    seen = replace(before, diaries={path.stem: _diary(path) for path in sorted(diaries.glob("*.jsonl"))})
    if not database.exists():
        return seen
    with closing(
        sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=_LOOK, isolation_level=None)
    ) as tables:
        tables.row_factory = sqlite3.Row
        tables.execute("BEGIN")  # one state of all tables
        return replace(
            seen,
            terminals=_terminals(_rows(tables, "terminals"), before.terminals, now),
            messages={**before.messages, **{row["id"]: _message(row) for row in _rows(tables, "inbox")}},
            handoffs={**before.handoffs, **{row["job_id"]: _handoff(row) for row in _rows(tables, "handoff_results")}},
            runs={**before.runs, **{row["run_id"]: _run(row) for row in _rows(tables, "workflow_run")}},
            steps={
                **before.steps,
                **{(row["run_id"], row["step_id"]): _step(row) for row in _rows(tables, "workflow_run_step")},
            },
        )


def _rows(tables: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """All columns: which there are depends on CAO's version. Some tables are made when they are first used."""
    if not tables.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
        return []
    return [dict(row) for row in tables.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608 (our names)


def _terminals(rows: Iterable[dict[str, Any]], before: Mapping[str, Terminal], now: int) -> dict[str, Terminal]:
    there = {row["id"]: before.get(row["id"]) or _terminal(row, now) for row in rows}
    lost = [terminal for terminal in before.values() if terminal.id not in there and terminal.gone is None]
    return {**before, **there, **{terminal.id: replace(terminal, gone=now) for terminal in lost}}


def _terminal(row: dict[str, Any], now: int) -> Terminal:
    return Terminal(
        id=row["id"],
        session=row["tmux_session"],
        window=row["tmux_window"],
        agent=row["agent_profile"],
        provider=row["provider"],
        caller=row.get("caller_id"),
        incarnation=row.get("session_incarnation_id"),
        seen=now,
    )


def _message(row: dict[str, Any]) -> Message:
    return Message(
        id=row["id"],
        sender=row["sender_id"],
        receiver=row["receiver_id"],
        text=row["message"],
        status=row["status"],
        created=_nanoseconds(row["created_at"]),
    )


def _handoff(row: dict[str, Any]) -> Handoff:
    return Handoff(
        job=row["job_id"],
        state=row["state"],
        worker=row["terminal_id"],
        answer=row["last_message"],
        error=row["error_message"],
        created=_nanoseconds(row["created_at"]),
        updated=_nanoseconds(row["updated_at"]),
    )


def _run(row: dict[str, Any]) -> Run:
    return Run(id=row["run_id"], workflow=row["workflow_name"], tier=row.get("tier", "yaml"), state=row["state"])


def _step(row: dict[str, Any]) -> Step:
    return Step(
        run=row["run_id"],
        id=row["step_id"],
        state=row["state"],
        attempts=row["attempts"],
        error_kind=row.get("error_kind"),
    )


def _nanoseconds(text: str) -> int:
    """CAO writes UTC, without an offset."""
    since = datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def _diary(path: Path) -> tuple[Deed, ...]:
    # Behind the last line end is what is being written.
    lines = path.read_text().split("\n")[:-1]
    return tuple(Deed(at=form.pop("at"), what=form.pop("deed"), more=form) for form in map(json.loads, lines))
