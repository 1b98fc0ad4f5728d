"""CAO's database, read as facts: an own connection that can't write, from one thread, and never for long.

CAO's own functions are not used: they read the whole of a table, lack half of the columns, differ between its versions,
and share the server's connections. What a version's table has not got is absent from its facts.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from handspan.sources import cao_facts as cao

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

# While CAO writes, a reader waits; more than this would hold up what the hooks and the bus say meanwhile.
_BUSY = 0.25
# A statement of any SQLite takes 999 variables.
_KEYS_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# The first tier there was: the column came with the second.
_YAML = {"tier": "yaml"}

Row = dict[str, Any]
_Fact = TypeVar("_Fact")


@dataclass(frozen=True, slots=True)
class Table:
    """One of CAO's tables. Without what it `needs` it tells nothing; what it `may_have` came with some version."""

    name: str
    tells: str
    needs: tuple[str, ...]
    may_have: tuple[str, ...] = ()
    # Which rows a restart still has something to say of.
    standing: str = ""

    @property
    def key(self) -> str:
        return self.needs[0]


TERMINALS = Table(
    "terminals",
    "who created a terminal, handoffs, workflows, flows, and what was there before a restart",
    ("id", "tmux_session", "last_active"),
    (
        *("agent_profile", "provider", "model", "caller_id", "tmux_window", "working_directory"),
        "session_incarnation_id",
    ),
)
INBOX = Table(
    "inbox",
    "messages that wait for their receiver",
    ("id", "sender_id", "receiver_id", "message", "status", "created_at"),
    standing="status = 'pending' OR datetime(created_at) >= datetime(?, 'unixepoch'{zone})",
)
HANDOFFS = Table(
    "handoff_results",
    "when a handoff was called and what came of it",
    ("job_id", "state", "created_at", "updated_at"),
    ("terminal_id", "last_message", "error_message"),
    standing="datetime(updated_at) >= datetime(?, 'unixepoch')",
)
RUNS = Table(
    "workflow_run",
    "the runs of workflows",
    ("run_id", "workflow_name", "state", "started_at", "finished_at"),
    ("tier",),
    standing="datetime(coalesce(finished_at, started_at)) >= datetime(?, 'unixepoch')",
)
STEPS = Table("workflow_run_step", "the steps of workflows", ("run_id", "step_id", "state"), ("attempts", "error_kind"))
ALL = (TERMINALS, INBOX, HANDOFFS, RUNS, STEPS)


