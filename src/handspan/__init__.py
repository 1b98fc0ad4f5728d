"""Handspan: handoffs as spans. What several coding agents do together, told in OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handspan.plugins import Plugin, hook

__all__ = ["Plugin", "hook"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # `import handspan` is what every process of an orchestrator pays; what only plugins need is imported for them.
    if name in __all__:
        from handspan import plugins  # noqa: PLC0415 (see above)

        return getattr(plugins, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
