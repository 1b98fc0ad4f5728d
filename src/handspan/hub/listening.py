"""Where the hub listens: addresses, and sockets on them, or a sentence that says who is there already."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from handspan.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BACKLOG = 2_048


class Taken(Exception):
    """Nobody else can listen there: why, and half of what to do."""


def listen(where: Sequence[Address]) -> list[socket.socket]:
    """A listening socket for each; without ::1 where this machine has no IPv6. Raises Taken."""
    found: list[socket.socket] = []
    try:
        for address in where:
            port = found[0].getsockname()[1] if found and not address.port else address.port
            one = _listening(Address(address.host, port))
            if one:
                found.append(one)
    except Taken:
        for one in found:
            one.close()
        raise
    return found


def _listening(address: Address) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if address.host == "::1" and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            return None
        if error.errno != errno.EADDRINUSE:
            raise Taken(f"{address} can't be listened on ({os.strerror(error.errno or 0)}): mend that") from error
        who = holder(address.port) or "another program"
        raise Taken(f"{who} listens on {address} already: end it") from error


def holder(port: int, proc: Path = Path("/proc")) -> str | None:
    """The name and id of the process that listens on a port, where the system tells: Linux, of one's own processes."""
    inodes = {inode for table in ("tcp", "tcp6") for inode in _listeners(proc / "net" / table, port)}
    for folder in proc.glob("[0-9]*") if inodes else ():
        try:
            if any(str(link.readlink()) in inodes for link in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (process {folder.name})"
        except OSError:
            # Another user's, or one that has just ended.
            continue
    return None


def _listeners(table: Path, port: int) -> Iterator[str]:
    try:
        rows = table.read_text().splitlines()[1:]
    except OSError:
        return
    for row in rows:
        fields = row.split()
        # 0A is the state of listening; the port is hexadecimal.
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            yield f"socket:[{fields[9]}]"


def is_own(host: str, port: int, where: Sequence[Address]) -> bool:
    """Whether `host:port` leads to one of these addresses. A host that is not known leads nowhere."""
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return any(address.port == port and any(_leads(str(one), address) for one in found) for address in where)


def _leads(one: str, address: Address) -> bool:
    # 0.0.0.0 as a destination is this machine.
    here = ipaddress.ip_address(one.partition("%")[0])
    if address.is_any:
        return here.is_unspecified or here.is_loopback or one in _own()
    return one == address.host or (here.is_unspecified and address.is_loopback)


def _own() -> set[str]:
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return set()
