"""What OTEL_* means is what the SDK's own exporters and resources make of the same environment."""

from __future__ import annotations

import os
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcTraces
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpTraces
from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.trace import TracerProvider

from handspan.otel_env import Exporter, Otel, Protocol, Target, read

if TYPE_CHECKING:
    from handspan.otlp import Kind

KINDS: tuple[Kind, ...] = ("traces", "logs", "metrics")
HTTP: dict[Kind, Any] = {"traces": HttpTraces, "logs": HttpLogs, "metrics": HttpMetrics}
GRPC: dict[Kind, Any] = {"traces": GrpcTraces, "logs": GrpcLogs, "metrics": GrpcMetrics}

OF_THE_EXPORTER = {"content-type", "user-agent", "content-encoding"}

P = "OTEL_EXPORTER_OTLP_"
# For each variable: values that the SDK takes as they are meant. None: not set.
ENDPOINTS = [None, "http://col:4318", "http://col:4318/", "https://col/base/", "http://[::1]:4318/x?key=a"]
GRPC_ENDPOINTS = [None, "http://col:4317", "https://col:4317/path", "col:4317", "dns:///col:4317", "http://[::1]:4317"]
HEADERS = [
    None,
    "Api-Key=abc",
    "a=1,b=2,",
    " a = 1 , B=x%20y%3D ",
    "a=1,A=2",
    "authorization=Bearer one two",
    "a=b=c",
    "a=",
    "a=100%25",
    "a=x%20 y",
]
TIMEOUTS = [None, "7", "0.5", "1e2", " 3 "]
COMPRESSIONS = [None, "gzip", " GZip ", "none", "deflate"]
GRPC_COMPRESSIONS = [None, "gzip", " GZip "]
INSECURE = [None, "true", "TRUE", "false", "False"]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)


def cases(what: str, values: list[str | None]) -> list[dict[str, str]]:
    """All values for all kinds, for one kind alone, and one before the other."""
    names = (P + what, P + "LOGS_" + what)
    return [
        {name: value for name, value in zip(names, chosen, strict=True) if value is not None}
        for chosen in product(values, values)
    ]


def exporter(otel: Otel, kind: Kind) -> Exporter:
    return {"traces": otel.traces, "logs": otel.logs, "metrics": otel.metrics}[kind]


def inside(thing: object, *names: str) -> Any:
    """What the SDK keeps to itself, of which there is no other way to ask."""
    for name in names:
        thing = getattr(thing, name)
    return thing


def pair_of(cert: str | tuple[str, str] | None) -> tuple[str | None, str | None]:
    return cert if isinstance(cert, tuple) else (cert, None)


def http_of(made: object) -> Target:
    """What an exporter of the SDK has made of its environment."""
    session = inside(made, "_client", "_transport", "_session")
    headers: dict[str, str] = inside(made, "_client", "_headers")
    certificate, key = pair_of(inside(session, "cert"))
    return Target(
        endpoint=inside(made, "_client", "_endpoint"),
        headers=tuple(item for item in headers.items() if item[0].lower() not in OF_THE_EXPORTER),
        timeout=inside(made, "_client", "_timeout"),
        compression=inside(made, "_client", "_compression", "value"),
        certificate=None if session.verify is True else session.verify,
        client_certificate=certificate,
        client_key=key,
    )


def grpc_of(made: object) -> Target:
    return Target(
        endpoint=inside(made, "_endpoint"),
        headers=tuple(inside(made, "_headers")),
        timeout=inside(made, "_timeout"),
        compression="gzip" if inside(made, "_compression", "name") == "Gzip" else "none",
        insecure=inside(made, "_insecure"),
    )


