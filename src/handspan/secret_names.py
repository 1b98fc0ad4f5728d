"""Secrets that are known by their name: `DB_PASSWORD=…`, `"apiKey": "…"`, `--token …`, `Authorization: …`.

Agents write code and prose about secrets more often than secrets, so a value has to look like one. How much it has to
show depends on how it is given:

    DB_PASSWORD=…, API_KEY=…   as a shell or a file of settings writes it: anything but a number or a placeholder
    password: "…"              quoted, of a password or secret: anything; of a token or key: no sentence, no plain word
    password=…                 bare, of a password or secret: no expression, no name of another variable
    password: …, password is … bare: more than letters, or alone at the end of its line
    token: …, api_key=…        bare: eight characters with letters and digits among them
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handspan.secret_shapes import Found

_PASSWORDS = ("password", "passwd", "passphrase", "pwd")
_NAMES = {**dict.fromkeys(_PASSWORDS, "password"), "secret": "secret", "token": "token", "key": "key"}
# A key is a secret only if it says of what; a key by itself is one of a mapping.
_KEYS = (
    "api",
    "access",
    "account",
    "auth",
    "encryption",
    "license",
    "master",
    "private",
    "secret",
    "service",
    "signing",
)
_KEY_OF = tuple(word + joint for word in _KEYS for joint in ("", "_", "-", " "))
_SURE = frozenset({"password", "secret"})

_VALUE = re.compile(
    r"""
    (?i:_?(?:base|value|prod|production|staging|dev|test|live|raw|\d{1,2}))?
    \\*["'`]?\]?[ \t]{0,8}
    (?P<by> :=|={1,3}>?|:|[ ]is\b:?|(?=[ ]) )
    [ \t]{0,8}
    (?:
        (?P<open> ["'`]) (?P<quoted> (?:\\[^\r\n]|(?!(?P=open))[^\r\n\\]){1,2048} )
    |   # In a text that is itself quoted, the quotes are escaped.
        (?P<escape> \\+["'`]) (?P<escaped> (?:(?!(?P=escape))[^\r\n]){1,2048} )
    |   # A list goes on, and so does a connection string, a query: then the value ends.
        (?!\\+["'`]) (?P<bare> (?:[^\s"'`;&,]|[;&,](?!\s|\Z|[ ]?[A-Za-z_][\w\ ]{0,40}=)){1,2048} )
    )
    """,
    re.VERBOSE | re.ASCII,
)
# A value behind a blank is meant only by an option, or in a .netrc.
_OPTION = re.compile(r"(?:--[\w-]*|login\s{1,4}\S{1,64}\s{1,4})\Z", re.ASCII)

_PLACEHOLDER = re.compile(
    r"""
    \$[A-Z_][A-Z0-9_]* | \$[a-z_]+ | \$\{.* | \$\(.* | %\w+%? | \{.*\} | \{+ | <.*> | \*+ | [xX]{3,} | \.{2,} | …
    | (?:~|\.{0,2})(?:/[a-z0-9._-]+){2,}/?
    | (?i: none|null|nil|true|false|undefined|optional|required|unset|empty|missing|invalid
         | str|string|bytes|int|bool|boolean|any|object|text|number|secretstr )
    """,
    re.VERBOSE,
)
_NUMBER = re.compile(r"[-+\d.,_%]*")
_EXPRESSION = re.compile(
    r"[a-z]{2,12}://.*|[({\[].*|[&*!]?[A-Za-z_$][\w$]*(?:(?:\.|->|::)[A-Za-z_]\w*)*[(\[{].*|[&*!]?[A-Za-z_]+(?:(?:\.|->|::)[A-Za-z_]+)+",
    re.ASCII,
)
_PLAIN = re.compile(r"[A-Za-z'/-]*")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
_LINE_ENDS = re.compile(r"[ \t]*(?:[\r\n]|\Z)")

# In a value that is none may be another: `token=f(token=…)`. In a longer one it is not looked for, or a megabyte of
# `token=token=` would take seconds.
_LONG = 256

_HEADERS = (
    (
        "authorization",
        "credentials",
        re.compile(
            r"""\\*["']?[ \t]*[:=][ \t]*\\*["']?(?:(?i:basic)[ \t]+([A-Za-z0-9+/=]{4,})"""
            r"""|(?i:bearer|token|bot|apikey)[ \t]+([^\s"'\\<>${}]{6,})|(?=[^\s"']{0,64}\d)([^\s"'\\<>${}]{6,}))"""
        ),
    ),
    ("bearer", "bearer token", re.compile(r"[ \t]+(?=[^\s\d]{0,128}\d)([A-Za-z0-9._~+/=-]{16,})")),
    (
        "basic",
        "credentials",
        re.compile(r"[ \t]+(?=[a-z+/\d]{0,64}[A-Z])(?=[^\d=\s]{0,64}[\d=])([A-Za-z0-9+/]{12,}={0,2})"),
    ),
    ("cookie", "cookie", re.compile(r"""\\*["']?:[ \t]*\\*["']?([^\s=;"'\\]{1,64}=[^\r\n"']+)""")),
    ("curl", "password", re.compile(r"""[^\r\n]{0,80}? (?:-u|--user)[ =]["']?[^\s:"'$]{0,64}:(?!\d+\b)([^\s"'$]+)""")),
)


def named(text: str) -> Iterator[Found]:
    """The secrets in `text` that are known by their name."""
    lowered = _lowered(text)
    for word, kind in _NAMES.items():
        at = lowered.find(word)
        while at >= 0:
            behind = at + len(word)
            match = _VALUE.match(text, behind)
            if match and _is_meant(word, match, lowered, at) and _is_secret(kind, text[at:behind], match):
                yield (*match.span(match.lastgroup or 0), kind)
                behind = match.end()
            elif match and len(match[0]) > _LONG:
                behind = match.end()
            at = lowered.find(word, behind)
    for word, kind, pattern in _HEADERS:
        yield from _in_header(word, kind, pattern, text, lowered)


def _lowered(text: str) -> str:
    """The text in lower case, each character in its place: some letters become two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join([c.lower() if c.isascii() else c for c in text])


def _in_header(word: str, kind: str, pattern: re.Pattern[str], text: str, lowered: str) -> Iterator[Found]:
    at = lowered.find(word)
    while at >= 0:
        match = pattern.match(text, at + len(word))
        if match and match.lastindex:
            yield (*match.span(match.lastindex), kind)
        at = lowered.find(word, match.end() if match else at + len(word))


def _is_meant(word: str, match: re.Match[str], lowered: str, at: int) -> bool:
    before = max(0, at - 80)
    if word == "key" and not lowered.endswith(_KEY_OF, before, at):
        return False
    return bool(match["by"]) or bool(_OPTION.search(lowered, before, at))


def _is_secret(kind: str, name: str, match: re.Match[str]) -> bool:
    quoted = match["quoted"] or match["escaped"]
    value = quoted or match["bare"].rstrip(".,:;!?)")
    sure = kind in _SURE
    if _PLACEHOLDER.fullmatch(value) or (_NUMBER.fullmatch(value) and not (sure and len(value) >= 4)):
        return False
    if quoted:
        return sure or _is_random(value)
    if match["by"] == "=" and name.isupper():
        return True
    if _EXPRESSION.fullmatch(value) or _is_variable(value):
        return False
    return len(value) >= 3 and _shows(value, match) if sure else len(value) >= 8 and _has_both(value)


def _is_random(value: str) -> bool:
    """No sentence, no plain word."""
    return " " not in value and (len(value) >= 16 or not value.islower() or any(map(str.isdigit, value)))


def _is_variable(value: str) -> bool:
    """Named after what it holds: `password=user_password`."""
    return bool(_VARIABLE.fullmatch(value)) and any(name in value.lower() for name in _NAMES)


def _shows(value: str, match: re.Match[str]) -> bool:
    if not _PLAIN.fullmatch(value):
        return True
    if match["by"] == ":":
        return bool(_LINE_ENDS.match(match.string, match.end()))
    return " is" not in match["by"]


def _has_both(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))
