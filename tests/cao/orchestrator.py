"""A CAO to watch without CAO: its tables, as its versions make them, and the parts of its package that we reach into.

What of it is true of a real one is for `tests/real` to say.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import types
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

SECOND = 1_000_000_000
# 2026-11-20 10:00:00 UTC.
NOW = 1_795_168_800 * SECOND

# As CAO 2.5.4 makes them, without the columns that we don't read but for one of each kind: long, and reserved.
SCHEMA = """
    CREATE TABLE terminals (
        id VARCHAR NOT NULL PRIMARY KEY, description TEXT, tmux_session VARCHAR NOT NULL, tmux_window VARCHAR NOT NULL,
        provider VARCHAR NOT NULL, agent_profile VARCHAR, model VARCHAR, working_directory VARCHAR, caller_id VARCHAR,
        "group" TEXT, session_incarnation_id VARCHAR, last_active DATETIME
    );
    CREATE TABLE inbox (
        id INTEGER NOT NULL PRIMARY KEY, sender_id VARCHAR NOT NULL, receiver_id VARCHAR NOT NULL,
        message VARCHAR NOT NULL, status VARCHAR NOT NULL, created_at DATETIME
    );
    CREATE TABLE handoff_results (
        job_id VARCHAR NOT NULL PRIMARY KEY, state VARCHAR NOT NULL, terminal_id VARCHAR, last_message TEXT,
        error_message TEXT, created_at DATETIME, updated_at DATETIME
    );
    CREATE TABLE workflow_run (
        run_id TEXT PRIMARY KEY, workflow_name TEXT NOT NULL, spec_snapshot TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT, tier TEXT NOT NULL DEFAULT 'yaml'
    );
    CREATE TABLE workflow_run_step (
        run_id TEXT NOT NULL, step_id TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, output_json TEXT,
        error_kind TEXT, PRIMARY KEY (run_id, step_id)
    );
"""
# As CAO 2.3.0 makes them: no incarnations, no models, no results of handoffs, one tier of workflows.
OLD_SCHEMA = """
    CREATE TABLE terminals (
        id VARCHAR NOT NULL PRIMARY KEY, tmux_session VARCHAR NOT NULL, tmux_window VARCHAR NOT NULL,
        provider VARCHAR NOT NULL, agent_profile VARCHAR, caller_id VARCHAR, last_active DATETIME
    );
    CREATE TABLE inbox (
        id INTEGER NOT NULL PRIMARY KEY, sender_id VARCHAR NOT NULL, receiver_id VARCHAR NOT NULL,
        message VARCHAR NOT NULL, status VARCHAR NOT NULL, created_at DATETIME
    );
    CREATE TABLE workflow_run (
        run_id TEXT PRIMARY KEY, workflow_name TEXT NOT NULL, spec_snapshot TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT
    );
    CREATE TABLE workflow_run_step (
        run_id TEXT NOT NULL, step_id TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, output_json TEXT,
        PRIMARY KEY (run_id, step_id)
    );
"""


def text(at: int, *, zone: str = "") -> str:
    """A time as CAO's tables have it: in UTC, with microseconds; workflows have whole seconds, T and Z."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at // 1_000)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if zone else "%Y-%m-%d %H:%M:%S.%f")


