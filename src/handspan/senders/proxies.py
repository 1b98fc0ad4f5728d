"""The proxy that the environment names for an address, as `requests` would take it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    parts = urlsplit(url)
    proxies = getproxies()
    if not parts.hostname or _excepted(parts.hostname, parts.port, proxies.get("no", "")):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _excepted(host: str, port: int | None, exceptions: str) -> bool:
    address = _ipv4(host)
    if address is not None and any(_within(address, each.strip()) for each in exceptions.split(",")):
        return True
    return bool(proxy_bypass(f"{host}:{port}" if port else host))


def _ipv4(host: str) -> IPv4Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None


def _within(address: IPv4Address, network: str) -> bool:
    # Python's own reading of NO_PROXY knows names, but no networks.
    try:
        return address in IPv4Network(network, strict=False)
    except ValueError:
        return False
