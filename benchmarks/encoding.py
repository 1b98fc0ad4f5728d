"""What it takes to encode a record: by hand, by protobuf's own classes, and by the OpenTelemetry SDK's encoder.

    python -m benchmarks.encoding

All on the records of one story in one run, in turns, and the median of the rounds counts. Processor time: the machine
does other things too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from benchmarks.way_out import story
from handspan.otlp import Encoder, request
from handspan.signals import Log, Span
from handspan.testing import Player, spans
from tests.protobuf_signals import record_of
from tests.sdk_signals import sdk_log, sdk_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROUNDS = 7
OURS, PROTOBUF = "`Encoder.record`", "the same bytes by protobuf's classes"
OUR_REQUESTS, SDK_REQUESTS = "whole requests: `Encoder.record`, `request`", "whole requests by the SDK's encoder"


def ways(events: int) -> tuple[int, dict[str, Callable[[], object]]]:
    """How many records there are, and what is done with all of them in each way."""
    player = Player()
    for _, event in story(events):
        player.say(event)
    made, logs = spans(player.signals), [signal for signal in player.signals if isinstance(signal, Log)]
    both: list[Span | Log] = [*made, *logs]
    sdk_spans, sdk_logs = [sdk_span(span) for span in made], [sdk_log(log) for log in logs]
    encoder = Encoder()
    return len(both), {
        OURS: lambda: [encoder.record(signal) for signal in both],
        PROTOBUF: lambda: [record_of(signal) for signal in both],
        OUR_REQUESTS: lambda: [request([encoder.record(signal) for signal in kind]) for kind in (made, logs)],
        SDK_REQUESTS: lambda: [m.SerializeToString() for m in (encode_spans(sdk_spans), encode_logs(sdk_logs))],
    }


def microseconds(events: int, rounds: int) -> dict[str, float]:
    """What a record takes in each way."""
    records, work = ways(events)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for way, do in work.items():
            began = time.process_time()
            do()
            found[way].append((time.process_time() - began) / records * 1e6)
    return {way: statistics.median(times) for way, times in found.items()}


def lines(found: dict[str, float]) -> Iterator[str]:
    yield "| | µs per record |"
    yield "|---|--:|"
    yield from (f"| {way} | {time:.1f} |" for way, time in found.items())
    yield ""
    yield (
        f"By hand a record is {found[PROTOBUF] / found[OURS]:.1f} times as fast as by protobuf's classes, "
        f"a request {found[SDK_REQUESTS] / found[OUR_REQUESTS]:.1f} times as fast as by the SDK's encoder."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encoding", description="Measure the encoder.")
    parser.add_argument("--events", type=int, default=5_000)
    given = parser.parse_args(arguments)
    print("\n".join(lines(microseconds(given.events, ROUNDS))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
