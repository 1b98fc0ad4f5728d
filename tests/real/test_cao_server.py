from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real.cao_api import Refused
from tests.real.cao_server import CaoServer, lives

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.stage import Stage


@pytest.mark.parametrize("closed", [False, True])
def test_all_its_processes_end_with_it(cao: Path, tmp_path: Path, closed: bool) -> None:
    with CaoServer(cao, tmp_path / "cao", {}) as server:
        server.api.open_session("one", "coder")
        panes = server.tmux("list-panes", "-a", "-F", "#{pid} #{pane_pid}")
        pids = [server.process.pid, *map(int, panes.split())]
        assert [lives(pid) for pid in pids] == [True, True, True]
        if closed:
            server.api.close_session("cao-one")
    assert [lives(pid) for pid in pids] == [False, False, False]


def test_a_server_that_does_not_start_shows_its_log(cao: Path, tmp_path: Path) -> None:
    server = CaoServer(cao, tmp_path / "cao", {})
    server.cao_home.joinpath("db").write_text("no folder")
    with pytest.raises(AssertionError, match=r"cao-server ended with 1: (.|\n)*Error"):
        server.start()
    server.close()


def test_an_error_of_the_api_is_raised(stage: Stage) -> None:
    with pytest.raises(Refused, match=r"404: .*ffffffff") as refused:
        stage.server.api.status("ffffffff")
    assert refused.value.status == 404


def test_a_terminals_tools_are_called_from_outside(stage: Stage) -> None:
    lead = stage.server.api.open_session("tools", "lead")
    with stage.server.as_terminal(lead) as tools:
        result = tools.call("assign", agent_profile="coder", message="Write it.")
    truth = stage.witness.until("the worker works", lambda truth: bool(truth.deeds(result["terminal_id"], "ended")))
    (coder,) = truth.called_by(lead)
    assert (coder.id, coder.agent, coder.session) == (result["terminal_id"], "coder", "cao-tools")
    stage.server.api.close_session("cao-tools")
