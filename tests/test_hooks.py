"""Plugins called as a host would have them called: real threads, real loops, and distributions that are installed."""

from __future__ import annotations

import asyncio
import logging
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

import handspan
from handspan import Plugin, hook, hooks, names
from handspan.hooks import Hooks, installed
from handspan.plugins import HOOKS, caller, handlers_of
from handspan.plugins.audit import Audit
from handspan.plugins.chat import Chat
from handspan.signals import Count, Log, Resource
from handspan.testing import Story, logs, play

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from handspan.plugins.events import HookEvent, MessageSent, Notice, SessionCreated

# Nothing here takes this long unless it hangs.
LONG = 10.0


def story() -> list[Log]:
    story = Story("s", name="shop").at(0).session().terminal("sup", "lead").at(1).sent("m1", "sup").at(2).gone("sup")
    return logs(play(story.at(3).end().events))


def notices(*said: str) -> list[Log]:
    """A log event for each name: what a plugin is told of in these tests."""
    about = Resource(service="cao", namespace="cao", instance="i")
    return [
        Log(
            uid=name,
            name=names.NOTICE,
            at=1,
            severity=9,
            body=".",
            resource=about,
            attributes={names.NOTICE_NAME: name},
        )
        for name in said
    ]


class Heard(Plugin):
    """Keeps what it is told, for a test to wait for."""

    def __init__(self) -> None:
        self.told: queue.Queue[str] = queue.Queue()

    def tell(self, what: str) -> None:
        self.told.put(what)

    def next(self, number: int) -> list[str]:
        return [self.told.get(timeout=LONG) for _ in range(number)]


class Noting(Heard):
    @hook("notice")
    def on_notice(self, event: Notice) -> None:
        self.tell(event.notice)


@contextmanager
def running(*plugins: Plugin | EntryPoint, timeout: float = LONG) -> Generator[Hooks]:
    made = Hooks(plugins, timeout=timeout)
    made.start(LONG)
    try:
        yield made
    finally:
        made.close(LONG)


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.put(record.getMessage())


@pytest.fixture
def lines() -> Generator[queue.Queue[str]]:
    """What is logged, as soon as it is."""
    handler, logger = _Lines(), logging.getLogger("handspan.hooks")
    logger.addHandler(handler)
    yield handler.said
    logger.removeHandler(handler)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "handspan.hooks"]


# --- what a user writes ----------------------------------------------------------------------------------------------


def test_the_public_names() -> None:
    assert handspan.__all__ == ["Plugin", "hook"]


def test_what_a_plugin_needs_is_imported_without_what_is_slow() -> None:
    code = "import sys; from handspan import Plugin, hook; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"asyncio", "logging", "importlib.metadata", "apprise", "handspan.events", "handspan.hooks"} & {
        *loaded
    } == set()
    assert {name for name in loaded if name.startswith("handspan")} == {
        "handspan",
        "handspan.names",
        "handspan.plugins",
    }


class Mine(Heard):
    async def setup(self) -> None:
        self.tell("setup")

    async def teardown(self) -> None:
        self.tell("teardown")

    @hook("session_created")
    async def on_session(self, event: SessionCreated) -> None:
        self.tell(f"session {event.session_name} of {event.source}")

    @hook("terminal_created", "terminal_killed", "session_killed")
    def on_life(self, event: HookEvent) -> None:
        self.tell(f"{event.name} {event.agent}")

    @hook("message_sent")
    async def on_message(self, event: MessageSent) -> None:
        await asyncio.sleep(0)
        self.tell(f"message {event.message_id} to {event.receiver}")

    @hook("message_sent")
    def on_message_too(self, event: MessageSent) -> None:
        self.tell(f"and {event.mode}")


def test_handlers_sync_and_async_are_called_in_order_between_setup_and_teardown() -> None:
    mine = Mine()
    with running(mine) as made:
        made.put(story())
    assert mine.next(8) == [
        "setup",
        "session shop of story",
        "terminal_created lead",
        "message m1 to sup",
        "and send_message",
        "terminal_killed lead",
        "session_killed None",
        "teardown",
    ]
    assert made.counts() == {}


