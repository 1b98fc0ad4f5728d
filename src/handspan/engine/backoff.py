"""How long a destination that takes nothing is left alone."""

from __future__ import annotations

# The first pause is short, for a collector that only restarts; the longest is what a person waits without wondering.
_FIRST = 0.5
_LONGEST = 30.0
# A server may ask for more, but not for a pause that outlasts an afternoon.
_LONGEST_ASKED = 3_600.0


def pause(failures: int, chance: float, asked: float | None) -> float:
    """The seconds until the next attempt, after so many failures before this one. `chance` is drawn from 0 to 1."""
    # Full jitter: many exporters that lost one collector must not all come back at once.
    drawn = chance * min(_LONGEST, _FIRST * 2.0 ** min(failures, 10))
    return max(drawn, min(asked or 0, _LONGEST_ASKED))
