"""Facts become events: translated as their source has it, and scrubbed. What can't be is counted, and costs itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from handspan.events import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_log = logging.getLogger("handspan")


class Translator:
    """`invalid` is called for each fact that is left out."""

    def __init__(
        self,
        translate: Callable[[Any], Iterable[Event]],
        scrub: Callable[[Event], Event],
        invalid: Callable[[], None],
    ) -> None:
        self._translate = translate
        self._scrub = scrub
        self._invalid = invalid
        # The types of error that have been told. An error's text may be another one each time.
        self._told: set[type[Exception]] = set()

    def facts(self, facts: Iterable[Any]) -> list[Event]:
        """The events of what a host said."""
        return [event for fact in facts for event in self._events(self._translate, fact)]

    def events(self, events: Iterable[Event]) -> list[Event]:
        """Events as they are, but scrubbed."""
        return [scrubbed for event in events for scrubbed in self._events(_as_it_is, event)]

    def _events(self, translate: Callable[[Any], Iterable[Event]], fact: Any) -> list[Event]:
        try:
            return [self._scrubbed(event) for event in translate(fact)]
        except Exception as error:
            # What a source can't read, or can't be scrubbed, must cost that fact, and not all that follow.
            if type(error) not in self._told:
                self._told.add(type(error))
                # Without the fact itself: it is not scrubbed.
                _log.exception("A fact (%s) could not be understood, and is left out.", type(fact).__name__)
            self._invalid()
            return []

    def _scrubbed(self, event: Event) -> Event:
        scrubbed = self._scrub(event)
        # A host may put anything.
        if not isinstance(scrubbed, Event):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"this is no event: {type(scrubbed).__name__}")
        return scrubbed


def _as_it_is(event: Event) -> tuple[Event]:
    return (event,)