def test_a_name_known_before_and_ours_are_one_hook() -> None:
    class Twice(Plugin):
        @hook("session_created", "session_started")
        @hook("session_started")
        def a(self, event: HookEvent) -> None: ...

        @hook("turn_ended")
        def b(self, event: HookEvent) -> None: ...

    class Third(Twice):
        @hook("turn_ended")
        def c(self, event: HookEvent) -> None: ...

        def b(self, event: HookEvent) -> None: ...

    assert {name: [h.__name__ for h in found] for name, found in handlers_of(Twice()).items()} == {
        "session_created": ["a"],
        "turn_ended": ["b"],
    }
    assert [h.__name__ for h in handlers_of(Third())["turn_ended"]] == ["c"]


def test_handlers_are_found_without_running_a_property() -> None:
    class Careful(Noting):
        @property
        def secret(self) -> str:
            raise AssertionError

    assert [*handlers_of(Careful())] == ["notice"]


def test_a_name_that_no_hook_has_fails_where_the_class_is_written() -> None:
    with pytest.raises(ValueError, match=r"There is no hook 'message_send'\. Write @hook") as caught:

        class Wrong(Plugin):  # pyright: ignore[reportUnusedClass] (there is none)
            @hook("message_send")
            def on_message(self, event: HookEvent) -> None: ...

    assert str(caught.value).endswith(f"one or more of: {', '.join(sorted(HOOKS))}.")
    assert {"session_created", "session_started", "message_sent", "stuck"} <= {*HOOKS}


def test_a_hook_without_a_name_fails_where_the_class_is_written() -> None:
    with pytest.raises(ValueError, match=r"A hook needs a name\. Write @hook"):
        hook()
    with pytest.raises(ValueError, match="There is no hook <function"):
        hook(story)  # type: ignore[arg-type]


# --- when ------------------------------------------------------------------------------------------------------------


def test_there_is_no_thread_before_the_start_and_what_is_put_until_then_is_kept() -> None:
    before, heard = threading.active_count(), Noting()
    made = Hooks([heard])
    made.put(notices("a", "b"))
    assert threading.active_count() == before
    made.start(LONG)
    made.start(LONG)
    assert threading.active_count() == before + 2
    made.put(notices("c"))
    made.close(LONG)
    assert threading.active_count() == before
    assert heard.next(3) == ["a", "b", "c"]


def test_the_start_waits_for_all_set_ups_but_no_longer_than_asked() -> None:
    class Slow(Noting):
        go = threading.Event()

        def setup(self) -> None:
            assert self.go.wait(LONG)
            self.tell("setup")

    slow = Slow()
    made = Hooks([slow, Noting()])
    made.start(0.01)
    assert slow.told.empty()
    made.put(notices("a"))
    slow.go.set()
    made.start(LONG)
    assert slow.told.get_nowait() == "setup"
    made.close(LONG)
    assert slow.next(1) == ["a"]


def test_no_plugin_is_one_line_no_thread_and_nothing_kept(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "QUEUE", 1)
    before = threading.active_count()
    with caplog.at_level(logging.INFO, "handspan"), running() as made:
        made.put(story())
        made.start(0)
        assert threading.active_count() == before
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "No plugin is installed: no hook is called.")
    ]
    assert made.counts() == {}


def test_all_of_a_plugin_is_on_one_loop_that_runs_between_events() -> None:
    class Busy(Heard):
        async def setup(self) -> None:
            self.loop = asyncio.get_running_loop()
            self.asked = asyncio.Queue[str]()
            self.task = asyncio.create_task(self.work())

        async def work(self) -> None:
            while True:
                self.tell(f"worked on {await self.asked.get()}")

        @hook("notice")
        async def on_notice(self, _: Notice) -> None:
            assert asyncio.get_running_loop() is self.loop
            self.asked.put_nowait("it")

        async def teardown(self) -> None:
            assert asyncio.get_running_loop() is self.loop
            self.task.cancel()

    busy = Busy()
    with running(busy) as made:
        made.put(notices("a"))
        assert busy.next(1) == ["worked on it"]
    assert made.counts() == {}


