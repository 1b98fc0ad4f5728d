from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import tomllib
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from handspan import otel_env
from handspan.addresses import Address
from handspan.config import KEYS, TABLE, Configuration, Found, Settings, WrongSetting, read, variable
from handspan.engine import Engine
from handspan.rules import Rules

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
HOME = {"HOME": "/home/ann"}
PASSWORD = "tell-" + "nobody"

DEFAULTS = Settings(
    state_dir=Path("/home/ann/.local/state/handspan"),
    content="off",
    callback_url=None,
    settle=2 * SECOND,
    stuck_after=600 * SECOND,
    idle_after=DAY,
    spool_max_bytes=512 * 1024**2,
    spool_max_age=7 * DAY,
    listen=(Address("127.0.0.1", 4318), Address("::1", 4318)),
    token=None,
    forward=None,
    config=None,
    otel=otel_env.read({}, "http/protobuf"),
)
_AS = "as 2s, 10m, 24h, 7d, 1.5h or plain seconds"
ALLOWED = {
    "state_dir": "an absolute path, or one that begins with ~/ where HOME is set",
    "content": "off, redacted or full",
    "callback_url": "an address as http://host:port/path or https://host:port/path",
    "settle": f"more than 0 and at most 3650d, {_AS}",
    "stuck_after": f"more than 0 and at most 3650d, {_AS}",
    "idle_after": f"0 (never) or at most 3650d, {_AS}",
    "spool_max_bytes": "at least 4MiB and at most 1024TiB, as 512MiB, 1GB or plain bytes",
    "spool_max_age": f"more than 0 and at most 3650d, {_AS}",
    "listen": "host:port with an IP address or localhost as host, several with commas between",
    "token": "at least 16 printable characters without spaces",
    "forward": "http://host:port, https://host, grpc://host:port or grpcs://host:port, several with spaces between",
    "config": "an absolute path, or one that begins with ~/ where HOME is set",
}
# For each setting: text, and what it makes of the defaults.
SAID: list[tuple[str, str, dict[str, Any]]] = [
    ("state_dir", "/srv/spool", {"state_dir": Path("/srv/spool")}),
    ("state_dir", "~/x/~", {"state_dir": Path("/home/ann/x/~")}),
    ("content", "full", {"content": "full"}),
    ("content", "redacted", {"content": "redacted"}),
    ("callback_url", "https://h/x", {"callback_url": "https://h/x"}),
    ("settle", "1.5s", {"settle": 3 * SECOND // 2}),
    ("stuck_after", "1h", {"stuck_after": HOUR}),
    ("idle_after", "7d", {"idle_after": 7 * DAY}),
    ("idle_after", "0", {"idle_after": None}),
    ("spool_max_bytes", "1GB", {"spool_max_bytes": 1000**3}),
    ("spool_max_age", "90", {"spool_max_age": 90 * SECOND}),
    ("listen", "10.0.0.1:80", {"listen": (Address("10.0.0.1", 80),)}),
    ("token", "t" * 16, {"token": "t" * 16}),
    ("forward", "grpc://h:1 http://h", {"forward": ("grpc://h:1", "http://h")}),
]


def written(folder: Path, text: str | bytes) -> dict[str, str]:
    """An environment that names a file of this text."""
    file = folder / "settings.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {**HOME, "HANDSPAN_CONFIG": str(file)}


def problems(environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(WrongSetting) as wrong:
        read(environment)
    assert str(wrong.value) == "\n".join(wrong.value.problems)
    return wrong.value.problems


def found(configuration: Configuration, name: str) -> Found:
    return next(one for one in configuration.found if one.name == name)


# --- each setting ----------------------------------------------------------------------------------------------------


def test_nothing_set() -> None:
    assert read(HOME) == Configuration(
        DEFAULTS,
        (
            Found("state_dir", "/home/ann/.local/state/handspan", "default"),
            Found("content", "off", "default"),
            Found("callback_url", None, "default"),
            Found("settle", "2s", "default"),
            Found("stuck_after", "10m", "default"),
            Found("idle_after", "24h", "default"),
            Found("spool_max_bytes", "512MiB", "default"),
            Found("spool_max_age", "7d", "default"),
            Found("listen", "localhost:4318", "default"),
            Found("token", None, "default"),
            Found("forward", None, "default"),
            Found("config", None, "default"),
        ),
        (),
    )


@pytest.mark.parametrize(("name", "text", "changed"), SAID)
def test_a_setting_in_the_environment(name: str, text: str, changed: dict[str, Any]) -> None:
    configuration = read({**HOME, variable(name): f" {text} "})
    assert configuration.settings == dataclasses.replace(DEFAULTS, **changed)
    shown = {"~/x/~": "/home/ann/x/~", "https://h/x": "https://h/***", "t" * 16: "***"}.get(text, text)
    assert found(configuration, name) == Found(name, shown, "environment", f"HANDSPAN_{name.upper()}")


@pytest.mark.parametrize(("name", "text", "changed"), SAID)
def test_a_setting_in_the_file(name: str, text: str, changed: dict[str, Any], tmp_path: Path) -> None:
    environment = written(tmp_path, f'{name} = " {text} "')
    file = environment["HANDSPAN_CONFIG"]
    configuration = read(environment)
    assert configuration.settings == dataclasses.replace(DEFAULTS, config=Path(file), **changed)
    shown = {"~/x/~": "/home/ann/x/~", "https://h/x": "https://h/***", "t" * 16: "***"}.get(text, text)
    assert found(configuration, name) == Found(name, shown, "file", f"{file}:{name}")
    assert found(configuration, "config") == Found("config", file, "environment", "HANDSPAN_CONFIG")


def test_every_setting_is_tested_above() -> None:
    assert {name for name, _, _ in SAID} == set(KEYS) == TABLE.keys() - {"config"}
    assert {name: setting.kind.allowed for name, setting in TABLE.items()} == ALLOWED


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    in_file = {name: text for name, text, _ in SAID}
    environment = written(tmp_path, "".join(f'{name} = "{text}"\n' for name, text in in_file.items()))
    others = {
        "state_dir": "/other",
        "content": "off",
        "callback_url": "http://other",
        "settle": "3s",
        "stuck_after": "3m",
        "idle_after": "3h",
        "spool_max_bytes": "33MB",
        "spool_max_age": "3d",
        "listen": "127.0.0.1:1",
        "token": "o" * 16,
        "forward": "http://other",
    }
    variables = {variable(name): text for name, text in others.items()}
    assert read({**environment, **variables}).settings == dataclasses.replace(
        read({**HOME, **variables}).settings, config=Path(environment["HANDSPAN_CONFIG"])
    )


def test_numbers_in_the_file(tmp_path: Path) -> None:
    environment = written(tmp_path, "settle = 3\nstuck_after = 0.5\nidle_after = 0\nspool_max_bytes = 5_000_000\n")
    assert read(environment).settings == dataclasses.replace(
        DEFAULTS,
        settle=3 * SECOND,
        stuck_after=SECOND // 2,
        idle_after=None,
        spool_max_bytes=5_000_000,
        config=Path(environment["HANDSPAN_CONFIG"]),
    )


def test_what_is_empty_is_not_set(tmp_path: Path) -> None:
    environment = written(tmp_path, "".join(f'{name} = " "\n' for name in KEYS))
    assert read({**HOME, **{variable(name): " " for name in TABLE}}) == read(HOME)
    configuration = read(environment)
    assert configuration.settings == dataclasses.replace(DEFAULTS, config=Path(environment["HANDSPAN_CONFIG"]))
    assert {one.origin for one in configuration.found if one.name != "config"} == {"default"}


def test_the_callback_url_that_cao_knows(tmp_path: Path) -> None:
    theirs = {**HOME, "CAO_EVENT_CALLBACK_URL": "http://theirs/x"}
    in_file = written(tmp_path, 'callback_url = "http://file"')
    assert read(theirs).settings == dataclasses.replace(DEFAULTS, callback_url="http://theirs/x")
    assert found(read(theirs), "callback_url") == Found(
        "callback_url", "http://theirs/***", "environment", "CAO_EVENT_CALLBACK_URL"
    )
    assert read({**theirs, "HANDSPAN_CALLBACK_URL": "http://ours"}).settings.callback_url == "http://ours"
    assert read({**in_file, **theirs}).settings.callback_url == "http://theirs/x"
    assert problems({**HOME, "CAO_EVENT_CALLBACK_URL": PASSWORD}) == (
        f"CAO_EVENT_CALLBACK_URL must be {ALLOWED['callback_url']}; what it is may be secret, and is not repeated.",
    )


def test_otel_is_read_as_otel_env_reads_it_with_http_where_nothing_is_said(tmp_path: Path) -> None:
    environment = {"OTEL_SERVICE_NAME": "mine", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc", "OTEL_SDK_DISABLED": "true"}
    assert read(HOME).settings.otel.traces.target.endpoint == "http://localhost:4318/v1/traces"
    assert read({**HOME, **environment}).settings.otel == otel_env.read(environment, "http/protobuf")


# --- where things are ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.local/state/handspan"),
        ({"HOME": "/home/ann/"}, "/home/ann/.local/state/handspan"),
        ({"HOME": "/"}, "/.local/state/handspan"),
        ({"HOME": "/home/\udcff"}, "/home/\udcff/.local/state/handspan"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/state"}, "/state/handspan"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/"}, "/handspan"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, "/home/ann/.local/state/handspan"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": ""}, "/home/ann/.local/state/handspan"),
        ({"XDG_STATE_HOME": "/state"}, "/state/handspan"),
        ({"HANDSPAN_STATE_DIR": "/own"}, "/own"),
        ({"HOME": "/", "HANDSPAN_STATE_DIR": "~/own"}, "/own"),
        ({"HOME": "/home/ann", "HANDSPAN_STATE_DIR": "/own/~/x"}, "/own/~/x"),
    ],
    ids=ascii,
)
def test_the_state_directory(environment: dict[str, str], folder: str) -> None:
    assert str(read(environment).settings.state_dir) == folder


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "ann"}, {"XDG_STATE_HOME": "state"}], ids=str)
def test_without_a_home_the_state_directory_must_be_named(environment: dict[str, str]) -> None:
    assert problems(environment) == (
        "HANDSPAN_STATE_DIR is not set, nor is HOME, where its default lies: set one of them.",
    )
    assert problems({**environment, "HANDSPAN_STATE_DIR": "~/x"}) == (
        f"HANDSPAN_STATE_DIR is '~/x': it must be {ALLOWED['state_dir']}.",
    )


