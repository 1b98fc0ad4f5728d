"""Addresses to listen on: `host:port`, IPv6 in brackets, several with commas between. `localhost` is both loopbacks."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Both, since a client may take either for localhost.
_LOCALHOST = ("127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, and a port; 0 is any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def is_any(self) -> bool:
        """Whether it is every address of this machine."""
        return ipaddress.ip_address(self.host).is_unspecified


def addresses(text: str) -> tuple[Address, ...]:
    """Raises ValueError."""
    found = tuple(address for each in text.split(",") for address in _addresses(each.strip()))
    if len(found) > len(set(found)):
        raise ValueError("an address is named twice")
    return found


def _addresses(text: str) -> Iterator[Address]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) <= 65_535):
        raise ValueError(f"{text} is no host:port")
    for one in _LOCALHOST if host == "localhost" else (host,):
        bare = one[1:-1] if one.startswith("[") and one.endswith("]") else one
        ip = ipaddress.ip_address(bare)
        if (ip.version == 6) != (bare != one):
            raise ValueError(f"{text} is no host:port")
        yield Address(str(ip), int(port))
