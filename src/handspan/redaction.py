"""Takes secrets, e-mail addresses and home directories out of a text, and says in their place what was there.

    a GitHub token                 [redacted: github token]
    postgres://app:…@db/main       postgres://app:[redacted: url password]@db/main
    password = "…"                 password = "[redacted: password]"
    /home/ann/src                  ~/src

What is redacted stays as it is when it is redacted again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handspan.secret_names import named
from handspan.secret_shapes import shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from handspan.secret_shapes import Found

_MARK_BEGINS = "[redacted: "
_MARK = re.compile(r"(\[redacted: [a-z0-9 -]{2,30}\])")

# A secret can hide another one that touches it. Two rounds find nearly all; more than four would be somebody's game.
_ROUNDS = 4

_LOCAL = re.compile(r"[\w.+%'-]+\Z")
# Ends in letters, and is neither a version (`left-pad@1.3.0.tgz`) nor the size of a picture (`logo@2x.png`).
_DOMAIN = re.compile(r"(?!\d{1,3}(?:\.\d+)+|[1-4]x\.)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_LONGEST_LOCAL = 64
# Whose name it is in every address of a repository: git@github.com:org/repository.git
_NOBODY = frozenset({"git"})

_NAME = r"[^\s/\\:*?\"'<>|`,;()\[\]{}]+"
# What makes a text worth a look, the home directory, and what it becomes.
_HOMES = (
    (
        ("Users",),
        # A name may have blanks in it, if a path goes on behind.
        re.compile(rf"[A-Za-z]:(?:\\{{1,2}}|/)Users(?:\\{{1,2}}|/)(?:{_NAME}(?: {_NAME}){{1,2}}(?=\\)|{_NAME})"),
        "~",
    ),
    (
        ("/home/", "/Users/", "/root"),
        # A path that goes on from something is no home: `src/home/page.tsx`, a URL's path. One behind an option is:
        # `-I/home/ann`.
        re.compile(
            r"/(?:(?<![\w~.)\]}-]/)|(?<=-[A-Z]/))"
            rf"(?:(?:(?:usr|var|export|mnt)/)?home/{_NAME}|(?:(?:mnt/)?[a-z]/)?Users/{_NAME}|(?:var/)?root(?![\w.-]))"
        ),
        "~",
    ),
    # A folder named after the path of its project, as Claude Code has them.
    (("/-home-", "/-Users-"), re.compile(r"(?<=/)-(?:home|Users)-[^\s/\\-]+"), "-~"),
)


def redact(text: str) -> str:
    """`text` without secrets, e-mail addresses and home directories."""
    # First, since a home directory may have blanks in its name, where a password would end; and at the end, since one
    # that touched a secret shows only then.
    text = _between_marks(_without_homes, text)
    for _ in range(_ROUNDS):
        redacted = _between_marks(_without_secrets, text)
        if redacted == text:
            break
        text = redacted
    # An address is looked for when the passwords are gone: `app:password@db.example.com` holds none.
    return _between_marks(_without_homes, _between_marks(_without_addresses, text))


def _between_marks(treat: Callable[[str], str], text: str) -> str:
    if _MARK_BEGINS not in text:
        return treat(text)
    return "".join([part if number % 2 else treat(part) for number, part in enumerate(_MARK.split(text))])


def _without_secrets(text: str) -> str:
    return _without(text, [*shaped(text), *named(text)])


def _without_addresses(text: str) -> str:
    return _without(text, list(_addresses(text)))


def _without_homes(text: str) -> str:
    for needles, home, short in _HOMES:
        if any(needle in text for needle in needles):
            text = home.sub(short, text)
    return text


def _without(text: str, found: list[Found]) -> str:
    if not found:
        return text
    pieces: list[str] = []
    end = 0
    for start, stop, kind in _joined(found):
        pieces += (text[end:start], f"{_MARK_BEGINS}{kind}]")
        end = stop
    return "".join([*pieces, text[end:]])


def _joined(found: list[Found]) -> Iterator[Found]:
    """What overlaps is one secret, and is called what it was first found to be: a shape says more than a name."""
    ordered = sorted((start, stop, rank) for rank, (start, stop, _) in enumerate(found))
    start, stop, rank = ordered[0]
    for begin, end, number in ordered[1:]:
        if begin < stop:
            stop, rank = max(stop, end), min(rank, number)
        else:
            yield start, stop, found[rank][2]
            start, stop, rank = begin, end, number
    yield start, stop, found[rank][2]


def _addresses(text: str) -> Iterator[Found]:
    done = 0
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = domain and _LOCAL.search(text, max(done, at - _LONGEST_LOCAL), at)
        if domain and local and local.group() not in _NOBODY:
            done = domain.end()
            yield local.start(), done, "e-mail"
        at = text.find("@", at + 1)