def test_the_file_lies_where_the_xdg_specification_has_it(tmp_path: Path) -> None:
    for environment, folder in (
        ({"HOME": str(tmp_path)}, tmp_path / ".config"),
        ({"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "other")}, tmp_path / "other"),
    ):
        (folder / "handspan").mkdir(parents=True)
        file = folder / "handspan" / "config.toml"
        file.write_text('settle = "3s"')
        configuration = read(environment)
        assert (configuration.settings.settle, configuration.settings.config) == (3 * SECOND, file)
        assert found(configuration, "config") == Found("config", str(file), "default")
        assert found(configuration, "settle") == Found("settle", "3s", "file", f"{file}:settle")


def test_without_a_file_where_it_would_lie_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "gone", tmp_path / "file"):
        assert read({**HOME, "XDG_CONFIG_HOME": str(folder)}) == read(HOME)


# --- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("state_dir", text) for text in ("state", "./state", "~ann/state", "$XDG_STATE_HOME/x")),
        *(("content", text) for text in ("OFF", "all", "of\udcff")),
        *((name, text) for name in ("settle", "stuck_after", "spool_max_age") for text in ("0", "0s", "-1s")),
        *(
            (name, text)
            for name in ("settle", "stuck_after", "idle_after", "spool_max_age")
            for text in ("soon", "3651d")
        ),
        ("idle_after", "-1"),
        *(("spool_max_bytes", text) for text in ("0", "4194303", "-1GB", "1025TiB", "much")),
        ("config", "settings.toml"),
    ],
    ids=ascii,
)
def test_a_wrong_value(name: str, text: str, tmp_path: Path) -> None:
    must_be = f"is {text!r}: it must be {ALLOWED[name]}."
    assert problems({**HOME, variable(name): text}) == (f"HANDSPAN_{name.upper()} {must_be}",)
    if name in KEYS and text.isascii():
        environment = written(tmp_path, f'{name} = "{text}"')
        assert problems(environment) == (f"{environment['HANDSPAN_CONFIG']}:{name} {must_be}",)


