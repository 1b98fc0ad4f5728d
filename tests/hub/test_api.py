"""Over real HTTP, on loopback: what the page asks, and the live feed."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import urllib3
import uvicorn
from fastapi import FastAPI

from handspan import demo
from handspan.hub.api import router
from handspan.hub.index import Index, export, search, sessions, traces
from handspan.hub.live import Feed
from handspan.testing import Story, play
from tests.hub.index.test_traces import entry, told
from tests.recorded import entries

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

PATIENCE = 20
DEMO = entries(play(demo.story()), size=5)


class Site:
    """An API with an index, and a way to ask it."""

    def __init__(self, address: str, index: Index, feed: Feed) -> None:
        self.address = address
        self.index = index
        self.feed = feed
        self._pool = urllib3.PoolManager(timeout=PATIENCE, retries=False)

    def ask(self, path: str, **headers: str) -> tuple[int, Any]:
        answer = self._pool.request("GET", self.address + path, headers=headers)
        return answer.status, json.loads(answer.data)

    def raw(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self._pool.request("GET", self.address + path, headers=headers, preload_content=False)


@pytest.fixture
def site() -> Generator[Site]:
    index = Index(":memory:")
    feed = Feed(lambda: index)
    app = FastAPI()
    app.include_router(router(lambda: index, feed))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield Site(address, index, feed)
    server.should_exit = True
    thread.join(PATIENCE)
    listening.close()


def test_everything_that_is_asked_is_what_the_index_says(site: Site) -> None:
    site.index.fill([*DEMO, entry(told("shop", "GET /odd"), len(DEMO) + 1)])
    uid = "demo-checkout-1"
    with site.index.reading() as connection:
        (trace,) = traces.listed(connection, limit=1)["traces"]
        expected: dict[str, Any] = {
            "/api/sessions": sessions.listed(connection, limit=100),
            "/api/sessions?state=ended&agent=writer&q=check&limit=1": sessions.listed(connection, limit=1),
            "/api/sessions?state=running": {"position": site.index.position, "sessions": [], "next": None},
            f"/api/sessions/{uid}": sessions.detailed(connection, uid),
            f"/api/sessions/{uid}/logs?limit=3": sessions.logs(connection, uid, limit=3),
            "/api/traces": traces.listed(connection, limit=100),
            "/api/traces?q=nothing": {"position": site.index.position, "traces": [], "next": None},
            f"/api/traces/{trace['id']}": traces.detailed(connection, bytes.fromhex(trace["id"])),
            "/api/search?q=memory": search.searched(connection, "memory", 50),
        }
    assert {path: site.ask(path) for path in expected} == {path: (200, form) for path, form in expected.items()}


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/api/sessions/nobody", 404, "There is no such session."),
        ("/api/sessions/nobody/logs", 404, "There is no such session."),
        ("/api/sessions/nobody/export?as=otlp", 404, "There is no such session."),
        (f"/api/traces/{'0' * 32}", 404, "There is no such trace."),
        ("/api/sessions?after=x", 422, "'x' is no place in the list: take `next` of the page before"),
        ("/api/sessions/s/logs?before=x", 422, "'x' is no place in the list: take `next` of the page before"),
        ("/api/traces?before=x", 422, "'x' is no place in the list: take `next` of the page before"),
    ],
)
def test_what_is_not_there_or_wrong_is_said_in_a_sentence(site: Site, path: str, status: int, error: str) -> None:
    site.index.fill(entries(play(Story("s").at(0).session().events)))
    assert site.ask(path) == (status, {"error": error})


@pytest.mark.parametrize(
    "path",
    [
        *("/api/sessions?limit=0", "/api/sessions?limit=1001", f"/api/sessions?q={'x' * 201}", "/api/search"),
        *("/api/traces/xyz", f"/api/traces/{'A' * 32}", "/api/sessions/s/export?as=html", "/api/live?after=-1"),
        f"/api/live?after={2**63}",
    ],
)
def test_what_is_out_of_bounds_is_refused(site: Site, path: str) -> None:
    assert site.ask(path)[0] == 422


@pytest.mark.parametrize("uid", ["a/b", "../../etc/passwd", "a?b#c", "<script>", "x/logs", "ü'\"", "%2F"])
def test_a_session_may_have_any_name(site: Site, uid: str) -> None:
    site.index.fill(entries(play(Story(uid, name="<b>&\"'").at(0).session().terminal("a").end().events)))
    escaped = quote(uid, safe="")
    status, form = site.ask(f"/api/sessions/{escaped}")
    if uid != "x/logs":
        assert (status, form["session"]["id"], form["session"]["name"]) == (200, uid, "<b>&\"'")
    status, form = site.ask(f"/api/sessions/{escaped}/logs")
    assert (status, len(form["logs"])) == (200, 6)


def test_a_session_goes_out_as_lines(site: Site) -> None:
    site.index.fill(DEMO)
    answer = site.raw("/api/sessions/demo-checkout-1/export?as=otlp")
    with site.index.reading() as connection:
        assert answer.data.decode().splitlines() == export.exported(connection, "demo-checkout-1")
    headers = (answer.headers["content-type"], answer.headers["content-disposition"])
    assert headers == ("application/x-ndjson", 'attachment; filename="session.otlp.jsonl"')


def events(answer: urllib3.BaseHTTPResponse) -> Iterator[dict[str, str]]:
    """The server-sent events of an answer; comments are left out."""
    fields: dict[str, str] = {}
    for line in (line for chunk in answer.stream(1) for line in _lines(chunk)):
        name, _, value = line.partition(": ")
        if not line and fields:
            yield fields
            fields = {}
        elif name:
            fields[name] = value


_rest = bytearray()


def _lines(chunk: bytes) -> Iterator[str]:
    _rest.extend(chunk)
    while b"\n" in _rest:
        line, _, rest = bytes(_rest).partition(b"\n")
        _rest[:] = rest
        yield line.decode()


def test_changes_come_as_they_happen_and_go_on_from_the_last_id(site: Site) -> None:
    site.index.fill(DEMO[:10])
    with contextlib.closing(site.raw("/api/live?session=demo-checkout-1&after=3")) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = events(answer)
        first = next(found)
        site.index.fill(DEMO[:20])
        site.feed.told(20)
        second = next(found)
    with contextlib.closing(
        site.raw("/api/live?session=demo-checkout-1&after=3", **{"Last-Event-ID": first["id"]})
    ) as answer:
        again = next(events(answer))
    assert (first["event"], first["id"], second["id"]) == ("change", "10", "20")
    assert again == second
    with site.index.reading() as connection:
        assert json.loads(second["data"]) == sessions.changes(connection, "demo-checkout-1", 10)


def test_whoever_comes_from_another_index_is_told_to_reload(site: Site) -> None:
    with contextlib.closing(site.raw("/api/live", **{"Last-Event-ID": "99"})) as answer:
        assert next(events(answer)) == {"event": "reload", "data": "{}"}
    with contextlib.closing(site.raw("/api/live?after=99", **{"Last-Event-ID": "odd"})) as answer:
        assert next(events(answer)) == {"event": "reload", "data": "{}"}
