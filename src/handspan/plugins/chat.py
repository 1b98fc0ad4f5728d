"""A notifier: tells chats, mail and a hundred other services what a rule asks for, by way of apprise.

The rules are in a file, because their URLs hold tokens, and agents inherit the environment:

    [[rule]]
    to = ["slack://TokenA/TokenB/TokenC/#agents", "ntfy://agents"]
    events = ["message_sent", "waiting_started"]
    severity = "info"
    agent = "dev*"
    session = "release-*"
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from handspan import names
from handspan.plugins import HOOKS, Plugin, hook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apprise import Apprise

    from handspan.plugins.events import HookEvent

_INSTALL: Final = "apprise is not installed: `pip install 'handspan[chat]'`, or unset HANDSPAN_CHAT_FILE"
# Chats show the beginning; the whole text is in the span.
_TEXT = 1_000


class BadRules(ValueError):
    """The file of rules says what can't be done. Names the rule and what is allowed, and never a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whom to tell of what: all that is given must fit. What asks for a person is told if nothing is said."""

    to: tuple[str, ...]
    events: frozenset[str] = frozenset(HOOKS.values())
    severity: int = names.ACTION
    agent: str = "*"
    session: str = "*"

    def fits(self, event: HookEvent) -> bool:
        return (
            event.name in self.events
            and event.severity >= self.severity
            and fnmatchcase(event.agent or "", self.agent)
            and fnmatchcase(event.session_name or "", self.session)
        )


class Chat(Plugin):
    """Tells what the rules in the file at `path` ask for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: list[tuple[Rule, Apprise]] = []

    @classmethod
    def configured(cls, environ: Mapping[str, str]) -> Chat | None:
        """By HANDSPAN_CHAT_FILE, the path of a file of rules. None if it is not set."""
        asked = environ.get("HANDSPAN_CHAT_FILE")
        return cls(Path(asked).expanduser()) if asked else None

    def setup(self) -> None:
        rules = rules_of(self._path.read_text("utf-8"))
        self._told = [(rule, _service(number, rule)) for number, rule in enumerate(rules, 1)]

    @hook(*HOOKS)
    async def tell(self, event: HookEvent) -> None:
        asked = [(number, to) for number, (rule, to) in enumerate(self._told, 1) if rule.fits(event)]
        # At once, so that a service that does not answer delays no other.
        told = await asyncio.gather(*(_notified(to, event) for _, to in asked))
        if failed := [str(number) for (number, _), well in zip(asked, told, strict=True) if not well]:
            raise RuntimeError(f"not everybody could be told by rule {', '.join(failed)}")


def _service(number: int, rule: Rule) -> Apprise:
    try:
        from apprise import Apprise  # noqa: PLC0415 (an optional dependency, and 0.1 s to import)
    except ImportError as error:
        raise RuntimeError(_INSTALL) from error
    service = Apprise()
    for place, url in enumerate(rule.to, 1):
        if not service.add(url):  # pyright: ignore[reportUnknownMemberType] (its annotations say dict, not of what)
            raise BadRules(f"rule {number}: `to`: apprise does not understand URL {place}")
    return service


async def _notified(service: Apprise, event: HookEvent) -> bool:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

    kind = NotifyType.INFO
    if event.severity >= names.WARN:
        kind = NotifyType.FAILURE if event.severity >= names.ERROR else NotifyType.WARNING
    title, body = title_of(event), body_of(event)
    # Said to be text, so that a service that knows markup shows it instead of obeying it.
    return bool(await service.async_notify(title=title, body=body, notify_type=kind, body_format=NotifyFormat.TEXT))


def title_of(event: HookEvent) -> str:
    who = event.agent or event.session_name or event.source
    return f"{who}: {event.name.replace('_', ' ')}"


_DETAILS = (
    *("session_name", "agent", "notice", "mode", "sender_agent", "receiver_agent", "caller_agent", "worker_agent"),
    *("status", "outcome", "error_type", "error", "text"),
)


def body_of(event: HookEvent) -> str:
    """The sentence, then a line for each detail that is known."""
    known = {name: value for name in _DETAILS if (value := getattr(event, name, None))}
    return "\n".join([
        event.says,
        *(f"{name.removesuffix('_name').replace('_', ' ')}: {str(value)[:_TEXT]}" for name, value in known.items()),
    ])


# --- reading rules ---------------------------------------------------------------------------------------------------


def rules_of(text: str) -> list[Rule]:
    """The rules of a TOML file."""
    try:
        form = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRules(f"is no TOML: {error}") from None
    rules = form.get("rule")
    if form.keys() != {"rule"} or not isinstance(rules, list) or not rules:
        raise BadRules("must hold one or more [[rule]], and nothing else")
    return [_rule(number, rule) for number, rule in enumerate(cast("list[object]", rules), 1)]


def _rule(number: int, form: object) -> Rule:
    try:
        return Rule(**_checked(form))
    except BadRules as error:
        raise BadRules(f"rule {number}: {error}") from None


def _checked(form: object) -> dict[str, Any]:
    if not isinstance(form, dict):
        raise BadRules("must be a table")
    said = cast("dict[str, object]", form)
    if unknown := sorted(said.keys() - _READ.keys()):
        raise BadRules(f"`{unknown[0]}` is unknown: a rule has {', '.join(_READ)}")
    if "to" not in said:
        raise BadRules("`to` is missing: the URL to tell, as apprise writes it")
    return {key: _READ[key](key, value) for key, value in said.items()}


def _words(key: str, value: object) -> list[str]:
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    words = [word for word in several if isinstance(word, str)]
    if not words or len(words) < len(several):
        raise BadRules(f"`{key}` must be text, or a list of texts")
    return words


def _urls(key: str, value: object) -> tuple[str, ...]:
    urls = tuple(_words(key, value))
    # apprise would take a text apart at its spaces, and log the pieces that are none.
    if not all(_URL.fullmatch(url) for url in urls):
        raise BadRules(f"`{key}` must be URLs as apprise writes them: service://…")
    return urls


def _events(key: str, value: object) -> frozenset[str]:
    asked = _words(key, value)
    if unknown := [name for name in asked if name not in HOOKS]:
        raise BadRules(f"`{key}`: there is no {unknown[0]!r}; there is {', '.join(sorted(HOOKS))}")
    return frozenset(HOOKS[name] for name in asked)


def _severity(key: str, value: object) -> int:
    if not isinstance(value, str) or value not in names.SEVERITIES:
        raise BadRules(f"`{key}` must be one of {', '.join(names.SEVERITIES)}")
    return names.SEVERITIES[value]


def _pattern(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadRules(f"`{key}` must be text, in which * stands for anything")
    return value


_URL = re.compile(r"\w+://\S*")
_READ: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "to": _urls,
    "events": _events,
    "severity": _severity,
    "agent": _pattern,
    "session": _pattern,
}