def test_closing_is_safe_twice_before_the_start_and_from_two_threads() -> None:
    mine = Mine()
    made = Hooks([mine])
    made.start(LONG)
    closers = [threading.Thread(target=made.close, args=(LONG,)) for _ in range(4)]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()
    assert mine.next(2) == ["setup", "teardown"]
    made.put(notices("a", "b"))
    made.start(LONG)
    assert mine.told.empty()
    assert made.counts() == {("*", "dropped"): 2}

    never = Hooks([mine])
    never.close(LONG)
    never.start(0)
    assert mine.told.empty()


# --- what must not reach anyone else ---------------------------------------------------------------------------------


def leave() -> None:
    sys.exit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


def cancel() -> None:
    raise asyncio.CancelledError


def fail() -> None:
    raise ValueError("two\nlines, " + "x" * 1_000)


def fail_badly() -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise Bad


@pytest.mark.parametrize("how", [leave, interrupt, cancel, fail, fail_badly])
def test_a_handler_that_fails_keeps_no_other_from_being_called(how: object, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Heard):
        @hook("notice")
        async def a_first(self, _: Notice) -> None:
            assert callable(how)
            how()

        @hook("notice")
        def on_notice(self, _: Notice) -> None:
            self.tell("still")

    failing, other = Failing(), Noting()
    with running(failing, other) as made:
        made.put(notices("a", "b"))
    assert (failing.next(2), other.next(2)) == (["still", "still"], ["a", "b"])
    assert made.counts() == {("Failing", "failed"): 2}
    labels = {"hook": "Failing", "outcome": "failed"}
    assert list(made.failures()) == [Count(name=names.HOOK_FAILURES, labels=labels, value=2)]
    assert list(made.failures()) == []
    (line,) = said(caplog)
    assert line.startswith("Plugin Failing: a_first failed: ")
    assert "\n" not in line
    assert "test_hooks.py:" in line
    assert len(line) < 500


