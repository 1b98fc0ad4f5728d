"""Settings, read once: from the environment, then from a TOML file, then the default.

* A setting is HANDSPAN_<NAME> in the environment and <name> in the file. One line of `Settings` is all there is to one.
* An empty value is an unset one. The environment goes before the file.
* OTEL_* is read from the environment alone, as the SDKs do.
* All that is wrong is said at once, before anything starts. What is only unknown is a warning.
"""

from __future__ import annotations

import difflib
import stat
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from handspan import otel_env
from handspan.addresses import Address
from handspan.rules import Rules
from handspan.setting_kinds import (
    ADDRESSES,
    BYTES,
    DURATION,
    DURATION_OR_NEVER,
    ENDPOINTS,
    PATH,
    UNGUESSABLE,
    URL,
    Kind,
    choice,
)

Content = Literal["off", "redacted", "full"]
Origin = Literal["default", "environment", "file"]

_PREFIX = "HANDSPAN_"
# Settings of the plugins that ship with Handspan, which read these themselves.
_OF_PLUGINS = ("HANDSPAN_AUDIT_FILE", "HANDSPAN_CHAT")
# Where the XDG specification has these where they are not set.
_XDG = {"$XDG_STATE_HOME": "~/.local/state", "$XDG_CONFIG_HOME": "~/.config"}
# A handful of lines is some hundred bytes; a file of more is another file, or a device that never ends. The worst that
# this much can hold (one key of 8,000 parts) keeps tomllib busy for a second, and its time grows with the square.
_LONGEST_FILE = 16_384
# What a message repeats of a value.
_QUOTED = 100
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table. `also` is another program's variable, which counts where ours is not set."""

    kind: Kind
    default: str | None
    says: str
    also: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Durations are nanoseconds. `config` is the file that was read, if one was."""

    state_dir: Annotated[Path, Setting(PATH, "$XDG_STATE_HOME/handspan", "The folder of all that has to survive.")]
    content: Annotated[
        Content,
        Setting(choice(*typing.get_args(Content)), "off", "How much of what agents write may leave."),
    ]
    callback_url: Annotated[
        str | None,
        Setting(URL, None, "Where sessions, terminals and messages are told as CloudEvents.", "CAO_EVENT_CALLBACK_URL"),
    ]
    settle: Annotated[int, Setting(DURATION, "2s", "How long what happened waits for a late word about it.")]
    stuck_after: Annotated[int, Setting(DURATION, "10m", "After how long without a sign an agent is stuck.")]
    idle_after: Annotated[
        int | None,
        Setting(
            DURATION_OR_NEVER,
            "24h",
            "After how long without a sign a session is over, where the source can't look.",
        ),
    ]
    spool_max_bytes: Annotated[int, Setting(BYTES, "512MiB", "How much is kept of what could not be sent.")]
    spool_max_age: Annotated[int, Setting(DURATION, "7d", "How long it is kept.")]
    listen: Annotated[
        tuple[Address, ...],
        Setting(ADDRESSES, "localhost:4318", "Where the hub listens for OTLP over HTTP and for browsers."),
    ]
    token: Annotated[
        str | None, Setting(UNGUESSABLE, None, "What the hub asks of whoever comes; it must, beyond this machine.")
    ]
    forward: Annotated[
        tuple[str, ...] | None, Setting(ENDPOINTS, None, "OTLP endpoints to which the hub passes on what arrives.")
    ]
    config: Annotated[
        Path | None,
        Setting(PATH, "$XDG_CONFIG_HOME/handspan/config.toml", "The file of settings; the default need not be there."),
    ]
    otel: otel_env.Otel

    def rules(self, *, looks: bool) -> Rules:
        """The numbers for a source; `looks` if it can look whether anybody is still there."""
        return Rules(
            settle=self.settle,
            # As far from the settling time as the rules have them.
            hold=self.settle + _SECOND,
            lookahead=self.settle // 2,
            stuck_after=self.stuck_after,
            idle_after=None if looks else self.idle_after,
        )


def _table() -> dict[str, Setting]:
    hints = typing.get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


TABLE: Mapping[str, Setting] = _table()


def variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


# The file can't say which file it is.
KEYS = tuple(name for name in TABLE if name != "config")


class WrongSetting(ValueError):
    """Values that can't be used: each problem is a sentence that says what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Found:
    """A setting in force: its value without secrets, and where it was found (a variable, or file:key)."""

    name: str
    value: str | None
    origin: Origin
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    settings: Settings
    found: tuple[Found, ...]
    warnings: tuple[str, ...]


