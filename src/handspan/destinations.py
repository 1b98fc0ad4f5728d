"""Where signals go, as the environment says it: a sender for each destination, under the name that it keeps.

The place of a destination in the outbox is kept under its name and not under its address, so that a wrong address can
be mended, and what waited for it arrives.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from handspan.otel_env import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handspan.otel_env import Otel
    from handspan.otlp import Kind
    from handspan.senders import Sender


def resource(otel: Otel) -> dict[str, str]:
    """What is added to every resource: the host, and what the user adds.

    Jaeger takes two spans for one host's, and their clocks for one clock, by `ip` or `host.name`; which of them depends
    on its version. `ip` may be any address that is the same everywhere.
    """
    return {"host.name": platform.node(), "ip": "127.0.0.1", **dict(otel.resource)}


ALL: tuple[Kind, ...] = ("traces", "logs", "metrics")


def otlp(otel: Otel, kinds: Sequence[Kind] = ALL) -> dict[str, Sender]:
    """The OTLP destinations of these kinds. Raises ValueError or OSError for what only shows when they are made."""
    by_http: dict[Kind, Target] = {}
    by_grpc: dict[Kind, Target] = {}
    exporters = {"traces": otel.traces, "logs": otel.logs, "metrics": otel.metrics}
    for kind in kinds:
        exporter = exporters[kind]
        (by_grpc if exporter.protocol == "grpc" else by_http)[kind] = exporter.target
    found: dict[str, Sender] = {}
    # Each is imported where it is used: gRPC alone takes a tenth of a second.
    if by_http:
        from handspan.senders.otlp_http import OtlpHttp  # noqa: PLC0415 (see above)

        found["otlp"] = OtlpHttp(by_http)
    if by_grpc:
        from handspan.senders.otlp_grpc import OtlpGrpc  # noqa: PLC0415 (see above)

        found["otlp" if not by_http else "otlp_grpc"] = OtlpGrpc(by_grpc)
    return found


def callback(url: str) -> Sender:
    """The destination of CloudEvents."""
    from handspan.senders.cloudevents import Callback  # noqa: PLC0415 (see above)

    return Callback(Target(endpoint=url))
