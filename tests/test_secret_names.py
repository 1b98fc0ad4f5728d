from __future__ import annotations

import time

import pytest

from handspan.secret_names import named
from tests.planted_secrets import NAMES, Planted


def found(text: str) -> list[tuple[str, str]]:
    """What is known by its name in a text: its kind, and the text of it."""
    return [(kind, text[start:stop]) for start, stop, kind in named(text)]


@pytest.mark.parametrize("planted", [one for one in NAMES if one.kind != "e-mail"])
@pytest.mark.parametrize("around", ["{}", "I set {}", "It was {}\nand it worked.", "İ {}"])
def test_a_secret_is_known_by_its_name(planted: Planted, around: str) -> None:
    assert (planted.kind, planted.secret) in found(around.format(planted.text))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("PASSWORD=x", "x"),
        ("password=swordfish", "swordfish"),
        ("password: s3cret", "s3cret"),
        ("Password: swordfish", "swordfish"),
        ("password := 'x'", "x"),
        ("password => 'x'", "x"),
        ("if password == 'swordfish':", "swordfish"),
        ("password: 123456", "123456"),
        ("the secret is `swordfish`", "swordfish"),
        ("Pwd=a;b,c&d", "a;b,c&d"),
        ("password=abc;user=b", "abc"),
        ("password=a1b, user=b", "a1b"),
        ('password="never closed', "never closed"),
        ("--api-key abc12345", "abc12345"),
        ("api key: abc12345", "abc12345"),
        ("secret_key_prod = 'abc1'", "abc1"),
        ("refreshToken: abc12345", "abc12345"),
        ("API_KEY=changeme", "changeme"),
        ("token: abcdefgh1.", "abcdefgh1."),
        ("token=x.y(token=abc12345)", "abc12345)"),
    ],
)
def test_how_a_value_is_given_decides_what_it_must_show(text: str, secret: str) -> None:
    assert [text for _, text in found(text)] == [secret]


@pytest.mark.parametrize(
    "text",
    [
        'token = started["token"]',
        "key = _cache_key(storage_id)",
        "password = getpass()",
        "password=args.password, token=self.token, secret=settings.secret",
        "password=user_password",
        "def login(password: str, token: Token | None = None) -> None:",
        "    password: SecretStr\n    secret: bytes\n",
        "const token: string = await login(); const secret: string;",
        "let secret = &config.secret; secret: [u8; 32]",
        "PASSWORD=$PASS TOKEN=${TOKEN:-none} API_KEY=$(cat key) SECRET={{ secret }} PWD=<password> KEY=%KEY%",
        "PASSWORD=**** TOKEN=xxxx SECRET=... API_KEY=…",
        "token=None, password=null, secret: true, api_key: undefined, PASSWORD=",
        "MAX_TOKEN=4096 max_tokens=200000 tokens: 12,345 token=17 cache_read_tokens=9",
        "PASSWORD_FILE=/run/secrets/db TOKEN=/run/secrets/token token_url=https://example.com/t1",
        "token: abc-123, api_key=v1.2.3x",
        "password=None, secret=null; password: true.",
        "the token is expired, the secret is out, the password is wrong, the api key is missing",
        "Enter your password: then press return. The secret: write tests first, always.",
        "tokens and secrets and passwords; a keyword, a monkey, key: value1234, primary_key=abc12345",
        "the bearer of bad news, Bearer authentication, Basic authentication, basic functionality",
        "Authorization: required for all, Authorization: Bearer <token>, Authorization: Bearer ${TOKEN}",
        "cookie: a small cake",
        "docker run -u 1000:1000 x; curl -u 1000:1000 x",
        "password: ''  secret=\"\"",
        "password:",
        "token",
        '{"token": "identifier", "kind": "keyword"}',
        '{"token": "a token of thanks 1"}',
    ],
)
def test_what_is_said_about_secrets_is_none(text: str) -> None:
    assert found(text) == []


HOSTILE = [
    "token=",
    "token=f(",
    "token:token",
    "password=",
    "password ",
    "--password ",
    '"password',
    "password\\",
    'password="',
    "password:\\\\",
    'password:"\\',
    "password=;a",
    "password=,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "api_key",
    "authorization:",
    "authorization: bearer ",
    "bearer a",
    "basic A",
    "cookie:a",
    "curl ",
    "curl -u ",
    "İtoken=",
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
        list(named(text))
        best = min(best, time.perf_counter() - begin)
    return best


def test_a_value_that_is_none_is_not_read_again_and_again() -> None:
    # As fast as values that are: 500 times as slow if each were read to its end from each name in it.
    assert seconds("token=", 80_000) < 20 * seconds("password=", 80_000) + 0.02
