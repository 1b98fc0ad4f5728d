"""What the value of a setting may be, how it is read from text, and what of it may be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from handspan.addresses import addresses

HIDDEN = "***"

_SECOND = 1_000_000_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3600 * _SECOND, 86_400 * _SECOND
# A plain number is seconds, or bytes.
_TIMES = {"": _SECOND, "s": _SECOND, "m": _MINUTE, "h": _HOUR, "d": _DAY}
_SIZES = {
    "": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)},
}
# Added to a time in nanoseconds since 1970, ten years stay far inside the 64 bits of a column in the spool.
_LONGEST = 3650 * _DAY
# A batch is up to 4 MiB: a smaller spool could not hold what is being sent.
_SMALLEST = 4 * 1024**2
# More than any disk of one machine, and far inside 64 bits.
_LARGEST = 1024**5
# Drawn at random, as many characters of any alphabet can't be guessed.
_SHORTEST_TOKEN = 16
_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")
_PRINTABLE = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` raises ValueError for what is not `allowed`. Of what may be secret only `shown` is shown."""

    allowed: str
    read: Callable[[str], object]
    shown: Callable[[str], str] | None = None


def choice(*allowed: str) -> Kind:
    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Kind(f"{', '.join(allowed[:-1])} or {allowed[-1]}", read)


def _amount(units: Mapping[str, int], least: int, most: int) -> Callable[[str], int]:
    form = re.compile(rf"([0-9]{{1,18}}(?:\.[0-9]{{1,9}})?) ?({'|'.join(units)})")

    def read(text: str) -> int:
        match = form.fullmatch(text)
        amount = round(float(match[1]) * units[match[2]]) if match else -1
        if not least <= amount <= most:
            raise ValueError(text)
        return amount

    return read


def _or_never(read: Callable[[str], int]) -> Callable[[str], int | None]:
    return lambda text: read(text) or None


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0 or not _PRINTABLE.fullmatch(text):
        raise ValueError(text)
    return text


def _urls(text: str) -> tuple[str, ...]:
    return tuple(_endpoint(each) for each in text.split())


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme in {"grpc", "grpcs"}:
        # Of these only host and port are used.
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.port is None:
            raise ValueError(text)
        parts = parts._replace(scheme="http")
    _url(parts.geturl())
    return text


def _token(text: str) -> str:
    if len(text) < _SHORTEST_TOKEN or not _PRINTABLE.fullmatch(text):
        raise ValueError(text)
    return text


def _path(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or "\0" in text:
        raise ValueError(text)
    return path


def host_of(url: str) -> str:
    """Of a webhook's address only the host may be shown: its path is often what lets one in."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    hidden = parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{f'{HIDDEN}@' if user else ''}{host}{f'/{HIDDEN}' if hidden else parts.path}"


def address_of(url: str) -> str:
    """The address without who asks and the query; it may be none at all."""
    scheme = _SCHEME.match(url)
    start = scheme[0] if scheme else ""
    address, *after = re.split("[?#]", url.removeprefix(start))
    if any("@" in part for part in after):
        # Before it may be a password with a ? in it, and nobody knows where that begins.
        return HIDDEN
    user, _, place = address.rpartition("@")
    return f"{start}{f'{HIDDEN}@' if user else ''}{place}{f'?{HIDDEN}' if after else ''}"


_AS = "as 2s, 10m, 24h, 7d, 1.5h or plain seconds"
DURATION = Kind(f"more than 0 and at most 3650d, {_AS}", _amount(_TIMES, 1, _LONGEST))
DURATION_OR_NEVER = Kind(f"0 (never) or at most 3650d, {_AS}", _or_never(_amount(_TIMES, 0, _LONGEST)))
BYTES = Kind("at least 4MiB and at most 1024TiB, as 512MiB, 1GB or plain bytes", _amount(_SIZES, _SMALLEST, _LARGEST))
URL = Kind("an address as http://host:port/path or https://host:port/path", _url, host_of)
ENDPOINTS = Kind(
    "http://host:port, https://host, grpc://host:port or grpcs://host:port, several with spaces between",
    _urls,
    lambda text: " ".join(map(address_of, text.split())),
)
ADDRESSES = Kind("host:port with an IP address or localhost as host, several with commas between", addresses)
UNGUESSABLE = Kind(f"at least {_SHORTEST_TOKEN} printable characters without spaces", _token, lambda _: HIDDEN)
# A relative one would be another one for each program that reads the same settings.
PATH = Kind("an absolute path, or one that begins with ~/ where HOME is set", _path)
