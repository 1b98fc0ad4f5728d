"""Secrets that are known by their shape: tokens with their vendor's prefix, private keys, URLs with passwords.

Each has a needle that ordinary text lacks. The needles are looked for in the long words only (a tenth of what agents
write, so that all of them take 30 µs for 4 KB), and a pattern is tried only where its needle stands.

What is scraped from a terminal is broken at its edge. A vendor's token goes on behind a line break until it has its
usual length; its prefix, and what makes ten characters of it, must stand before the break. A secret that is encoded,
or has neither a shape nor a name, is not found: to take any random string for one would hide every commit and UUID.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A place in a text, and what stands there.
Found = tuple[int, int, str]

_SHORTEST = 10
# The frame of a text user interface may stand on either side of the break; 200 blanks are a wide screen's.
_BREAK = r"(?>[ \t│|]{0,200}\r?\n[ \t│|>]{0,40})"
# A token that was cut off is still most of a secret. Fewer characters behind a prefix are a name that begins like it.
_LEAST = 20

_HEX = "0-9a-f"
_ALNUM = "A-Za-z0-9"
_WORD = r"\w-"
_DOTTED = r"\w.=-"
_BASE64 = "A-Za-z0-9+/=_-"

# What a token is, its prefixes, its alphabet, and its usual length behind the prefix.
_TOKENS = (
    ("openai key", "sk-proj- sk-svcacct- sk-admin- sk-None-", _WORD, 124),
    ("anthropic key", "sk-ant-", _WORD, 101),
    ("openrouter key", "sk-or-v1-", _HEX, 64),
    ("langfuse key", "sk-lf-", "0-9a-f-", 36),
    ("google key", "AIza", _WORD, 35),
    ("google secret", "GOCSPX-", _WORD, 28),
    ("google token", "ya29. 1//0", _WORD, 100),
    ("aws bedrock key", "ABSK", _BASE64, 128),
    ("github token", "ghp_ gho_ ghu_ ghs_ ghr_", _ALNUM, 36),
    ("github token", "github_pat_", r"\w", 82),
    ("gitlab token", "glpat- gldt- glrt- glft- glsoat- glffct- glcbt- glptt- GR1348941", _WORD, 20),
    ("gitlab token", "gloas- glagent- glimt-", _WORD, 50),
    ("slack token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxo- xoxe- xoxe. xapp-", r"\w.-", 50),
    ("stripe key", "sk_live_ sk_test_ rk_live_ rk_test_", _ALNUM, 24),
    ("stripe secret", "whsec_", _BASE64, 32),
    ("npm token", "npm_", _ALNUM, 36),
    ("pypi token", "pypi-AgE", _WORD, 160),
    ("hugging face token", "hf_ api_org_", _ALNUM, 34),
    ("sendgrid key", "SG.", r"\w.-", 66),
    ("digitalocean token", "dop_v1_ doo_v1_ dor_v1_", _HEX, 64),
    ("docker token", "dckr_pat_ dckr_oat_", _WORD, 27),
    ("groq key", "gsk_", _ALNUM, 52),
    ("xai key", "xai-", _ALNUM, 80),
    ("perplexity key", "pplx-", _ALNUM, 48),
    ("replicate token", "r8_", _ALNUM, 37),
    ("langsmith key", "lsv2_pt_ lsv2_sk_", r"\w", 43),
    ("tavily key", "tvly-", _WORD, 32),
    ("databricks token", "dapi", _HEX, 32),
    ("shopify token", "shpat_ shpca_ shppa_ shpss_", _HEX, 32),
    ("square token", "sq0atp- sq0csp-", _WORD, 22),
    ("linear key", "lin_api_", _ALNUM, 40),
    ("notion token", "ntn_", _ALNUM, 46),
    ("figma token", "figd_", _WORD, 40),
    ("postman key", "PMAK-", "0-9a-f-", 59),
    ("atlassian token", "ATATT3 ATCTT3", _BASE64, 180),
    ("grafana token", "glsa_ glc_", r"\w+/=", 41),
    ("new relic key", "NRAK-", _ALNUM, 27),
    ("sentry token", "sntryu_ sntrys_", _BASE64, 64),
    ("dynatrace token", "dt0c01.", r"\w.", 89),
    ("supabase key", "sbp_ sb_secret_", r"\w", 31),
    ("planetscale token", "pscale_tkn_ pscale_pw_ pscale_oauth_", _DOTTED, 43),
    ("vault token", "hvs. hvb.", _WORD, 90),
    ("terraform token", ".atlasv1.", _DOTTED, 60),
    ("pulumi token", "pul-", _HEX, 40),
    ("doppler token", "dp.pt.", _ALNUM, 43),
    ("heroku key", "HRKU-AA", _WORD, 58),
    ("netlify token", "nfp_", _ALNUM, 36),
    ("fly token", "fm2_ fo1_", _BASE64, 100),
    ("tailscale key", "tskey-", _WORD, 40),
    ("buildkite token", "bkua_", _HEX, 40),
    ("sourcegraph token", "sgp_", r"\w", 40),
    ("rubygems key", "rubygems_", _HEX, 48),
    ("artifactory key", "AKCp", _ALNUM, 69),
    ("openshift token", "sha256~", _WORD, 43),
    ("1password token", "ops_eyJ", _BASE64, 240),
    ("age key", "AGE-SECRET-KEY-1", "A-Z0-9", 58),
)


def _token(prefix: str, alphabet: str, usual: int) -> str:
    return rf"({re.escape(prefix)}(?:{_BREAK}?[{alphabet}]){{{_LEAST},{usual}}}[{_ALNUM}{alphabet}]*)"


# The body of a key whose END was cut off: lines of base64, indented, quoted or escaped as they may be.
_BODY = rf"(?:[^{_ALNUM}+/=-]{{0,12}}[{_ALNUM}+/=]{{16,}})"
_LAST = rf"(?:[^{_ALNUM}+/=-]{{0,12}}[{_ALNUM}+/=]{{1,15}}(?=[^{_ALNUM}]*\Z))"
_BEGIN = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
_PRIVATE_KEY = (
    rf"({_BEGIN}(?>(?:[^-]|-(?!----))+)-----END[A-Z0-9 ]{{0,60}}-----"
    rf"|{_BEGIN}(?:(?>\s*[A-Za-z-]{{3,20}}: [^\n]{{0,100}}\n){{0,4}}{_BODY}+{_LAST}?|{_LAST}))"
)

# One try takes in all that could be a JSON web token's first part, so that the next one begins behind it.
_RUN = rf"(?>(?:{_BREAK}?[\w-])*)"
_JWT = rf"(eyJ{_RUN}\.{_RUN}(?:\.(?:{_BREAK}?[\w-]){{0,43}}[\w-]*)?)|eyJ{_RUN}"

# The password may hold anything but blanks and quotes; what begins with a port and a path has none.
_URL = r"""://[^\s/?#@:"'<>`]{0,128}:(?!\d{1,5}[/?#])((?>[^\s"'<>`@]{1,256})(?:@(?>[^\s"'<>`@]{0,256})){0,8})@"""
_URL_USER = r"""://(?=[^\s/?#@:]{0,64}\d)([^\s/?#@:"'<>`$%{]{20,256})@"""

