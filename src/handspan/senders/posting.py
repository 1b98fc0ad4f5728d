"""Posts bodies to one HTTP address over a connection that is kept open, and judges what comes back.

What never got a whole answer is a Retry: a refused connection, a certificate, a time-out, an answer that was cut or is
no HTTP. Redirects are never followed: the records would go to a place that nobody named.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from handspan.senders import Refused, Retry, TooLarge
from handspan.senders.proxies import proxy_for

if TYPE_CHECKING:
    from handspan.otel_env import Target

# An answer is a line of text or a message of some bytes. More than this is not read: it may be endless.
LONGEST_ANSWER = 64 * 1024
_LATER = {429, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is None where the answer is longer than anybody needs."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes | None


class Poster:
    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.endpoint)
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._headers = dict(target.headers) | _basic(parts.username, parts.password, "basic_auth")
        self._timeout = target.timeout
        self._pool = _pool(target)

    def post(self, body: bytes, headers: Mapping[str, str], within: float | None = None) -> Reply | Retry:
        """What the user's headers name goes before `headers`. `within` is what is left of the time-out, in seconds."""
        seconds = self._timeout if within is None else within
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=body,
                headers={**headers, **self._headers},
                timeout=urllib3.Timeout(total=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            with response:
                if not response.headers:
                    # To http.client a status line that was torn is a whole answer.
                    raise ConnectionError("the answer was cut")
                answer = _bounded(response, time.monotonic() + seconds)
        except (HTTPError, OSError, ValueError) as error:
            # ValueError: a header or an address that HTTP can't carry. It never left, so it is not refused either.
            return Retry(_line(str(error)))
        return Reply(response.status, response.reason or "", response.headers, answer)

    def close(self) -> None:
        self._pool.clear()


def place(url: str) -> str:
    """An address without what may be secret in it, to be named and kept."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def failure(reply: Reply) -> Retry | TooLarge | Refused:
    """What an answer other than 2xx means."""
    why = f"HTTP {reply.status} {reply.reason}".strip()
    if 300 <= reply.status < 400:
        return Refused(f"{why}: redirects are not followed, name the address itself")
    said = _line((reply.body or b"")[:1_000].decode("utf-8", "replace"))
    if said:
        why = f"{why}: {said}"
    if reply.status in _LATER:
        return Retry(why, _retry_after(reply.headers.get("retry-after", "").strip()))
    return TooLarge(why) if reply.status == 413 else Refused(why)


def _pool(target: Target) -> urllib3.PoolManager:
    # Files are named, not read: each connection reads them, so that a renewed certificate needs no restart.
    ca, certificate, key = target.certificate, target.client_certificate, target.client_key
    proxy = proxy_for(target.endpoint)
    if proxy is None:
        return urllib3.PoolManager(ca_certs=ca, cert_file=certificate, key_file=key)
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"The proxy {place(proxy)} is none for HTTP: name another, or except the host in NO_PROXY.")
    return urllib3.ProxyManager(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        proxy_headers=_basic(parts.username, parts.password, "proxy_basic_auth"),
        ca_certs=ca,
        cert_file=certificate,
        key_file=key,
    )


def _basic(user: str | None, password: str | None, header: Literal["basic_auth", "proxy_basic_auth"]) -> dict[str, str]:
    if user is None:
        return {}
    credentials = f"{unquote(user)}:{unquote(password or '')}"
    if header == "basic_auth":
        return dict(make_headers(basic_auth=credentials))
    return dict(make_headers(proxy_basic_auth=credentials))


def _bounded(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes | None:
    answer = b""
    while piece := response.read1(8_192):
        answer += piece
        if len(answer) > LONGEST_ANSWER:
            response.close()
            return None
        if time.monotonic() > deadline:
            raise TimeoutError("the answer did not end in time")
    return answer


def _line(text: str) -> str:
    """Somebody else's words as one short line that a terminal can show."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


def _retry_after(value: str) -> float | None:
    if value.isdecimal() and value.isascii():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - time.time())
