"""One scenario on a server that plays many at once: names of its own, and what it waits for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.real import plays
from tests.real.cao_server import CaoServer
from tests.real.truth import PATIENCE, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.real.truth import Truth

# Who took part in a scenario, by role: ids of terminals.
Roles = dict[str, str]

_ASK = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    name: str
    server: CaoServer
    witness: Witness

    @property
    def session(self) -> str:
        """As CAO calls it."""
        return f"cao-{self.name}"

    def open(self, agent: str) -> str:
        """A session and its first terminal, which is ready."""
        return self.server.api.open_session(self.name, agent)

    def join(self, agent: str) -> str:
        """Another terminal in the session."""
        return self.server.api.open_terminal(self.session, agent)

    def close(self) -> None:
        self.server.api.close_session(self.session)
        self.until("all terminals are gone", lambda truth: all(t.gone for t in truth.in_session(self.session)))

    def play(self, name: str, *steps: plays.Step) -> str:
        """What tells an agent to do these steps."""
        return plays.write(self.server.home, f"{self.name}_{name}", steps)

    def wait(self, gate: str) -> plays.Step:
        return plays.wait(f"{self.name}_{gate}")

    def let(self, gate: str) -> None:
        (self.server.home / "gates" / f"{self.name}_{gate}").touch()

    def tell(self, terminal: str, text: str) -> None:
        self.server.api.type(terminal, text)

    def until(self, what: str, true: Callable[[Truth], bool]) -> Truth:
        return self.witness.until(f"{self.name}: {what}", true)

    def until_done(self, terminal: str, what: str, times: int = 1) -> Truth:
        """Until this agent has done it so often."""
        return self.until(f"{terminal} {what} {times}", lambda truth: len(truth.deeds(terminal, what)) >= times)

    def workers(self, caller: str, number: int = 1) -> list[str]:
        """The terminals that it had made, as soon as there are so many and all are at work."""

        def there(truth: Truth) -> bool:
            begun = [t for t in truth.called_by(caller) if truth.deeds(t.id, "began")]
            return len(begun) == number

        truth = self.until(f"{number} workers of {caller}", there)
        return [terminal.id for terminal in truth.called_by(caller)]

    def until_status(self, terminal: str, status: str) -> None:
        """Until CAO says so, which it does only when asked."""
        deadline = time.monotonic() + PATIENCE
        while (said := self.server.api.status(terminal)) != status:
            assert time.monotonic() < deadline, f"{self.name}: {terminal} is {said}, not {status}"
            time.sleep(_ASK)
