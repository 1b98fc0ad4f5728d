from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.real import restarts
from tests.real.account import account
from tests.real.scene import Scene
from tests.real.truth import Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.real.cao_server import CaoServer
    from tests.real.scenarios import Roles

STOPPED = """
    lead is a lead in session 1, gone
    coder is a coder in session 1, called by lead, gone
    lead ready, began, calls assign, it succeeds, ended
    coder ready, began, waits, calls send_message, it succeeds, ended
    message from coder to lead pending: It is written.
"""
# The handoff stays as it was in the table, for ever.
KILLED = """
    lead is a lead in session 1, gone
    coder is a coder in session 1, called by lead, gone
    reviewer is a reviewer in session 1, called by lead, gone
    lead ready, began, calls assign, it succeeds, calls handoff, it fails, ended
    coder ready, began, waits, calls send_message, it succeeds, ended
    reviewer ready, began, waits, ended
    handoff to nobody running: None
    message from coder to lead pending: It is written.
"""


@pytest.mark.parametrize(("play", "happened"), [(restarts.stopped, STOPPED), (restarts.killed, KILLED)])
def test_agents_go_on(server: CaoServer, play: Callable[[Scene], Roles], happened: str) -> None:
    with Witness(server.database, server.home / "diary") as witness:
        roles = play(Scene(name="restart", server=server, witness=witness))
        assert account(witness.truth, "restart", roles) == dedent(happened).strip()