_AWS = rf"[A-Z0-9]{{16}}[{_ALNUM}]*(?:[\s,;:|\"'&=]{{1,8}}[{_ALNUM}/+]{{40}}(?![{_ALNUM}/+]))?"

# A needle, what it leads to, and the pattern that begins with it: its first group is the secret, and a match without
# that group is none.
_SHAPES = (
    *((p, kind, _token(p, alphabet, usual)) for kind, prefixes, alphabet, usual in _TOKENS for p in prefixes.split()),
    ("-----BEGIN", "private key", _PRIVATE_KEY),
    ("eyJ", "jwt", _JWT),
    ("://", "url password", f"{_URL}|{_URL_USER}"),
    *((prefix, "aws key", rf"({prefix}{_AWS})") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")),
    # Not the end of another word: a task-, a disk-, a risk-.
    ("sk-", "openai key", rf"(?<![{_ALNUM}])(sk-(?:{_BREAK}?[{_ALNUM}]){{32,48}}[{_ALNUM}]*)"),
    ("SK", "twilio key", rf"(?<![{_ALNUM}])(SK[{_HEX}]{{32}}[{_ALNUM}]*)"),
    # The four characters before are not looked back for: 36 of the 40 are enough.
    ("Q~", "azure secret", r"(?<=[\w~.]{3}\d)(Q~[\w~.-]{31,34})"),
    # Before the colon stands the bot's name, which everybody knows.
    (":AA", "telegram token", rf"(?<=\d{{8}}):(AA(?:{_BREAK}?[\w-]){{33}})"),
    ("hooks.slack.com/", "slack webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/([\w/+-]{20,})"),
    ("/api/webhooks/", "discord webhook", r"/api/webhooks/\d{5,25}/([\w-]{20,})"),
    (".webhook.office.com/", "teams webhook", r"\.webhook\.office\.com/webhookb2/([\w@/.-]{20,})"),
    ("sig=", "signature", r"sig=([A-Za-z0-9%+/=_-]{20,})"),
    ("ignature=", "signature", r"ignature=([A-Za-z0-9%+/=_-]{20,})"),
)
# Begins with nothing but the base64 of a digit.
_DISCORD = re.compile(r"(?<![\w-])[MNO][A-Za-z0-9]{22,27}\.[\w-]{6}\.[\w-]{27,40}", re.ASCII)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source, re.ASCII)


def shaped(text: str) -> Iterator[Found]:
    """The secrets in `text` that are known by their shape."""
    dense = " ".join([word for word in text.split() if len(word) >= _SHORTEST])
    if not dense:
        return
    for needle, kind, source in [shape for shape in _SHAPES if shape[0] in dense]:
        yield from _at(needle, kind, _compiled(source), text)
    if _DISCORD.search(dense):
        yield from ((*match.span(), "discord token") for match in _DISCORD.finditer(text))


def _at(needle: str, kind: str, pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    at = text.find(needle)
    while at >= 0:
        match = pattern.match(text, at)
        if match and match.lastindex:
            yield (*match.span(match.lastindex), kind)
        at = text.find(needle, match.end() if match else at + len(needle))
