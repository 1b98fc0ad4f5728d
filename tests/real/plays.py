"""What the mock agent can be told to do, step by step: `mock_agent.py` reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Step = dict[str, Any]


def write(home: Path, name: str, steps: Sequence[Step]) -> str:
    """Returns what tells an agent to do so."""
    (home / "plays" / f"{name}.json").write_text(json.dumps(steps))
    return f"play:{name}"


def wait(gate: str) -> Step:
    """Work on until the gate is open."""
    return {"do": "wait", "gate": gate}


def call(tool: str, **arguments: Any) -> Step:
    """Call one of CAO's tools and wait for its result."""
    return {"do": "call", "tool": tool, "arguments": arguments}


def ask() -> Step:
    """Ask whoever sits at the screen, and wait for the answer."""
    return {"do": "ask"}


def fail() -> Step:
    """Show an error that CAO takes for one, and do nothing more."""
    return {"do": "fail"}


def die() -> Step:
    """End as a crash does; the shell is left."""
    return {"do": "die"}
