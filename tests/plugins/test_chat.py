from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

import pytest

from handspan import names
from handspan.hooks import Hooks
from handspan.plugins import HOOKS
from handspan.plugins.chat import BadRules, Chat, Rule, body_of, rules_of, title_of
from handspan.plugins.events import MessageSent, Notice
from handspan.testing import Story, logs, play

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from handspan.plugins.events import HookEvent
    from handspan.signals import Log

LONG = 30.0
# One of apprise's services imports a module that Python 3.13 has no more.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


class Room(ThreadingHTTPServer):
    """A chat that keeps what it is told, on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.closed = False

    def url(self, path: str) -> str:
        return f"json://127.0.0.1:{self.server_port}/{path}"


class _Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        room = cast("Room", self.server)
        room.told.append((self.path, body))
        self.send_response(503 if room.closed else 200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def room() -> Generator[Room]:
    with Room() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def story() -> list[Log]:
    story = Story("s", name="shop").at(0).session().terminal("t", "developer").at(1).status("t", "ready")
    story.at(2).status("t", "working").at(3).status("t", "waiting").at(4).notice(
        "ci.failed", severity="error", text="<b>"
    )
    return logs(play(story.at(5).gone("t", "crashed").at(6).end().events))


def told(file: Path, rules: str, signals: list[Log]) -> Hooks:
    file.write_text(rules, "utf-8")
    made = Hooks([Chat(file)])
    made.start(LONG)
    made.put(signals)
    made.close(LONG)
    return made


def test_what_a_rule_asks_for_is_told(room: Room, tmp_path: Path) -> None:
    rules = f"""
[[rule]]
to = "{room.url("urgent")}"

[[rule]]
to = ["{room.url("one")}", "{room.url("two")}"]
events = ["session_started"]
severity = "info"
"""
    assert told(tmp_path / "chat.toml", rules, story()).counts() == {}
    who, noticed = "session: shop\nagent: developer", "The orchestrator itself noticed something."
    seen = [(path, body["type"], body["title"], body["message"]) for path, body in room.told]
    assert sorted(seen[:2]) == [
        ("/one", "info", "shop: session created", "A session began.\nsession: shop"),
        ("/two", "info", "shop: session created", "A session began.\nsession: shop"),
    ]
    assert seen[2:] == [
        ("/urgent", "info", "developer: waiting started", f"An agent waits for a person.\n{who}"),
        ("/urgent", "failure", "shop: notice", f"{noticed}\nsession: shop\nnotice: ci.failed\ntext: <b>"),
    ]


def test_markup_in_a_text_is_shown_and_not_obeyed(room: Room, tmp_path: Path) -> None:
    rules = f'[[rule]]\nto = "{room.url("html?format=html")}"\nevents = "notice"'
    assert told(tmp_path / "chat.toml", rules, story()).counts() == {}
    ((_, body),) = room.told
    assert "&lt;b&gt;" in body["message"]
    assert "<b>" not in body["message"]


def test_a_chat_that_does_not_answer_is_counted_and_named_without_its_url(
    room: Room, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    room.closed = True
    rules = (
        f'[[rule]]\nto = "{room.url("token")}"\n[[rule]]\nto = "{room.url("info")}"\nseverity="info"\nevents="notice"'
    )
    made = told(tmp_path / "chat.toml", rules, story())
    assert made.counts()["Chat", "failed"] == 2
    (line,) = [r.getMessage() for r in caplog.records if r.name == "handspan.hooks"]
    assert line.startswith("Plugin Chat: tell failed: RuntimeError: not everybody could be told by rule 1 (")
    assert "token" not in line


def test_without_apprise_it_is_skipped_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    made = told(tmp_path / "chat.toml", '[[rule]]\nto = "json://127.0.0.1"', story())
    assert made.counts()["Chat", "skipped"] == 1
    (line,) = [r.getMessage() for r in caplog.records]
    assert line.startswith(
        "Plugin Chat: setup failed: RuntimeError: apprise is not installed: "
        "`pip install 'handspan[chat]'`, or unset HANDSPAN_CHAT_FILE ("
    )


def test_a_url_of_no_service_is_refused_without_showing_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = "s3" + "cr3t"
    made = told(tmp_path / "chat.toml", f'[[rule]]\nto = ["json://127.0.0.1", "nonsense://{secret}/x"]', [])
    assert made.counts() == {("Chat", "skipped"): 1}
    (line,) = [r.getMessage() for r in caplog.records if r.name == "handspan.hooks"]
    assert "BadRules: rule 1: `to`: apprise does not understand URL 2 (" in line
    assert secret not in caplog.text


def event(name: str = "notice", **said: Any) -> HookEvent:
    about: dict[str, Any] = {
        "at": 1,
        "severity": names.INFO,
        "says": "It happened.",
        "source": "cao",
        "instance": "i",
        "uid": "u",
    }
    about |= {"name": name} | said
    return Notice(**about)


@pytest.mark.parametrize(
    ("rule", "said", "fits"),
    [
        ({}, {"severity": names.INFO}, False),
        ({}, {"severity": names.ACTION}, True),
        ({"severity": names.ERROR}, {"severity": names.WARN}, False),
        ({"severity": names.DEBUG}, {}, True),
        ({"events": frozenset({"stuck"})}, {"name": "stuck", "severity": names.WARN}, True),
        ({"events": frozenset({"stuck"})}, {"name": "notice", "severity": names.WARN}, False),
        ({"severity": 0, "agent": "dev*"}, {"agent": "developer"}, True),
        ({"severity": 0, "agent": "dev*"}, {"agent": "lead"}, False),
        ({"severity": 0, "agent": "dev*"}, {}, False),
        ({"severity": 0, "session": "shop-?"}, {"session_name": "shop-1"}, True),
        ({"severity": 0, "session": "shop-?"}, {"session_name": "Shop-1"}, False),
    ],
)
def test_what_a_rule_fits(rule: dict[str, Any], said: dict[str, Any], fits: bool) -> None:
    assert Rule(to=("json://h",), **rule).fits(event(**said)) is fits


def test_rules_are_read() -> None:
    text = """