@pytest.mark.parametrize(
    "text", [PASSWORD, f"ftp://u:{PASSWORD}@h", f"http://h:{PASSWORD}", f"http://h/{PASSWORD}\x1b"]
)
def test_a_wrong_address_is_not_repeated(text: str) -> None:
    assert problems({**HOME, "HANDSPAN_CALLBACK_URL": text}) == (
        f"HANDSPAN_CALLBACK_URL must be {ALLOWED['callback_url']}; what it is may be secret, and is not repeated.",
    )


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("true", "true or false"),
        *((value, "neither text nor a number of 64 bits") for value in ("[]", "{}", "1979-05-27", "0x" + "f" * 9_000)),
        *((value, repr(value)) for value in ("inf", "nan", "-1")),
        ("1e30", "'1e+30'"),
        ("9_223_372_036_854_775_807", "'9223372036854775807'"),
        ("9_223_372_036_854_775_808", "neither text nor a number of 64 bits"),
        ('"\\u0000"', r"'\x00'"),
        ('"' + "9" * 100 + '"', f"'{'9' * 100}'"),
        ('"' + "9" * 101 + '"', f"'{'9' * 100}…'"),
    ],
    ids=lambda text: f"{text[:30]} {len(text)}",
)
def test_a_wrong_kind_of_value_in_the_file(value: str, what: str, tmp_path: Path) -> None:
    environment = written(tmp_path, f"settle = {value}")
    assert problems(environment) == (
        f"{environment['HANDSPAN_CONFIG']}:settle is {what}: it must be {ALLOWED['settle']}.",
    )


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    environment = written(tmp_path, 'settle = "x"\nspool_max_age = []\nstuck_after = 0\n')
    file = environment["HANDSPAN_CONFIG"]
    environment |= {"HANDSPAN_SETTLE": "y", "HANDSPAN_CONTENT": "z", "OTEL_SDK_DISABLED": "w", "HANDSPAN_X": "ignored"}
    assert problems(environment) == (
        f"HANDSPAN_CONTENT is 'z': it must be {ALLOWED['content']}.",
        f"HANDSPAN_SETTLE is 'y': it must be {ALLOWED['settle']}.",
        f"{file}:stuck_after is '0': it must be {ALLOWED['stuck_after']}.",
        f"{file}:spool_max_age is neither text nor a number of 64 bits: it must be {ALLOWED['spool_max_age']}.",
        "OTEL_SDK_DISABLED is 'w': it must be true or false.",
    )


