from __future__ import annotations

import time

import pytest

from handspan.secret_shapes import shaped
from tests.planted_secrets import ALNUM, HEX, SHAPES, TOKENS, Planted, made


def found(text: str) -> list[tuple[str, str]]:
    """What is known by its shape in a text: its kind, and the text of it."""
    return [(kind, text[start:stop]) for start, stop, kind in shaped(text)]


@pytest.mark.parametrize("planted", [*TOKENS, *SHAPES])
@pytest.mark.parametrize("around", ["{}", "it is {} there", '"{}"', "x={};", "({})\n", "┃{}┃"])
def test_a_secret_is_known_by_its_shape(planted: Planted, around: str) -> None:
    text = around.format(planted.text)
    assert (planted.kind, planted.secret) in found(text)


@pytest.mark.parametrize("planted", TOKENS)
@pytest.mark.parametrize("edge", ["\n", "\r\n", "  \n    ", " │\n│ "])
def test_a_token_goes_on_behind_the_edge_of_the_screen(planted: Planted, edge: str) -> None:
    broken = planted.secret[:24] + edge + planted.secret[24:]
    assert found(f"{broken} Then I went on.")[0] == (planted.kind, broken)


def test_what_stands_on_the_line_after_a_token_stays() -> None:
    token = f"ghp_{made(ALNUM, 36)}"
    assert found(f"{token}\nThenIwentOn") == [("github token", token)]


def test_a_token_that_was_cut_off_is_one() -> None:
    assert found(f"ghp_{'a7' * 10}…") == [("github token", "ghp_" + "a7" * 10)]
    assert found(f"ghp_{'a7' * 9}a…") == []


def test_tokens_side_by_side_are_all_found() -> None:
    tokens = [f"ghp_{made(ALNUM, 36)}" for _ in range(3)]
    assert found(" ".join(tokens)) == [("github token", token) for token in tokens]


BEGIN = f"-----{'BEGIN'} RSA PRIVATE KEY-----"
BODY = "\n".join(made(ALNUM, 64) for _ in range(3))


@pytest.mark.parametrize(
    "key",
    [
        f"{BEGIN}\n{BODY}\n-----{'END'} RSA PRIVATE KEY-----",
        f"{BEGIN}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n{BODY}\n-----{'END'} RSA PRIVATE KEY-----",
        f"{BEGIN}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB12\n\n{BODY}",
        f"{BEGIN}\n{BODY}",
        f"{BEGIN}\n{BODY}\nab7=",
        f"{BEGIN}\nMIIEow",
        f"{BEGIN}\\n{BODY}".replace("\n", "\\n"),
        f"{BEGIN}\n{BODY}".replace("\n", " │\n│  "),
        f"{BEGIN}\n{BODY}".replace("\n", '",\n  "'),
    ],
)
def test_a_private_key_is_found_though_it_is_cut_off_quoted_or_framed(key: str) -> None:
    assert found(f"cat id_rsa\n{key}") == [("private key", key)]


def test_what_follows_a_private_key_that_was_cut_off_stays() -> None:
    assert found(f"{BEGIN}\n{BODY}\n\nI must not print it.") == [("private key", f"{BEGIN}\n{BODY}")]


@pytest.mark.parametrize(
    "text",
    [
        f"look for {BEGIN} in the files",
        "fix task-3f2504e04f8911d39a0c0305e82c33013f2504e0 and the disk-0123456789abcdef0123456789abcdef",
        "commit 3f2504e04f8911d39a0c0305e82c33013f2504e0, session 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "eyJ is how a JSON web token begins, and ghp_ how GitHub's do, sk-ant- Anthropic's",
        "npm_config_registry, hf_hub_download, sk_test_settings, AKIA, xoxb-, SK_AND_NOTHING_ELSE_IN_THIS_NAME",
        "https://example.com:8080/path?mail=a@b",
        "https://user@example.com/a.git, ssh://git@github.com/org/repository.git",
        "a.b.c.d.e.f, M.N.O, handspan.rules.session.Session",
    ],
)
def test_what_only_looks_like_a_secret_is_none(text: str) -> None:
    assert found(text) == []


HOSTILE = [
    "eyJ",
    "eyJ\n",
    "eyJ.eyJ.",
    "-eyJ" + "a" * 9,
    "ghp_",
    "ghp_a\n",
    "ghp_" + "a\n" * 19 + " ",
    "sk-",
    "sk-a" + " " * 190,
    "sk-ant-sk-a ",
    "://a:",
    "://a:1",
    "://" + "a" * 250,
    "-----BEGIN ",
    f"{BEGIN} ",
    f"{BEGIN}-",
    f"{BEGIN}\n{'a' * 15} ",
    f"{BEGIN}\nA-b: x\n",
    "SK" + HEX * 2,
    "AKIA" + "A" * 16 + " ",
    "MMMMMMMM",
    "N" + "a" * 26 + ".",
    "1234567890:AA",
    "abc1Q~",
    "sig=" + "a" * 19 + "!",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_it_takes_grows_with_the_text(piece: str) -> None:
    short, long = 10_000, 80_000
    # Eight times the text: 64 times the time if it were quadratic. 24 leaves room for a busy machine.
    assert seconds(piece, long) < 24 * seconds(piece, short) + 0.02


def seconds(piece: str, length: int) -> float:
    text = piece * (length // len(piece))
    best = float("inf")
    for _ in range(2):
        begin = time.perf_counter()
        list(shaped(text))
        best = min(best, time.perf_counter() - begin)
    return best
