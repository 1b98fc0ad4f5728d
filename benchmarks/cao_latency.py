"""How long CAO takes to answer, with and without the plugin: `python -m benchmarks.cao` runs it.

Three servers that differ in nothing but the plugin and what listens where it sends. In each round every server gets the
same requests, one server after the other, and which one is first goes round; so whatever else the machine does befalls
all of them alike. A request is timed by its client. Each round is one session: made with a prompt that waits for the
agent (CAO answers before it has booted), then messages to the agent while it is idle, then the session is deleted.
"""

from __future__ import annotations

import random
import statistics
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.real.cao_server import CaoServer
from tests.real.stage import WITHOUT_HANDSPAN
from tests.receivers import Says, http_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

ABSENT, PRESENT, HANGING = "absent", "present", "collector hangs"
CREATE, MESSAGE, DELETE = "POST /sessions", "inbox message", "DELETE session"
_MESSAGES = 4
# An agent boots in 3 s on an idle machine. CAO gives it 60.
_PATIENCE = 90.0
_LOOK = 0.1
_RESAMPLES = 2_000

# Seconds, one a request, in the order of the rounds.
Times = dict[tuple[str, str], list[float]]


@contextmanager
def servers(environment: Path, folder: Path) -> Generator[dict[str, CaoServer]]:
    with ExitStack() as stack:
        takes = stack.enter_context(http_receiver())
        hangs = stack.enter_context(http_receiver(Says(hang=True)))
        settings = {
            ABSENT: WITHOUT_HANDSPAN,
            PRESENT: {"OTEL_EXPORTER_OTLP_ENDPOINT": takes.url},
            HANGING: {"OTEL_EXPORTER_OTLP_ENDPOINT": hangs.url},
        }
        yield {
            variant: stack.enter_context(CaoServer(environment, folder / variant.replace(" ", "_"), told))
            for variant, told in settings.items()
        }


def measured(running: Mapping[str, CaoServer], rounds: int) -> Times:
    times: Times = {(request, variant): [] for request in (CREATE, MESSAGE, DELETE) for variant in running}
    for number in range(rounds):
        order = [*running][number % len(running) :] + [*running][: number % len(running)]
        _round(f"round{number}", {variant: running[variant] for variant in order}, times)
    return times


def _round(name: str, running: Mapping[str, CaoServer], times: Times) -> None:
    def timed(request: str, variant: str, do: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        answer = do()
        times[request, variant].append(time.perf_counter() - began)
        return answer

    agents = {
        variant: timed(CREATE, variant, partial(server.api.open_session, name, "coder", "Write it."))
        for variant, server in running.items()
    }
    for number in range(1, _MESSAGES + 1):
        for variant, server in running.items():
            _until_idle(server, agents[variant], number)
        for variant, server in running.items():
            timed(MESSAGE, variant, partial(server.api.post, "nobody", agents[variant], "And this."))
    for variant, server in running.items():
        _until_idle(server, agents[variant], _MESSAGES + 1)
        timed(DELETE, variant, partial(server.api.close_session, f"cao-{name}"))


def _until_idle(server: CaoServer, agent: str, turns: int) -> None:
    """Until it has done so much, and CAO knows."""
    deadline = time.monotonic() + _PATIENCE
    diary = server.home / "diary" / f"{agent}.jsonl"
    while not diary.exists() or diary.read_text().count('"ended"') < turns or server.api.status(agent) != "completed":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{agent} has not done {turns} turns after {_PATIENCE} s: {server.tail()}")
        time.sleep(_LOOK)


# --- what they say ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Milliseconds, with the ends of the 95 % interval that drawing rounds again and again gives."""

    more: float
    least: float
    most: float

    @property
    def beyond_noise(self) -> bool:
        return self.least > 0 or self.most < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds. `typical` is the median of what a request took more than the same one without the plugin, and
    `slow` how much higher the 95th percentile is."""

    request: str
    variant: str
    requests: int
    median: float
    p95: float
    typical: Difference
    slow: Difference


def latencies(times: Times) -> list[Latency]:
    return [
        Latency(
            request=request,
            variant=variant,
            requests=len(seconds),
            median=statistics.median(seconds) * 1_000,
            p95=_p95(seconds) * 1_000,
            typical=_difference(seconds, times[request, ABSENT], _typical),
            slow=_difference(seconds, times[request, ABSENT], _slow),
        )
        for (request, variant), seconds in times.items()
    ]


def _difference(
    seconds: Sequence[float], without: Sequence[float], differ: Callable[[Sequence[tuple[float, float]]], float]
) -> Difference:
    pairs = [*zip(seconds, without, strict=True)]
    chance = random.Random(42)
    drawn = sorted(differ(chance.choices(pairs, k=len(pairs))) * 1_000 for _ in range(_RESAMPLES))
    return Difference(
        more=differ(pairs) * 1_000,
        least=drawn[_RESAMPLES * 25 // 1_000],
        most=drawn[_RESAMPLES * 975 // 1_000 - 1],
    )


def _typical(pairs: Sequence[tuple[float, float]]) -> float:
    return statistics.median(one - other for one, other in pairs)


def _slow(pairs: Sequence[tuple[float, float]]) -> float:
    return _p95([one for one, _ in pairs]) - _p95([other for _, other in pairs])


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[len(seconds) * 95 // 100]
