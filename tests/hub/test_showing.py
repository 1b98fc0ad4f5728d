"""What the page of a whole hub sees, as a browser asks for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from handspan.events import to_line
from handspan.hub.events_door import NDJSON, PATH
from handspan.testing import Story
from tests.hub.hubs import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hub.served import Served

    Listed = list[tuple[str, str, bool]]

LONG = 10.0


def eventually(http: Served, wanted: Callable[[Listed], bool]) -> Listed:
    """The sessions that are listed: name, state, and whether it is the demo's."""
    until = time.monotonic() + LONG
    while not wanted(found := listed(http)):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


def listed(http: Served) -> Listed:
    sessions: list[dict[str, Any]] = http.ask("GET", "/api/sessions").json()["sessions"]
    return [(session["name"], session["state"], session.get("demo", False)) for session in sessions]


def tell(http: Served) -> None:
    story = Story("mine", begin=time.time_ns() - 1_000_000_000).session().terminal("t", "dev")
    lines = "\n".join(map(to_line, story.events)).encode()
    assert http.post(PATH, lines, NDJSON[0]).status == 202


def test_the_demo_is_shown_until_anything_real_has_come_and_is_never_kept(tmp_path: Path) -> None:
    with running(tmp_path, demo=True) as hub:
        shown = eventually(hub.http, bool)
        assert {demo for _, _, demo in shown} == {True}
        tell(hub.http)
        assert eventually(hub.http, lambda found: bool(found) and not found[0][2]) == [("mine", "running", False)]
        kept = [entry for entry in hub.hub.record.after(0, 1_000) if entry.kind != "metrics"]
        assert not any(shown[0][0].encode() in entry.body for entry in kept)
    with running(tmp_path, demo=True) as hub:
        assert listed(hub.http) == [("mine", "running", False)]


def test_without_a_demo_nothing_is_shown_until_something_comes(tmp_path: Path) -> None:
    with running(tmp_path) as hub:
        assert listed(hub.http) == []
        tell(hub.http)
        assert eventually(hub.http, bool) == [("mine", "running", False)]


def test_an_index_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    with running(tmp_path) as hub:
        tell(hub.http)
        eventually(hub.http, bool)
    for path in (tmp_path / "state").glob("index.db*"):
        path.unlink()
    with running(tmp_path) as hub:
        assert eventually(hub.http, bool) == [("mine", "running", False)]