class Tables:
    """`utc` says whether the times of terminals and messages are in UTC: up to CAO 2.5.0 they are the machine's own.

    Every method raises sqlite3.Error where the database can't be read in time.
    """

    def __init__(self, path: Path, *, utc: bool) -> None:
        self._path = path
        self._utc = utc
        self._connection: sqlite3.Connection | None = None
        self._columns: dict[Table, str] = {}
        self._read_to: dict[Table, int] = {}

    def open(self) -> list[Table]:
        """The tables that are missing, or lack what they need."""
        self.close()
        place = f"file:{quote(str(self._path))}?mode=ro"
        self._connection = sqlite3.connect(place, uri=True, timeout=_BUSY, isolation_level=None)
        self._connection.row_factory = _row
        try:
            self._columns = self._known_columns()
        except sqlite3.Error:
            # Half of the columns known would make all terminals seem gone.
            self.close()
            raise
        return [table for table in ALL if table not in self._columns]

    def _known_columns(self) -> dict[Table, str]:
        columns: dict[Table, str] = {}
        for table in ALL:
            there = {row["name"] for row in self._select(f"PRAGMA table_info({table.name})")}
            if there.issuperset(table.needs):
                columns[table] = ", ".join(name for name in table.needs + table.may_have if name in there)
        return columns

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def version(self) -> object:
        """Another one whenever someone has written, and whenever the database was opened."""
        # SQLite counts for each connection anew.
        return self._connection, self._select("PRAGMA data_version")[0]["data_version"]

    def standing(self, table: Table, since: int) -> set[Any]:
        """The keys of the rows that still have something to say, or had since then; others are not read any more."""
        if table not in self._columns:
            return set()
        self._read_to[table] = self._last_row(table)
        where = table.standing.format(zone="" if self._utc else ", 'localtime'")
        return {row[table.key] for row in self._rows(table, f"WHERE {where}", (since // 1_000_000_000,))}

    def unfinished_runs(self) -> dict[str, str]:
        """The state of each."""
        return {row["run_id"]: row["state"] for row in self._rows(RUNS, "WHERE finished_at IS NULL")}

    # --- facts -------------------------------------------------------------------------------------------------------

    def terminals(self, at: int, seen_by: cao.SeenBy) -> list[cao.TerminalRow]:
        """All that there are, oldest first."""
        return [self._terminal(row, at, seen_by) for row in self._rows(TERMINALS, "ORDER BY rowid")]

    def terminal(self, name: str, at: int, seen_by: cao.SeenBy) -> cao.TerminalRow | None:
        rows = self._rows(TERMINALS, "WHERE id = ?", (name,))
        return self._terminal(rows[0], at, seen_by) if rows else None

    def inbox(self, at: int, also: Collection[int]) -> list[cao.InboxRow]:
        """The rows since the last reading, and those of the keys `also`; so for handoffs and runs."""
        return [
            _fact(cao.InboxRow, row, at=at, created_at=self._own_time(row["created_at"], at))
            for row in self._since_last(INBOX, also)
        ]

    def handoffs(self, at: int, also: Collection[str]) -> list[cao.HandoffRow]:
        return [
            _fact(cao.HandoffRow, row, at=at, **_times(row, "created_at", "updated_at", otherwise=at))
            for row in self._since_last(HANDOFFS, also)
        ]

    def runs(self, at: int, also: Collection[str]) -> list[cao.RunRow]:
        return [
            _fact(cao.RunRow, _YAML | row, at=at, **_times(row, "started_at", "finished_at", otherwise=None))
            for row in self._since_last(RUNS, also)
        ]

    def steps(self, at: int, runs: Collection[str]) -> list[cao.StepRow]:
        """Those of these runs."""
        return [_fact(cao.StepRow, row, at=at) for row in self._of_keys(STEPS, runs)]

    def _terminal(self, row: Row, at: int, seen_by: cao.SeenBy) -> cao.TerminalRow:
        active = self._own_time(row["last_active"], at)
        return _fact(cao.TerminalRow, row, at=at, seen_by=seen_by, last_active=active)

    def _own_time(self, text: Any, otherwise: int) -> int:
        return _read(text, utc=self._utc) or otherwise

    # --- SQL: all names in it are constants of this file -------------------------------------------------------------

    def _since_last(self, table: Table, also: Collection[Any]) -> list[Row]:
        if table not in self._columns:
            return []
        last, read_to = self._last_row(table), self._read_to.get(table, 0)
        # CAO deletes what is old, and SQLite then begins again from 1 where nothing is left.
        start = read_to if last >= read_to else 0
        rows = self._rows(table, "WHERE rowid > ? AND rowid <= ? ORDER BY rowid", (start, last))
        fresh = {row[table.key] for row in rows}
        rows[:0] = self._of_keys(table, [key for key in also if key not in fresh])
        self._read_to[table] = last
        return rows

    def _of_keys(self, table: Table, keys: Collection[Any]) -> list[Row]:
        """By number and by key, as only these have an index: a scan would read the text of every message."""
        wanted, rows = sorted(keys), list[Row]()
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            some = wanted[start : start + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows += self._rows(table, f"WHERE {table.key} IN ({marks}) ORDER BY rowid", some)
        return rows

    def _last_row(self, table: Table) -> int:
        return int(self._select(f"SELECT coalesce(max(rowid), 0) AS last FROM {table.name}")[0]["last"])  # noqa: S608

    def _rows(self, table: Table, where: str, values: Sequence[object] = ()) -> list[Row]:
        columns = self._columns.get(table)
        return self._select(f"SELECT {columns} FROM {table.name} {where}", values) if columns else []  # noqa: S608

    def _select(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        if self._connection is None:
            raise sqlite3.OperationalError("it is not open")
        # Read to the end at once: as long as a statement is open, CAO can't write.
        return self._connection.execute(sql, values).fetchall()


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}


def _fact(cls: Callable[..., _Fact], row: Row, **more: object) -> _Fact:
    return cls(**{**row, **more})


def _times(row: Row, *names: str, otherwise: int | None) -> dict[str, int | None]:
    # CAO has these in UTC in all of its versions.
    return {name: _read(row[name], utc=True) or otherwise for name in names}


def _read(text: Any, *, utc: bool) -> int | None:
    """CAO writes no offset, or Z."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) if utc else moment.astimezone()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, (moment - _EPOCH) // _MICROSECOND * 1_000)
