"""What the doors answer to what they do not take: a status, and a reason in the words that the asker understands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from handspan.hub.record import Encoding
    from handspan.otlp import Kind

OTLP_PATHS: Final[dict[str, Kind]] = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
TYPES: Final[dict[Encoding, str]] = {"protobuf": PROTOBUF, "json": JSON}
# HTTP's status as a code of gRPC's.
CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}


class Refusal(Exception):
    """A request is not taken. `after` is when to come back, in seconds; None where that would change nothing."""

    def __init__(self, status: int, why: str, after: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.after = after


def media_type(content_type: str) -> str:
    """A content type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def encoding_of(content_type: str) -> Encoding | None:
    """The encoding of an OTLP request, None where its content type names none."""
    kind = media_type(content_type)
    return next((encoding for encoding, its in TYPES.items() if its == kind), None)


def refused(refusal: Refusal, path: str, content_type: str) -> Response:
    """To an OTLP client a google.rpc.Status in the encoding of its request, to anybody else a sentence in JSON."""
    headers = {} if refusal.after is None else {"Retry-After": str(refusal.after)}
    if path not in OTLP_PATHS:
        body = json.dumps({"error": refusal.why}).encode()
        return Response(body, refusal.status, headers, JSON)
    # Imported where it is needed: a refused page must not wait for protobuf.
    from handspan.hub import wire  # noqa: PLC0415

    encoding = encoding_of(content_type) or "json"
    body = wire.status(encoding, CODES[refusal.status], refusal.why)
    return Response(body, refusal.status, headers, TYPES[encoding])
