from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handspan.redaction import redact
from tests.planted_secrets import ALNUM, HOMES, PLANTED, Planted, made

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("planted", PLANTED)
@pytest.mark.parametrize("around", ["{}", "I used {}", "{}\nand it worked"])
def test_a_secret_gives_way_to_what_it_was(planted: Planted, around: str) -> None:
    redacted = around.format(planted.redacted)
    assert redact(around.format(planted.text)) == redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(("path", "shown"), HOMES)
def test_a_home_directory_is_a_tilde(path: str, shown: str) -> None:
    assert redact(path) == shown
    assert redact(f"cd ({path})") == f"cd ({shown})"
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "src/home/page.tsx, https://example.com/home/page, ./home/page, ~/home/page, /home/{user}/x",
        "/rooted, /root-cause.md, /etc/root, app/root/x, chroot/root",
        "C:\\Windows\\Users.txt, Users/ann",
        "git@github.com:org/repository.git",
        "left-pad@1.3.0, left-pad@1.3.0.tgz, logo@2x.png, actions/checkout@v4, @app.route, a @ b.T, user@laptop",
        "handspan.rules.session, 2026-11-20T10:36:17.289110000Z, 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "3f2504e04f8911d39a0c0305e82c33013f2504e0 3f2504e0-4f89-11d3-9a0c-0305e82c3301 %3 @7 $1",
        "/srv/x/y.py:12:34: error: no-such-thing [redacted]",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_this_package_s_own_sources_stay() -> None:
    changed = [
        line
        for path in sorted(ROOT.glob("src/handspan/**/*.py"))
        if path.name not in {"redaction.py", "secret_names.py", "secret_shapes.py"}  # they are full of examples
        for line in path.read_text("utf-8").splitlines()
        if redact(line) != line
    ]
    assert changed == []


def test_what_overlaps_is_one_secret_and_called_by_its_shape() -> None:
    token = f"ghp_{made(ALNUM, 36)}"
    assert redact(f"DB_PASSWORD=x-{token}-y z") == "DB_PASSWORD=[redacted: github token] z"
    assert redact(f"password: 'x {token} y'") == "password: '[redacted: github token]'"


def test_a_secret_that_hides_another_one_that_touches_it_is_not_the_last() -> None:
    hidden = f"_authToken={'a7' * 10}AIza{'b8' * 17}bclientSecret: 'swordfish'"
    assert "swordfish" not in redact(hidden)
    assert redact(redact(hidden)) == redact(hidden)


def test_a_password_and_its_host_are_no_address() -> None:
    assert redact("smtp://ann:swordfish@mail.example.com") == "smtp://ann:[redacted: url password]@mail.example.com"


def test_what_only_looks_like_a_mark_hides_nothing() -> None:
    token = f"ghp_{made(ALNUM, 36)}"
    assert redact(f"[redacted: {token}]") == "[redacted: [redacted: github token]]"


def test_addresses_side_by_side_are_all_found() -> None:
    assert redact("a@b.example.com,c@d.example.com") == "[redacted: e-mail],[redacted: e-mail]"
    assert redact(f"{'a' * 70}@b.example.com") == f"{'a' * 6}[redacted: e-mail]"
    assert redact("jürgen@münchen.example") == "[redacted: e-mail]"


# What stands around a secret in what agents write; a name must begin for itself, so no letter stands before it.
SURROUNDINGS = st.text(max_size=40) | st.sampled_from([
    "token=",
    'password: "',
    "{\\",
    "https://",
    "key=f(",
    "a@",
    "-----",
    "[redacted: token]",
    "/home/",
])


@given(before=SURROUNDINGS, planted=st.sampled_from(PLANTED), after=SURROUNDINGS)
def test_a_secret_is_found_in_any_surroundings(before: str, planted: Planted, after: str) -> None:
    redacted = redact(f"{before} {planted.text} {after}")
    assert planted.secret not in redacted
    assert redact(redacted) == redacted


@given(
    st.lists(
        st.sampled_from([
            *(one.text for one in PLANTED),
            *(path for path, _ in HOMES),
            *" \n\"'=:;,&@/\\-|([{",
            "token",
            "password",
            "is",
            "key",
            "api_",
        ]),
        max_size=12,
    ).map("".join)
)
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    redacted = redact(text)
    assert redact(redacted) == redacted


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    assert redact(redact(text)) == redact(text)


HOSTILE = [
    "@",
    "a@",
    "a@b.",
    "a" * 63 + "@",
    "@a.aa",
    "/home/",
    "/Users/",
    "/root",
    "C:\\Users\\",
    "C:\\Users\\a b ",
    "/-home-",
    "[redacted: ",
    "[redacted: a]",
    "a.",
    "=",
    "a",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_it_takes_grows_with_the_text(piece: str) -> None:
    short, long = 10_000, 80_000
    # Eight times the text: 64 times the time if it were quadratic. 24 leaves room for a busy machine.
    assert seconds(piece * (long // len(piece))) < 24 * seconds(piece * (short // len(piece))) + 0.02


def test_a_megabyte_of_secrets_takes_no_longer_than_its_length() -> None:
    some = "\n".join(one.text for one in PLANTED)
    whole = some * (1_048_576 // len(some))
    assert seconds(whole) < 3 * len(whole) / len(some) * seconds(some)
    assert not re.search("|".join(re.escape(one.secret) for one in PLANTED if len(one.secret) > 12), redact(whole))


def seconds(text: str) -> float:
    best = float("inf")
    for _ in range(2):
        begin = time.perf_counter()
        redact(text)
        best = min(best, time.perf_counter() - begin)
    return best
