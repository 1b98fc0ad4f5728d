"""Which requests come in at all: one layer around everything that the hub serves over HTTP.

    Host             a loopback name, a listen address, or --allow-host; any port (ssh -L and containers change it)
    Origin           if there is one, the same as Host, or in --allow-origin: a web page elsewhere can't post to us
    Sec-Fetch-Site   another site's page may only lead here, not read or embed what is here
    POST             OTLP, CloudEvents or JSON, which no form in a web page can send
    the token        where one is set: as a bearer token, or as the cookie that a browser gets for it at /token
    the body         at most 20 MiB, also unpacked, and whole within 30 seconds

What comes through has a plain body, whole. A refusal that has a body before it reads that first, and throws it away:
whoever sends it would see a broken connection instead of the answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import re
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from handspan.hub import answers, bodies
from handspan.hub.answers import JSON, PROTOBUF, Refusal
from handspan.hub.bodies import MOST_BYTES
from handspan.hub.events_door import CLOUDEVENT, CLOUDEVENTS, NDJSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE: Final = "handspan_token"
TOKEN_PATH: Final = "/token"  # noqa: S105 (where a token is sent)
_METHODS: Final = {"GET", "HEAD", "POST", "OPTIONS"}
_TYPES: Final = {PROTOBUF, JSON, CLOUDEVENT, CLOUDEVENTS, *NDJSON}
# Where there is nothing to be learnt: whoever has no token yet needs the page to give it.
_OPEN: Final = {"/", "/healthz", "/readyz", TOKEN_PATH}
_OPEN_UNDER: Final = ("/s/", "/web/")
_HOST: Final = re.compile(r"(\[(?P<ip>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+?)\.?)(:[0-9]+)?")
# All bodies that are being read at once. One that does not say how large it is counts as the largest.
_MOST_AT_ONCE: Final = 12 * MOST_BYTES
_AFTER: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """`hosts` are names and addresses beside the loopback's."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str | None = None


