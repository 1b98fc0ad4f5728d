"""What processor time and memory the plugin adds to cao-server under load: `python -m benchmarks.cao` runs it.

Agents are told something again and again, over the API and in another agent's name, so that each message is three
events of CAO: the agent works, is done, and the hook of the message. Blocks of this load go to the three servers of
`cao_latency` in turn. What counts is the processor time of the server's process and of the programs that it has run,
tmux for the most part, by message; the hour is scaled from that, as the machine may not bear the rate all the time.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.real.cao_server import CaoServer

# A message takes CAO 0.8 s to type and its agent 0.7 s to answer, so that fewer could not make the rate.
_AGENTS = 6
EVENTS_OF_A_MESSAGE = 3
EVENTS_A_SECOND = 10
_EACH = _AGENTS * EVENTS_OF_A_MESSAGE / EVENTS_A_SECOND
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one kind of server. Seconds of processor a message, one number a block; megabytes of memory before and after
    all, and of files in which Handspan keeps what is not sent yet."""

    variant: str
    messages: int
    seconds: float
    by_message: tuple[float, ...]
    before: float
    after: float
    kept: float

    @property
    def events_a_second(self) -> float:
        return self.messages * EVENTS_OF_A_MESSAGE / self.seconds

    def added_an_hour(self, without: Cost) -> tuple[float, float, float]:
        """Seconds of processor that an hour of the rate costs more than `without`: the median block, least and most."""
        hourly = 3_600 * EVENTS_A_SECOND / EVENTS_OF_A_MESSAGE
        more = [(one - other) * hourly for one, other in zip(self.by_message, without.by_message, strict=True)]
        return statistics.median(more), min(more), max(more)


def measured(running: Mapping[str, CaoServer], blocks: int, seconds: float) -> list[Cost]:
    with ThreadPoolExecutor(_AGENTS) as pool:
        agents = {variant: _agents(server, pool) for variant, server in running.items()}
        before = {variant: _megabytes(server) for variant, server in running.items()}
        spent: dict[str, list[tuple[int, float]]] = {variant: [] for variant in running}
        for number in range(blocks):
            order = [*running][number % len(running) :] + [*running][: number % len(running)]
            for variant in order:
                spent[variant].append(_block(running[variant], agents[variant], pool, seconds))
    return [
        Cost(
            variant=variant,
            messages=sum(messages for messages, _ in spent[variant]),
            seconds=seconds * blocks,
            by_message=tuple(processor / messages for messages, processor in spent[variant]),
            before=before[variant],
            after=_megabytes(server),
            kept=_kept(server),
        )
        for variant, server in running.items()
    ]


def _agents(server: CaoServer, pool: ThreadPoolExecutor) -> list[str]:
    first = server.api.open_session("load", "lead")
    join = partial(server.api.open_terminal, "cao-load")
    return [first, *pool.map(join, ["coder"] * (_AGENTS - 1))]


def _block(server: CaoServer, agents: Sequence[str], pool: ThreadPoolExecutor, seconds: float) -> tuple[int, float]:
    """The messages that were sent, and what processor time they took."""
    before, until = _processor(server), time.monotonic() + seconds
    messages = sum(pool.map(partial(_talk, server, agents[0], until), agents))
    time.sleep(max(0.0, until - time.monotonic()))
    return messages, _processor(server) - before


def _talk(server: CaoServer, sender: str, until: float, receiver: str) -> int:
    sent = 0
    while (began := time.monotonic()) < until:
        server.api.ask(
            *("POST", f"/terminals/{receiver}/input"),
            message="And this.",
            sender_id=sender,
            orchestration_type="send_message",
        )
        sent += 1
        time.sleep(max(0.0, began + _EACH - time.monotonic()))
    return sent


def _processor(server: CaoServer) -> float:
    """Seconds, with those of its children that have ended: fields 14 to 17 of proc(5), counted after the name."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _megabytes(server: CaoServer) -> float:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kilobytes / 1_000


def _kept(server: CaoServer) -> float:
    files = (server.home / ".local" / "state" / "handspan").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 1_000_000
