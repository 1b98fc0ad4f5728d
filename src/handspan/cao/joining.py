"""Lets the agents' own telemetry join ours: the session is in the environment of its later terminals.

CAO keeps one environment for all later terminals of a session. So it says what is true for each of them, and that is
the session alone: neither the terminal nor the agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handspan.sources.cao_facts import TerminalRow

VARIABLE = "OTEL_RESOURCE_ATTRIBUTES"
# CAO drops a longer value whole, and with it what the user has set.
_LONGEST = 2_047


class Joining:
    """`get` and `set` are CAO's: the environment that the later terminals of a session get."""

    def __init__(self, get: Callable[[str], Mapping[str, str]], set_: Callable[[str, dict[str, str]], None]) -> None:
        self._get = get
        self._set = set_

    def enter(self, row: TerminalRow) -> None:
        """A terminal is there: its session's later ones say whose they are."""
        # A step of a workflow is alone in its tmux session, and its trace is the run's.
        if row.session_incarnation_id is None or row.session_env:
            return
        environment = self._get(row.tmux_session)
        said = environment.get(VARIABLE, "")
        joined = attributes(said, row.session_incarnation_id, row.tmux_session)
        if joined != said:
            self._set(row.tmux_session, {**environment, VARIABLE: joined})


def attributes(said: str, session: str, name: str) -> str:
    """What the user has said, and of which session it is; what it said of an earlier one is replaced."""
    ours = {names.SESSION_ID: session, names.SESSION_NAME: name}
    kept = [part for part in said.split(",") if part.strip() and part.partition("=")[0].strip() not in ours]
    joined = ",".join([*kept, *(f"{key}={quote(value, safe='')}" for key, value in ours.items())])
    return joined if len(joined.encode()) <= _LONGEST else said
