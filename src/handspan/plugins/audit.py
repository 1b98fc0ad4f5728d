"""An audit log: every event as a line of JSON, in one file that only its owner may read."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from handspan.events import time_to_text
from handspan.plugins import HOOKS, Plugin, hook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handspan.plugins.events import HookEvent

# A line leaves in one write if it fits, so that two processes may append to one file. Sixteen kilobytes of text are at
# most six times as many in JSON.
_BUFFER = 128 * 1_024


class Audit(Plugin):
    """Appends to `path`. What can't be written because the disk is full is written when there is room."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def configured(cls, environ: Mapping[str, str], state_dir: Path) -> Audit | None:
        """By HANDSPAN_AUDIT_FILE: a path, or `on` for audit.jsonl in the state directory. None if it is not set."""
        asked = environ.get("HANDSPAN_AUDIT_FILE")
        if not asked:
            return None
        return cls(state_dir / "audit.jsonl" if asked == "on" else Path(asked).expanduser())

    def setup(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: BinaryIO = open(self.path, "ab", _BUFFER, opener=_private)  # noqa: SIM115 (Path.open has no opener; teardown closes it)

    @hook(*HOOKS)
    def write(self, event: HookEvent) -> None:
        self._file.write(line(event))
        self._file.flush()

    def teardown(self) -> None:
        self._file.close()


def line(event: HookEvent) -> bytes:
    """An event as JSON: its time and name first, and nothing that is unknown."""
    said: dict[str, Any] = {"at": time_to_text(event.at), "event": event.name}
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name not in {"at", "name"} and value not in (None, ()):
            said[field.name] = value
    return json.dumps(said).encode() + b"\n"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
