"""An MCP client over stdio, as an agent's CLI has one: JSON-RPC, one message a line."""

from __future__ import annotations

import json
import subprocess
from typing import IO, TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROTOCOL = "2025-06-18"
# A server whose stdin is closed has nothing left to do. 10 s: Python ends in less on a busy machine.
_PATIENCE = 10.0


class McpClient:
    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> None:
        self._server = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        self._asked = 0
        self._ask("initialize", protocolVersion=_PROTOCOL, capabilities={}, clientInfo={"name": "t", "version": "1"})
        self._say({"method": "notifications/initialized"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What the tool returns. A tool that fails returns an error's text."""
        answer = self._ask("tools/call", name=tool, arguments=arguments)
        if "structuredContent" in answer and not answer.get("isError"):
            return cast("dict[str, Any]", answer["structuredContent"])
        return {"error": "".join(part.get("text", "") for part in answer["content"])}

    def close(self) -> None:
        for stream in (self._server.stdin, self._server.stdout):
            if stream:
                stream.close()
        try:
            self._server.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._asked += 1
        self._say({"id": self._asked, "method": method, "params": parameters})
        while True:
            heard = self._hear()
            if heard.get("id") == self._asked and "method" not in heard:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                return cast("dict[str, Any]", heard["result"])

    def _say(self, message: dict[str, Any]) -> None:
        assert self._server.stdin
        self._server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self._server.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._server.stdout
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError("the MCP server has ended")
        try:
            return cast("dict[str, Any]", json.loads(line))
        except ValueError:
            raise RuntimeError(f"on the MCP server's stdout is what is no MCP: {line!r}") from None
