from __future__ import annotations

from pathlib import Path

import pytest

from handspan.addresses import Address
from handspan.setting_kinds import (
    ADDRESSES,
    BYTES,
    DURATION,
    DURATION_OR_NEVER,
    ENDPOINTS,
    PATH,
    UNGUESSABLE,
    URL,
    Kind,
    address_of,
    choice,
    host_of,
)

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
PASSWORD = "tell-" + "nobody"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2s", 2 * SECOND),
        ("10m", 600 * SECOND),
        ("24h", DAY),
        ("7d", 7 * DAY),
        ("1.5h", 5_400 * SECOND),
        ("2 s", 2 * SECOND),
        ("90", 90 * SECOND),
        ("0.25", SECOND // 4),
        ("2.01", 2_010_000_000),
        ("0.000000001", 1),
        ("3650d", 3650 * DAY),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert (DURATION.read(text), DURATION_OR_NEVER.read(text)) == (nanoseconds, nanoseconds)


def test_only_where_it_means_never_a_duration_may_be_0() -> None:
    assert [DURATION_OR_NEVER.read(text) for text in ("0", "0d", "0.0s")] == [None, None, None]
    for text in ("0", "0d", "0.0s"):
        assert_refused(DURATION, text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512MiB", 512 * 1024**2),
        ("1GB", 1000**3),
        ("1.5 GiB", 1024**3 * 3 // 2),
        ("5000KB", 5_000_000),
        ("5000KiB", 5_120_000),
        ("1TB", 1000**4),
        ("4194304", 4 * 1024**2),
        ("4MiB", 4 * 1024**2),
        ("1024TiB", 1024**5),
    ],
)
def test_bytes(text: str, size: int) -> None:
    assert BYTES.read(text) == size


def assert_refused(kind: Kind, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (whoever reads a setting words the message)
        kind.read(text)


@pytest.mark.parametrize("kind", [DURATION, DURATION_OR_NEVER], ids=["duration", "duration or never"])
@pytest.mark.parametrize(
    "text",
    [
        *("-1", "-0", "+1", "1w", "2S", "s", "1 h 5m", "1h5m", "1,5h", ".5s", "1.s", "1e3", "inf", "nan", "\u0662s"),
        *("3650.1d", "87601h", "9" * 5_000, "2s\0", "2s\n", "2\udcffs", "0x10"),
    ],
)
def test_what_is_no_duration(kind: Kind, text: str) -> None:
    assert_refused(kind, text)


@pytest.mark.parametrize(
    "text", ["0", "-5MB", "4194303", "3.99MiB", "1025TiB", "9" * 400, "512mb", "512M", "5PB", "1e9", "MiB", "5MB "]
)
def test_what_is_no_size(text: str) -> None:
    assert_refused(BYTES, text)


def test_a_choice_is_one_of_few_words() -> None:
    kind = choice("off", "redacted", "full")
    assert [kind.allowed, *map(kind.read, ("off", "redacted", "full"))] == [
        "off, redacted or full",
        "off",
        "redacted",
        "full",
    ]
    for text in ("OFF", "of", "off ", "", "o\udcffff"):
        assert_refused(kind, text)


@pytest.mark.parametrize("text", ["http://h", "https://u:p@h:1/x?y#z", "HTTP://[::1]:65535/"])
def test_addresses(text: str) -> None:
    assert URL.read(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "h:80/x",
            "ftp://h",
            "http://",
            "http:///x",
            "//h",
            "http://h:0",
            "http://h:65536",
            "http://[::1",
            "http://:80",
        ),
        *("http://h/a b", "http://h/\r\nx", "http://h/\u00e9", "http://h/\udcff", "http://h/\0", "http://\u2100.com"),
    ],
    ids=ascii,
)
def test_what_is_no_address(text: str) -> None:
    assert_refused(URL, text)


@pytest.mark.parametrize("text", ["/", "/a b", "/a\udcff", "/a/../b"], ids=ascii)
def test_paths(text: str) -> None:
    assert PATH.read(text) == Path(text)


@pytest.mark.parametrize("text", ["a", "./a", "../a", "~", "~/a", "~root/a", "/a\0b", "C:\\a"], ids=ascii)
def test_what_is_no_path(text: str) -> None:
    assert_refused(PATH, text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h", "https://h"),
        ("https://h:1/", "https://h:1/"),
        (f"https://u:{PASSWORD}@h", "https://***@h"),
        (f"https://{PASSWORD}@h:1/", "https://***@h:1/"),
        (f"https://h/services/{PASSWORD}", "https://h/***"),
        (f"https://h?{PASSWORD}", "https://h/***"),
        (f"https://h/#{PASSWORD}", "https://h/***"),
        (f"https://a@{PASSWORD}@[::1]:1/x", "https://***@[::1]:1/***"),
    ],
)
def test_of_a_webhook_only_the_host_is_shown(url: str, shown: str) -> None:
    assert host_of(url) == shown
    assert URL.shown is host_of


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:4318/v1/traces", "http://h:4318/v1/traces"),
        ("h:4317", "h:4317"),
        ("dns:///h:4317", "dns:///h:4317"),
        (f"https://u:{PASSWORD}@h/x", "https://***@h/x"),
        (f"u:{PASSWORD}@h:4317", "***@h:4317"),
        (f"https://h/x?key={PASSWORD}", "https://h/x?***"),
        (f"https://h/x#{PASSWORD}", "https://h/x?***"),
        (f"https://u:1?{PASSWORD}@h", "***"),
        (f"https://u:1#{PASSWORD}@h", "***"),
        (f"https://u:{PASSWORD}/@h/x", "https://***@h/x"),
        (f"u:{PASSWORD}@h://x", "***@h://x"),
        (f"https://u:{PASSWORD}://x@h", "https://***@h"),
        (f"h?{PASSWORD}://x", "h?***"),
        ("", ""),
    ],
)
def test_of_another_address_who_asks_and_the_query_are_hidden(url: str, shown: str) -> None:
    assert address_of(url) == shown
    assert PASSWORD not in shown


def test_endpoints() -> None:
    urls = ("http://h:4318/base", "https://u:p@h", "grpc://h:4317", "grpcs://[::1]:1")
    assert ENDPOINTS.read("  ".join(urls)) == urls
    assert ENDPOINTS.shown
    assert ENDPOINTS.shown(f"https://u:{PASSWORD}@h/x grpc://h:1") == "https://***@h/x grpc://h:1"


@pytest.mark.parametrize(
    "text",
    ["h:4318", "ftp://h", "http://", "grpc://h", "grpc://h:1/path", "grpc://u:p@h:1", "grpc://h:0", "http://h x"],
)
def test_what_is_no_endpoint(text: str) -> None:
    assert_refused(ENDPOINTS, text)


def test_addresses_to_listen_on() -> None:
    assert ADDRESSES.read("127.0.0.1:1,[::1]:2") == (Address("127.0.0.1", 1), Address("::1", 2))
    assert_refused(ADDRESSES, "example.org:1")


def test_a_token_is_long_and_never_shown() -> None:
    assert UNGUESSABLE.read("t" * 16) == "t" * 16
    assert_refused(UNGUESSABLE, "t" * 15)
    assert_refused(UNGUESSABLE, "t" * 16 + " t")
    assert UNGUESSABLE.shown
    assert UNGUESSABLE.shown("t" * 16) == "***"