# --- hostile files ---------------------------------------------------------------------------------------------------


def of_toml(text: bytes) -> str:
    """What tomllib says of it, which is not the same in all versions of Python."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 (its message is what is asked for)
        tomllib.loads(text.decode())
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, of_toml(text)) for text in (b"settle", b"settle = 2\nsettle = 3", b"\xff\xfe", b"SQLite format 3\0")),
        (rb'content = "\ud800"', of_toml(rb'content = "\ud800"')),
        (b"#" * 16_385, "it is longer than 16 KiB"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_a_file_that_is_none_of_settings(text: bytes, why: str, tmp_path: Path) -> None:
    environment = written(tmp_path, text)
    assert problems(environment) == (
        f"{environment['HANDSPAN_CONFIG']} is no file of settings ({why}): mend it, or name another in HANDSPAN_CONFIG.",
    )


@pytest.mark.parametrize(
    "text",
    ["x = " + "[" * 16_000, "x = " + "{a=" * 5_000],
    ids=["arrays", "tables"],
)
def test_a_file_that_is_nested_deeply_does_no_harm(text: str, tmp_path: Path) -> None:
    with contextlib.suppress(WrongSetting):
        read(written(tmp_path, text))


def test_a_file_of_just_the_size_that_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"settle = 3 " + b"#" * (16_384 - 11))).settings.settle == 3 * SECOND


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert problems({**HOME, "HANDSPAN_CONFIG": str(path)}) == (
            f"{path} is no file of settings (it is a folder, a device or a pipe): mend it, or name another in HANDSPAN_CONFIG.",
        )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, why in ((tmp_path / "gone", "No such file or directory"), (tmp_path / "file" / "x", "Not a directory")):
        assert problems({**HOME, "HANDSPAN_CONFIG": str(path)}) == (
            f"HANDSPAN_CONFIG names {path}, which can't be read ({why}): name another file.",
        )


def test_a_file_that_can_t_be_read(tmp_path: Path) -> None:
    # Of permissions nothing is held against root, who may run this; a link to itself nobody can follow.
    folder = tmp_path / "handspan"
    folder.mkdir()
    (folder / "config.toml").symlink_to("config.toml")
    said = f"{folder}/config.toml can't be read (Too many levels of symbolic links): mend that, or name another file in HANDSPAN_CONFIG."
    assert problems({**HOME, "HANDSPAN_CONFIG": str(folder / "config.toml")}) == (said,)
    assert problems({**HOME, "XDG_CONFIG_HOME": str(tmp_path)}) == (said,)
    assert problems({**HOME, "XDG_CONFIG_HOME": str(tmp_path), "HANDSPAN_CONTENT": "x"}) == (
        said,
        f"HANDSPAN_CONTENT is 'x': it must be {ALLOWED['content']}.",
    )


NAMES = st.sampled_from([*map(variable, KEYS), "HOME", "XDG_STATE_HOME", "OTEL_RESOURCE_ATTRIBUTES", "HANDSPAN_X"])
TEXT = st.text(st.characters(exclude_characters="\0"))


@given(st.dictionaries(NAMES, TEXT | st.from_regex(r"\A[0-9.]{1,5}(s|d|GB|MiB)?\Z")))
def test_an_environment_of_anything_is_read_or_refused(environment: dict[str, str]) -> None:
    with contextlib.suppress(WrongSetting):
        read(environment)


# --- what is unknown -------------------------------------------------------------------------------------------------


def test_unknown_names_are_warnings(tmp_path: Path) -> None:
    environment = written(tmp_path, 'settel = "3s"\nHANDSPAN_CONTENT = "full"\nconfig = "/x"\n"\\u001b" = 1\n[stuck]\n')
    file = environment["HANDSPAN_CONFIG"]
    unknown = {
        "HANDSPAN_CALLBACK": PASSWORD,
        "HANDSPAN_": "x",
        "HANDSPAN_settle": "9s",
        "handspan_x": "",
        "HANDSPAN": "",
    }
    of_plugins = {"HANDSPAN_AUDIT_FILE": "on", "HANDSPAN_CHAT_FILE": "/rules"}
    configuration = read(environment | unknown | of_plugins)
    assert configuration.settings == dataclasses.replace(DEFAULTS, config=Path(file))
    assert configuration.warnings == (
        "HANDSPAN_ is no setting and is ignored: `handspan config` lists the settings.",
        "HANDSPAN_CALLBACK is no setting and is ignored: did you mean HANDSPAN_CALLBACK_URL?",
        "HANDSPAN_settle is no setting and is ignored: did you mean HANDSPAN_SETTLE?",
        f"{file}:'settel' is no setting and is ignored: did you mean settle?",
        f"{file}:'HANDSPAN_CONTENT' is no setting and is ignored: did you mean content?",
        f"{file}:'config' is no setting and is ignored: `handspan config` lists the settings.",
        rf"{file}:'\x1b' is no setting and is ignored: `handspan config` lists the settings.",
        f"{file}:'stuck' is no setting and is ignored: did you mean stuck_after?",
    )


# --- what is built from them -----------------------------------------------------------------------------------------


def test_the_rules_of_the_defaults_are_the_rules_defaults() -> None:
    assert DEFAULTS.rules(looks=True) == Rules()
    assert DEFAULTS.rules(looks=False) == Rules(idle_after=DAY)


def test_the_rules_of_other_settings() -> None:
    settings = dataclasses.replace(DEFAULTS, settle=6 * SECOND, stuck_after=HOUR, idle_after=None)
    assert settings.rules(looks=False) == Rules(
        settle=6 * SECOND, hold=7 * SECOND, lookahead=3 * SECOND, stuck_after=HOUR, idle_after=None
    )


def test_the_spool_s_defaults_are_the_engine_s() -> None:
    asked = inspect.signature(Engine).parameters
    assert (DEFAULTS.spool_max_bytes, DEFAULTS.spool_max_age) == (
        asked["spool_bytes"].default,
        asked["spool_age"].default,
    )
