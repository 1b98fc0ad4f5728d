"""Virtual environments that hold one version of CAO and this Handspan: built on first use, kept in a cache.

The cache is `HANDSPAN_CACHE`, else `handspan` in the user's cache folder. It may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ROOT = Path(__file__).parents[2]
# The lock whose CAO the tests run. `make matrix` names the others.
LOCK = os.environ.get("HANDSPAN_CAO") or "cao-2.5.4"


class CannotBuild(Exception):
    """There is no such environment and none can be built here. Says why."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    if named := environment.get("HANDSPAN_CACHE"):
        return Path(named).absolute()
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "handspan"


def cao_environment(lock: Path, cache: Path) -> Path:
    """The environment that `lock` describes, with Handspan as it is in this checkout."""
    # Handspan is installed by path, so that two checkouts must not share an environment.
    folder = cache / f"{lock.stem}-{_digest(lock.read_bytes(), sys.version.encode(), bytes(ROOT))}"
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{folder.name}.lock"):
        if not (folder / "built").exists():
            _build(folder, lock)
        _install_handspan(folder)
    return folder


def _digest(*parts: bytes) -> str:
    # Twelve digits: a handful of folders, and their paths go into the first line of every script in them.
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(folder: Path, lock: Path) -> None:
    _run(sys.executable, "-m", "venv", "--clear", str(folder))
    # The lock is complete. Without --no-deps pip also looks at newer releases, and refuses them for want of a hash.
    _pip(folder, "--no-deps", "--require-hashes", "--requirement", str(lock))
    (folder / "built").touch()


def _install_handspan(folder: Path) -> None:
    described = _digest((ROOT / "pyproject.toml").read_bytes())
    stamp = folder / "handspan"
    if stamp.exists() and stamp.read_text() == described:
        return
    _pip(folder, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    stamp.write_text(described)


def _pip(folder: Path, *arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", *quiet, *arguments)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise CannotBuild(f"{' '.join(command[:4])} failed: {''.join(last)}")