class Database:
    """A database of CAO's, written by another connection than ours."""

    def __init__(self, path: Path, schema: str = SCHEMA) -> None:
        self.path = path
        with closing(self._connect()) as connection:
            connection.executescript(schema)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def write(self, sql: str, *values: object) -> None:
        with closing(self._connect()) as connection:
            connection.execute(sql, values)

    def insert(self, table: str, **row: object) -> None:
        marks = ", ".join("?" * len(row))
        self.write(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608

    def terminal(self, name: str, session: str = "cao-one", **more: object) -> None:
        row: dict[str, object] = {
            "tmux_session": session,
            "tmux_window": f"w-{name}",
            "provider": "mock_cli",
            "agent_profile": "coder",
            "last_active": text(NOW),
        }
        self.insert("terminals", id=name, **(row | more))

    def messages(self, last: int) -> None:
        """All from 1 to the last."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            rows = ((number, text(NOW)) for number in range(1, last + 1))
            connection.executemany("INSERT INTO inbox VALUES (?, 'lead', 'a1', 'Go on.', 'delivered', ?)", rows)
            connection.execute("COMMIT")

    def message(self, number: int, receiver: str, status: str = "pending", at: int = NOW) -> None:
        row = {"sender_id": "lead", "message": f"Remark {number}.", "created_at": text(at)}
        self.insert("inbox", id=number, receiver_id=receiver, status=status, **row)

    def handoff(self, job: str, state: str = "running", at: int = NOW, **more: object) -> None:
        self.insert("handoff_results", job_id=job, state=state, created_at=text(at), updated_at=text(at), **more)

    def run(self, name: str, state: str = "running", at: int = NOW, finished: int | None = None) -> None:
        times = {"started_at": text(at, zone="Z"), "finished_at": finished and text(finished, zone="Z")}
        self.insert("workflow_run", run_id=name, workflow_name=f"of {name}", state=state, **times)

    def step(self, run: str, name: str, state: str = "running") -> None:
        self.insert("workflow_run_step", run_id=run, step_id=name, state=state, attempts=1)

    def delete(self, table: str, **where: object) -> None:
        condition = " AND ".join(f"{column} = ?" for column in where) or "1"
        self.write(f"DELETE FROM {table} WHERE {condition}", *where.values())  # noqa: S608

    def lock(self) -> sqlite3.Connection:
        """Nobody reads until it is closed."""
        connection = self._connect()
        connection.execute("BEGIN EXCLUSIVE")
        return connection


# --- the package -----------------------------------------------------------------------------------------------------


class Bus:
    """As CAO's: subscribers' queues, filled on the loop."""

    def __init__(self) -> None:
        self.queues: list[tuple[str, asyncio.Queue[Any]]] = []

    def subscribe(self, pattern: str) -> asyncio.Queue[Any]:
        queue: asyncio.Queue[Any] = asyncio.Queue(1024)
        self.queues.append((pattern, queue))
        return queue

    def unsubscribe(self, pattern: str, queue: asyncio.Queue[Any]) -> None:
        self.queues.remove((pattern, queue))

    def status(self, terminal: str, status: object) -> None:
        for _, queue in self.queues:
            queue.put_nowait({"topic": f"terminal.{terminal}.status", "data": {"status": status}})


class TmuxBackend:
    """CAO's class of this name is how it says that it uses tmux."""


class CaoPlugin:
    async def setup(self) -> None:
        pass

    async def teardown(self) -> None:
        pass


def hook(event_type: str) -> Callable[[Any], Any]:
    def mark(method: Any) -> Any:
        method.marked = event_type
        return method

    return mark


@dataclass
class Cao:
    """The package, as it is after `install`: what CAO's processes find under its name."""

    database: Database
    bus: Bus = field(default_factory=Bus)
    environments: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    backend: object = None

    def get_session_env(self, session: str) -> dict[str, str]:
        return dict(self.environments.get(session, {}))

    def set_session_env(self, session: str, environment: dict[str, str]) -> None:
        self.environments[session] = environment

    def install(self, monkeypatch: pytest.MonkeyPatch, *, without: str = "") -> None:
        """All of it, but for the module or name `without`."""
        parts: dict[str, dict[str, object]] = {
            "": {},
            "services": {},
            "clients": {},
            "backends": {},
            "plugins": {"CaoPlugin": CaoPlugin, "hook": hook},
            "constants": {"DATABASE_FILE": self.database.path},
            "clients.database": {"UTCDateTime": object},
            "services.event_bus": {"bus": self.bus},
            "services.session_env": {
                "get_session_env": self.get_session_env,
                "set_session_env": self.set_session_env,
            },
            "backends.registry": {"_backend": self.backend},
        }
        for name, members in parts.items():
            module = types.ModuleType(f"cli_agent_orchestrator.{name}".rstrip("."))
            module.__dict__.update({key: value for key, value in members.items() if f"{name}.{key}" != without})
            # None in its place is what makes an import fail.
            monkeypatch.setitem(sys.modules, module.__name__, None if name == without and name else module)
