"""`iolaus receive`: its options, what it says without its extra, and a whole log through it."""

import subprocess
import sys
from pathlib import Path
from shutil import copyfile
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from iolaus.app.cli import app
from iolaus.app.progress import silent
from iolaus.app.receive import receive
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.core.errors import ConfigError
from iolaus.core.tables import EXCHANGES
from iolaus.logs import open_log
from iolaus.logs.mapping import Rule

GIVEN: dict[str, Any] = {
    "grpc": "127.0.0.1:0",
    "http": "off",
    "mapping": None,
    "seal_every": "5m",
    "backlog": "2GB",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grpc": "4317"}, "--grpc is '4317'"),
        ({"http": "127.0.0.1:http"}, "--http is '127.0.0.1:http'"),
        ({"http": "127.0.0.1:70000"}, "--http is '127.0.0.1:70000'"),
        ({"grpc": "off"}, "nothing to listen on"),
        ({"seal_every": "5"}, "--seal-every is '5'"),
        ({"seal_every": "0s"}, "--seal-every is '0s'"),
        ({"backlog": "much"}, "'much' is not a size"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    with pytest.raises(ConfigError) as error:
        receive(tmp_path / "log", **GIVEN | changes)
    assert said in str(error.value)
    assert not (tmp_path / "log" / "exchanges").exists()


def test_a_mapping_in_the_log_would_be_applied_twice(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    (tmp_path / "mapping.toml").write_text('[exchanges]\naccount_id = "customer"\n')
    with pytest.raises(ConfigError, match="must not lie in its log"):
        receive(tmp_path, **GIVEN)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    for name in [n for n in sys.modules if n.startswith("iolaus.logs.receiver")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "grpc", None)
    monkeypatch.setitem(sys.modules, "google.protobuf.message", None)
    monkeypatch.delitem(sys.modules, "iolaus.logs.otlp.protobuf", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'iolaus\[otlp\]'"):
        receive(tmp_path, **GIVEN)


def test_reading_logs_needs_no_extra() -> None:
    """OTLP files are JSON: gRPC and protobuf are the receiver's alone."""
    code = (
        "import sys, iolaus.logs, iolaus.app.cli; "
        "bad = [n for n in sys.modules if n.split('.')[0] in ('grpc', 'google', 'opentelemetry')]; "
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_names_the_defaults() -> None:
    shown = CliRunner().invoke(app, ["receive", "--help"], terminal_width=200).output
    assert "127.0.0.1:4317" in shown
    assert "127.0.0.1:4318" in shown


# --- a whole log through the receiver -------------------------------------------------------------

SAID = {
    "model": ("gen_ai.request.model", "string_value"),
    "account_id": ("enduser.id", "string_value"),
    "organization_id": ("organization.id", "string_value"),
    "api_key_id": ("litellm.api_key.hash", "string_value"),
    "conversation_id": ("gen_ai.conversation.id", "string_value"),
    "client_ip": ("client.address", "string_value"),
    "asn": ("client.as.number", "int_value"),
    "country": ("client.geo.country_iso_code", "string_value"),
    "tls_fingerprint": ("tls.client.ja4", "string_value"),
    "user_agent": ("user_agent.original", "string_value"),
    "input_tokens": ("gen_ai.usage.input_tokens", "int_value"),
    "cached_input_tokens": ("gen_ai.usage.cache_read.input_tokens", "int_value"),
    "output_tokens": ("gen_ai.usage.output_tokens", "int_value"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "int_value"),
    "max_output_tokens": ("gen_ai.request.max_tokens", "int_value"),
    "temperature": ("gen_ai.request.temperature", "double_value"),
    "choice_count": ("gen_ai.request.choice.count", "int_value"),
    "stream": ("gen_ai.request.stream", "bool_value"),
    "status": ("http.response.status_code", "int_value"),
    "response": ("gen_ai.completion", "string_value"),
    # The conventions have no name for these: the mapping gives them one.
    "channel": ("app.channel", "string_value"),
    "tool_count": ("app.tools", "int_value"),
}
MAPPED = ("channel", "tool_count")
BATCH = 512  # spans an export, as the SDKs send them


def exports(rows: list[dict[str, Any]]) -> list[bytes]:
    """The rows as export requests, each column under the name that the conventions give it."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    several = []
    for start in range(0, len(rows), BATCH):
        request = ExportTraceServiceRequest()
        spans = request.resource_spans.add().scope_spans.add().spans
        for number, row in enumerate(rows[start : start + BATCH], start + 1):
            _fill(spans.add(), number, row)
        several.append(request.SerializeToString())
    return several


def _fill(span: Any, number: int, row: dict[str, Any]) -> None:
    span.trace_id, span.span_id = number.to_bytes(16, "big"), number.to_bytes(8, "big")
    span.name = "chat"
    span.start_time_unix_nano = row["ts"] * 1_000
    told = [("gen_ai.operation.name", "string_value", "chat")]
    told += [(name, kind, row[c]) for c, (name, kind) in SAID.items() if row[c] is not None]
    for place, column in enumerate(("system_prompt", "prompt")):
        if row[column] is not None:
            role = ("system", "user")[place]
            told.append((f"gen_ai.prompt.{place}.role", "string_value", role))
            told.append((f"gen_ai.prompt.{place}.content", "string_value", row[column]))
    for name, kind, value in told:
        pair = span.attributes.add()
        pair.key = name
        setattr(pair.value, kind, value)


@pytest.fixture(scope="module")
def received(planted_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted log, sent through the receiver as spans; its accounts beside it."""
    grpc = pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    from iolaus.logs.receiver import Address, Receiver

    log = tmp_path_factory.mktemp("received")
    settings: Any = {"seal_seconds": 1.0, "backlog_bytes": 2**30, "say": lambda text: None}
    rules = {name: Rule(name, (SAID[name][0],)) for name in MAPPED}
    any_port = Address("127.0.0.1", 0)
    with (
        Receiver(log, grpc=any_port, http=None, rules=rules, **settings) as receiver,
        grpc.insecure_channel(f"127.0.0.1:{receiver.grpc}") as channel,
    ):
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for data in exports(rows_of(planted_log)):
            assert export(data, timeout=60) == b""  # nothing rejected
    copyfile(planted_log / "accounts.parquet", log / "accounts.parquet")
    return log


def rows_of(log: Path) -> list[dict[str, Any]]:
    """All rows, `ts` in microseconds, by time and prompt."""
    table = pa.Table.from_batches(open_log(log).batches()).select(EXCHANGES.names)
    table = table.set_column(1, "ts", table["ts"].cast(pa.int64()))
    keys = [(name, "ascending") for name in ("ts", "account_id", "prompt")]
    return table.sort_by(keys).to_pylist()


@pytest.mark.slow
def test_a_log_comes_out_as_it_went_in(planted_log: Path, received: Path) -> None:
    """Every column of every row, through attributes of the conventions' names."""
    sent, found = rows_of(planted_log), rows_of(received)
    assert len(found) == len(sent)
    for got, row in zip(found, sent, strict=True):
        assert got == row | {"exchange_id": got["exchange_id"]}


@pytest.mark.slow
def test_a_scan_finds_the_same_campaign_in_it(
    planted_log: Path, received: Path, tmp_path: Path
) -> None:
    """Groups that are no campaign may be cut otherwise: exchanges have other ids there."""

    def found(log: Path, name: str) -> list[str]:
        result = scan(
            log,
            tmp_path / name,
            Settings(),
            memory="1GB",
            threads=1,
            keep_stages=False,
            report=silent,
        )
        verdicts = result.campaigns.select(["campaign_id", "verdict"]).to_pylist()
        raised = {c["campaign_id"] for c in verdicts if c["verdict"] == "distillation"}
        members = result.members.to_pylist()
        return sorted(m["account_id"] for m in members if m["campaign_id"] in raised)

    assert found(received, "received") == found(planted_log, "planted") != []
