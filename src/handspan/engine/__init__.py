"""The engine: one thread that takes facts in, applies them, and commits them with all that they cause.

    host ── put ──▶ Inbox ──▶ Worker: Intake ──▶ Spool.commit ──▶ a Drain for each destination and kind
                                                             └──▶ hooks

* A host only puts facts into the queue: that takes microseconds, never blocks and never raises. When the queue is full,
  the fact is dropped and counted.
* The engine's thread alone owns the sessions and writes the spool. It never waits for the network.
* If a commit fails (a full disk), the same batch is tried again until it succeeds, and the queue fills up meanwhile.
* What was committed survives. At the next start it is folded again from the last checkpoint.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from handspan.engine.inbox import Ask, Close, Closing, Flush, Inbox
from handspan.engine.setup import Setup
from handspan.engine.worker import Worker
from handspan.otlp import Encoder
from handspan.rules import Rules
from handspan.spool import Spool
from handspan.spool.lock import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from handspan.events import Event
    from handspan.senders import Sender
    from handspan.signals import Count, Log, Series

_log = logging.getLogger("handspan")

_LOCK_PAUSE = 1.0
_DAY = 86_400 * 1_000_000_000


class Engine:
    """Takes in what a host says and sees to it that it leaves, whatever happens in between."""

    def __init__(
        self,
        folder: Path,
        destinations: Mapping[str, Sender],
        *,
        source: str,
        instance: str = "",
        push_every: float = 10,
        translate: Callable[[Any], Iterable[Event]] = lambda event: (event,),
        scrub: Callable[[Event], Event] = lambda event: event,
        told: Callable[[Sequence[Log]], None] = lambda _: None,
        counted: Callable[[], Iterable[Count]] = tuple,
        rules: Rules | None = None,
        encoder: Encoder | None = None,
        clock: Callable[[], int] = time.time_ns,
        queue: int = 20_000,
        spool_bytes: int = 512 * 1024 * 1024,
        spool_age: int = 7 * _DAY,
    ) -> None:
        self._setup = Setup(
            folder=folder,
            destinations=destinations,
            source=source,
            instance=instance,
            push_every=push_every,
            translate=translate,
            scrub=scrub,
            told=told,
            counted=counted,
            rules=rules or Rules(),
            encoder=encoder or Encoder(),
            clock=clock,
            queue=queue,
            spool_bytes=spool_bytes,
            spool_age=spool_age,
        )
        self._inbox = Inbox(queue)
        self._closing = Closing()
        # Those that are to be closed.
        self._senders = list(destinations.values())
        # What will not be committed any more.
        self._lost = 0
        self._worker: Worker | None = None
        self._thread = threading.Thread(target=self._run, name="handspan-engine", daemon=True)
        os.register_at_fork(after_in_child=_shut_in_child(weakref.ref(self._inbox)))

    def start(self) -> None:
        """Begin to work. Until then, what is put waits in the queue."""
        self._thread.start()

    def put(self, fact: Any) -> None:
        """Take in a fact. Never blocks, never raises; a fact that finds the queue full is dropped and counted."""
        self._inbox.put(fact)

    def submit(self, events: Sequence[Event]) -> Future[int]:
        """Take in events. The result, their number, comes when they are committed; queue.Full if there is no room."""
        return self._inbox.submit(events)

    def flush(self, timeout: float) -> bool:
        """Whether all that was put before is committed, and what it caused to leave was taken by every destination."""
        until = time.monotonic() + timeout
        committed: Future[dict[str, int]] = Future()
        self._inbox.tell(Flush(committed))
        try:
            last = committed.result(timeout)
        except TimeoutError:
            return False
        worker = self._worker
        return worker is not None and worker.departures.wait_for(last, max(0.0, until - time.monotonic()))

    def troubles(self) -> list[str]:
        """Why what waits is not taken, a reason for each destination and kind that has one."""
        return self._worker.departures.troubles() if self._worker else []

    def metrics(self, timeout: float) -> list[Series]:
        """All metrics as they stand. Raises TimeoutError if the engine's thread does not come to it in time."""
        answer: Future[list[Series]] = Future()
        self._inbox.tell(Ask(answer))
        return answer.result(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Stop within `timeout` seconds, and close the senders. True if all that was put is committed; what is not sent
        stays in the spool."""
        self._closing.ask(timeout)
        if self._thread.is_alive():
            self._inbox.tell(Close())
            self._thread.join(timeout)
        if self._thread.is_alive():
            self._inbox.shut = True
            return False
        self._abandon()
        return not self._lost

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            worker = self._begun()
            if worker:
                self._work(worker)
        except Exception:
            # Whatever it is, the host goes on without us.
            _log.exception("Handspan has stopped: what happens from now on is not told.")
            self._lost += 1
        self._abandon()

    def _abandon(self) -> None:
        """Nothing is taken in any more, and nothing sent: for every thread that comes to the end."""
        self._lost += self._inbox.abandon()
        with contextlib.suppress(IndexError):
            while True:
                self._senders.pop().close()

    def _begun(self) -> Worker | None:
        said = ""
        while True:
            try:
                return self._recovered()
            except Held as held:
                why = f"{self._setup.folder} is in use by {held}"
            except (OSError, sqlite3.Error) as error:
                why = f"{self._setup.folder} can't be written ({error})"
            if why != said:
                said = why
                _log.warning("%s. Up to %d events wait in memory until it can be used.", why, self._setup.queue)
            self._closing.wait(_LOCK_PAUSE)
            if self._closing.asked:
                return None

    def _recovered(self) -> Worker:
        spool = Spool(self._setup.folder)
        with contextlib.ExitStack() as opened:
            opened.callback(spool.close)
            if spool.set_aside:
                _log.error("The spool could not be used. It is kept as %s, and a new one was begun.", spool.set_aside)
            worker = Worker(self._setup, spool, self._inbox, self._closing)
            worker.begin()
            opened.pop_all()
        return worker

    def _work(self, worker: Worker) -> None:
        self._worker = worker
        try:
            while not self._closing.asked:
                worker.turn()
            worker.end()
        finally:
            worker.close()
            self._lost += worker.lost


def _shut_in_child(inbox: weakref.ref[Inbox]) -> Callable[[], None]:
    def shut() -> None:
        # Of a forked process the threads are gone, and the spool is its parent's.
        held = inbox()
        if held:
            held.forked()

    return shut
