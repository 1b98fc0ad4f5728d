"""A real Chromium on the hub's page, and a server that plays stories to it."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest

from tests.hub.page_server import Hub, moved_to, serve

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from http.server import ThreadingHTTPServer

    from playwright.sync_api import Browser, BrowserContext, Page

    from handspan.events import Event

SECOND = 1_000_000_000


class Stage:
    """A hub to play stories at, and the server that shows it."""

    def __init__(self) -> None:
        self.hub = Hub()
        self._server: ThreadingHTTPServer | None = serve(self.hub)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def tell(self, events: Sequence[Event], *, began: float, until: float | None = None) -> Telling:
        """A story that began so many seconds ago, told as far as `until`."""
        telling = Telling(self.hub, moved_to(events, time.time_ns() - int(began * SECOND)))
        telling.until(began if until is None else until)
        return telling

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self.hub.cut()

    def start(self) -> None:
        self._server = serve(self.hub, self.port)


class Telling:
    """A story that is told bit by bit."""

    def __init__(self, hub: Hub, events: Sequence[Event]) -> None:
        self._hub = hub
        self._left = list(events)
        self.begin = min(event.at for event in events)

    def until(self, seconds: float) -> None:
        now = self.begin + int(seconds * SECOND)
        due = [event for event in self._left if event.at <= now]
        self._left = self._left[len(due) :]
        self._hub.say(due, until=now)


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def stage() -> Generator[Stage]:
    stage = Stage()
    yield stage
    stage.stop()


@pytest.fixture
def context(chromium: Browser) -> Generator[BrowserContext]:
    """A window on a wide screen; what its pages complain about fails the test."""
    context = chromium.new_context(viewport={"width": 1440, "height": 800}, accept_downloads=True)
    complaints: list[str] = []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield context
    context.close()
    # A hub that is stopped on purpose can't be reached, and refuses what it does not have.
    assert [said for said in complaints if not said.startswith("Failed to load resource")] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
