from __future__ import annotations

import pytest

from handspan import names
from handspan.hub.index.words import words_of

SAID = {
    names.SESSION_ID: "s1",
    names.AGENT_NAME: "dev",
    names.MESSAGE_DIGEST: "abcd",
    names.MESSAGE_TEXT: "do it",
    "n": 7,
    "same": "dev",
}


def test_of_a_span_of_ours() -> None:
    assert words_of("turn", "invoke_agent dev", SAID, "dev", ours=True) == "invoke_agent dev\ndev\ndo it"


def test_a_stranger_s_service_is_one_too() -> None:
    assert words_of("other", "GET /", {"url": "/cart"}, "shop", ours=False) == "GET /\n/cart\nshop"
    assert words_of("other", "GET /", {"url": "/cart"}, None, ours=False) == "GET /\n/cart"


@pytest.mark.parametrize("kind", ["session", "session.started", "terminal.started", "boot", "receive"])
def test_of_what_nobody_looks_for(kind: str) -> None:
    assert words_of(kind, "x", SAID, "dev", ours=True) == ""


def test_two_thousand_and_forty_eight_characters_are_kept() -> None:
    assert len(words_of("other", "x" * 2_048, {}, None, ours=False)) == 2_048
    assert len(words_of("other", "x" * 2_047, {"k": "long"}, None, ours=False)) == 2_048