[[rule]]
to = "json://h"

[[rule]]
to = ["json://h", "slack://a/b/c#d"]
events = ["session_started", "session_created", "stuck"]
severity = "urgent"
agent = "dev*"
session = "s"
"""
    assert rules_of(text) == [
        Rule(to=("json://h",), events=frozenset(HOOKS.values()), severity=names.ACTION, agent="*", session="*"),
        Rule(
            to=("json://h", "slack://a/b/c#d"),
            events=frozenset({"session_created", "stuck"}),
            severity=names.ERROR,
            agent="dev*",
            session="s",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must hold one or more [[rule]], and nothing else"),
        ("rule = []", "must hold one or more [[rule]], and nothing else"),
        ("rule = 1", "must hold one or more [[rule]], and nothing else"),
        ('other = 1\n[[rule]]\nto = "a://b"', "must hold one or more [[rule]], and nothing else"),
        ("[[rule", "is no TOML: Expected ']]' at the end of an array declaration (at end of document)"),
        ("rule = [1]", "rule 1: must be a table"),
        ("[[rule]]", "rule 1: `to` is missing: the URL to tell, as apprise writes it"),
        (
            '[[rule]]\nto = "a://b"\n[[rule]]\nTo = "a://b"',
            "rule 2: `To` is unknown: a rule has to, events, severity, agent, session",
        ),
        ("[[rule]]\nto = []", "rule 1: `to` must be text, or a list of texts"),
        ('[[rule]]\nto = ["a://b", 1]', "rule 1: `to` must be text, or a list of texts"),
        ('[[rule]]\nto = "b"', "rule 1: `to` must be URLs as apprise writes them: service://…"),
        ('[[rule]]\nto = ["a://b", "c"]', "rule 1: `to` must be URLs as apprise writes them: service://…"),
        ('[[rule]]\nto = "a://b c"', "rule 1: `to` must be URLs as apprise writes them: service://…"),
        (
            '[[rule]]\nto = "a://b"\nevents = ["x"]',
            f"rule 1: `events`: there is no 'x'; there is {', '.join(sorted(HOOKS))}",
        ),
        (
            '[[rule]]\nto = "a://b"\nseverity = "high"',
            "rule 1: `severity` must be one of debug, info, action, warning, error, urgent",
        ),
        (
            '[[rule]]\nto = "a://b"\nseverity = ["info"]',
            "rule 1: `severity` must be one of debug, info, action, warning, error, urgent",
        ),
        ('[[rule]]\nto = "a://b"\nagent = 1', "rule 1: `agent` must be text, in which * stands for anything"),
    ],
)
def test_a_bad_rule_is_refused_with_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(BadRules) as caught:
        rules_of(text)
    assert str(caught.value) == problem


def test_what_is_told_has_a_line_for_each_detail_that_is_known() -> None:
    sent = MessageSent(
        name="message_sent",
        at=1,
        severity=9,
        says="A message was sent.",
        source="cao",
        instance="i",
        uid="u",
        session_name="shop",
        mode="handoff",
        sender_agent="lead",
        receiver_agent="developer",
        text="x" * 1_001,
    )
    assert (title_of(sent), body_of(sent)) == (
        "shop: message sent",
        f"A message was sent.\nsession: shop\nmode: handoff\nsender agent: lead\nreceiver agent: developer\ntext: {'x' * 1_000}",
    )
    assert title_of(event(agent="dev", session_name="shop")) == "dev: notice"
    assert (title_of(event()), body_of(event())) == ("cao: notice", "It happened.")


def test_it_is_off_until_a_file_is_named() -> None:
    assert Chat.configured({}) is None
    assert Chat.configured({"HANDSPAN_CHAT_FILE": ""}) is None


def test_a_file_of_rules_that_is_not_there_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat.configured({"HANDSPAN_CHAT_FILE": str(tmp_path / "absent.toml")})
    assert chat
    made = Hooks([chat])
    made.start(LONG)
    made.close(LONG)
    assert made.counts() == {("Chat", "skipped"): 1}
    assert str(tmp_path / "absent.toml") in caplog.text