class Guards:
    def __init__(self, app: ASGIApp, allowed: Allowed, *, body_seconds: float = 30.0) -> None:
        self._app = app
        self._allowed = allowed
        self._seconds = body_seconds
        self._reserved = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, self._marked(Headers(scope=scope).get("origin"), send))
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            body = await self._let_in(scope, headers, _Incoming(receive))
            response = self._own(scope, body)
        except Refusal as refusal:
            response = answers.refused(refusal, scope["path"], headers.get("content-type", ""))
            response.headers["Connection"] = "close"
        else:
            if response is None:
                await self._app(_plain(scope), _replayed(body, receive), send)
                return
        await response(scope, receive, send)

    async def _let_in(self, scope: Scope, headers: Headers, incoming: _Incoming) -> bytes:
        """The body of a request that may come in."""
        reserved = 0
        try:
            self._check(scope["method"], scope["path"], headers)
            if scope["method"] != "POST":
                return b""
            reserved = self._reserve(headers)
            body = await self._read(incoming)
        except Refusal as refusal:
            if refusal.status != 408:  # which has been waited for long enough
                await self._discard(incoming)
            raise
        finally:
            self._reserved -= reserved
        return await _unpacked(body, headers.get("content-encoding", "").strip().lower())

    def _own(self, scope: Scope, body: bytes) -> Response | None:
        if scope["method"] == "OPTIONS":
            return Response(status_code=204)
        if scope["method"] == "POST" and scope["path"] == TOKEN_PATH:
            return self._exchanged(body)
        return None

    # --- who asks ----------------------------------------------------------------------------------------------------

    def _check(self, method: str, path: str, headers: Headers) -> None:
        if method not in _METHODS:
            raise Refusal(405, f"{method} is for nothing here")
        self._check_host(headers.getlist("host"))
        allowed = self._check_origin(headers)
        if not allowed and headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            navigating = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
            if not navigating or headers.get("sec-fetch-dest") != "document":
                raise Refusal(403, "a page of another site may not ask for this: name its origin in --allow-origin")
        if method == "OPTIONS":
            if not allowed:
                raise Refusal(405, "OPTIONS is for pages of an origin in --allow-origin")
            return
        self._check_token(path, headers)
        if method == "POST" and answers.media_type(headers.get("content-type", "")) not in _TYPES:
            raise Refusal(415, f"a body is one of {', '.join(sorted(_TYPES))}")

    def _check_host(self, hosts: list[str]) -> None:
        host = _host(hosts[0]) if len(hosts) == 1 else ""
        if not (_is_loopback(host) or host in self._allowed.hosts):
            raise Refusal(403, "this host is not the hub's: ask for a loopback name, or name it in --allow-host")

    def _check_origin(self, headers: Headers) -> bool:
        """Whether a page of an allowed origin asks."""
        origins = headers.getlist("origin")
        if not origins:
            return False
        if len(origins) == 1 and origins[0] in self._allowed.origins:
            return True
        if len(origins) > 1 or urlsplit(origins[0]).netloc.lower() != headers["host"].lower():
            raise Refusal(403, "a page of another origin may not ask for this: name its origin in --allow-origin")
        return False

    def _check_token(self, path: str, headers: Headers) -> None:
        token = self._allowed.token
        if token is None or path in _OPEN or path.startswith(_OPEN_UNDER):
            return
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(said.strip(), token):
            return
        if not _same(_cookie(headers), _for_browsers(token)):
            raise Refusal(
                401, "send the hub's token: Authorization: Bearer <token>; in a browser, open /#token=<token>"
            )

    def _exchanged(self, body: bytes) -> Response:
        """The cookie for a token. A script of the page can't read it, and no other site's page can make it be sent."""
        try:
            said = json.loads(body)["token"]
        except (ValueError, RecursionError, TypeError, KeyError):
            raise Refusal(400, 'send {"token": "..."}') from None
        token = self._allowed.token
        if token is None:
            return Response(status_code=204)
        if not isinstance(said, str) or not _same(said, token):
            raise Refusal(401, "this is not the hub's token")
        response = Response(status_code=204)
        response.set_cookie(COOKIE, _for_browsers(token), httponly=True, samesite="strict", path="/")
        return response

    def _marked(self, origin: str | None, send: Send) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                if origin in self._allowed.origins:
                    headers["Access-Control-Allow-Origin"] = str(origin)
                    headers["Access-Control-Allow-Headers"] = "authorization, content-encoding, content-type"
                    headers.add_vary_header("Origin")
                else:
                    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            await send(message)

        return marked

    # --- what is sent ------------------------------------------------------------------------------------------------

    def _reserve(self, headers: Headers) -> int:
        said = headers.get("content-length", "")
        size = int(said) if said.isdecimal() else MOST_BYTES
        if size > MOST_BYTES:
            raise bodies.too_large()
        if self._reserved + size > _MOST_AT_ONCE:
            raise Refusal(429, "too much is sent at once: come back in a moment", _AFTER)
        self._reserved += size
        return size

    async def _read(self, incoming: _Incoming) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for piece in incoming.pieces():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise bodies.too_large()
        except TimeoutError:
            raise Refusal(408, f"the body did not arrive within {self._seconds:.0f} s") from None
        return bytes(body)

    async def _discard(self, incoming: _Incoming) -> None:
        """Read what is still sent and throw it away, but not for ever."""
        left = _MOST_AT_ONCE
        try:
            async with asyncio.timeout(self._seconds):
                async for piece in incoming.pieces():
                    left -= len(piece)
                    if left < 0:
                        return
        except (TimeoutError, Refusal):
            return


class _Incoming:
    """A body on its way, also where nobody has read it to its end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def pieces(self) -> AsyncIterator[bytes]:
        """What has not been read yet. Raises Refusal if it will not come."""
        while self._more:
            message = await self._receive()
            self._more = message.get("more_body", False)
            if message["type"] == "http.disconnect":
                # Half a request is none, even where it could be read.
                raise Refusal(400, "the connection was closed before the body had ended")
            yield message.get("body", b"")


async def _unpacked(body: bytes, encoding: str) -> bytes:
    # A large one takes a while, and others are served meanwhile.
    return await run_in_threadpool(bodies.unpacked, body, encoding) if encoding else body


def _plain(scope: Scope) -> Scope:
    headers = [
        (name, value) for name, value in scope["headers"] if name not in {b"content-encoding", b"content-length"}
    ]
    return {**scope, "headers": headers}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body at once, then whatever happens on the connection."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _host(host: str) -> str:
    """A Host header without its port; nothing where it is none."""
    found = _HOST.fullmatch(host.lower())
    return (found["ip"] or found["name"]) if found else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _same(said: str, known: str) -> bool:
    # In a time that does not depend on how much of it is right.
    return hmac.compare_digest(said.encode("utf-8", "backslashreplace"), known.encode())


def _for_browsers(token: str) -> str:
    """What a browser keeps. It opens this hub's doors, but does not tell the token."""
    return hmac.new(token.encode(), b"handspan cookie", hashlib.sha256).hexdigest()


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
