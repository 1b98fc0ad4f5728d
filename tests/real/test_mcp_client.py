from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.real.mcp_client import McpClient

if TYPE_CHECKING:
    from pathlib import Path

# A server that answers to its initialisation, and then whatever it is given.
SERVER = """
import json, sys
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["method"] == "initialize":
        say(id=asked["id"], result={})
    elif asked["method"] == "tools/call":
"""


def client(folder: Path, *answer: str) -> McpClient:
    (folder / "server.py").write_text(SERVER + "".join(f"        {line}\n" for line in answer))
    with (folder / "log").open("wb") as log:
        return McpClient([sys.executable, str(folder / "server.py")], os.environ, log)


def test_a_tool_is_called(tmp_path: Path) -> None:
    answer = 'say(id=asked["id"], result={"content": [], "structuredContent": asked["params"]})'
    others = (
        'say(method="notifications/message", params={})',
        'say(id=asked["id"], method="ping")',
        'say(id=99, result={"content": [], "structuredContent": {}})',
    )
    with client(tmp_path, *others, answer) as tools:
        assert tools.call("assign", message="x") == {"name": "assign", "arguments": {"message": "x"}}
        assert tools.call("assign") == {"name": "assign", "arguments": {}}


def test_a_tool_that_fails_says_why(tmp_path: Path) -> None:
    why = '{"content": [{"type": "text", "text": "no such agent"}], "structuredContent": {}, "isError": True}'
    with client(tmp_path, f'say(id=asked["id"], result={why})') as tools:
        assert tools.call("assign") == {"error": "no such agent"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('print("loading plugins", flush=True)', r"no MCP: b'loading plugins\\n'"),
        ("sys.exit()", "the MCP server has ended"),
        ('say(id=asked["id"], error={"code": -1, "message": "bad"})', "tools/call: .*bad"),
    ],
)
def test_a_server_that_does_not_answer_is_an_error(tmp_path: Path, answer: str, said: str) -> None:
    with client(tmp_path, answer) as tools, pytest.raises(RuntimeError, match=said):
        tools.call("assign")
