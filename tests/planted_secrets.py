"""Secrets to plant: one of every kind that is looked for. None of them opens anything.

They are put together while the tests run, so that no scanner of repositories finds one in this file.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + string.digits
WORD = ALNUM + "-_"
BASE64 = ALNUM + "+/"
_random = random.Random(4)


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret, what it is called when it is gone, and what it needs around it to be known for one."""

    kind: str
    secret: str
    before: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        return self.before + self.secret + self.after

    @property
    def redacted(self) -> str:
        return f"{self.before}[redacted: {self.kind}]{self.after}"


def made(alphabet: str, length: int) -> str:
    """So many characters, letters and digits among them."""
    return "".join(["a7", *(_random.choice(alphabet) for _ in range(length - 2))])


def _tokens(kind: str, prefixes: str, alphabet: str, length: int) -> list[Planted]:
    return [Planted(kind, prefix + made(alphabet, length)) for prefix in prefixes.split()]


def _pem(name: str, lines: int) -> str:
    return "\n".join([f"-----{'BEGIN'} {name}-----", *(made(BASE64, 40) for _ in range(lines))])


TOKENS = [
    *_tokens("openai key", "sk-proj- sk-svcacct- sk-admin-", WORD, 124),
    *_tokens("openai key", "sk-", ALNUM, 48),
    *_tokens("anthropic key", "sk-ant-api03- sk-ant-admin01-", WORD, 95),
    *_tokens("openrouter key", "sk-or-v1-", HEX, 64),
    *_tokens("google key", "AIza", WORD, 35),
    *_tokens("google secret", "GOCSPX-", WORD, 28),
    *_tokens("google token", "ya29. 1//0", WORD, 100),
    *_tokens("github token", "ghp_ gho_ ghu_ ghs_ ghr_", ALNUM, 36),
    *_tokens("github token", "github_pat_", ALNUM, 82),
    *_tokens("gitlab token", "glpat- gldt- glrt- glft- glsoat- glffct- glptt-", WORD, 20),
    *_tokens("gitlab token", "gloas- glagent-", WORD, 50),
    *_tokens("slack token", "xoxb- xoxp- xoxa- xoxr- xoxs- xapp-1-", ALNUM + "-", 50),
    *_tokens("stripe key", "sk_live_ sk_test_ rk_live_ rk_test_", ALNUM, 24),
    *_tokens("stripe secret", "whsec_", BASE64, 32),
    *_tokens("npm token", "npm_", ALNUM, 36),
    *_tokens("pypi token", "pypi-AgEIcHlwaS5vcmc", WORD, 149),
    *_tokens("hugging face token", "hf_ api_org_", ALNUM, 34),
    *_tokens("digitalocean token", "dop_v1_ doo_v1_ dor_v1_", HEX, 64),
    *_tokens("docker token", "dckr_pat_", WORD, 27),
    *_tokens("groq key", "gsk_", ALNUM, 52),
    *_tokens("databricks token", "dapi", HEX, 32),
    *_tokens("shopify token", "shpat_ shpca_ shppa_ shpss_", HEX, 32),
    *_tokens("linear key", "lin_api_", ALNUM, 40),
    *_tokens("notion token", "ntn_", ALNUM, 46),
    *_tokens("vault token", "hvs.", WORD, 90),
    Planted("age key", f"AGE-SECRET-KEY-1{made(ALNUM, 58).upper()}"),
    *_tokens("openai key", "sk-None-", WORD, 124),
    *_tokens("langfuse key", "sk-lf-", HEX, 36),
    *_tokens("aws bedrock key", "ABSK", BASE64, 128),
    *_tokens("gitlab token", "glcbt- GR1348941 glimt-", WORD, 50),
    *_tokens("slack token", "xoxo- xoxe- xoxe.", ALNUM + "-", 50),
    *_tokens("docker token", "dckr_oat_", WORD, 32),
    *_tokens("xai key", "xai-", ALNUM, 80),
    *_tokens("perplexity key", "pplx-", ALNUM, 48),
    *_tokens("replicate token", "r8_", ALNUM, 37),
    *_tokens("langsmith key", "lsv2_pt_ lsv2_sk_", HEX, 43),
    *_tokens("tavily key", "tvly-", WORD, 32),
    *_tokens("square token", "sq0atp- sq0csp-", WORD, 43),
    *_tokens("figma token", "figd_", WORD, 40),
    *_tokens("postman key", "PMAK-", HEX, 59),
    *_tokens("atlassian token", "ATATT3 ATCTT3", WORD, 186),
    *_tokens("grafana token", "glsa_ glc_", ALNUM, 41),
    *_tokens("new relic key", "NRAK-", ALNUM, 27),
    *_tokens("sentry token", "sntryu_ sntrys_", HEX, 64),
    *_tokens("dynatrace token", "dt0c01.", ALNUM, 89),
    *_tokens("supabase key", "sbp_ sb_secret_", HEX, 40),
    *_tokens("planetscale token", "pscale_tkn_ pscale_pw_ pscale_oauth_", WORD, 43),
    *_tokens("vault token", "hvb.", WORD, 138),
    *_tokens("terraform token", ".atlasv1.", WORD, 67),
    *_tokens("pulumi token", "pul-", HEX, 40),
    *_tokens("doppler token", "dp.pt.", ALNUM, 43),
    *_tokens("heroku key", "HRKU-AA", WORD, 58),
    *_tokens("netlify token", "nfp_", ALNUM, 36),
    *_tokens("fly token", "fm2_ fo1_", BASE64, 100),
    *_tokens("tailscale key", "tskey-auth-", ALNUM, 40),
    *_tokens("buildkite token", "bkua_", HEX, 40),
    *_tokens("sourcegraph token", "sgp_", HEX, 40),
    *_tokens("rubygems key", "rubygems_", HEX, 48),
    *_tokens("artifactory key", "AKCp", ALNUM, 69),
    *_tokens("openshift token", "sha256~", WORD, 43),
    *_tokens("1password token", "ops_eyJ", BASE64, 240),
    Planted("sendgrid key", f"SG.{made(WORD, 22)}.{made(WORD, 43)}"),
]

