"""Commands, a file each. One that can't be done raises Failure; cli.py says it, and ends with 1."""

from __future__ import annotations


class Failure(Exception):
    """It can't be done. The message is a sentence that says what to do next."""
