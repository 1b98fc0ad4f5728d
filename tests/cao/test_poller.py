from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from handspan.cao import poller as polling
from handspan.cao.desk import Desk
from handspan.cao.panes import Pane, Unanswered
from handspan.cao.poller import Poller
from handspan.cao.sweeps import Sweeps
from handspan.cao.tables import Tables
from handspan.sources import cao_facts as cao
from tests.cao.orchestrator import SCHEMA, Database

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from handspan.cao.tables import Table

_PATIENCE = 20.0


class Facts:
    """What was put, and a way to wait for it."""

    def __init__(self) -> None:
        self.all: list[cao.Fact] = []
        self._more = threading.Condition()

    def put(self, fact: cao.Fact) -> None:
        with self._more:
            self.all.append(fact)
            self._more.notify_all()

    def until(self, true: Callable[[list[cao.Fact]], bool]) -> list[cao.Fact]:
        with self._more:
            assert self._more.wait_for(lambda: true(self.all), _PATIENCE), self.all
            return list(self.all)

    def until_kind(self, kind: type[cao.Fact], times: int = 1) -> list[cao.Fact]:
        found = self.until(lambda facts: sum(isinstance(fact, kind) for fact in facts) >= times)
        return [fact for fact in found if isinstance(fact, kind)]

    def names(self) -> list[str]:
        return [type(fact).__name__ for fact in self.all if not isinstance(fact, cao.Swept)]


class Polled:
    """A poller at a database. `panes` is what tmux answers, or raises."""

    def __init__(self, path: Path, *, schema: str | None = None) -> None:
        self.database = Database(path) if schema is None else Database(path, schema)
        self.facts = Facts()
        self.panes: list[Pane] | Exception = []
        self.asked: Callable[[], None] = lambda: None
        self.tmux = True
        self.tables = Tables(path, utc=True)
        self.desk = Desk(
            self.tables,
            self.facts.put,
            session_env=lambda _: {},
            entered=lambda _: None,
            shown_within=0,
            clock=time.time_ns,
        )
        self.poller = Poller(
            self.tables, self.desk, Sweeps(), self.facts.put, panes=self._panes, uses_tmux=lambda: self.tmux
        )

    def _panes(self) -> list[Pane]:
        self.asked()
        if isinstance(self.panes, Exception):
            raise self.panes
        return self.panes

    def status(self, terminal: str) -> cao.Status:
        status = cao.Status(at=time.time_ns(), terminal=terminal, status="processing")
        self.poller.hear(status)
        return status


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK", 0.02)
    monkeypatch.setattr(polling, "SWEEP", 0.1)


@pytest.fixture
def polled(tmp_path: Path) -> Generator[Polled]:
    polled = Polled(tmp_path / "cao.db")
    yield polled
    polled.poller.stop(_PATIENCE)


def test_a_life_of_a_server(polled: Polled) -> None:
    polled.database.terminal("a1")
    polled.poller.start()
    polled.facts.until_kind(cao.TerminalRow)
    status = polled.status("a1")
    polled.facts.until_kind(cao.Status)
    polled.database.message(1, "a1")
    polled.facts.until_kind(cao.InboxRow)
    polled.database.delete("terminals", id="a1")
    polled.facts.until_kind(cao.TerminalGone)
    assert polled.poller.stop(_PATIENCE)
    said = ["ServerStarted", "TerminalRow", "Status", "InboxRow", "TerminalGone", "ServerStopping"]
    assert polled.facts.names() == said
    assert polled.facts.until_kind(cao.Status) == [status]


