from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from handspan.cao.poller import Poller
from tests.cao.orchestrator import Cao, Database

if TYPE_CHECKING:
    from handspan.sources.cao_facts import Hook

HOOKS = (
    "post_create_session",
    "post_create_terminal",
    "post_send_message",
    "post_kill_terminal",
    "post_kill_session",
)
# What an agent's process does: CAO's package is there, and nothing of ours but the plugin.
_CHILD = """
import sys, threading, types, typing
plugins = types.ModuleType("cli_agent_orchestrator.plugins")
plugins.CaoPlugin, plugins.hook = object, lambda name: lambda method: method
sys.modules["cli_agent_orchestrator"] = types.ModuleType("cli_agent_orchestrator")
sys.modules["cli_agent_orchestrator.plugins"] = plugins
import __future__, logging, os
before = set(sys.modules)
from handspan.cao.plugin import HandspanPlugin
HandspanPlugin()
new = sorted(set(sys.modules) - before)
print(*new, threading.active_count(), file=sys.stderr)
"""


@pytest.fixture
def cao(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cao:
    cao = Cao(Database(tmp_path / "cao.db"))
    cao.install(monkeypatch)
    monkeypatch.delitem(sys.modules, "handspan.cao.plugin", raising=False)
    for name in [name for name in os.environ if name.startswith("HANDSPAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HANDSPAN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    return cao


def plugin() -> Any:
    return importlib.import_module("handspan.cao.plugin").HandspanPlugin()


def event(name: str, **more: str) -> SimpleNamespace:
    return SimpleNamespace(event_type=name, **more)


def test_in_an_agents_process_it_is_silent_and_imports_next_to_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _CHILD], cwd=tmp_path, capture_output=True, text=True, check=True)
    allowed = "handspan handspan.cao handspan.cao.plugin"
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == ("", f"{allowed} 1\n", [])


def test_cao_finds_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"] == {"cao.plugins": {"handspan": "handspan.cao.plugin:HandspanPlugin"}}


def test_it_has_a_hook_for_every_event(cao: Cao) -> None:
    members = [getattr(plugin(), name) for name in dir(plugin())]
    assert sorted(member.marked for member in members if hasattr(member, "marked")) == sorted(HOOKS)


def test_before_its_set_up_and_after_its_end_hooks_say_nothing(cao: Cao) -> None:
    async def life() -> None:
        one = plugin()
        await one.on_create_session(event("post_create_session"))
        await one.teardown()
        await one.setup()
        await one.teardown()
        await one.on_kill_session(event("post_kill_session"))
        await one.teardown()

    asyncio.run(life())


def test_every_hook_says_what_it_was_told(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def hear(_: Poller, fact: Hook) -> None:
        heard.append(fact.event_type)

    monkeypatch.setattr(Poller, "hear", hear)

    async def life() -> None:
        one = plugin()
        await one.setup()
        for name in HOOKS:
            await getattr(one, name.replace("post", "on"))(event(name))
        await one.teardown()

    asyncio.run(life())
    assert heard == list(HOOKS)


def test_hooks_come_from_any_thread_and_loop(cao: Cao, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []
    hear = Poller.hear

    def listen(self: Poller, fact: Any) -> None:
        heard.append(fact.terminal_id)
        hear(self, fact)

    monkeypatch.setattr(Poller, "hear", listen)

    async def life() -> None:
        one = plugin()
        await one.setup()

        def kill(name: str) -> None:
            asyncio.run(one.on_kill_terminal(event("post_kill_terminal", terminal_id=name)))

        await asyncio.gather(*(asyncio.to_thread(kill, f"t{number}") for number in range(20)))
        await one.teardown()

    asyncio.run(life())
    assert sorted(heard) == sorted(f"t{number}" for number in range(20))


def test_wrong_settings_are_one_warning_and_cao_goes_on(
    cao: Cao, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HANDSPAN_SETTLE", "soon")
    monkeypatch.setenv("HANDSPAN_CONTENT", "some")

    async def life() -> None:
        one = plugin()
        await one.setup()
        await one.on_create_session(event("post_create_session"))
        await one.teardown()

    asyncio.run(life())
    (message,) = caplog.messages
    assert message.startswith("Handspan does not watch this CAO: ")
    assert "HANDSPAN_SETTLE" in message
    assert "HANDSPAN_CONTENT" in message
    assert not any(thread.name in {"handspan-cao", "handspan-engine"} for thread in threading.enumerate())


def test_whatever_goes_wrong_in_set_up_is_one_warning(
    cao: Cao, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(cao.bus, "subscribe", fail)
    asyncio.run(plugin().setup())
    assert caplog.messages == ["Handspan does not watch this CAO: RuntimeError"]
