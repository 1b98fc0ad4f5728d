"""Metrics are pushed as they stand, every so often. They are not queued: after an outage the latest state goes out."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from handspan.senders import Done

if TYPE_CHECKING:
    from collections.abc import Callable

    from handspan.otlp import Record
    from handspan.senders import Sender

_log = logging.getLogger("handspan")


class Push(threading.Thread):
    """Sends what `look` gives to one destination every `interval` seconds, and once more at the end."""

    def __init__(self, sender: Sender, look: Callable[[], list[Record]], interval: float) -> None:
        super().__init__(name="handspan-push", daemon=True)
        self._sender = sender
        self._look = look
        self._interval = interval
        self._ended = threading.Event()
        self._failing = False

    def run(self) -> None:
        while not self._ended.wait(self._interval):
            self._push()

    def stop(self) -> None:
        self._ended.set()

    def _push(self) -> None:
        try:
            records = self._look()
        except TimeoutError:
            # The engine's thread can't write its file now. The next look is as good.
            return
        answer = self._sender.send("metrics", records) if records else Done()
        if isinstance(answer, Done):
            self._failing = False
            return
        if not self._failing:
            why = "%s does not take metrics: %s. They are sent as they stand when it does."
            _log.warning(why, self._sender.name, answer.why)
        self._failing = True
