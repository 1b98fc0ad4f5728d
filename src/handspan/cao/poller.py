"""The one thread that reads CAO's tables and asks tmux, and through which all goes that CAO says.

What is said goes first, in the order in which it came; then comes a look or a sweep, if one is due. Neither takes more
than some seconds, however long CAO's database is locked or tmux hangs; meanwhile the queue takes what is said, up to
its bound, and counts what it drops.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from handspan.cao.panes import Unanswered
from handspan.sources import cao_facts as cao

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from handspan.cao.desk import Desk
    from handspan.cao.panes import Pane
    from handspan.cao.sweeps import Sweeps
    from handspan.cao.tables import Tables

_log = logging.getLogger("handspan")

# While a session is open. A look at a database in which nothing was written costs 20 microseconds.
LOOK = 0.5
SWEEP = 5.0
# Unless an agent has just become ready: one that dies soon after would never have been seen there.
_SWEEP_SOON = 1.0
# Until what was missing is looked for again.
_SWEEP_AGAIN = 2.0
# While none is open: what begins one is told by a status or a hook, and where CAO has neither, found by such a look.
_IDLE_LOOK = 5.0
# What has just ended may wait for a fact, as its clock, before its end is told: see PATIENCE in sources/cao_state.py.
_LINGER = 2 * SWEEP
# An engine takes as many; to hold them all costs some ten megabytes.
_MOST = 20_000
# A look that fails for so long is no longer CAO at work.
_GRACE = 30.0

_ENDS = ("post_kill_terminal", "post_kill_session")

Said = cao.Hook | cao.Status


class Poller:
    """`panes` is asked only while CAO `uses_tmux`; it raises Unanswered."""

    def __init__(
        self,
        tables: Tables,
        desk: Desk,
        sweeps: Sweeps,
        put: Callable[[cao.Fact], None],
        *,
        panes: Callable[[], Collection[Pane]],
        uses_tmux: Callable[[], bool],
    ) -> None:
        self._tables = tables
        self._desk = desk
        self._sweeps = sweeps
        self._put = put
        self._panes = panes
        self._uses_tmux = uses_tmux
        self._queue: queue.SimpleQueue[Said | None] = queue.SimpleQueue()
        self._dropped = 0
        self._closing = threading.Event()
        self._open_until = 0.0
        self._next_look = self._next_sweep = self._last_sweep = 0.0
        self._opened = False
        self._failing_since: float | None = None
        self._unanswered = 0
        self._complained: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="handspan-cao", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hear(self, said: Said) -> None:
        """From any thread, in microseconds; never raises."""
        if self._queue.qsize() < _MOST:
            self._queue.put(said)
        else:
            self._dropped += 1

    def stop(self, timeout: float) -> bool:
        """Tell what was said until now and that the server stops, in `timeout` seconds. False if that took longer."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._safely(self._begin)
        while not self._closing.is_set():
            self._safely(self._turn)
        self._safely(self._end)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            # A mistake of ours in one fact or row must not cost the others; said once, as it may come twice a second.
            self._complain(f"{step.__name__}: Handspan has made a mistake, and goes on.", exc_info=True)

    def _begin(self) -> None:
        self._desk.begin(time.time_ns())
        # What was there before is told before what is said now.
        self._look()
        self._next_look = time.monotonic() + LOOK
        self._open_until = time.monotonic() + _LINGER

    def _turn(self) -> None:
        self._listen(min(self._next_look, self._next_sweep) - time.monotonic())
        now = time.monotonic()
        if self._desk.open:
            self._open_until = now + _LINGER
        if now >= self._next_look:
            often = now < self._open_until or self._failing_since is not None
            self._next_look = now + (LOOK if often else _IDLE_LOOK)
            self._look()
        if now >= self._next_sweep:
            self._last_sweep, self._next_sweep = now, now + SWEEP
            if now < self._open_until:
                self._sweep()

    def _listen(self, longest: float) -> None:
        """Tells what is said, or is within `longest` seconds."""
        try:
            said = self._queue.get(timeout=max(0.0, longest))
            while said is not None:
                self._open_until = max(self._open_until, time.monotonic() + _LINGER)
                self._next_look = min(self._next_look, time.monotonic() + LOOK)
                self._see_what_came_before(said)
                self._desk.hear(said)
                self._see_at_work(said)
                said = self._queue.get_nowait()
        except queue.Empty:
            pass

    def _see_what_came_before(self, said: Said) -> None:
        """What was written since the last look, before an end is told: who is over takes no messages."""
        if isinstance(said, cao.Hook) and said.event_type in _ENDS and self._failing_since is None:
            self._look()

    def _see_at_work(self, said: Said) -> None:
        if not isinstance(said, cao.Status) or said.status not in {"idle", "completed"} or self._unanswered:
            return
        if not self._sweeps.saw_at_work(said.terminal):
            self._next_sweep = min(self._next_sweep, self._last_sweep + _SWEEP_SOON)

    def _look(self) -> None:
        try:
            if not self._opened:
                self._open()
            self._desk.look()
        except sqlite3.Error as error:
            self._fails(error)
        else:
            self._failing_since = None

    def _open(self) -> None:
        for table in self._tables.open():
            self._complain(f"CAO's database has no table {table.name}, so Handspan can't tell {table.tells}.")
        self._opened = True

    def _fails(self, error: sqlite3.Error) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now - self._failing_since >= _GRACE:
            self._complain(f"CAO's database can't be read ({error}): what only it tells is told when it can be.")

    def _sweep(self) -> None:
        found: tuple[cao.Found, ...] = ()
        if self._uses_tmux():
            try:
                panes = self._panes()
                found = self._sweeps.findings(self._desk.living, panes, time.time_ns())
                if self._sweeps.doubtful:
                    self._next_sweep = min(self._next_sweep, time.monotonic() + _SWEEP_AGAIN)
                self._unanswered = 0
            except Unanswered as error:
                self._unanswered += 1
                # Once happens: a server that ends just then.
                if self._unanswered > 1:
                    self._complain(f"tmux does not answer ({error}): what vanishes is told when it does.")
        self._put(cao.Swept(at=time.time_ns(), found=found))

    def _end(self) -> None:
        self._listen(0)
        self._look()
        self._put(cao.ServerStopping(at=time.time_ns()))
        self._tables.close()
        if self._dropped:
            _log.warning("CAO told more than Handspan could take in: %d of its events are lost.", self._dropped)

    def _complain(self, what: str, *, exc_info: bool = False) -> None:
        """Once for the life of this server: what does not pass by itself is for its log, not for every half second."""
        if what not in self._complained:
            self._complained.add(what)
            _log.warning("%s", what, exc_info=exc_info)