SHAPES = [
    *(Planted("aws key", f"{prefix}{made('ABCDEFGH234567', 18)[2:]}") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")),
    Planted("aws key", f"AKIA{made('ABCDEFGH234567', 18)[2:]},{made(BASE64, 40)}"),
    Planted("twilio key", "SK" + made(HEX, 32)),
    Planted("azure secret", "Q~" + made(WORD, 34), before="abc8"),
    Planted("telegram token", "AA" + made(WORD, 33), before="1234567890:"),
    Planted("discord token", f"M{made(ALNUM, 23)}.{made(ALNUM, 6)}.{made(WORD, 27)}"),
    Planted("slack webhook", f"T0A/B0B/{made(ALNUM, 24)}", before="https://hooks.slack.com/services/"),
    Planted("discord webhook", made(WORD, 68), before="https://discord.com/api/webhooks/123456789012345678/"),
    Planted("teams webhook", f"{made(HEX, 36)}@x/Y/{made(HEX, 32)}", before="https://a.webhook.office.com/webhookb2/"),
    Planted("signature", made(ALNUM, 43) + "%3D", before="https://a.blob.core.windows.net/c?sig=", after="&sv=1"),
    Planted("signature", made(HEX, 64), before="X-Amz-Signature="),
    Planted("jwt", f"eyJ{made(WORD, 30)}.eyJ{made(WORD, 60)}.{made(WORD, 43)}"),
    Planted("private key", _pem("RSA PRIVATE KEY", 3) + f"\n-----{'END'} RSA PRIVATE KEY-----"),
    Planted("private key", _pem("OPENSSH PRIVATE KEY", 3), after="\n\nand so on"),
    Planted("url password", "hunt/er@2:x", before="postgres://app:", after="@db.example.com:5432/main"),
    Planted("url password", "s3cret", before="mongodb+srv://app:", after="@c0.example.net/?retryWrites=true"),
    Planted("url password", "s3cret", before="redis://:", after="@cache:6379/0"),
    Planted("url password", "s3cret", before="amqp://guest:", after="@mq//"),
    Planted("url password", made(HEX, 40), before="https://", after="@git.example.com/a.git"),
]

NAMES = [
    Planted("password", "sw0rdfish", before="DB_PASSWORD="),
    Planted("password", "swordfish", before="PGPASSWORD="),
    Planted("password", "it, {is}; mine", before='"password": "', after='"'),
    Planted("password", 'a\\"b', before='{"passwd":"', after='"}'),
    Planted("password", "s3 cret", before='{\\"password\\": \\"', after='\\", \\"x\\": 1}'),
    Planted("password", "S3cret,x", before="Server=db;User Id=sa;Password=", after=";Database=main"),
    Planted("password", "S3cret", before="Driver={ODBC};Uid=sa;Pwd=", after=";"),
    Planted("password", "swordfish", before="host=db user=app password=", after=" dbname=main"),
    Planted("password", "swordfish", before="password: ", after="\n"),
    Planted("password", "hunter2", before="The password is "),
    Planted("password", "swordfish", before="mysql --password ", after=" -h db"),
    Planted("password", "swordfish", before="machine db login app password "),
    Planted("password", "s3cret", before="curl -s -u app:", after=" https://example.com"),
    Planted("secret", "n0t/for+you", before="client_secret="),
    Planted("secret", "swordfish", before="clientSecret: '", after="'"),
    Planted("key", made(BASE64, 40), before="aws_secret_access_key = "),
    Planted(
        "key", made(BASE64, 86) + "==", before="DefaultEndpointsProtocol=https;AccountKey=", after=";EndpointSuffix=x"
    ),
    Planted("key", made(ALNUM, 32), before='apiKey: "', after='"'),
    Planted("key", made(HEX, 32), before="X-Api-Key: "),
    Planted("key", "changeme", before="SECRET_KEY_BASE="),
    Planted("token", made(HEX, 24), before="https://example.com/cb#access_token=", after="&state=1"),
    Planted("token", made(HEX, 24), before="//registry.npmjs.org/:_authToken="),
    Planted("token", made(ALNUM, 20), before="os.environ['API_TOKEN'] = '", after="'"),
    Planted("token", made(ALNUM, 20), before="f(token=g(token=", after=" ))"),
    Planted("credentials", "opensesame", before="Authorization: Bearer "),
    Planted("credentials", "YTpi", before='"authorization": "Basic ', after='"'),
    Planted("credentials", made(ALNUM, 24), before="Authorization: "),
    Planted("bearer token", made(WORD, 24), before="sent it as Bearer "),
    Planted("credentials", "YWxhZGRpbjpvcGVuc2VzYW1l", before="sent it as Basic "),
    Planted("cookie", "sid=8f3a; theme=dark", before="Set-Cookie: ", after="\n"),
    Planted("e-mail", "ann.lovelace+x@mail.example.co.uk"),
]

PLANTED = [*TOKENS, *SHAPES, *NAMES]

# Home directories: whose they are, where the name stands, and what is shown.
HOMES = [
    ("/home/annlovelace/src/app.py", "~/src/app.py"),
    ("/home/annlovelace", "~"),
    ("/Users/annlovelace/src", "~/src"),
    ("/var/home/annlovelace/src", "~/src"),
    ("/mnt/c/Users/annlovelace/src", "~/src"),
    ("file:///home/annlovelace/src", "file://~/src"),
    ("cc -I/home/annlovelace/include", "cc -I~/include"),
    ("C:\\Users\\annlovelace\\src", "~\\src"),
    ("C:\\\\Users\\\\annlovelace\\\\src", "~\\\\src"),
    ("d:/Users/annlovelace/src", "~/src"),
    ("C:\\Users\\annlovelace byron\\src", "~\\src"),
    ("/srv/projects/-home-annlovelace-src/x.jsonl", "/srv/projects/-~-src/x.jsonl"),
    ("/root/.ssh/config", "~/.ssh/config"),
    ("cd /root", "cd ~"),
]
