"""What CAO loads: the entry point `cao.plugins`. Everything behind it is imported in `setup()`, see the package."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from cli_agent_orchestrator.plugins import CaoPlugin, hook  # pyright: ignore[reportMissingModuleSource] (in CAO alone)

if TYPE_CHECKING:
    from handspan.cao.watch import Watch

_log = logging.getLogger("handspan")


class HandspanPlugin(CaoPlugin):
    """Tells in OpenTelemetry what CAO's sessions, terminals and messages do."""

    _watch: Watch | None = None

    async def setup(self) -> None:
        """CAO calls this in cao-server alone."""
        try:
            from handspan.cao import watch  # noqa: PLC0415 (an agent's process must not pay for it)

            self._watch = watch.begin(os.environ)
        except Exception as error:
            # Whatever it is, CAO goes on without us.
            _log.warning("Handspan does not watch this CAO: %s", str(error) or type(error).__name__)

    async def teardown(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.end()

    @hook("post_create_session")
    async def on_create_session(self, event: Any) -> None:
        self._hear(event)

    @hook("post_create_terminal")
    async def on_create_terminal(self, event: Any) -> None:
        self._hear(event)

    @hook("post_send_message")
    async def on_send_message(self, event: Any) -> None:
        self._hear(event)

    @hook("post_kill_terminal")
    async def on_kill_terminal(self, event: Any) -> None:
        self._hear(event)

    @hook("post_kill_session")
    async def on_kill_session(self, event: Any) -> None:
        self._hear(event)

    def _hear(self, event: Any) -> None:
        if self._watch is not None:
            self._watch.hear(event)