def assert_as_the_sdk(kind: Kind, protocol: Protocol, environment: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        made = (GRPC if protocol == "grpc" else HTTP)[kind]()
    theirs = grpc_of(made) if protocol == "grpc" else http_of(made)
    made.shutdown()
    ours = exporter(read(environment, protocol), kind)
    assert (environment, ours) == (environment, Exporter(protocol=protocol, target=theirs))


@pytest.mark.parametrize(
    "environments",
    [
        pytest.param(cases("ENDPOINT", ENDPOINTS), id="endpoint"),
        pytest.param(cases("HEADERS", HEADERS), id="headers"),
        pytest.param(cases("TIMEOUT", TIMEOUTS), id="timeout"),
        pytest.param(cases("COMPRESSION", COMPRESSIONS), id="compression"),
        pytest.param(cases("CERTIFICATE", [None, "/a.pem", "/b.pem"]), id="certificate"),
        pytest.param(cases("CLIENT_CERTIFICATE", [None, "/c.pem", "/d.pem"]), id="client certificate"),
        pytest.param(
            [
                {P + "CLIENT_CERTIFICATE": "/c.pem", P + "LOGS_CLIENT_KEY": "/c.key"},
                {P + "CLIENT_KEY": "/k.key", P + "LOGS_CLIENT_CERTIFICATE": "/c.pem"},
            ],
            id="client key",
        ),
        pytest.param(
            [
                {P + name: "" for name in ("ENDPOINT", "HEADERS", "TIMEOUT", "CERTIFICATE")},
                {P + "ENDPOINT": "http://col:1", P + "LOGS_ENDPOINT": ""},
            ],
            id="empty",
        ),
    ],
)
def test_http_is_what_the_sdk_makes_of_it(environments: list[dict[str, str]]) -> None:
    for kind, environment in product(KINDS[:2], environments):
        assert_as_the_sdk(kind, "http/protobuf", environment)


@pytest.mark.parametrize(
    "environments",
    [
        pytest.param(cases("ENDPOINT", GRPC_ENDPOINTS), id="endpoint"),
        pytest.param(cases("HEADERS", HEADERS), id="headers"),
        pytest.param(cases("TIMEOUT", TIMEOUTS), id="timeout"),
        pytest.param(cases("COMPRESSION", GRPC_COMPRESSIONS), id="compression"),
        pytest.param(cases("INSECURE", INSECURE), id="insecure"),
        pytest.param(
            [
                {P + "ENDPOINT": "https://col:1", P + "INSECURE": "true"},
                {P + "ENDPOINT": "col:1", P + "INSECURE": "true"},
                {P + "ENDPOINT": "http://col:1", P + "LOGS_INSECURE": "false"},
            ],
            id="insecure endpoint",
        ),
    ],
)
def test_grpc_is_what_the_sdk_makes_of_it(environments: list[dict[str, str]]) -> None:
    for kind, environment in product(KINDS[:2], environments):
        assert_as_the_sdk(kind, "grpc", environment)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_each_kind_has_its_own(kind: Kind, protocol: Protocol) -> None:
    own = {f"{P}{kind.upper()}_ENDPOINT": "http://own:1/x", f"{P}{kind.upper()}_HEADERS": "own=1"}
    assert_as_the_sdk(kind, protocol, {**own, P + "ENDPOINT": "http://all:1", P + "HEADERS": "all=1"})


def test_the_protocol_of_one_kind_goes_before_the_one_for_all() -> None:
    otel = read({P + "PROTOCOL": " http/protobuf ", P + "METRICS_PROTOCOL": "grpc"})
    assert [e.protocol for e in (otel.traces, otel.logs, otel.metrics)] == ["http/protobuf", "http/protobuf", "grpc"]
    assert otel.metrics.target.endpoint == "localhost:4317"
    assert otel.traces.target.endpoint == "http://localhost:4318/v1/traces"


def test_where_no_protocol_is_named_it_is_grpc_unless_the_caller_says_another() -> None:
    assert read({}).logs == Exporter(protocol="grpc", target=Target(endpoint="localhost:4317", insecure=True))
    assert read({}, "http/protobuf").logs.protocol == "http/protobuf"


def test_grpc_takes_certificates_as_http_does() -> None:
    environment = {P + "CERTIFICATE": "/a", P + "LOGS_CLIENT_CERTIFICATE": "/c", P + "CLIENT_KEY": "/k"}
    target = read(environment, "grpc").logs.target
    assert (target.certificate, target.client_certificate, target.client_key) == ("/a", "/c", "/k")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_RESOURCE_ATTRIBUTES": "a=1,b=x%2Cy, c = d ,"},
        {"OTEL_RESOURCE_ATTRIBUTES": "a=1=2,a=3,service.name=one"},
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=one", "OTEL_SERVICE_NAME": "two%20"},
        {"OTEL_SERVICE_NAME": "", "OTEL_RESOURCE_ATTRIBUTES": ""},
    ],
    ids=str,
)
def test_the_resource_is_what_the_sdk_makes_of_it(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert dict(read(environment).resource) == dict(OTELResourceDetector().detect().attributes)


@pytest.mark.parametrize("value", ["", "true", " TRUE ", "false", "False"])
def test_disabled_is_what_the_sdk_makes_of_it(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert read({"OTEL_SDK_DISABLED": value}).disabled == inside(TracerProvider(shutdown_on_exit=False), "_disabled")


SECRET = "sk-" + "tell-nobody"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({P + "PROTOCOL": "http/json"}, f"{P}PROTOCOL is 'http/json': it must be grpc or http/protobuf."),
        ({P + "LOGS_PROTOCOL": "GRPC"}, f"{P}LOGS_PROTOCOL is 'GRPC': it must be grpc or http/protobuf."),
        ({P + "TIMEOUT": "soon"}, f"{P}TIMEOUT is 'soon': it must be seconds, more than 0."),
        ({P + "TIMEOUT": "0"}, f"{P}TIMEOUT is '0': it must be seconds, more than 0."),
        ({P + "TIMEOUT": "nan"}, f"{P}TIMEOUT is 'nan': it must be seconds, more than 0."),
        ({P + "LOGS_TIMEOUT": "inf"}, f"{P}LOGS_TIMEOUT is 'inf': it must be seconds, more than 0."),
        ({P + "COMPRESSION": "zstd"}, f"{P}COMPRESSION is 'zstd': it must be none or gzip for grpc."),
        ({P + "COMPRESSION": "deflate"}, f"{P}COMPRESSION is 'deflate': it must be none or gzip for grpc."),
        ({P + "INSECURE": "1"}, f"{P}INSECURE is '1': it must be true or false."),
        ({"OTEL_SDK_DISABLED": "yes"}, "OTEL_SDK_DISABLED is 'yes': it must be true or false."),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "a=1,b"},
            "OTEL_RESOURCE_ATTRIBUTES is 'b': it must be name=value,name=value in percent-encoding.",
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "=1"},
            "OTEL_RESOURCE_ATTRIBUTES is '=1': it must be name=value,name=value in percent-encoding.",
        ),
        *(
            (
                {P + "HEADERS": f"a=1,{wrong}"},
                f"{P}HEADERS is wrong at its part 2: write name=value,name=value in percent-encoding.",
            )
            for wrong in (SECRET, f"x y={SECRET}", f'b="{SECRET}"', f"b={SECRET}%0d%0aHost:x", f"b={SECRET}é", "=1")
        ),
        (
            {P + "ENDPOINT": f"http://u:{SECRET}@col:1"},
            f"{P}ENDPOINT is no address that gRPC can reach: write host:port or http://host:port.",
        ),
        (
            {P + "PROTOCOL": "http/protobuf", P + "ENDPOINT": f"col:4318/{SECRET}"},
            f"{P}ENDPOINT is no address that HTTP can reach: write http://host:port or https://host:port.",
        ),
        *(
            (
                {P + "PROTOCOL": "http/protobuf", P + "LOGS_ENDPOINT": wrong},
                f"{P}LOGS_ENDPOINT is no address that HTTP can reach: write http://host:port or https://host:port.",
            )
            for wrong in ("http://", "http://col:99999", "http://[::1", "ftp://col", "/v1/logs")
        ),
    ],
    ids=str,
)
def test_a_wrong_value_names_its_variable(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the whole message is compared)
        read(environment)
    assert str(error.value) == says
    assert SECRET not in says
