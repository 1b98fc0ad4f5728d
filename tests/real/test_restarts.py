from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.real import restarts
from tests.real.account import account
from tests.real.told import written_down

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.real.scene import Roles, Scene
    from tests.real.stage import Stage

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
def test_agents_go_on(own_stage: Stage, play: Callable[[Scene], Roles], happened: str) -> None:
    roles = play(own_stage.scene("restart"))
    assert account(own_stage.witness.truth, "restart", roles) == written_down(happened, own_stage.server.database)
