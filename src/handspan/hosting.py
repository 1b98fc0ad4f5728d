"""An engine as a user's settings have it, with all that belongs to it: what an orchestrator's process hosts.

put ──▶ Engine: translate ▶ scrub ▶ sessions ▶ spool ──▶ OTLP, callback
                                                └──▶ plugins
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from handspan import destinations
from handspan.engine import Engine
from handspan.hooks import Hooks, installed
from handspan.otlp import Encoder
from handspan.scrub import Scrubber
from handspan.secret_key import key_or_another

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from handspan.config import Settings
    from handspan.events import Event
    from handspan.senders import Sender
    from handspan.signals import Series

_log = logging.getLogger("handspan")


class Host:
    """What one orchestrator says, told to whoever the settings name. Raises ValueError or OSError for settings that
    only show to be wrong when they are used: a certificate, for one.

    `instance` tells this orchestrator from others of its kind, and is the same after a restart. `looks` says whether
    the source can look whether anybody is still there. `otlp` are the destinations in place of those that OTEL_* names.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        source: str,
        instance: str,
        translate: Callable[[Any], Iterable[Event]],
        looks: bool,
        otlp: Mapping[str, Sender] | None = None,
    ) -> None:
        self.folder = spool_folder(settings.state_dir, source, instance)
        self._source = source
        self._callback = settings.callback_url
        self._senders = _senders(settings, otlp)
        self._hooks = Hooks(installed(environ, settings.state_dir))
        self._engine = Engine(
            self.folder,
            self._senders,
            source=source,
            instance=instance,
            translate=translate,
            scrub=Scrubber(settings.content, key_or_another(settings.state_dir)),
            told=self._hooks.put,
            counted=self._hooks.failures,
            rules=settings.rules(looks=looks),
            encoder=Encoder(destinations.resource(settings.otel)),
            spool_bytes=settings.spool_max_bytes,
            spool_age=settings.spool_max_age,
        )

    def start(self) -> None:
        """Begin. Until then, what is put waits; and nothing is waited for."""
        if self._senders:
            to = " and ".join(sender.name for sender in self._senders.values())
            _log.info("What %s does is told to %s; what waits for it is kept in %s.", self._source, to, self.folder)
        else:
            _log.info("OTEL_SDK_DISABLED is true: what %s does is told to plugins alone.", self._source)
        if self._callback is None:
            _log.info("No callback URL is set: nobody gets CloudEvents.")
        self._hooks.start(wait=0)
        self._engine.start()

    def put(self, fact: Any) -> None:
        """Take in a fact. Never blocks, never raises; a fact that finds the queue full is dropped and counted."""
        self._engine.put(fact)

    def submit(self, events: Sequence[Event]) -> Future[int]:
        """Take in events. The result, their number, comes when they are committed; queue.Full if there is no room."""
        return self._engine.submit(events)

    def flush(self, timeout: float) -> bool:
        """Whether all that was put before was taken by every destination, within `timeout` seconds."""
        return self._engine.flush(timeout)

    def metrics(self, timeout: float) -> list[Series]:
        """All metrics as they stand. Raises TimeoutError if the engine does not come to it in time."""
        return self._engine.metrics(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Stop within `timeout` seconds. True if all that was put is committed; what is not sent stays in the spool."""
        # What the engine tells last is for plugins too; and most of the time nobody has any left to do.
        committed = self._engine.close(0.75 * timeout)
        self._hooks.close(0.25 * timeout)
        return committed


def spool_folder(state_dir: Path, source: str, instance: str) -> Path:
    """Where the spool of one orchestrator lies."""
    return state_dir / f"{source}-{instance}"


def _senders(settings: Settings, otlp: Mapping[str, Sender] | None) -> dict[str, Sender]:
    named = {} if settings.otel.disabled else destinations.otlp(settings.otel)
    senders = named if otlp is None else dict(otlp)
    if settings.callback_url:
        senders["callback"] = destinations.callback(settings.callback_url)
    return senders
