"""What holds for every sender, whatever it speaks: each behaviour of a receiver gives the same kind of answer."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pytest

from handspan.demo import story
from handspan.otel_env import Target
from handspan.otlp import Encoder, Record
from handspan.senders import Answer, Done, Refused, Retry, Sender, TooLarge
from handspan.senders.cloudevents import Callback
from handspan.senders.otlp_grpc import OtlpGrpc
from handspan.senders.otlp_http import OtlpHttp
from handspan.signals import Log
from handspan.testing import play
from tests.receivers import (
    Certificates,
    Says,
    Status,
    free_port,
    grpc_receiver,
    http_receiver,
    raw_receiver,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

# Long enough for a busy machine to answer in, where an answer comes; and where none does, a test waits as long.
TIMEOUT = 1.0
LOGS: list[Record] = [Encoder().record(signal) for signal in play(story()) if isinstance(signal, Log)][:1]

HTTP = {
    "done": Says(200),
    "later": Says(503),
    "later in 7 s": Says(429, {"Retry-After": "7"}),
    "too large": Says(413),
    "refused": Says(400, body=b"no"),
    "wrong path": Says(404),
    "redirect": Says(307, {"Location": "/elsewhere"}),
    "hanging": Says(hang=True),
    "cut": Says(200, body=b"half", cut=True),
}
GRPC = {
    "done": Status(),
    "later": Status("UNAVAILABLE"),
    "later in 7 s": Status("RESOURCE_EXHAUSTED", after=7),
    "too large": Status("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5000000 vs. 4194304)"),
    "refused": Status("INVALID_ARGUMENT", "no"),
    "wrong path": Status("UNIMPLEMENTED"),
    "hanging": Status(hang=True),
}


class Open(Protocol):
    def __call__(self, behaviour: str) -> AbstractContextManager[Sender]: ...


@contextmanager
def over_http(behaviour: str) -> Generator[Sender]:
    with http_receiver(HTTP[behaviour]) as receiver:
        yield http_to(receiver.url)


@contextmanager
def over_grpc(behaviour: str) -> Generator[Sender]:
    with grpc_receiver(GRPC[behaviour]) as receiver:
        yield grpc_to(receiver.target)


@contextmanager
def by_callback(behaviour: str) -> Generator[Sender]:
    with http_receiver(HTTP[behaviour]) as receiver:
        yield callback_to(receiver.url)


def http_to(url: str, certificates: Certificates | None = None, ca: str = "ca", client: str | None = None) -> Sender:
    return OtlpHttp({"logs": target(f"{url}/v1/logs", certificates, ca, client)})


def grpc_to(url: str, certificates: Certificates | None = None, ca: str = "ca", client: str | None = None) -> Sender:
    return OtlpGrpc({"logs": target(url.partition("//")[2] or url, certificates, ca, client)})


def callback_to(
    url: str, certificates: Certificates | None = None, ca: str = "ca", client: str | None = None
) -> Sender:
    return Callback(target(url, certificates, ca, client))


def target(endpoint: str, certificates: Certificates | None, ca: str, client: str | None) -> Target:
    return Target(
        endpoint=endpoint,
        timeout=TIMEOUT if certificates is None else 10,
        insecure=certificates is None,
        certificate=certificates.file(f"{ca}.pem") if certificates else None,
        client_certificate=certificates.file(f"{client}.pem") if certificates and client else None,
        client_key=certificates.file(f"{client}.key") if certificates and client else None,
    )


ALL = pytest.mark.parametrize("opened", [over_http, over_grpc, by_callback])
HTTP_ONLY = pytest.mark.parametrize("opened", [over_http, by_callback])
TO = pytest.mark.parametrize("to", [http_to, grpc_to, callback_to])


def answer(opened: Open, behaviour: str) -> Answer:
    with opened(behaviour) as sender:
        try:
            return sender.send("logs", LOGS)
        finally:
            sender.close()


@ALL
def test_done(opened: Open) -> None:
    assert answer(opened, "done") == Done()


@ALL
def test_later(opened: Open) -> None:
    said = answer(opened, "later")
    assert isinstance(said, Retry)
    assert (said.after, said.done) == (None, 0)
    assert "503" in said.why or "UNAVAILABLE" in said.why


@ALL
def test_later_at_a_time_that_the_receiver_names(opened: Open) -> None:
    said = answer(opened, "later in 7 s")
    assert isinstance(said, Retry)
    assert said.after == 7


@ALL
def test_too_large(opened: Open) -> None:
    assert isinstance(answer(opened, "too large"), TooLarge)


@ALL
@pytest.mark.parametrize("behaviour", ["refused", "wrong path"])
def test_refused(opened: Open, behaviour: str) -> None:
    said = answer(opened, behaviour)
    assert isinstance(said, Refused)
    assert said.done == 0


@HTTP_ONLY
def test_a_redirect_is_refused_and_not_followed(opened: Open) -> None:
    assert answer(opened, "redirect") == Refused(
        "HTTP 307 Temporary Redirect: redirects are not followed, name the address itself"
    )


@ALL
def test_nobody_waits_longer_than_the_time_out(opened: Open) -> None:
    begun = time.monotonic()
    assert isinstance(answer(opened, "hanging"), Retry)
    assert TIMEOUT * 0.9 < time.monotonic() - begun < TIMEOUT + 5


@HTTP_ONLY
def test_an_answer_that_is_cut_is_none(opened: Open) -> None:
    assert isinstance(answer(opened, "cut"), Retry)


@TO
@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200", b"\0\xff garbage\r\n\r\n" * 50], ids=["none", "torn", "garbage"]
)
def test_what_is_no_answer_is_tried_again(to: Callable[[str], Sender], said: bytes) -> None:
    with raw_receiver(said) as port:
        sender = to(f"http://127.0.0.1:{port}")
        assert isinstance(sender.send("logs", LOGS), Retry)
        sender.close()


@TO
def test_where_nobody_listens(to: Callable[[str], Sender]) -> None:
    sender = to(f"http://127.0.0.1:{free_port()}")
    assert isinstance(sender.send("logs", LOGS), Retry)
    sender.close()


@TO
def test_a_name_holds_no_secret(to: Callable[[str], Sender]) -> None:
    if to is grpc_to:
        assert to("localhost:4317").name == "otlp_grpc localhost:4317"
        return
    assert "secret" not in to("http://user:secret@localhost:4318/there?key=secret").name
    assert to("http://user:secret@localhost:4318/there?key=secret").name.endswith("http://localhost:4318/there")


# --- TLS -------------------------------------------------------------------------------------------------------------


@contextmanager
def secured(to: Callable[..., Sender], certificates: Certificates, *, demand: bool = False) -> Generator[str]:
    if to is grpc_to:
        with grpc_receiver(None, certificates, demand=demand) as grpc:
            yield grpc.target
    else:
        with http_receiver(Says(), certificates=certificates, demand=demand) as http:
            yield http.url


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom the sender trusts, what it shows, whether the receiver asks for that, and what comes of it."""

    ca: str
    client: str | None
    demand: bool
    kind: type[Answer]


TRUSTS = {
    "own CA": Trust("ca", None, demand=False, kind=Done),
    "wrong CA": Trust("stranger", None, demand=False, kind=Retry),
    "client certificate": Trust("ca", "client", demand=True, kind=Done),
    "no client certificate": Trust("ca", None, demand=True, kind=Retry),
    "wrong client certificate": Trust("ca", "stranger", demand=True, kind=Retry),
}


@TO
@pytest.mark.parametrize("trust", TRUSTS.values(), ids=TRUSTS)
def test_tls(to: Callable[..., Sender], certificates: Certificates, trust: Trust) -> None:
    with secured(to, certificates, demand=trust.demand) as url:
        sender = to(url, certificates, trust.ca, trust.client)
        assert isinstance(sender.send("logs", LOGS), trust.kind)
        sender.close()
