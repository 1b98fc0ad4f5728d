"""Requests to another OTLP endpoint, each as it came: only for gRPC it is written anew, and only one that is refused or
too large is taken apart.

    http://host:4318   https://host   OTLP/HTTP, under whatever path stands behind it
    grpc://host:4317   grpcs://host   OTLP/gRPC, plain or with TLS
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from handspan.engine.delivery import deliver
from handspan.hub import wire
from handspan.hub.answers import TYPES
from handspan.otel_env import Target
from handspan.otlp import Record
from handspan.senders import Done, Refused, Retry, TooLarge
from handspan.senders.otlp_http import OtlpHttp
from handspan.senders.posting import place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handspan.hub.record import Encoding
    from handspan.otlp import Kind
    from handspan.senders import Answer

KINDS: Final[tuple[Kind, ...]] = ("traces", "logs", "metrics")


def request_of(kind: Kind, encoding: Encoding, body: bytes) -> Record:
    """What arrived, as senders and drains take it: a record that is a whole request. Its key is its encoding."""
    return Record(kind=kind, key=encoding, resource=b"", body=body)


class Onward:
    """Of records as `request_of` makes them."""

    def __init__(self, url: str) -> None:
        self.name = place(url)
        self.kinds: frozenset[Kind] = frozenset(KINDS)
        self._post, self.close = _http(url) if urlsplit(url).scheme in {"http", "https"} else _grpc(url)
        # Of a request that was taken apart, what is not through yet: the rest must not be sent twice.
        self._left: dict[Kind, tuple[Record, list[Record]]] = {}
        # Where all items of a request were refused one by one, and nothing was taken since: it is not the requests.
        self._refusing: set[Kind] = set()

    def send(self, kind: Kind, records: Sequence[Record]) -> Answer:
        rejected, said = 0, ""
        for done, record in enumerate(records):
            answer = self._request(kind, record)
            if not isinstance(answer, Done):
                return dataclasses.replace(answer, done=done)
            rejected, said = rejected + answer.rejected, answer.said or said
        return Done(rejected, said)

    def _request(self, kind: Kind, record: Record) -> Answer:
        whole, left = self._left.get(kind, (None, list[Record]()))
        if whole != record:
            answer = self._sent(kind, _encoding(record), record.body)
            if not isinstance(answer, TooLarge | Refused) or kind in self._refusing:
                return answer
            left = [request_of(kind, "protobuf", piece) for piece in wire.pieces(kind, _encoding(record), record.body)]
            if len(left) < 2:
                return answer
        return self._apart(kind, record, left)

    def _apart(self, kind: Kind, whole: Record, left: list[Record]) -> Answer:
        """Its items, as many at once as are taken."""
        delivery = deliver(lambda some: self._sent(kind, "protobuf", b"".join(one.body for one in some)), left)
        del left[: delivery.settled]
        self._left[kind] = whole, left
        if delivery.why is None:
            del self._left[kind]
            reasons = [why for _, why in delivery.rejected]
            return Done(delivery.refused_in_part + len(reasons), "; ".join(dict.fromkeys(reasons)))
        if delivery.refusing:
            self._refusing.add(kind)
            return Refused(delivery.why)
        return Retry(delivery.why, delivery.after)

    def _sent(self, kind: Kind, encoding: Encoding, body: bytes) -> Answer:
        answer = self._post(kind, encoding, body)
        if isinstance(answer, Done):
            self._refusing.discard(kind)
        return answer


def _encoding(record: Record) -> Encoding:
    return "json" if record.key == "json" else "protobuf"


_Post = tuple["Callable[[Kind, Encoding, bytes], Answer]", "Callable[[], None]"]


def _http(url: str) -> _Post:
    base = url.rstrip("/")
    sender = OtlpHttp({kind: Target(endpoint=f"{base}/v1/{kind}", compression="gzip") for kind in KINDS})
    return lambda kind, encoding, body: sender.post(kind, body, TYPES[encoding]), sender.close


def _grpc(url: str) -> _Post:
    # Imported where it is used: it takes a tenth of a second.
    from handspan.senders.otlp_grpc import OtlpGrpc  # noqa: PLC0415

    parts = urlsplit(url)
    target = Target(endpoint=parts.netloc, insecure=parts.scheme == "grpc", compression="gzip")
    sender = OtlpGrpc(dict.fromkeys(KINDS, target))
    return lambda kind, encoding, body: sender.post(kind, wire.in_protobuf(kind, encoding, body)), sender.close
