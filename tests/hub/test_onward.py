"""Requests that go on: to real receivers that take, refuse and limit what they get."""

from __future__ import annotations

import contextlib
import gzip
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handspan.hub.answers import JSON, PROTOBUF
from handspan.hub.onward import Onward, request_of
from handspan.senders import Done, Refused, Retry
from tests.hub import requests
from tests.receivers import Says, free_port, grpc_receiver, http_receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from handspan.otlp import Record


def spans(*names: str) -> Record:
    return request_of("traces", "protobuf", requests.spans_in_protobuf(*names))


def of(body: bytes) -> list[str]:
    """The names of the spans in a request."""
    groups = ExportTraceServiceRequest.FromString(body).resource_spans
    return [span.name for group in groups for scope in group.scope_spans for span in scope.spans]


@contextlib.contextmanager
def choosing(status: Callable[[list[str]], int]) -> Generator[tuple[str, list[list[str]]]]:
    """A receiver whose answer depends on the spans it gets. Yields its address and what it was asked to take."""
    asked: list[list[str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            names = of(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))
            asked.append(names)
            self.send_response(status(names))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_over_http_it_goes_on_as_it_came() -> None:
    in_json = requests.in_json(requests.ONE["logs"])
    with http_receiver() as receiver, contextlib.closing(Onward(f"{receiver.url}/base/")) as onward:
        assert onward.name == f"{receiver.url}/base/"
        assert onward.send("traces", [spans("a"), spans("b")]) == Done()
        assert onward.send("logs", [request_of("logs", "json", in_json)]) == Done()
        came = [(r.path, r.headers["content-type"], gzip.decompress(r.body)) for r in receiver.requests]
    assert came == [
        ("/base/v1/traces", PROTOBUF, requests.spans_in_protobuf("a")),
        ("/base/v1/traces", PROTOBUF, requests.spans_in_protobuf("b")),
        ("/base/v1/logs", JSON, in_json),
    ]


def test_over_grpc_it_is_written_anew() -> None:
    with grpc_receiver() as receiver, contextlib.closing(Onward(f"grpc://{receiver.target}")) as onward:
        assert onward.send("traces", [request_of("traces", "json", requests.in_json(requests.ONE["traces"]))]) == Done()
        assert onward.send("metrics", [request_of("metrics", "protobuf", requests.metrics_in_protobuf("m"))]) == Done()
    assert receiver.bodies == [
        ("traces", requests.spans_in_protobuf("work")),
        ("metrics", requests.metrics_in_protobuf("m")),
    ]


def test_a_password_is_used_and_not_shown() -> None:
    secret = "tell-" + "nobody"
    with http_receiver() as receiver:
        with contextlib.closing(Onward(receiver.url.replace("//", f"//u:{secret}@"))) as onward:
            assert onward.send("traces", [spans("a")]) == Done()
        assert (onward.name, receiver.requests[0].headers["authorization"][:6]) == (receiver.url, "Basic ")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_waits_waits_from_where_it_is(status: int) -> None:
    with http_receiver(Says(), Says(status, {"Retry-After": "3"})) as receiver:
        with contextlib.closing(Onward(receiver.url)) as onward:
            answer = onward.send("traces", [spans("a"), spans("b"), spans("c")])
        assert isinstance(answer, Retry)
        assert (answer.done, len(receiver.requests)) == (1, 2)


def test_nobody_there_is_no_refusal() -> None:
    with contextlib.closing(Onward(f"http://127.0.0.1:{free_port()}")) as onward:
        assert isinstance(onward.send("traces", [spans("a")]), Retry)


def test_what_is_too_large_is_taken_apart() -> None:
    some = choosing(lambda names: 413 if len(names) > 2 else 200)
    with some as (url, asked), contextlib.closing(Onward(url)) as onward:
        assert onward.send("traces", [spans("a", "b", "c", "d", "e"), spans("f")]) == Done()
    assert asked[0] == ["a", "b", "c", "d", "e"]
    taken = [names for names in asked if len(names) <= 2]
    assert [name for names in taken for name in names] == ["a", "b", "c", "d", "e", "f"]


def test_of_what_is_refused_only_the_poison_is_rejected() -> None:
    most = choosing(lambda names: 400 if "poison" in names else 200)
    with most as (url, asked), contextlib.closing(Onward(url)) as onward:
        answer = onward.send("traces", [spans("a", "poison", "b", "c")])
    assert answer == Done(1, "HTTP 400 Bad Request")
    assert [name for names in asked if "poison" not in names for name in names] == ["a", "b", "c"]


def test_what_is_through_of_a_request_is_not_sent_again() -> None:
    down: list[int] = []

    def status(names: list[str]) -> int:
        if len(names) > 1:
            return 413
        return 503 if names == ["b"] and not down else 200

    request = spans("a", "b", "c")
    with choosing(status) as (url, asked), contextlib.closing(Onward(url)) as onward:
        assert isinstance(onward.send("traces", [request]), Retry)
        down.append(1)
        assert onward.send("traces", [request, spans("d")]) == Done()
    assert [names for names in asked if len(names) == 1] == [["a"], ["b"], ["b"], ["c"], ["d"]]


def test_an_endpoint_that_refuses_everything_is_not_asked_for_every_item() -> None:
    request = spans(*"abcdefgh")
    refuses = [True]
    with choosing(lambda _: 401 if refuses[0] else 200) as (url, asked), contextlib.closing(Onward(url)) as onward:
        assert isinstance(onward.send("traces", [request]), Refused)
        first = len(asked)
        # Nothing has been taken since: it is not this request's fault.
        assert isinstance(onward.send("traces", [spans(*"ijkl")]), Refused)
        assert len(asked) == first + 1
        refuses[0] = False
        assert onward.send("traces", [request]) == Done()
        refuses[0] = True
        before = len(asked)
        assert isinstance(onward.send("traces", [spans(*"mnop")]), Refused)
        assert len(asked) > before + 1


def test_a_request_of_one_item_can_t_be_taken_apart() -> None:
    with choosing(lambda _: 400) as (url, asked), contextlib.closing(Onward(url)) as onward:
        assert onward.send("traces", [spans("a")]) == Refused("HTTP 400 Bad Request")
    assert asked == [["a"]]


def test_what_the_receiver_rejects_is_counted() -> None:
    body = json.dumps({}).encode()
    answers = (Says(body=b"\x0a\x04\x08\x02\x12\x00"), Says(body=body))
    with http_receiver(*answers) as receiver, contextlib.closing(Onward(receiver.url)) as onward:
        assert onward.send("traces", [spans("a"), spans("b")]) == Done(2, "the answer is no OTLP")