def test_a_stop_tells_what_was_said_and_written_until_then(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    for every in ("LOOK", "SWEEP", "_IDLE_LOOK"):
        monkeypatch.setattr(polling, every, 3_600)
    polled.poller.start()
    polled.status("x")
    polled.facts.until_kind(cao.Status)
    polled.database.terminal("a1")
    polled.database.message(1, "a1", "delivered")
    polled.status("a1")
    polled.status("a1")
    assert polled.poller.stop(_PATIENCE)
    said = ["ServerStarted", "Status", "TerminalRow", "Status", "Status", "InboxRow", "ServerStopping"]
    assert polled.facts.names() == said


@pytest.mark.parametrize(
    ("name", "comes_first"),
    [("post_kill_terminal", True), ("post_kill_session", True), ("post_create_session", False)],
)
def test_what_was_written_before_an_end_is_told_before_it(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, name: cao.HookName, comes_first: bool
) -> None:
    for every in ("LOOK", "SWEEP", "_IDLE_LOOK"):
        monkeypatch.setattr(polling, every, 3_600)
    polled.database.terminal("a1")
    polled.poller.start()
    # Its first sweep is after its first look.
    polled.facts.until_kind(cao.Swept)
    polled.database.message(1, "a1")
    polled.poller.hear(cao.Hook(at=time.time_ns(), event_type=name, timestamp=time.time_ns()))
    assert polled.poller.stop(_PATIENCE)
    told = ["InboxRow", "Hook"] if comes_first else ["Hook", "InboxRow"]
    assert polled.facts.names() == ["ServerStarted", "TerminalRow", *told, "ServerStopping"]


def test_no_end_waits_for_a_database_that_can_not_be_read(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []

    def look() -> None:
        looks.append(None)
        raise sqlite3.OperationalError("database is locked")

    for every in ("LOOK", "SWEEP", "_IDLE_LOOK"):
        monkeypatch.setattr(polling, every, 3_600)
    monkeypatch.setattr(polled.desk, "look", look)
    polled.poller.start()
    polled.facts.until_kind(cao.Swept)
    polled.poller.hear(cao.Hook(at=time.time_ns(), event_type="post_kill_session", timestamp=time.time_ns()))
    assert polled.poller.stop(_PATIENCE)
    # At the start and at the stop.
    assert len(looks) == 2


def test_a_stop_ends_the_waiting(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    for every in ("LOOK", "SWEEP", "_IDLE_LOOK"):
        monkeypatch.setattr(polling, every, 3_600)
    polled.poller.start()
    # Its first sweep ends its first turn.
    polled.facts.until_kind(cao.Swept)
    assert polled.poller.stop(_PATIENCE)


def test_what_is_said_is_told_at_once_and_in_its_order(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LOOK", 3_600)
    monkeypatch.setattr(polling, "SWEEP", 3_600)
    polled.poller.start()
    said = [polled.status(f"x{number}") for number in range(500)]
    assert polled.facts.until_kind(cao.Status, 500) == said


# --- the clock and tmux ----------------------------------------------------------------------------------------------


def test_sweeps_are_the_clock_while_something_is_open(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_LINGER", 0.05)
    polled.tmux = False
    polled.database.terminal("a1")
    polled.poller.start()
    found = polled.facts.until_kind(cao.Swept, 3)
    assert [sweep.found for sweep in found if isinstance(sweep, cao.Swept)] == [(), (), ()]
    assert sorted(sweep.at for sweep in found) == [sweep.at for sweep in found]


def test_a_server_in_which_nothing_is_open_is_left_in_peace(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_LINGER", 0)
    monkeypatch.setattr(polling, "_IDLE_LOOK", 0.02)
    monkeypatch.setattr(polling, "SWEEP", 0.001)
    polled.poller.start()
    polled.status("x")
    polled.facts.until_kind(cao.Status)
    for number in (1, 2, 3):
        # A handoff that fails before it has a worker is found by a look alone.
        polled.database.handoff(f"j{number}", "error")
        polled.facts.until_kind(cao.HandoffRow, number)
    assert [type(fact) for fact in polled.facts.all] == [cao.ServerStarted, cao.Status, *[cao.HandoffRow] * 3]


def test_what_is_said_is_followed_by_a_look(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_LINGER", 0)
    monkeypatch.setattr(polling, "_IDLE_LOOK", 3_600)
    polled.poller.start()
    for number in (1, 2, 3):
        polled.status("x")
        polled.facts.until_kind(cao.Status, number)
        polled.database.handoff(f"j{number}", "error")
        polled.status("x")
        polled.facts.until_kind(cao.HandoffRow, number)


def test_a_server_that_has_just_started_has_a_clock(polled: Polled) -> None:
    polled.poller.start()
    polled.facts.until_kind(cao.Swept)


def test_what_has_just_ended_still_has_a_clock(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    polled.database.terminal("a1")
    polled.poller.start()
    polled.facts.until_kind(cao.TerminalRow)
    polled.status("a1")
    polled.facts.until_kind(cao.Status)
    monkeypatch.setattr(polling, "SWEEP", 0.02)
    polled.database.delete("terminals", id="a1")
    polled.facts.until_kind(cao.TerminalGone)
    polled.facts.until(lambda facts: isinstance(facts[-1], cao.Swept))


def test_a_sweep_finds_what_has_vanished(polled: Polled) -> None:
    polled.database.terminal("a1")
    polled.panes = [Pane(session="cao-one", window="w-a1", terminal="a1", busy=True)]
    polled.poller.start()
    polled.facts.until_kind(cao.Swept)
    polled.panes = []
    last = polled.facts.until(lambda facts: any(isinstance(fact, cao.Swept) and fact.found for fact in facts))[-1]
    assert isinstance(last, cao.Swept)
    assert [(found.kind, found.terminal or found.session) for found in last.found] == [
        ("window_gone", "a1"),
        ("session_gone", "cao-one"),
    ]


def test_an_agent_that_dies_as_soon_as_it_is_ready_is_found(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SWEEP", 0.5)
    monkeypatch.setattr(polling, "_SWEEP_SOON", 0)
    polled.database.terminal("a1")
    polled.panes = [Pane(session="cao-one", window="w-a1", terminal="a1")]
    polled.poller.start()
    polled.facts.until_kind(cao.Swept)
    polled.panes = [Pane(session="cao-one", window="w-a1", terminal="a1", busy=True)]
    start = time.monotonic()
    polled.poller.hear(cao.Status(at=time.time_ns(), terminal="a1", status="idle"))
    polled.facts.until_kind(cao.Swept, 2)
    assert time.monotonic() - start < 0.4
    polled.panes = [Pane(session="cao-one", window="w-a1", terminal="a1")]
    (*_, last) = polled.facts.until_kind(cao.Swept, 3)
    assert isinstance(last, cao.Swept)
    assert [found.kind for found in last.found] == ["process_exited"]


def test_a_tmux_that_does_not_answer_is_not_asked_more_often(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SWEEP", 3_600)
    monkeypatch.setattr(polling, "_SWEEP_SOON", 0)
    polled.panes = Unanswered("it hangs")
    polled.poller.start()
    polled.facts.until_kind(cao.Swept)
    for number in (1, 2, 3):
        polled.poller.hear(cao.Status(at=time.time_ns(), terminal="a1", status="idle"))
        polled.facts.until_kind(cao.Status, number)
    polled.poller.stop(_PATIENCE)
    assert len(polled.facts.until_kind(cao.Swept)) == 1


def test_a_tmux_that_does_not_answer_is_complained_of_once(polled: Polled, caplog: pytest.LogCaptureFixture) -> None:
    polled.database.terminal("a1")
    polled.panes = Unanswered("it hangs")
    polled.poller.start()
    sweeps = polled.facts.until_kind(cao.Swept, 4)
    assert all(isinstance(sweep, cao.Swept) and sweep.found == () for sweep in sweeps)
    assert caplog.messages == ["tmux does not answer (it hangs): what vanishes is told when it does."]


def test_a_tmux_that_does_not_answer_once_is_no_matter(polled: Polled, caplog: pytest.LogCaptureFixture) -> None:
    silence = Unanswered("server exited unexpectedly")
    answers: list[list[Pane] | Exception] = [[], [], silence, [], silence]

    def answer() -> None:
        polled.panes = answers.pop() if answers else []

    polled.asked = answer
    polled.database.terminal("a1")
    polled.poller.start()
    polled.facts.until_kind(cao.Swept, 4)
    assert caplog.messages == []


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_table_that_is_missing_costs_what_it_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    polled = Polled(tmp_path / "cao.db", schema="CREATE TABLE inbox (id INTEGER PRIMARY KEY, message TEXT)")
    polled.poller.start()
    polled.status("a1")
    polled.facts.until_kind(cao.Status)
    polled.poller.stop(_PATIENCE)
    assert polled.facts.names() == ["ServerStarted", "Status", "ServerStopping"]
    assert [message.split(",")[0] for message in caplog.messages] == [
        "CAO's database has no table terminals",
        "CAO's database has no table inbox",
        "CAO's database has no table handoff_results",
        "CAO's database has no table workflow_run",
        "CAO's database has no table workflow_run_step",
    ]


def test_a_table_is_missed_as_soon_as_a_locked_database_can_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    polled = Polled(tmp_path / "cao.db", schema=SCHEMA.replace("handoff_results", "results_of_handoffs"))
    polled.database.terminal("a1")
    with closing(polled.database.lock()):
        polled.poller.start()
        polled.facts.until_kind(cao.Swept)
    polled.facts.until_kind(cao.TerminalRow)
    polled.poller.stop(_PATIENCE)
    (message,) = caplog.messages
    assert message.startswith("CAO's database has no table handoff_results, so Handspan can't tell when a handoff")


def test_a_locked_database_stops_nothing(polled: Polled, caplog: pytest.LogCaptureFixture) -> None:
    polled.database.terminal("a1")
    with closing(polled.database.lock()):
        polled.poller.start()
        polled.status("zz")
        polled.facts.until_kind(cao.Swept, 2)
        assert "TerminalRow" not in polled.facts.names()
    polled.facts.until_kind(cao.TerminalRow)
    assert caplog.messages == []


def test_a_database_that_was_locked_at_the_start_is_tried_again_soon(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, tried = iter(range(3)), threading.Event()
    opened = polled.tables.open

    def open_again() -> list[Table]:
        if next(tries, None) is None:
            tried.set()
        return opened()

    monkeypatch.setattr(polling, "_LINGER", 0)
    monkeypatch.setattr(polling, "_IDLE_LOOK", 3_600)
    monkeypatch.setattr(polled.tables, "open", open_again)
    polled.database.terminal("a1")
    with closing(polled.database.lock()):
        polled.poller.start()
        assert tried.wait(_PATIENCE)
    polled.facts.until_kind(cao.TerminalRow)


def test_a_database_that_stays_unreadable_is_complained_of_once(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(polling, "_GRACE", 0.1)
    polled.database.path.unlink()
    polled.poller.start()
    polled.status("a1")
    polled.facts.until_kind(cao.Swept, 6)
    assert caplog.messages == [
        "CAO's database can't be read (unable to open database file): what only it tells is told when it can be."
    ]
    # A database that comes back is read again.
    Database(polled.database.path).terminal("b2")
    polled.facts.until_kind(cao.TerminalRow)


def test_a_mistake_in_one_turn_does_not_cost_the_others(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hear = polled.desk.hear

    def mistaken(fact: cao.Hook | cao.Status) -> None:
        if isinstance(fact, cao.Status) and fact.terminal == "bad":
            raise KeyError(fact.terminal)
        hear(fact)

    monkeypatch.setattr(polled.desk, "hear", mistaken)
    polled.poller.start()
    for terminal in ("a1", "bad", "bad", "b2"):
        polled.status(terminal)
    told = polled.facts.until_kind(cao.Status, 2)
    assert [status.terminal for status in told if isinstance(status, cao.Status)] == ["a1", "b2"]
    assert caplog.messages == ["_turn: Handspan has made a mistake, and goes on."]
    assert caplog.records[0].exc_info


def test_a_mistake_in_every_look_keeps_nobody_busy(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks: list[float] = []

    def mistaken() -> None:
        looks.append(time.monotonic())
        raise KeyError

    monkeypatch.setattr(polling, "LOOK", 3_600)
    monkeypatch.setattr(polled.desk, "look", mistaken)
    polled.poller.start()
    for number in (1, 2, 3):
        polled.status("a1")
        polled.facts.until_kind(cao.Status, number)
    # One as it begins and one as what begins was not finished.
    assert len(looks) == 2


def test_what_does_not_fit_in_the_queue_is_counted_and_said_at_the_end(
    polled: Polled, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(polling, "_MOST", 3)
    for number in range(5):
        polled.status(f"x{number}")
    polled.poller.start()
    polled.facts.until_kind(cao.Status, 3)
    polled.poller.stop(_PATIENCE)
    assert len(polled.facts.until_kind(cao.Status)) == 3
    assert caplog.messages == ["CAO told more than Handspan could take in: 2 of its events are lost."]


def test_a_stop_does_not_wait_for_a_tmux_that_hangs(polled: Polled, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, released = threading.Event(), threading.Event()

    def hang() -> list[Pane]:
        asked.set()
        released.wait(_PATIENCE)
        return []

    monkeypatch.setattr(polled, "_panes", hang)
    poller = Poller(polled.tables, polled.desk, Sweeps(), polled.facts.put, panes=hang, uses_tmux=lambda: True)
    polled.poller = poller
    polled.database.terminal("a1")
    poller.start()
    assert asked.wait(_PATIENCE)
    polled.status("b2")
    assert poller.stop(0.1) is False
    released.set()
    # What was said meanwhile is told before it has stopped.
    assert [type(fact) for fact in polled.facts.until_kind(cao.ServerStopping)] == [cao.ServerStopping]
    assert polled.facts.names()[-2:] == ["Status", "ServerStopping"]


def test_to_hear_costs_microseconds(polled: Polled) -> None:
    polled.poller.start()
    status = cao.Status(at=1, terminal="a1", status="idle")
    best = min(_timed(lambda: polled.poller.hear(status)) for _ in range(5))
    assert best < 50e-6


def _timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    for _ in range(100):
        call()
    return (time.perf_counter() - start) / 100


def test_the_connection_is_of_the_thread_that_reads(polled: Polled) -> None:
    """What sqlite3 would refuse in another thread is refused, and not switched off."""
    polled.database.terminal("a1")
    polled.poller.start()
    polled.facts.until_kind(cao.TerminalRow)
    with pytest.raises(sqlite3.ProgrammingError, match="thread"):
        polled.tables.version()
