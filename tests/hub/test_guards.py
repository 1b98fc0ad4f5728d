"""Who comes in, and with what: real requests to a real server, an application behind it that says what it was given."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from handspan.hub.answers import JSON, PROTOBUF
from handspan.hub.bodies import MOST_BYTES
from handspan.hub.guards import COOKIE, TOKEN_PATH, Allowed, Guards
from tests.hub.served import served

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import Receive, Scope, Send

    from tests.hub.served import Served

TOKEN = "open-" + "sesame-" * 3
FRIEND = "https://friend.example"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    said = {"method": request.method, "size": len(body), "packed": "content-encoding" in request.headers}
    await JSONResponse(said)(scope, receive, send)


def status(http: Served, method: str = "GET", path: str = "/api/x", body: bytes = b"", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.ask(method, path, body, named).status


@pytest.fixture(scope="module")
def http() -> Generator[Served]:
    with served(Guards(echo, Allowed())) as one:
        yield one


@pytest.fixture(scope="module")
def named() -> Generator[Served]:
    with served(Guards(echo, Allowed(hosts=frozenset({"hub.lan", "10.0.0.7"})))) as one:
        yield one


@pytest.fixture(scope="module")
def friendly() -> Generator[Served]:
    with served(Guards(echo, Allowed(origins=frozenset({FRIEND})))) as one:
        yield one


@pytest.fixture(scope="module")
def locked() -> Generator[Served]:
    with served(Guards(echo, Allowed(token=TOKEN))) as one:
        yield one


def raw(http: Served, request: bytes) -> bytes:
    """The answer to a request as it stands."""
    with http.connect() as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def raw_status(http: Served, *lines: str) -> int:
    answer = raw(http, "".join(f"{line}\r\n" for line in (*lines, "Connection: close", "")).encode())
    return int(answer.split()[1]) if answer else 0


# --- Host ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:9999",
        "127.9.9.9",
        "[::1]:4318",
        "[::1]",
        "hub.lan:1",
        "10.0.0.7",
    ],
)
def test_a_host_that_is_the_hub_s(named: Served, host: str) -> None:
    assert status(named, host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:4318", "10.0.0.8", "", "[::1", "2130706433", "::1",
     "evil.example@127.0.0.1", "0.0.0.0"],  # noqa: S104 (not bound)
)  # fmt: skip
def test_a_name_that_somebody_else_leads_here(named: Served, host: str) -> None:
    assert raw_status(named, "GET /api/x HTTP/1.1", f"Host: {host}") == 403


def test_a_host_is_named(http: Served) -> None:
    assert raw_status(http, "GET / HTTP/1.0") == 403


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"localhost"), (b"host", b"localhost")],
        [(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://evil.example")],
    ],
)
def test_a_host_and_an_origin_are_named_once(headers: list[tuple[bytes, bytes]]) -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def nothing() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    asyncio.run(Guards(echo, Allowed())(scope, nothing, send))
    assert said[0]["status"] == 403


# --- Origin and Sec-Fetch-Site ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"origin": "http://localhost:4318"}, 200),
        ({"origin": FRIEND}, 200),
        ({"origin": FRIEND, "sec_fetch_site": "cross-site"}, 200),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"{FRIEND}.evil"}, 403),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "none"}, 200),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}, 200),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "document"}, 403),
    ],
)
def test_what_a_browser_says_of_the_page_that_asks(friendly: Served, headers: dict[str, str], expected: int) -> None:
    assert status(friendly, "GET", "/api/x", b"", host="localhost:4318", **headers) == expected


def test_no_page_of_another_site_posts_by_navigating(http: Served) -> None:
    headers = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert status(http, "POST", body=b"{}", content_type=JSON, **headers) == 403


def test_a_page_of_an_allowed_origin_is_told_so_before_it_posts() -> None:
    with served(Guards(echo, Allowed(origins=frozenset({FRIEND}), token=TOKEN))) as http:
        asked = {"origin": FRIEND, "access-control-request-method": "POST"}
        told = http.ask("OPTIONS", "/v1/traces", headers=asked)
        assert (told.status, told.headers["access-control-allow-origin"], told.headers["vary"]) == (
            204,
            FRIEND,
            "Origin",
        )
        assert told.headers["access-control-allow-headers"] == "authorization, content-encoding, content-type"
        assert status(http, "OPTIONS", "/v1/traces", origin="http://evil.example") == 403
        assert status(http, "OPTIONS", "/v1/traces") == 405


def test_every_answer_says_what_a_browser_may_do_with_it(friendly: Served) -> None:
    named = (
        "x-content-type-options",
        "referrer-policy",
        "cross-origin-resource-policy",
        "access-control-allow-origin",
    )
    ours, theirs = friendly.ask("GET", "/"), friendly.ask("GET", "/", headers={"origin": FRIEND})
    refused = friendly.ask("GET", "/", headers={"host": "evil.example"})
    assert [[answer.headers.get(name) for name in named] for answer in (ours, theirs, refused)] == [
        ["nosniff", "no-referrer", "same-origin", None],
        ["nosniff", "no-referrer", None, FRIEND],
        ["nosniff", "no-referrer", "same-origin", None],
    ]


# --- methods and content types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (JSON, 200),
        (PROTOBUF, 200),
        ("Application/JSON; charset=utf-8", 200),
        ("application/x-ndjson", 200),
        ("application/cloudevents+json", 200),
        # All that a form in a web page can send.
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("", 415),
    ],
)
def test_what_may_be_posted(http: Served, kind: str, expected: int) -> None:
    assert status(http, "POST", body=b"{}", content_type=kind) == expected


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT"])
def test_what_no_door_is_for(http: Served, method: str) -> None:
    assert raw_status(http, f"{method} /api/x HTTP/1.1", "Host: localhost") == 405


def test_a_web_socket_is_closed() -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def never() -> Any:
        raise AssertionError

    asyncio.run(Guards(echo, Allowed())({"type": "websocket", "headers": []}, never, send))
    assert said == [{"type": "websocket.close", "code": 1008}]


# --- the token -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/s/some-session", "/web/page.js", "/healthz", "/readyz"])
def test_where_nothing_is_told_no_token_is_asked_for(locked: Served, path: str) -> None:
    assert status(locked, path=path) == 200


@pytest.mark.parametrize(
    "path", ["/api/sessions", "/v1/traces", "/metrics", "/openapi.json", "/web", "//", "/s", "/Web/x"]
)
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, 401),
        ({"authorization": f"Bearer {TOKEN}"}, 200),
        ({"authorization": f"bearer  {TOKEN}"}, 200),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"cookie": f"{COOKIE}={TOKEN}"}, 401),
        ({"cookie": "="}, 401),
    ],
)
def test_everywhere_else_it_is(locked: Served, path: str, said: dict[str, str], expected: int) -> None:
    assert status(locked, "GET", path, b"", **said) == expected


def test_a_browser_gets_a_cookie_for_it(locked: Served) -> None:
    given = locked.post(TOKEN_PATH, json.dumps({"token": TOKEN}).encode(), JSON)
    cookie = given.headers["set-cookie"]
    assert given.status == 204
    assert cookie.split("; ")[1:] == ["HttpOnly", "Path=/", "SameSite=strict"]
    assert TOKEN not in cookie
    assert status(locked, cookie=cookie.split(";")[0]) == 200
    assert status(locked, cookie=f"other=1; {cookie.split(';')[0]}") == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"token": "wrong"}', 401),
        (b'{"token": 7}', 401),
        (b'{"token": "\\ud800"}', 401),
        (b"{}", 400),
        (b"[]", 400),
        (b"7", 400),
        (b"", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
    ],
)
def test_for_anything_else_there_is_none(locked: Served, body: bytes, expected: int) -> None:
    answer = locked.post(TOKEN_PATH, body, JSON)
    assert (answer.status, answer.headers.get("set-cookie")) == (expected, None)


def test_where_no_token_is_set_none_is_asked_for(http: Served) -> None:
    assert status(http) == 200
    given = http.post(TOKEN_PATH, b'{"token": "any"}', JSON)
    assert (given.status, given.headers.get("set-cookie")) == (204, None)


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_the_application_gets_a_plain_body_whole(http: Served) -> None:
    body = bytes(100_000)
    plain = http.post("/v1/traces", body, PROTOBUF)
    packed = http.post("/v1/traces", gzip.compress(body), PROTOBUF, content_encoding=" GZIP ")
    assert plain.json() == packed.json() == {"method": "POST", "size": 100_000, "packed": False}


def test_a_body_is_as_large_as_it_may_be(http: Served) -> None:
    assert http.post("/api/x", bytes(MOST_BYTES), PROTOBUF).json()["size"] == MOST_BYTES
    refused = http.post("/api/x", bytes(MOST_BYTES + 1), PROTOBUF)
    assert (refused.status, refused.json()) == (
        413,
        {"error": "a request may have 20971520 bytes, unpacked: send less at once"},
    )


def test_a_body_that_does_not_say_how_large_it_is_is_counted(http: Served) -> None:
    head = b"POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunk = b"%x\r\n" % 1_048_576 + bytes(1_048_576) + b"\r\n"
    whole, too_large = chunk * 20 + b"0\r\n\r\n", chunk * 20 + b"1\r\nx\r\n0\r\n\r\n"
    assert [raw(http, head + body).split()[1] for body in (whole, too_large)] == [b"200", b"413"]


def test_half_a_body_is_none() -> None:
    came: list[str] = []
    gone = threading.Event()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        came.append(scope["path"])
        await echo(scope, receive, send)

    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        await Guards(noting, Allowed())(scope, receive, send)
        gone.set()

    with served(telling) as http:
        with http.connect() as connection:
            connection.sendall(
                b"POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"
            )
        assert gone.wait(5)
    assert came == []


def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    with served(Guards(echo, Allowed(), body_seconds=1.0)) as http, http.connect() as connection:
        begun = time.monotonic()
        connection.sendall(
            b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"
        )
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        took = time.monotonic() - begun
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert answer.endswith(b'{"code": 4, "message": "the body did not arrive within 1 s"}')
    assert 1 <= took < 2


def test_what_is_refused_is_told_also_to_who_sends_much(http: Served) -> None:
    assert status(http, "POST", body=bytes(MOST_BYTES), content_type="text/plain") == 415
    assert status(http, "POST", body=bytes(2 * MOST_BYTES), content_type=JSON) == 413
    assert status(http, "PUT", body=bytes(MOST_BYTES), content_type=JSON) == 405


def test_who_sends_without_listening_is_listened_to(http: Served) -> None:
    head = b"PUT /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    assert raw(http, head % MOST_BYTES + bytes(MOST_BYTES)).startswith(b"HTTP/1.1 405 ")


def test_what_says_that_it_is_too_large_is_not_waited_for() -> None:
    head = b"POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with served(Guards(echo, Allowed(), body_seconds=0.2)) as http:
        assert raw(http, head % (100 * MOST_BYTES)).startswith(b"HTTP/1.1 413 ")


def test_only_so_much_is_read_at_once(http: Served) -> None:
    head = b"POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    slow = [http.connect() for _ in range(12)]
    for connection in slow:
        connection.sendall(head % MOST_BYTES + b"x")
    refused = _until_refused(http)
    for connection in slow:
        connection.close()
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    with ThreadPoolExecutor(4) as senders:
        posts = [senders.submit(http.post, "/api/x", b"{}", JSON) for _ in range(20)]
        assert {post.result().status for post in posts} <= {200, 429}


def _until_refused(http: Served) -> Any:
    """The slow ones have been seen once nothing else comes in."""
    for _ in range(1_000):
        answer = http.post("/api/x", bytes(1_000), JSON)
        if answer.status != 200:
            return answer
    raise AssertionError("all came in")
