from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from handspan.cao import innards
from tests.cao.orchestrator import Cao, Database, TmuxBackend


@pytest.fixture
def cao(tmp_path: Path) -> Cao:
    return Cao(Database(tmp_path / "cao.db"))


def test_all_parts_of_a_whole_cao_are_found(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    cao.install(monkeypatch)
    found = innards.find()
    found.set_session_env("cao-one", {"A": "b"})
    assert (found.database, found.utc, found.bus, found.lost) == (cao.database.path, True, cao.bus, ())
    assert found.get_session_env("cao-one") == {"A": "b"}


@pytest.mark.parametrize(
    ("missing", "lost"),
    [
        ("services.event_bus", "turns, and whether an agent works or waits"),
        ("services.event_bus.bus", "turns, and whether an agent works or waits"),
        ("services.session_env.get_session_env", "which terminals are steps of workflows"),
        ("services.session_env.set_session_env", "which session agents' own telemetry belongs to"),
        ("backends.registry", "agents, windows and sessions that vanish"),
        ("backends.registry._backend", "agents, windows and sessions that vanish"),
    ],
)
def test_a_part_that_is_missing_costs_what_it_told(
    cao: Cao, monkeypatch: pytest.MonkeyPatch, missing: str, lost: str
) -> None:
    cao.backend = TmuxBackend()
    cao.install(monkeypatch, without=missing)
    found = innards.find()
    (said,) = found.lost
    assert missing in said
    assert said.endswith(f"so Handspan can't tell {lost}")
    # What is left works.
    found.set_session_env("cao-one", {})
    assert found.get_session_env("cao-two") == {}
    assert found.uses_tmux() is (lost != "agents, windows and sessions that vanish")


def test_where_cao_hides_its_database_it_is_looked_for_where_it_used_to_be(
    cao: Cao, monkeypatch: pytest.MonkeyPatch
) -> None:
    cao.install(monkeypatch, without="constants.DATABASE_FILE")
    assert innards.find().database == Path.home() / ".aws/cli-agent-orchestrator/db/cli-agent-orchestrator.db"


def test_an_older_cao_has_the_times_of_its_machine(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    cao.install(monkeypatch, without="clients.database.UTCDateTime")
    found = innards.find()
    assert (found.utc, found.lost) == (False, ())


def test_tmux_is_used_as_soon_as_cao_says_so(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(TmuxBackend):
        pass

    used: list[bool] = []
    for backend in (None, object(), TmuxBackend(), Mine()):
        cao.backend = backend
        cao.install(monkeypatch)
        used.append(innards.find().uses_tmux())
    assert used == [False, False, True, True]


def test_a_cao_is_one_by_whatever_path_its_database_is_reached(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.path.realpath(cao.database.path)
    cao.install(monkeypatch)
    instance = innards.find().instance
    link = cao.database.path.with_name("link.db")
    link.symlink_to(cao.database.path)
    cao.database.path = link
    cao.install(monkeypatch)
    assert innards.find().instance == instance == hashlib.sha256(real.encode()).hexdigest()[:16]
