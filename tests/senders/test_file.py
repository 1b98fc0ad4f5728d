from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handspan.demo import story
from handspan.otlp import Encoder, Record, request
from handspan.senders import Done, Retry
from handspan.senders.file import File, json_line
from handspan.signals import Log, Resource, Span
from handspan.testing import play

SIGNALS = play(story())
LOGS: list[Record] = [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Log)]
SPANS: list[Record] = [Encoder().record(signal) for signal in SIGNALS if isinstance(signal, Span)]
ONE = Span(
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    parent_span_id="00f067aa0ba902b7",
    name='say "hé"\n\u2028',
    kind="internal",
    start=1_795_168_800_000_000_001,
    end=1_795_168_800_000_001_001,
    resource=Resource(service="s", namespace="n", instance="i"),
    attributes={"traceId": "bm90IGFuIGlk", "n": 9_007_199_254_740_993},
)


def test_ids_are_hex_long_integers_texts_and_enums_numbers() -> None:
    line = json_line("traces", request([Encoder().record(ONE)]))
    assert line.count(b"\n") == 1
    span = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert {name: span[name] for name in ("traceId", "spanId", "name", "kind", "startTimeUnixNano")} == {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": 'say "hé"\n\u2028',
        "kind": 1,
        "startTimeUnixNano": "1795168800000000001",
    }
    attributes = {each["key"]: each["value"] for each in span["attributes"]}
    assert attributes == {"traceId": {"stringValue": "bm90IGFuIGlk"}, "n": {"intValue": "9007199254740993"}}


def test_a_line_is_the_request_in_other_words() -> None:
    form: Any = json.loads(json_line("traces", request(SPANS)))
    for spans in form["resourceSpans"]:
        for span in (span for scope in spans["scopeSpans"] for span in scope["spans"]):
            for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                span[name] = base64_of(span[name])
            for link in span.get("links", []):
                link |= {name: base64_of(link[name]) for name in ("traceId", "spanId")}
    assert json_format.ParseDict(form, ExportTraceServiceRequest()) == ExportTraceServiceRequest.FromString(
        request(SPANS)
    )


def base64_of(text: str) -> str:

    return base64.b64encode(bytes.fromhex(text)).decode()


def test_each_request_is_one_line_at_the_end_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    sender = File(str(file))
    assert sender.kinds == {"traces", "logs", "metrics"}
    assert sender.send("logs", LOGS[:2]) == sender.send("traces", SPANS) == File(str(file)).send("logs", LOGS) == Done()
    sender.close()
    assert file.read_bytes() == b"".join([
        json_line("logs", request(LOGS[:2])),
        json_line("traces", request(SPANS)),
        json_line("logs", request(LOGS)),
    ])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_moved_away_is_begun_again(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    sender = File(str(file))
    sender.send("logs", LOGS[:1])
    file.rename(tmp_path / "out.1.jsonl")
    assert sender.send("logs", LOGS) == Done()
    assert file.read_bytes() == json_line("logs", request(LOGS))


def test_a_line_that_a_crash_tore_stays_alone(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_bytes(b'{"resourceLogs":[{"res')
    assert File(str(file)).send("logs", LOGS) == Done()
    assert file.read_bytes() == b'{"resourceLogs":[{"res\n' + json_line("logs", request(LOGS))


_FULL = """
import pathlib, resource, sys
from handspan.demo import story
from handspan.otlp import Encoder
from handspan.senders.file import File
from handspan.signals import Log
from handspan.testing import play

logs = [Encoder().record(signal) for signal in play(story()) if isinstance(signal, Log)]
file = pathlib.Path(sys.argv[1])
sender = File(str(file))
print(sender.send("logs", logs[:1]))
size = file.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1_000, resource.RLIM_INFINITY))
print(sender.send("logs", logs).why.startswith(str(file)), file.stat().st_size - size)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(sender.send("logs", logs))
"""


def test_a_full_disk_leaves_no_half_a_line_and_heals(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    done = subprocess.run([sys.executable, "-c", _FULL, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout == "Done(rejected=0, said='')\nTrue 0\nDone(rejected=0, said='')\n"
    assert file.read_bytes() == json_line("logs", request(LOGS[:1])) + json_line("logs", request(LOGS))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_device_is_tried_again() -> None:
    assert File("/dev/full").send("logs", LOGS) == Retry("/dev/full can't be written: No space left on device")


def test_a_folder_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    sender = File(str(tmp_path / "later" / "out.jsonl"))
    assert isinstance(sender.send("logs", LOGS), Retry)
    (tmp_path / "later").mkdir()
    assert sender.send("logs", LOGS) == Done()


_STDOUT = """
from handspan.demo import story
from handspan.otlp import Encoder
from handspan.senders import Done
from handspan.senders.file import File
from handspan.signals import Log
from handspan.testing import play

answer = File("-").send("logs", [Encoder().record(signal) for signal in play(story()) if isinstance(signal, Log)])
assert isinstance(answer, Done), answer
"""


def test_stdout_may_be_a_pipe_or_a_file(tmp_path: Path) -> None:
    piped = subprocess.run([sys.executable, "-c", _STDOUT], capture_output=True, check=True)
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", _STDOUT], stdout=out, check=True)
    assert piped.stdout == (tmp_path / "out").read_bytes() == json_line("logs", request(LOGS))


def test_a_name_is_the_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert File("out.jsonl").name == f"file {os.fspath(tmp_path)}/out.jsonl"
    assert File("-").name == "file stdout"