def read(environment: Mapping[str, str]) -> Configuration:
    """Raises WrongSetting for all that can't be used."""
    reader = _Reader(environment)
    values: dict[str, Any] = {"config": reader.config(), **{name: reader.value(name) for name in KEYS}}
    otel = reader.otel()
    if reader.wrong or otel is None:
        raise WrongSetting(reader.wrong)
    return Configuration(
        Settings(**values, otel=otel),
        tuple(reader.found[name] for name in TABLE),
        (*_unknown_variables(environment), *reader.unknown_keys()),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Goes on after what is wrong, so that all of it is said."""

    environment: Mapping[str, str]
    file: dict[str, object] = field(default_factory=dict[str, object])
    found: dict[str, Found] = field(default_factory=dict[str, Found])
    wrong: list[str] = field(default_factory=list[str])

    def config(self) -> Path | None:
        """Reads the file, if there is one."""
        path: Path | None = self.value("config")
        found = self.found["config"]
        if path is None:
            return None
        try:
            self.file.update(_contents(path))
        except (FileNotFoundError, NotADirectoryError) as error:
            if found.origin == "default":
                self.found["config"] = Found("config", None, "default")
                return None
            self.wrong.append(f"{found.where} names {path}, which can't be read ({error.strerror}): name another file.")
        except OSError as error:
            self.wrong.append(f"{path} can't be read ({error.strerror}): mend that, or name another file in {_CONFIG}.")
        except ValueError as error:
            self.wrong.append(f"{path} is no file of settings ({error}): mend it, or name another in {_CONFIG}.")
        return path

    def value(self, name: str) -> Any:
        origin, where, text = self._said(name)
        kind = TABLE[name].kind
        if text is None:
            self.found[name] = Found(name, None, origin, where)
            return None
        try:
            value = kind.read(self._expanded(text, origin) if kind is PATH else text)
        except ValueError:
            self._refuse(name, where, text)
            value = None
            shown = None
        else:
            shown = kind.shown(text) if kind.shown else str(value) if kind is PATH else text
        self.found[name] = Found(name, shown, origin, where)
        return value

    def _said(self, name: str) -> tuple[Origin, str | None, str | None]:
        setting = TABLE[name]
        for known in (variable(name), setting.also):
            if known and (text := self.environment.get(known, "").strip()):
                return "environment", known, text
        if name in self.file:
            where = f"{self.found['config'].value}:{name}"
            return "file", where, self._text(where, name)
        return "default", None, setting.default

    def _text(self, where: str, name: str) -> str | None:
        match self.file[name]:
            case bool():
                kind = "true or false"
            case str() as text:
                return text.strip()
            case float() as number:
                return str(number)
            # TOML has no larger ones, and Python writes none of more than 4,300 digits.
            case int() as number if number.bit_length() < 64:
                return str(number)
            case _:
                kind = "neither text nor a number of 64 bits"
        self.wrong.append(f"{where} is {kind}: it must be {TABLE[name].kind.allowed}.")
        return None

    def _refuse(self, name: str, where: str | None, text: str) -> None:
        kind = TABLE[name].kind
        if where is None:
            # A default is only wrong where there is no home to put it in. Without a file of settings all is well.
            if name != "config":
                self.wrong.append(f"{variable(name)} is not set, nor is HOME, where its default lies: set one of them.")
        elif kind.shown:
            # What was read is not repeated: an address may hold a password.
            self.wrong.append(f"{where} must be {kind.allowed}; what it is may be secret, and is not repeated.")
        else:
            self.wrong.append(f"{where} is {_quoted(text)}: it must be {kind.allowed}.")

    def _expanded(self, text: str, origin: Origin) -> str:
        if origin == "default":
            start, slash, rest = text.partition("/")
            folder = self._folder(start.removeprefix("$"))
            text = f"{_XDG.get(start, start) if folder is None else folder}{slash}{rest}"
        home = self._folder("HOME")
        return text.replace("~", home, 1) if text.startswith("~/") and home is not None else text

    def _folder(self, name: str) -> str | None:
        # The XDG specification has a relative one ignored.
        said = self.environment.get(name, "")
        return said.rstrip("/") if said.startswith("/") else None

    def otel(self) -> otel_env.Otel | None:
        try:
            return otel_env.read(self.environment, unsaid="http/protobuf")
        except ValueError as error:
            self.wrong.append(str(error))
            return None

    def unknown_keys(self) -> list[str]:
        path = self.found["config"].value
        return [
            f"{path}:{_quoted(key)} is no setting and is ignored: {_nearest(key, {name: name for name in KEYS})}"
            for key in self.file
            if key not in KEYS
        ]


_CONFIG = variable("config")


def _contents(path: Path) -> dict[str, object]:
    # To open a pipe would wait for someone to write into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is a folder, a device or a pipe")
    with path.open("rb") as stream:
        read = stream.read(_LONGEST_FILE + 1)
    if len(read) > _LONGEST_FILE:
        raise ValueError("it is longer than 16 KiB")
    try:
        contents = tomllib.loads(read.decode())
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return {key: value for key, value in contents.items() if not isinstance(value, str) or value.strip()}


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = {variable(name): name for name in TABLE}
    return [
        f"{name} is no setting and is ignored: {_nearest(name, known)}"
        for name in sorted(environment)
        if name.startswith(_PREFIX) and name not in known and not name.startswith(_OF_PLUGINS)
    ]


def _nearest(unknown: str, known: Mapping[str, str]) -> str:
    word = unknown[:_QUOTED].upper().removeprefix(_PREFIX).lower()
    near = difflib.get_close_matches(word, known.values(), n=1)
    said = [name for name, plain in known.items() if plain in near]
    return f"did you mean {said[0]}?" if said else "`handspan config` lists the settings."


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…")
