"""CAO's HTTP API, as far as the scenarios use it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

# A session is made in 4 s, on a busy machine in 15. The longest is a workflow, which answers after two of them.
_LONGEST = 60.0


class Refused(Exception):
    """CAO answered with an error; `status` is its HTTP status."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


@dataclass(frozen=True, slots=True)
class CaoApi:
    """`provider` is whose screen the agents of all terminals imitate."""

    url: str
    provider: str

    def ask(self, method: str, path: str, body: object = None, **parameters: str | None) -> Any:
        given = {name: value for name, value in parameters.items() if value is not None}
        request = urllib.request.Request(  # noqa: S310 (loopback)
            f"{self.url}{path}?{urlencode(given)}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_LONGEST) as answer:  # noqa: S310 (loopback)
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode()) from None

    def open_session(self, name: str, agent: str, initial_message: str | None = None) -> str:
        """Returns the id of its first terminal, which is ready unless there is an initial message."""
        body = None if initial_message is None else {"initial_message": initial_message}
        made = self.ask("POST", "/sessions", body, session_name=name, agent_profile=agent, provider=self.provider)
        return str(made["id"])

    def open_terminal(self, session: str, agent: str) -> str:
        made = self.ask("POST", f"/sessions/{session}/terminals", agent_profile=agent, provider=self.provider)
        return str(made["id"])

    def close_session(self, session: str) -> None:
        self.ask("DELETE", f"/sessions/{session}")

    def close_terminal(self, terminal: str) -> None:
        self.ask("DELETE", f"/terminals/{terminal}")

    def type(self, terminal: str, text: str) -> None:
        """As the web page and `cao session send` do: nobody is named as the sender."""
        self.ask("POST", f"/terminals/{terminal}/input", message=text)

    def post(self, sender: str, receiver: str, text: str) -> int:
        """Puts a message into the inbox; `sender` is taken as it is."""
        made = self.ask("POST", f"/terminals/{receiver}/inbox/messages", sender_id=sender, message=text)
        return int(made["message_id"])

    def status(self, terminal: str) -> str:
        return str(self.ask("GET", f"/terminals/{quote(terminal)}")["status"])
