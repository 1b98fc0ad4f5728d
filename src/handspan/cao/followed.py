"""Rows of a table that may still change, each with what was told of it last: only what is news is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Key = TypeVar("_Key")


class Followed(Generic[_Key]):
    """What a row `says` is whatever in it is news if it changes."""

    def __init__(self) -> None:
        self._said: dict[_Key, object] = {}  # None: it is to be told as it is found next
        self._hushed: dict[_Key, object] = {}

    @property
    def keys(self) -> list[_Key]:
        return [*self._said, *self._hushed]

    @property
    def told(self) -> list[_Key]:
        return [key for key, says in self._said.items() if says is not None]

    def follow(self, keys: Iterable[_Key]) -> None:
        """Of these all is news that was not told."""
        for key in keys:
            self._hushed.pop(key, None)
            self._said.setdefault(key, None)

    def hush(self, says: Mapping[_Key, object]) -> None:
        """Of these nothing is news until they say something else; who is followed stays so."""
        self._hushed.update({key: said for key, said in says.items() if key not in self._said})

    def news(self, key: _Key, says: object, *, final: bool) -> bool:
        """Whether this was not told before. What is final is followed no more."""
        if key in self._hushed and self._hushed[key] == says:
            return False
        self._hushed.pop(key, None)
        said = self._said.pop(key, None)
        if not final:
            self._said[key] = says
        return said != says

    def forget(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            self._said.pop(key, None)