class Hanging(Noting):
    """Stops at the notice `hang` until it is let go, in the way that its subclass has."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs, self.go = threading.Event(), threading.Event()

    def hang(self) -> None:
        self.hangs.set()
        assert self.go.wait(LONG)


class Blocking(Hanging):
    @hook("notice")
    def on_it(self, _: Notice) -> None:
        self.hang()


class BlockingItsLoop(Hanging):
    @hook("notice")
    async def on_it(self, _: Notice) -> None:
        self.hang()


class HoldingOn(Hanging):
    @hook("notice")
    async def on_it(self, _: Notice) -> None:
        self.hangs.set()
        while not self.go.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", [Blocking, BlockingItsLoop, HoldingOn])
def test_a_plugin_that_hangs_is_named_while_all_others_go_on(kind: type[Hanging], lines: queue.Queue[str]) -> None:
    hanging, other = kind(), Noting()
    with running(hanging, other, timeout=0.3) as made:
        made.put(notices("a"))
        assert hanging.hangs.wait(LONG)
        made.put(notices("b", "c"))
        assert other.next(3) == ["a", "b", "c"]
        line = lines.get(timeout=LONG)
        assert line.startswith(f"Plugin {kind.__name__}: on_it is still running after ")
        assert made.counts() == {(kind.__name__, "timed_out"): 1}
        made.put(notices("d"))
        assert other.next(1) == ["d"]
        hanging.go.set()
    assert made.counts() == {(kind.__name__, "timed_out"): 1}


def test_closing_leaves_a_plugin_that_hangs_behind(caplog: pytest.LogCaptureFixture) -> None:
    hanging, other = Blocking(), Mine()
    made = Hooks([hanging, other])
    made.start(LONG)
    made.put(notices("a"))
    assert hanging.hangs.wait(LONG)
    begun = time.monotonic()
    made.close(0.2)
    assert 0.2 <= time.monotonic() - begun < 2
    made.close(LONG)
    assert said(caplog) == ["Plugin Blocking: left behind, on_it does not end"]
    assert other.next(2) == ["setup", "teardown"]
    hanging.go.set()


class Slow(Mine):
    @hook("notice")
    async def on_notice(self, _: Notice) -> None:
        self.tell("slow")
        await asyncio.sleep(LONG)


def test_an_async_handler_that_takes_too_long_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    with running(slow, timeout=0.3) as made:
        made.put(notices("a", "b"))
        assert slow.next(3) == ["setup", "slow", "slow"]
    assert slow.next(1) == ["teardown"]
    assert made.counts() == {("Slow", "timed_out"): 2}
    (line,) = said(caplog)
    assert line.startswith("Plugin Slow: on_notice stopped after 0.")


def test_closing_cuts_off_what_is_slow_and_still_tears_down() -> None:
    class Slower(Slow):
        @hook("notice")
        def on_notice_too(self, _: Notice) -> None:
            self.tell("slower")

    slow = Slower()
    made = Hooks([slow])
    made.start(LONG)
    made.put(notices(*"abc"))
    assert slow.next(2) == ["setup", "slow"]
    begun = time.monotonic()
    made.close(1)
    assert time.monotonic() - begun < 1
    assert slow.next(1) == ["teardown"]
    assert made.counts() == {("Slower", "timed_out"): 1, ("Slower", "dropped"): 2}


def test_half_of_the_time_to_close_is_the_teardown_s() -> None:
    class Leaving(Heard):
        async def teardown(self) -> None:
            await asyncio.sleep(0.6)
            self.tell("teardown")

    leaving = Leaving()
    made = Hooks([leaving])
    made.start(LONG)
    made.close(1)
    assert leaving.told.get_nowait() == "teardown"
    assert made.counts() == {}


def test_a_timeout_of_a_plugin_s_own_is_a_failure() -> None:
    class Timing(Plugin):
        @hook("notice")
        async def on_notice(self, _: Notice) -> None:
            raise TimeoutError

    with running(Timing()) as made:
        made.put(notices("a"))
    assert made.counts() == {("Timing", "failed"): 1}


def test_a_task_that_ends_its_plugin_s_loop_ends_only_that(caplog: pytest.LogCaptureFixture) -> None:
    class Ending(Noting):
        async def setup(self) -> None:
            self.task = asyncio.create_task(self.end())

        async def end(self) -> None:
            await asyncio.sleep(0)
            sys.exit(3)

    ending, other = Ending(), Noting()
    with running(ending, other) as made:
        for thread in threading.enumerate():
            if thread.name == "handspan-plugin-Ending":
                thread.join(LONG)
        made.put(notices("a"))
        assert other.next(1) == ["a"]
    assert made.counts() == {("Ending", "failed"): 1, ("Ending", "dropped"): 1}
    (line,) = said(caplog)
    assert line.startswith("Plugin Ending: has ended: SystemExit: 3")


def test_past_the_bound_of_either_queue_events_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "QUEUE", 3)
    heard = Noting()
    made = Hooks([heard])
    made.put(notices(*"abcde"))
    made.put(notices("f"))
    assert made.counts() == {("*", "dropped"): 3}
    made.start(LONG)
    made.close(LONG)
    assert heard.next(3) == ["a", "b", "c"]
    assert heard.told.empty()

    monkeypatch.setattr(caller, "QUEUE", 2)
    hanging, other = Blocking(), Noting()
    with running(hanging, other) as made:
        for name in "abcde":
            made.put(notices(name))
            assert other.next(1) == [name]
            assert hanging.hangs.wait(LONG)
        assert made.counts() == {("Blocking", "dropped"): 2}
        hanging.go.set()
    assert hanging.next(3) == ["a", "b", "c"]


def test_what_is_no_log_event_is_passed_over() -> None:
    heard = Noting()
    with running(heard) as made:
        made.put([
            Log(
                uid="",
                name="x",
                at=-1,
                severity=0,
                body="",
                resource=Resource(service="", namespace="", instance=""),
                attributes={},
            )
        ])
        made.put([])
        made.put(notices("\ud800\n"))
    assert heard.next(1) == ["\ud800\n"]
    assert made.counts() == {}


# --- plugins that packages declare -----------------------------------------------------------------------------------

PLUGIN = """
from handspan import Plugin, hook

