from __future__ import annotations

from handspan.cao.panes import Pane
from handspan.cao.sweeps import Sweeps
from handspan.sources import cao_facts as cao
from handspan.sources.cao_facts import Found
from tests.cao.orchestrator import NOW, SECOND


def row(name: str, session: str = "cao-one") -> cao.TerminalRow:
    return cao.TerminalRow(
        at=NOW, id=name, seen_by="hook", tmux_session=session, tmux_window=f"w-{name}", last_active=NOW
    )


def pane(name: str, session: str = "cao-one", *, busy: bool = True) -> Pane:
    return Pane(session=session, window=f"w-{name}", terminal=name, busy=busy)


class Sweeping:
    def __init__(self, *living: cao.TerminalRow) -> None:
        self.sweeps = Sweeps()
        self.living = list(living)
        self.at = NOW

    def sweep(self, *panes: Pane) -> list[Found]:
        self.at += SECOND
        return list(self.sweeps.findings(self.living, panes, self.at))

    def twice(self, *panes: Pane) -> list[Found]:
        """What a second sweep finds, that finds it as the first one did."""
        assert self.sweep(*panes) == []
        assert self.sweeps.doubtful
        return self.sweep(*panes)


OTHER = Pane(session="cao-one", window="mine")


def test_what_is_there_is_not_found() -> None:
    sweeping = Sweeping(row("a1"), row("b2"))
    assert sweeping.sweep(pane("a1"), pane("b2"), OTHER) == []
    assert sweeping.sweep(pane("a1"), pane("b2"), OTHER) == []


def test_a_window_that_is_gone_is_found_once_with_when_it_was_last_there() -> None:
    sweeping = Sweeping(row("a1"))
    sweeping.sweep(pane("a1"), OTHER)
    seen = sweeping.at
    assert sweeping.twice(OTHER) == [Found(kind="window_gone", terminal="a1", last_seen=seen)]
    assert sweeping.sweep(OTHER) == []
    assert not sweeping.sweeps.doubtful


def test_a_window_that_is_there_again_is_not_gone() -> None:
    sweeping = Sweeping(row("a1"))
    sweeping.sweep(pane("a1"))
    assert sweeping.sweep() == []
    assert sweeping.sweep(pane("a1")) == []
    assert sweeping.sweep() == []


def test_a_window_that_no_sweep_ever_saw_is_gone_too() -> None:
    assert Sweeping(row("a1")).twice(OTHER) == [Found(kind="window_gone", terminal="a1")]


def test_a_session_is_gone_with_its_windows_and_once() -> None:
    sweeping = Sweeping(row("a1"), row("b2"), row("c3", "cao-two"))
    sweeping.sweep(pane("a1"), pane("b2"), pane("c3", "cao-two"))
    seen = sweeping.at
    assert sweeping.twice(pane("c3", "cao-two")) == [
        Found(kind="window_gone", terminal="a1", last_seen=seen),
        Found(kind="window_gone", terminal="b2", last_seen=seen),
        Found(kind="session_gone", session="cao-one", last_seen=seen),
    ]
    assert sweeping.sweep(pane("c3", "cao-two")) == []


def test_a_session_of_the_same_name_is_another() -> None:
    sweeping = Sweeping(row("a1"))
    sweeping.sweep()
    sweeping.living = [row("b2")]
    assert sweeping.sweep(pane("b2")) == []
    seen = sweeping.at
    gone = [Found(kind="window_gone", terminal="b2", last_seen=seen)]
    assert sweeping.twice() == [*gone, Found(kind="session_gone", session="cao-one", last_seen=seen)]


def test_an_agent_that_has_left_its_shell_is_found_once() -> None:
    sweeping = Sweeping(row("a1"))
    sweeping.sweep(pane("a1"))
    seen = sweeping.at
    assert sweeping.sweep(pane("a1", busy=False)) == [Found(kind="process_exited", terminal="a1", last_seen=seen)]
    # What a person starts in that window afterwards is no agent of CAO's.
    assert sweeping.sweep(pane("a1")) == []
    assert sweeping.sweep(pane("a1", busy=False)) == []
    assert sweeping.twice(OTHER) == [Found(kind="window_gone", terminal="a1", last_seen=seen)]


def test_a_shell_in_which_no_agent_was_seen_is_booting() -> None:
    sweeping = Sweeping(row("a1"))
    assert sweeping.sweep(pane("a1", busy=False)) == []
    assert sweeping.sweep(pane("a1", busy=False)) == []
    assert sweeping.sweep(pane("a1")) == []
    assert [found.kind for found in sweeping.sweep(pane("a1", busy=False))] == ["process_exited"]


def test_who_was_seen_at_work_is_known() -> None:
    sweeping = Sweeping(row("a1"), row("b2"))
    sweeping.sweep(pane("a1"), pane("b2", busy=False))
    seen = [name for name in ("a1", "b2", "zz") if sweeping.sweeps.saw_at_work(name)]
    assert seen == ["a1"]


def test_a_pane_that_is_dead_says_how_it_ended() -> None:
    sweeping = Sweeping(row("a1"))
    sweeping.sweep(pane("a1", busy=False))
    seen = sweeping.at
    dead = Pane(session="cao-one", window="w-a1", terminal="a1", dead=True, exit_code=3)
    assert sweeping.sweep(dead) == [Found(kind="process_exited", terminal="a1", exit_code=3, last_seen=seen)]
    assert sweeping.sweep(dead) == []


def test_a_window_that_a_person_has_split_has_one_agent() -> None:
    sweeping = Sweeping(row("a1"))
    assert sweeping.sweep(pane("a1"), pane("a1", busy=False)) == []
    assert [found.kind for found in sweeping.sweep(pane("a1", busy=False), pane("a1", busy=False))] == [
        "process_exited"
    ]


def test_panes_without_an_id_are_known_by_their_names() -> None:
    sweeping = Sweeping(row("a1"), row("b2"))
    panes = [Pane(session="cao-one", window="w-a1", busy=True), Pane(session="cao-two", window="w-b2")]
    assert sweeping.twice(*panes) == [Found(kind="window_gone", terminal="b2")]


def test_an_id_goes_before_a_name() -> None:
    taken = Pane(session="cao-one", window="w-a1", terminal="b2")
    assert Sweeping(row("a1")).twice(taken) == [Found(kind="window_gone", terminal="a1")]
