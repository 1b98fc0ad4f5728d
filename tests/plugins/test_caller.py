"""What only one plugin's caller can show; how plugins are kept apart is in tests/test_hooks.py."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

from handspan import Plugin
from handspan.plugins import caller
from handspan.plugins.caller import Caller, Complaints

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable

    import pytest


def lines(records: Iterable[logging.LogRecord]) -> list[tuple[str, str, str]]:
    return [(record.name, record.levelname, record.getMessage()) for record in records]


def test_a_plugin_that_keeps_failing_is_named_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(caller, "time", SimpleNamespace(monotonic=lambda: now))
    complaints = Complaints("bell")
    for moment in (1_000.0, 1_001.0, 1_059.9, 1_060.0, 1_119.9, 1_180.0):
        now = moment
        complaints.say("failed", f"ring failed at {moment:g}")
    assert lines(caplog.records) == [
        ("handspan.hooks", "WARNING", "Plugin bell: ring failed at 1000"),
        ("handspan.hooks", "WARNING", "Plugin bell: ring failed at 1060 (and 2 more since the last such line)"),
        ("handspan.hooks", "WARNING", "Plugin bell: ring failed at 1180 (and 1 more since the last such line)"),
    ]
    assert complaints.counts == {"failed": 6}


def test_what_is_only_counted_is_not_said(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("bell")
    complaints.count("dropped", 3)
    complaints.count("dropped")
    assert (complaints.counts, caplog.records) == ({"dropped": 4}, [])


def test_a_sync_call_that_ends_late_is_complained_of_once(caplog: pytest.LogCaptureFixture) -> None:
    class Late(Plugin):
        go, begun = threading.Event(), threading.Event()

        def teardown(self) -> None:
            self.begun.set()
            assert self.go.wait(10)

    late = Caller(Late(), 0.05)
    late.start()
    late.stop(10)
    assert Late.begun.wait(10)
    while not late.complaints.counts:
        late.watch()
    late.watch()
    Late.go.set()
    late.join(10)
    assert late.complaints.counts == {"timed_out": 1}
    ((name, level, line),) = lines(caplog.records)
    assert (name, level) == ("handspan.hooks", "WARNING")
    assert line.startswith("Plugin Late: teardown is still running after 0.1")


def test_a_call_that_was_late_before_anyone_looked_is_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    class Late(Plugin):
        def setup(self) -> None:
            assert not threading.Event().wait(0.03)

    late = Caller(Late(), 0.02)
    late.start()
    assert late.set_up.wait(10)
    late.stop(10)
    late.join(10)
    assert late.complaints.counts == {"timed_out": 1}
    assert [line.partition(" took ")[0] for _, _, line in lines(caplog.records)] == ["Plugin Late: setup"]
