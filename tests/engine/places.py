"""Destinations for the engine's tests: they take, refuse or hang as they are told, and keep what they took."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from handspan.otlp import Kind, Record
from handspan.senders import Answer, Done

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOGS: frozenset[Kind] = frozenset({"logs"})
BOTH: frozenset[Kind] = frozenset({"traces", "logs"})


def record(body: str) -> Record:
    return Record(kind="logs", key=body, resource=b"", body=body.encode())


def bodies(records: Sequence[Record]) -> list[str]:
    return [r.body.decode() for r in records]


class Taking:
    """Answers what `answer` says of the records it is given; without it, takes all."""

    def __init__(
        self, answer: Callable[[Sequence[Record]], Answer] = lambda _: Done(), kinds: frozenset[Kind] = LOGS
    ) -> None:
        self.name = "place"
        self.kinds = kinds
        self.answer = answer
        self.taken: list[Record] = []
        self.requests = 0
        self.asked = threading.Event()
        self.closes = 0

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        assert kind in self.kinds
        self.requests += 1
        answer = self.answer(records)
        if isinstance(answer, Done):
            self.taken += records
        else:
            self.taken += records[: answer.done]
        self.asked.set()
        return answer

    def send_logs(self, records: Sequence[Record]) -> Answer:
        return self.send("logs", records)

    def close(self) -> None:
        self.closes += 1


class Hanging(Taking):
    """Answers nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        self.asked.set()
        self.released.wait(30)
        return super().send(kind, records)
