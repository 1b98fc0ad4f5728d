from __future__ import annotations

import pytest

from handspan.addresses import Address, addresses


def test_localhost_is_both_loopbacks() -> None:
    assert addresses("localhost:4318") == (Address("127.0.0.1", 4318), Address("::1", 4318))


def test_several() -> None:
    found = addresses("127.0.0.1:4318, [::1]:4319,0.0.0.0:0")
    assert found == (Address("127.0.0.1", 4318), Address("::1", 4319), Address("0.0.0.0", 0))  # noqa: S104 (not bound)
    assert [str(one) for one in found] == ["127.0.0.1:4318", "[::1]:4319", "0.0.0.0:0"]
    assert [(one.is_loopback, one.is_any) for one in found] == [(True, False), (True, False), (False, True)]


@pytest.mark.parametrize(
    "text",
    ["", "4318", ":4318", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:²",
     "::1:4318", "[127.0.0.1]:4318", "example.org:4318", "[::1:4318", "localhost:1,127.0.0.1:1", "127.0.0.1:1,"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|named twice|does not appear to be"):
        addresses(text)
