"""A whole hub: events and OTLP in, the record, other endpoints and /metrics out."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from handspan import otlp
from handspan.addresses import Address
from handspan.demo import story
from handspan.events import to_line
from handspan.hub.answers import PROTOBUF
from handspan.hub.events_door import NDJSON, PATH
from handspan.hub.guards import Allowed
from handspan.hub.hub import Hub, Plan
from handspan.hub.listening import Taken
from handspan.otel_env import Target
from handspan.senders import Done
from handspan.senders.otlp_grpc import OtlpGrpc
from handspan.spool.lock import Held
from handspan.testing import Story
from tests.hub import requests
from tests.hub.hubs import running, settings_of
from tests.hub.keeping import until
from tests.receivers import free_port, http_receiver

if TYPE_CHECKING:
    from pathlib import Path

LINES = "\n".join(map(to_line, story())).encode()


def test_all_that_comes_in_goes_on_and_is_scrubbed_first(tmp_path: Path) -> None:
    secret = "sk-ant-" + "api03-" + "x" * 40
    events = Story("s", begin=time.time_ns() - 10_000_000_000).session().terminal("t", "dev")
    lines = "\n".join(map(to_line, events.at(1).sent("m", "t", text=f"use {secret}").at(2).end().events)).encode()
    with http_receiver() as receiver, running(tmp_path, forward=[receiver.url], content="redacted") as hub:
        assert hub.http.post("/v1/traces", requests.spans_in_protobuf("theirs"), PROTOBUF).status == 200
        assert hub.http.post(PATH, lines, NDJSON[0]).status == 202
        assert hub.hub.flush(10)
        kept = [entry for entry in hub.hub.record.after(0, 1_000_000) if entry.kind != "metrics"]
        for entry in kept:
            until(hub.hub.record, (receiver.url, entry.kind), entry.seq)
        came = [gzip.decompress(request.body) for request in receiver.requests]
    assert {entry.body for entry in kept} <= set(came)
    assert not any(secret.encode() in body for body in came)
    for path in (tmp_path / "state").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_callbacks_are_the_hub_s_for_events_and_nobody_s_for_otlp(tmp_path: Path) -> None:
    with running(tmp_path / "first") as hub:
        assert hub.http.post(PATH, LINES, NDJSON[0]).status == 202
        assert hub.hub.flush(10)
        told = [entry.body for entry in hub.hub.record.after(0, 1_000_000) if entry.kind == "logs"]
    with http_receiver() as receiver, running(tmp_path / "second", callback_url=f"{receiver.url}/hook") as hub:
        for body in told:
            assert hub.http.post("/v1/logs", body, PROTOBUF).status == 200
        assert hub.hub.flush(10)
        assert receiver.requests == []
        assert hub.http.post(PATH, LINES, NDJSON[0]).status == 202
        assert hub.hub.flush(10)
        assert {request.path for request in receiver.requests} == {"/hook"}


def test_grpc_is_a_door_to_the_same_record(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, grpc=[Address("127.0.0.1", port)]) as hub:
        target = Target(endpoint=f"127.0.0.1:{port}", insecure=True)
        with contextlib.closing(OtlpGrpc({"traces": target})) as sender:
            assert sender.send("traces", [otlp.Record(kind="traces", key="", resource=b"", body=b"")]) == Done(
                1, "a span has no valid trace id: it must be 16 bytes, not all zero"
            )
            assert sender.post("traces", requests.spans_in_protobuf("a")) == Done()
        assert [entry.body for entry in hub.until(2)][-1] == requests.spans_in_protobuf("a")


def test_a_token_is_for_all_doors(tmp_path: Path) -> None:
    with running(tmp_path, allowed=Allowed(token="t" * 16)) as hub:
        paths = ("/metrics", "/openapi.json", "/api/sessions")
        assert [hub.http.ask("GET", path).status for path in paths] == [401] * 3
        assert hub.http.post(PATH, LINES, NDJSON[0]).status == 401
        assert hub.http.post("/v1/traces", b"", PROTOBUF, authorization=f"Bearer {'t' * 16}").status == 200


def test_a_state_directory_has_one_hub(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(Held):
        Hub(settings_of(tmp_path), {}, Plan(allowed=Allowed()))


def test_a_port_that_is_taken_stops_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with http_receiver() as other:
        hub = Hub(settings_of(tmp_path), {}, Plan(grpc=[Address("127.0.0.1", other.server_port)], allowed=Allowed()))
        with pytest.raises(Taken):
            hub.start()
        hub.close()
    with running(tmp_path) as again:
        assert again.http.ask("GET", "/readyz").status == 200


def test_it_ends_in_time_whatever_hangs(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        receiver.says[0] = type(receiver.says[0])(hang=True)
        hub = Hub(settings_of(tmp_path), {}, Plan(forward=[receiver.url], allowed=Allowed()))
        hub.start()
        hub.record.append("traces", "protobuf", requests.spans_in_protobuf("a")).result(5)
        begun = time.monotonic()
        with contextlib.closing(sqlite3.connect(hub.record.path)):
            hub.close()
        assert time.monotonic() - begun < 1.5
