"""What OTEL_* says, as the Python SDK means it; tests/test_otel_env.py asks the SDK.

* An empty value is an unset one. A variable of one kind of signal goes before the one for all, and replaces it whole.
* A general HTTP endpoint gets the path of the kind appended (`/v1/traces`); one kind's own is taken as it is.
* gRPC takes of an endpoint only host and port. `https` is TLS, whatever OTEL_EXPORTER_OTLP_INSECURE says; that goes
  before `http`; what has no scheme is TLS.
* Headers are `name=value,...`, names in lower case, values percent-decoded. Time-outs are seconds.

Where the SDK warns and goes on with another value, or fails at the first export, this says so at once. And a client
certificate counts for gRPC also where no CA is named, where the SDK forgets it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

Protocol = Literal["grpc", "http/protobuf"]
Compression = Literal["none", "gzip", "deflate"]

_COMPRESSIONS: dict[Protocol, tuple[Compression, ...]] = {
    "grpc": ("none", "gzip"),
    "http/protobuf": ("none", "gzip", "deflate"),
}
_ENDPOINTS: dict[Protocol, str] = {"grpc": "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
# The characters of a token in HTTP, and what a header's value may be made of: nothing may end the header's line.
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
# Written in percent-encoding where all of the value is; else it stands as it is, as other SDKs take it.
_ENCODED = re.compile(r"[!#-+\--:<-\[\]-~]*")
_LITERAL = re.compile(r"[ !#-+\--:<-\[\]-~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the records of one kind go, and how."""

    endpoint: str
    headers: tuple[tuple[str, str], ...] = ()
    timeout: float = 10
    compression: Compression = "none"
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    protocol: Protocol
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Otel:
    disabled: bool
    resource: tuple[tuple[str, str], ...]
    traces: Exporter
    logs: Exporter
    metrics: Exporter


def read(environment: Mapping[str, str], unsaid: Protocol = "grpc") -> Otel:
    """Raises ValueError for the first value that is wrong. `unsaid` is the protocol where none is named: the SDK's is
    gRPC, the specification's HTTP."""
    return Otel(
        disabled=_truth("OTEL_SDK_DISABLED", environment.get("OTEL_SDK_DISABLED", "").strip() or "false"),
        resource=_resource(environment),
        traces=_exporter(_Variables(environment, "traces"), unsaid),
        logs=_exporter(_Variables(environment, "logs"), unsaid),
        metrics=_exporter(_Variables(environment, "metrics"), unsaid),
    )


@dataclass(frozen=True, slots=True)
class _Variables:
    environment: Mapping[str, str]
    kind: str

    def find(self, what: str) -> tuple[str, str | None]:
        """The name and value of the variable that counts."""
        own, general = f"OTEL_EXPORTER_OTLP_{self.kind.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"
        if value := self.environment.get(own):
            return own, value
        return general, self.environment.get(general) or None


def _exporter(variables: _Variables, unsaid: Protocol) -> Exporter:
    protocol = _protocol(*variables.find("PROTOCOL"), unsaid)
    endpoint, insecure = _grpc_endpoint(variables) if protocol == "grpc" else (_http_endpoint(variables), False)
    client_certificate = variables.find("CLIENT_CERTIFICATE")[1]
    return Exporter(
        protocol=protocol,
        target=Target(
            endpoint=endpoint,
            insecure=insecure,
            headers=_headers(*variables.find("HEADERS")),
            timeout=_timeout(*variables.find("TIMEOUT")),
            compression=_compression(*variables.find("COMPRESSION"), protocol),
            certificate=variables.find("CERTIFICATE")[1],
            client_certificate=client_certificate,
            client_key=variables.find("CLIENT_KEY")[1] if client_certificate else None,
        ),
    )


def _protocol(name: str, value: str | None, unsaid: Protocol) -> Protocol:
    said = (value or unsaid).strip()
    if said not in _ENDPOINTS:
        raise _wrong(name, said, " or ".join(_ENDPOINTS))
    return said


def _http_endpoint(variables: _Variables) -> str:
    name, value = variables.find("ENDPOINT")
    general = name == "OTEL_EXPORTER_OTLP_ENDPOINT"
    said = value or _ENDPOINTS["http/protobuf"]
    try:
        parts = urlsplit(said)
        reachable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        reachable = False
    if not reachable:
        # What was read is not repeated: an address may hold a password.
        raise ValueError(f"{name} is no address that HTTP can reach: write http://host:port or https://host:port.")
    return f"{said.removesuffix('/')}/v1/{variables.kind}" if general else said


def _grpc_endpoint(variables: _Variables) -> tuple[str, bool]:
    name, value = variables.find("ENDPOINT")
    said = value or _ENDPOINTS["grpc"]
    try:
        parts = urlsplit(said)
    except ValueError:
        parts = None
    if parts is None or "@" in parts.netloc:
        raise ValueError(f"{name} is no address that gRPC can reach: write host:port or http://host:port.")
    insecure_name, insecure = variables.find("INSECURE")
    plain = parts.scheme == "http" if insecure is None else _truth(insecure_name, insecure)
    return parts.netloc or said, plain and parts.scheme != "https"


def _headers(name: str, value: str | None) -> tuple[tuple[str, str], ...]:
    headers: dict[str, str] = {}
    for number, item in enumerate((value or "").split(","), 1):
        if not item.strip(" \t"):
            continue
        key, equals, said = (part.strip(" \t") for part in item.partition("="))
        decoded = unquote(said).strip() if _ENCODED.fullmatch(said) else said
        if not (
            equals and _HEADER_NAME.fullmatch(key) and _LITERAL.fullmatch(said) and _HEADER_VALUE.fullmatch(decoded)
        ):
            # What was read is not repeated: headers are where tokens are.
            raise ValueError(f"{name} is wrong at its part {number}: write name=value,name=value in percent-encoding.")
        headers[unquote(key).strip().lower()] = decoded
    return tuple(headers.items())


def _timeout(name: str, value: str | None) -> float:
    try:
        seconds = float(value or 10)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise _wrong(name, value, "seconds, more than 0")
    return seconds


def _compression(name: str, value: str | None, protocol: Protocol) -> Compression:
    said = (value or "none").strip().lower()
    allowed = _COMPRESSIONS[protocol]
    if said not in allowed:
        raise _wrong(name, value, f"{' or '.join(allowed)} for {protocol}")
    return said


def _truth(name: str, value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise _wrong(name, value, "true or false")
    return value.lower() == "true"


def _resource(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    attributes: dict[str, str] = {}
    for item in environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        if not item.strip():
            continue
        key, equals, value = item.partition("=")
        if not (equals and key.strip()):
            raise _wrong("OTEL_RESOURCE_ATTRIBUTES", item, "name=value,name=value in percent-encoding")
        attributes[key.strip()] = unquote(value.strip())
    if name := environment.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = name
    return tuple(attributes.items())


def _wrong(name: str, value: str | None, allowed: str) -> ValueError:
    return ValueError(f"{name} is {value!r}: it must be {allowed}.")
