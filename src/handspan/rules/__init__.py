"""The rules that turn events into telemetry. session.py states them; the other files are parts of it."""

from handspan.rules.memory import Rules
from handspan.rules.session import Session

__all__ = ["Rules", "Session"]
