"""What the way out costs: for the host, for an event until it has arrived, and in an outage.

    python -m benchmarks.way_out                 some minutes
    python -m benchmarks.way_out --events 2000   a quick look

All beside the OpenTelemetry SDK (tracer, BatchSpanProcessor, OTLP/HTTP exporter) in the same run, against a receiver in
a process of its own that takes everything. What counts are the ratios: the machine is shared.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.core import session
from handspan.engine import Engine
from handspan.otel_env import Target
from handspan.replaying import StoryTime, at_once
from handspan.senders.otlp_http import OtlpHttp
from handspan.testing import BEGIN, Player, spans

if TYPE_CHECKING:
    from collections.abc import Generator

    from handspan.events import Event
    from handspan.signals import Span

_PUTS = 20_000


# --- the receiver ----------------------------------------------------------------------------------------------------


class _Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def _serve(ports: Any, wanted: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", wanted), _Counting)
    ports.put(server.server_port)
    server.serve_forever()


class Receiver:
    """A process that takes everything. It may be started again on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: Any = None

    def start(self) -> None:
        ports = cast("Any", multiprocessing.Queue)()
        self._process = multiprocessing.Process(target=_serve, args=(ports, self.port), daemon=True)
        self._process.start()
        self.port = ports.get()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


# --- ours ------------------------------------------------------------------------------------------------------------


def story(size: int) -> list[tuple[int, Event]]:
    return [(event.at, event) for event in islice(session("bench", BEGIN), size)]


def engine(folder: Path, port: int) -> Engine:
    base = f"http://127.0.0.1:{port}/v1"
    sender = OtlpHttp({"traces": Target(endpoint=f"{base}/traces"), "logs": Target(endpoint=f"{base}/logs")})
    clock = StoryTime(BEGIN)
    return Engine(folder, {"otlp": sender}, source="story", translate=clock.translate, clock=clock, queue=10**9)


def delivered(size: int, port: int) -> tuple[float, float]:
    """Seconds and processor seconds from the first event to the last answer."""
    with tempfile.TemporaryDirectory() as folder:
        ours = engine(Path(folder), port)
        told = story(size)
        ours.start()
        began, used = time.perf_counter(), time.process_time()
        at_once(ours, told)
        assert ours.flush(600)
        found = time.perf_counter() - began, time.process_time() - used
        ours.close()
    return found


def outage(size: int, receiver: Receiver) -> dict[str, float]:
    """Events while nothing answers, then recovery."""
    with tempfile.TemporaryDirectory() as folder:
        ours = engine(Path(folder), receiver.port)
        ours.start()
        receiver.stop()
        at_once(ours, story(size))
        ours.submit(()).result()
        held = sum(path.stat().st_size for path in Path(folder).iterdir())
        receiver.start()
        began = time.perf_counter()
        assert ours.flush(600)
        seconds = time.perf_counter() - began
        left = sum(
            point.value
            for series in ours.metrics(60)
            if series.name == "handspan_spool_items"
            for point in series.points
        )
        ours.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"spool bytes per event": held / size, "drained events/s": size / seconds, "left": left, "peak memory": peak}


# --- the SDK ---------------------------------------------------------------------------------------------------------


def made_of(size: int) -> list[Span]:
    """The spans that the story gives, to be made by the SDK too."""
    player = Player()
    for _, event in story(size):
        player.say(event)
    return spans(player.signals)


def by_sdk(made: list[Span], port: int) -> tuple[float, float]:
    """The same spans by the SDK's way: seconds and processor seconds until they are flushed."""
    provider = TracerProvider()
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces")
    # A queue that holds them all: by default the SDK drops what does not fit into 2,048.
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=10**7, max_export_batch_size=2_000))
    tracer = provider.get_tracer("bench")
    began, used = time.perf_counter(), time.process_time()
    for span in made:
        attributes = cast("dict[str, str]", dict(span.attributes))
        one = tracer.start_span(span.name, attributes=attributes, start_time=span.start)
        for event in span.events:
            one.add_event(event.name, cast("dict[str, str]", dict(event.attributes)), event.at)
        one.end(span.end)
    provider.force_flush(600_000)
    found = time.perf_counter() - began, time.process_time() - used
    provider.shutdown()
    return found


# --- one event -------------------------------------------------------------------------------------------------------


def cost_of_a_put(port: int) -> dict[str, float]:
    """Microseconds of `put`, and of a span's start and end by the SDK."""
    with tempfile.TemporaryDirectory() as folder:
        ours = engine(Path(folder), port)
        ours.start()
        puts = sorted(_timed(ours.put, story(_PUTS)))
        ours.close()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def span(_: int) -> None:
        tracer.start_span("s", attributes={"a": "b"}).end()

    theirs = sorted(_timed(span, range(_PUTS)))
    provider.shutdown()
    return {
        "put median": statistics.median(puts),
        "put p99": puts[len(puts) * 99 // 100],
        "SDK span median": statistics.median(theirs),
        "SDK span p99": theirs[len(theirs) * 99 // 100],
    }


def _timed(do: Any, over: Any) -> Generator[float]:
    for one in over:
        began = time.perf_counter_ns()
        do(one)
        yield (time.perf_counter_ns() - began) / 1_000


def imports() -> dict[str, float]:
    """Milliseconds to import what a host process loads, in a fresh process each, the median of five."""
    found: dict[str, float] = {}
    for module in ("handspan", "handspan.events", "handspan.engine", "opentelemetry.sdk.trace"):
        code = f"import time; t = time.perf_counter(); import {module}; print((time.perf_counter() - t) * 1000)"
        runs = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]  # noqa: S603
        found[module] = statistics.median(runs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the way out costs.")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--outage", type=int, default=100_000)
    given = parser.parse_args()
    receiver = Receiver()
    receiver.start()
    result: dict[str, Any] = {"imports (ms)": imports(), "one event (µs)": cost_of_a_put(receiver.port)}
    ours, our_cpu = delivered(given.events, receiver.port)
    made = made_of(given.events)
    theirs, their_cpu = by_sdk(made, receiver.port)
    result["delivered"] = {
        "events": given.events,
        "spans": len(made),
        "ours, events/s": given.events / ours,
        "ours, events/s of processor": given.events / our_cpu,
        "SDK, same spans, events/s": given.events / theirs,
        "SDK, events/s of processor": given.events / their_cpu,
        "ours over SDK, by the clock": theirs / ours,
        "ours over SDK, by the processor": their_cpu / our_cpu,
    }
    result["outage"] = {"events": given.outage, **outage(given.outage, receiver)}
    receiver.stop()
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
