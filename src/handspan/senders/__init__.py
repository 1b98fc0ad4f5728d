"""Senders take records to one place each. This is the contract; the suite in tests/senders holds all of them to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.otlp import Kind, Record


@dataclass(frozen=True, slots=True)
class Done:
    """All are through; the receiver would not have `rejected` of them, and they are never sent again."""

    rejected: int = 0
    said: str = ""


# Where records go one by one, the first `done` of them are through, and the answer is about the one that follows.


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now: the same records may get through later, after `after` seconds if the receiver named a time."""

    why: str
    after: float | None = None
    done: int = 0


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Not so many at once."""

    why: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Any other answer. Whether a record or the destination is to blame is for the caller to find out."""

    why: str
    done: int = 0


Answer = Done | Retry | TooLarge | Refused


class Sender(Protocol):
    # Unique and stable: the destination's place in the outbox is kept under it. Never with a user, password or query.
    name: str
    kinds: frozenset[Kind]

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        """Takes records of one kind there. Never raises."""
        ...

    def close(self) -> None: ...
