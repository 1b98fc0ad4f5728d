from __future__ import annotations

from itertools import product

import pytest
from requests.utils import get_environ_proxies, select_proxy

from handspan.senders.proxies import proxy_for

URLS = [
    *("http://col:4318/v1", "https://col/v1", "http://sub.example.com", "http://10.1.2.3:80", "http://192.168.7.1"),
    *("http://localhost:4318", "http://127.0.0.1:4318", "http://[::1]:4318"),
]
EXCEPTIONS = [
    "",
    "col",
    "col:4318",
    "col:1",
    ".example.com",
    "example.com",
    "10.0.0.0/8",
    "10.9.9.9/8",
    "10.1.2.3, col",
    "*",
    "a/b,/8",
]
PROXIES = [
    {},
    {"http_proxy": "http://one:1"},
    {"HTTPS_PROXY": "http://two:2"},
    {"all_proxy": "http://three:3"},
    {"http_proxy": "http://one:1", "ALL_PROXY": "http://three:3"},
]


@pytest.mark.parametrize("proxies", PROXIES, ids=str)
def test_a_proxy_is_the_one_that_requests_would_take(proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    for url, exceptions in product(URLS, EXCEPTIONS):
        monkeypatch.setenv("no_proxy", exceptions)
        theirs = select_proxy(url, get_environ_proxies(url, None))
        assert (url, exceptions, proxy_for(url)) == (url, exceptions, theirs)


def test_a_proxy_without_a_scheme_is_an_http_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "one:1")
    assert proxy_for("http://col") == "http://one:1"
