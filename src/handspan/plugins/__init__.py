"""The contract of plugins: code of a user's that is called when something happened.

    class Bell(Plugin):
        @hook("stuck", "waiting_started")
        def ring(self, event: HookEvent) -> None:
            print("\a", event.agent)

What a handler is given is in handspan.plugins.events; who calls it, and what happens if it fails, in handspan.hooks.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from handspan import names

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Handler = Callable[[Any], object]

Method = TypeVar("Method", bound="Callable[..., object]")

# What a handler may ask for, and the name that its event bears: the one known before, where there is one.
HOOKS: Final[Mapping[str, str]] = MappingProxyType({
    asked: event.alias or event.hook
    for event in names.LOG_EVENTS.values()
    for asked in (event.hook, event.alias)
    if asked
})
_MARK = "_handspan_hooks"


class Plugin:
    """What every plugin derives from. Both methods may be sync or async, and need not be there.

    All of a plugin is called on one thread of its own, with one event loop that runs from `setup` to `teardown`.
    """

    def setup(self) -> Awaitable[None] | None:
        """Called once, before any handler. If it fails, the plugin is skipped."""

    def teardown(self) -> Awaitable[None] | None:
        """Called once, at the end."""


def hook(*wanted: str) -> Callable[[Method], Method]:
    """Mark a plugin's method, sync or async, as one to call when any of these happened."""
    unknown = [name for name in wanted if name not in HOOKS]
    if unknown or not wanted:
        asked = f"There is no hook {unknown[0]!r}" if unknown else "A hook needs a name"
        raise ValueError(f"{asked}. Write @hook(name) with one or more of: {', '.join(sorted(HOOKS))}.")

    def mark(method: Method) -> Method:
        setattr(method, _MARK, (*_marks(method), *(HOOKS[name] for name in wanted)))
        return method

    return mark


def handlers_of(plugin: Plugin) -> dict[str, list[Handler]]:
    """A plugin's handlers by the name of the event that they are for, in the order in which they are written."""
    handlers: dict[str, list[Handler]] = {}
    written = dict.fromkeys(name for kind in reversed(type(plugin).__mro__) for name in vars(kind))
    for name in written:
        # Asked of the class, so that no property runs.
        for event in dict.fromkeys(_marks(getattr(type(plugin), name, None))):
            handlers.setdefault(event, []).append(getattr(plugin, name))
    return handlers


def _marks(method: object) -> tuple[str, ...]:
    return cast("tuple[str, ...]", getattr(method, _MARK, ()))
