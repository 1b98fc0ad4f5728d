from __future__ import annotations

import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from handspan.otel_env import Target
from handspan.senders import Refused, Retry, TooLarge
from handspan.senders.posting import LONGEST_ANSWER, Poster, Reply, failure, place
from tests.receivers import Says, http_receiver

if TYPE_CHECKING:
    from handspan.senders import Answer


def post(url: str, *headers: tuple[str, str], body: bytes = b"x") -> Reply | Retry:
    poster = Poster(Target(endpoint=url, headers=headers, timeout=5))
    reply = poster.post(body, {"Content-Type": "text/plain"})
    poster.close()
    return reply


def test_a_connection_is_kept_and_opened_again_when_the_receiver_has_closed_it() -> None:
    with http_receiver(Says(), Says(), Says(close=True), Says()) as receiver:
        poster = Poster(Target(endpoint=receiver.url, timeout=5))
        for _ in range(3):
            assert isinstance(poster.post(b"", {}), Reply)
        assert receiver.closed.wait(5)
        assert isinstance(poster.post(b"", {}), Reply)
        poster.close()
        ports = [request.connection for request in receiver.requests]
    assert ports[0] == ports[1] == ports[2] != ports[3]


def test_the_users_headers_arrive_and_go_before_ours() -> None:
    with http_receiver() as receiver:
        post(receiver.url, ("authorization", "Bearer one"), ("content-type", "its/own"))
        headers = receiver.requests[0].headers
    assert headers["authorization"] == "Bearer one"
    assert headers["content-type"] == "its/own"


def test_a_user_in_the_address_is_basic_authentication() -> None:
    with http_receiver() as receiver:
        post(receiver.url.replace("//", "//me%40home:a%3Ab@") + "/there?key=a#part")
        (request,) = receiver.requests
    assert request.headers["authorization"] == f"Basic {b64encode(b'me@home:a:b').decode()}"
    assert request.path == "/there?key=a"


def test_a_proxy_is_asked_for_the_whole_address_with_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with http_receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pass@"))
        post("http://collector.invalid:4318/v1/logs")
        (request,) = proxy.requests
    assert request.path == "http://collector.invalid:4318/v1/logs"
    assert request.headers["proxy-authorization"] == f"Basic {b64encode(b'me:pass').decode()}"


def test_a_proxy_that_is_none_for_http_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://me:pass@proxy:1080")
    with pytest.raises(ValueError, match=r"^The proxy socks5://proxy:1080 is none for HTTP"):
        Poster(Target(endpoint="http://col"))


def test_a_header_that_http_cannot_carry_is_no_refusal() -> None:
    with http_receiver() as receiver:
        assert isinstance(post(receiver.url, ("x", "a\r\nHost: b")), Retry)
        assert isinstance(post(receiver.url, ("x", "\u2603")), Retry)
        assert receiver.requests == []


def test_what_is_left_of_a_time_out_is_all_there_is() -> None:
    with http_receiver(Says(hang=True)) as receiver:
        poster = Poster(Target(endpoint=receiver.url, timeout=60))
        begun = time.monotonic()
        assert isinstance(poster.post(b"", {}, within=0.1), Retry)
        assert time.monotonic() - begun < 10
        poster.close()


def test_a_certificate_file_that_is_not_there_is_waited_for() -> None:
    poster = Poster(Target(endpoint="https://127.0.0.1:1", certificate="/nowhere/ca.pem"))
    assert isinstance(poster.post(b"", {}), Retry)


@pytest.mark.parametrize(("size", "whole"), [(LONGEST_ANSWER, True), (LONGEST_ANSWER + 1, False)])
def test_an_answer_is_read_up_to_its_limit(size: int, whole: bool) -> None:
    with http_receiver(Says(body=b"a" * size)) as receiver:
        reply = post(receiver.url)
    assert isinstance(reply, Reply)
    assert reply.body == (b"a" * size if whole else None)


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    with http_receiver(Says(raw=b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nall")) as receiver:
        reply = post(receiver.url)
    assert isinstance(reply, Reply)
    assert reply.body == b"all"


def answered(status: int, body: bytes | None = b"", **headers: str) -> Answer:
    return failure(Reply(status, "Why", {name.replace("_", "-"): value for name, value in headers.items()}, body))


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_some_failures_pass(status: int) -> None:
    assert answered(status) == Retry(f"HTTP {status} Why")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 415, 500, 501, 505])
def test_all_others_are_refusals(status: int) -> None:
    assert answered(status) == Refused(f"HTTP {status} Why")


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_redirects_too(status: int) -> None:
    assert answered(status) == Refused(f"HTTP {status} Why: redirects are not followed, name the address itself")


def test_413_is_too_large() -> None:
    assert answered(413) == TooLarge("HTTP 413 Why")


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds(value: str, after: float | None) -> None:
    assert answered(503, retry_after=value) == Retry("HTTP 503 Why", after)


def test_retry_after_a_date() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    said = answered(429, retry_after=format_datetime(at, usegmt=True))
    assert isinstance(said, Retry)
    assert said.after is not None
    assert 3_500 < said.after <= 3_600
    assert answered(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT") == Retry("HTTP 429 Why", 0.0)


def test_the_words_of_an_answer_are_one_short_line() -> None:
    said = answered(400, b"one\n\x1b[31mtwo\xff" + b"x" * 5_000)
    assert isinstance(said, Refused)
    assert said.why.startswith("HTTP 400 Why: one [31mtwo\ufffdx")
    assert len(said.why) < 400
    assert answered(400, None) == Refused("HTTP 400 Why")


def test_a_place_is_named_without_what_may_be_secret() -> None:
    assert place("https://u:p@[::1]:1/a?b=c#d") == "https://[::1]:1/a"