class Bell(Plugin):
    rung = []

    @hook("notice")
    def ring(self, event):
        self.rung.append(event.notice)

class Broken(Plugin):
    def setup(self):
        raise RuntimeError("no bell here")

class Unmade(Plugin):
    def __init__(self, argument):
        pass

class NoPlugin:
    pass
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with plugins, installed as an installer would leave it. Returns the name of its module."""
    module = f"bell_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(PLUGIN, "utf-8")
    info = tmp_path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", "utf-8")
    kinds = {"bell": "Bell", "broken": "Broken", "unmade": "Unmade", "no_plugin": "NoPlugin", "gone": "Gone"}
    lines = [f"{name} = {module}:{kind}" for name, kind in kinds.items()]
    text = "\n".join(["[handspan.plugins]", "absent = no_such_module:Plugin", *lines, ""])
    (info / "entry_points.txt").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return module


def test_an_installed_plugin_is_found_and_one_that_does_not_load_is_skipped(
    distribution: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = installed({}, tmp_path)
    assert sorted(point.name for point in found if isinstance(point, EntryPoint)) == [
        *("absent", "bell", "broken", "gone", "no_plugin", "unmade")
    ]
    with running(*found) as made:
        assert distribution in sys.modules
        made.put(notices("a", "b"))
    assert sys.modules[distribution].Bell.rung == ["a", "b"]
    skipped = ("absent", "broken", "gone", "no_plugin", "unmade")
    counts = made.counts()
    assert {key: count for key, count in counts.items() if key[1] != "dropped"} == {(n, "skipped"): 1 for n in skipped}
    assert sorted(line.partition(" (")[0] for line in said(caplog)) == [
        "Plugin absent: setup failed: ModuleNotFoundError: No module named 'no_such_module'",
        "Plugin broken: setup failed: RuntimeError: no bell here",
        f"Plugin gone: setup failed: AttributeError: module '{distribution}' has no attribute 'Gone'",
        f"Plugin no_plugin: setup failed: TypeError: {distribution}:NoPlugin is no subclass of handspan.Plugin",
        "Plugin unmade: setup failed: TypeError: Unmade.__init__() missing 1 required positional argument: 'argument'",
    ]
    assert all(line.endswith("; the plugin is skipped") for line in said(caplog))


def test_a_plugin_that_takes_too_long_to_set_up_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    class Dozing(Mine):
        async def setup(self) -> None:
            await asyncio.sleep(LONG)

    dozing, other = Dozing(), Noting()
    with running(dozing, other, timeout=0.05) as made:
        assert made.counts() == {("Dozing", "skipped"): 1}
    assert dozing.told.empty()
    (line,) = said(caplog)
    assert line.startswith("Plugin Dozing: setup stopped after 0.")


def test_nothing_of_ours_is_on_until_it_is_configured(tmp_path: Path) -> None:
    assert [p for p in installed({"HANDSPAN_AUDIT_FILE": ""}, tmp_path) if isinstance(p, Plugin)] == []
    on = {"HANDSPAN_AUDIT_FILE": str(tmp_path / "a"), "HANDSPAN_CHAT_FILE": str(tmp_path / "c")}
    assert [type(p) for p in installed(on, tmp_path) if isinstance(p, Plugin)] == [Audit, Chat]


def test_the_host_hardly_waits() -> None:
    hanging = Blocking()
    with running(hanging) as made:
        made.put(notices("a"))
        assert hanging.hangs.wait(LONG)
        batch: Sequence[Log] = notices(*map(str, range(100)))
        begun = time.perf_counter()
        for _ in range(200):
            made.put(batch)
        # 20,000 log events, 10,000 and more of them past the bound: 1 µs each, here with fifty times that to spare.
        assert time.perf_counter() - begun < 1
        hanging.go.set()
