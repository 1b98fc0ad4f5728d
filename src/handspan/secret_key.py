"""The key of a state directory: what keyed digests, and the ids put in place of secret ones, are made with."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("handspan")

_FILE = "digest.key"
_BYTES = 32


def key_in(folder: Path) -> bytes:
    """The key of this folder, made by the first that asks for it. Raises OSError."""
    path = folder / _FILE
    with contextlib.suppress(FileNotFoundError):
        if len(key := path.read_bytes()) == _BYTES:
            return key
        # Cut short or filled up by something else. With it, digests could be guessed.
        path.unlink(missing_ok=True)
    _make(path)
    return path.read_bytes()


def key_or_another(folder: Path) -> bytes:
    """The key of this folder, or one that nobody has, where there can be none."""
    try:
        return key_in(folder)
    except OSError as error:
        _log.warning("%s can't be written (%s): until the next start, digests are of their own.", folder, error)
        return secrets.token_bytes(_BYTES)


def _make(path: Path) -> None:
    """Whole or not at all, and only one of several that try at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = path.with_name(f"{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink(missing_ok=True)
