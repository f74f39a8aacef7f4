"""Input that somebody made to hurt: never a crash, never a row lost without being counted."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import otlp_requests as otlp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iolaus.logs.checks import keep_valid
from iolaus.logs.jsonl import parsed
from iolaus.logs.lines import Line
from iolaus.logs.otlp import OtlpReader, items_of
from iolaus.logs.otlp.exchange import exchange_of
from iolaus.logs.otlp.items import MAX_DEPTH, Item
from iolaus.logs.otlp.texts import texts_of
from iolaus.logs.rejects import Fault
from iolaus.logs.spec import EXCHANGES

COLUMNS = tuple(EXCHANGES.schema.names)
CALM = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

TEXT = st.text(max_size=20) | st.sampled_from(
    ["", "\x00", "\u202e", "=1+1", "[{", '{"role": []}', "1e999", "9" * 40, "ffff", "0"]
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        *("enduser.id", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.provider.name"),
        *("gen_ai.request.temperature", "gen_ai.request.max_tokens", "gen_ai.request.choice.count"),
        *("gen_ai.usage.input_tokens", "gen_ai.request.stream", "gen_ai.response.finish_reasons"),
        *("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"),
        *("gen_ai.tool.definitions", "gen_ai.prompt.0.content", "gen_ai.prompt.0.role"),
        *("gen_ai.prompt.999999.content", "gen_ai.prompt", "gen_ai.completion", "input.value"),
        *("llm.invocation_parameters", "llm.request.functions.0.name", "http.status_code"),
        *("error.type", "client.address", "event.name", "client.as.number", "x"),
    ]
)
VALUES = st.one_of(
    st.builds(lambda v: {"stringValue": v}, TEXT),
    st.builds(lambda v: {"intValue": v}, st.integers(-(2**70), 2**70) | TEXT | st.floats()),
    st.builds(lambda v: {"doubleValue": v}, st.floats() | TEXT),
    st.builds(lambda v: {"boolValue": v}, st.booleans() | TEXT),
    st.builds(lambda v: {"bytesValue": v}, TEXT),
    st.builds(lambda v: {"arrayValue": {"values": v}}, st.lists(ANY_JSON, max_size=3)),
    st.builds(lambda v: {"kvlistValue": {"values": v}}, ANY_JSON),
    ANY_JSON,
)
PAIRS = st.lists(st.builds(lambda k, v: {"key": k, "value": v}, NAMES, VALUES), max_size=8)
EVENTS = st.lists(
    st.builds(
        lambda n, a: {"name": n, "attributes": a},
        st.sampled_from(["gen_ai.content.prompt", "gen_ai.user.message", "gen_ai.choice", "x"]),
        PAIRS,
    ),
    max_size=2,
)
ITEMS = st.fixed_dictionaries(
    {"attributes": PAIRS | ANY_JSON},
    optional={
        "traceId": TEXT | ANY_JSON,
        "spanId": TEXT | st.just("00000000000000aa"),
        "name": ANY_JSON,
        "eventName": st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "x"]) | ANY_JSON,
        "startTimeUnixNano": st.just("1780000000000000000") | ANY_JSON,
        "timeUnixNano": ANY_JSON,
        "events": EVENTS | ANY_JSON,
        "status": ANY_JSON,
        "body": VALUES,
    },
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Any, int]:
    """An export request, and how many spans or records stand in it in plain sight."""
    items = draw(st.lists(ITEMS, max_size=4))
    if draw(st.booleans()):
        return {"resourceSpans": [{"scopeSpans": [{"spans": items}]}]}, len(items)
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": items}]}]}, len(items)


def written(value: Any) -> bytes:
    """As JSON; integers beyond 64 bits and infinities by Python's own writer."""
    try:
        return orjson.dumps(value)
    except TypeError:
        import json

        return json.dumps(value, allow_nan=True).encode("utf-8", "surrogatepass")


def total(path: Path) -> int:
    """Kept, rejected and lost rows of a file; every column is typed as promised."""
    count = 0
    for chunk in OtlpReader(path, "f").chunks(EXCHANGES, COLUMNS):
        lost = len(chunk.lost)
        kept = keep_valid(chunk, EXCHANGES)
        assert kept.schema.equals(EXCHANGES.schema)
        count += kept.num_rows + len(chunk.faults) + lost
    return count


@CALM
@given(several=st.lists(requests(), min_size=1, max_size=3))
def test_every_span_and_record_comes_out_once(
    several: list[tuple[Any, int]], tmp_path: Path
) -> None:
    """As a row or with a cause; a message that found its span is part of that row."""
    path = tmp_path / "f.jsonl"
    lines = [written(request) for request, _ in several]
    path.write_bytes(b"\n".join(lines))
    documents = [parsed(Line(0, line, False)) for line in lines]
    expected = sum(
        1 if isinstance(document, Fault) else n
        for (_, n), document in zip(several, documents, strict=True)
    )
    joined = _joined_messages(documents)
    assert expected - joined <= total(path) <= expected


def _joined_messages(documents: list[Any]) -> int:
    """How many items could have been put into another's row: those that share a span's key."""
    keys: list[str] = []
    for document in documents:
        found = [] if isinstance(document, Fault) else items_of(document)
        keys += [item.key for item in found if isinstance(item, Item) and item.key]
    return len(keys) - len(set(keys))


@CALM
@given(data=st.binary(max_size=200) | st.builds(written, ANY_JSON))
def test_any_bytes_at_all(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(data)
    lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert total(path) <= max(len(lines), 1)


@CALM
@given(document=ANY_JSON)
def test_any_document_gives_items_or_faults(document: Any) -> None:
    for found in items_of(document):
        if isinstance(found, Item):
            exchange_of(found, {})
            texts_of(found)
        else:
            assert isinstance(found, Fault)


def nested(depth: int) -> Any:
    """An AnyValue of lists in lists."""
    value: Any = {"stringValue": "x"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 300])
def test_a_deep_value_costs_no_row(depth: int) -> None:
    deep = otlp.span()
    deep["attributes"].append({"key": "k", "value": nested(depth)})
    (found,) = items_of(otlp.spans(deep))
    assert isinstance(found, Item)
    assert found.attributes["enduser.id"] == "a"
    assert ("x" in str(found.attributes["k"])) == (depth <= MAX_DEPTH)


def test_one_client_s_broken_text_costs_no_rows(tmp_path: Path) -> None:
    """In a file, and in the JSON that an instrumentation puts into an attribute."""
    half = '[{"role": "user", "content": "caf\\ud83d\\u00e9"}]'  # half of a surrogate pair
    line = otlp.json(otlp.spans(otlp.span(1, gen_ai__input__messages=half), otlp.span(2)))
    path = tmp_path / "f.jsonl"
    path.write_bytes(line + b"\n" + line.replace(b'"a"', b'"\xff"'))
    rows = [
        row
        for chunk in OtlpReader(path, "f").chunks(EXCHANGES, COLUMNS)
        for row in keep_valid(chunk, EXCHANGES).to_pylist()
    ]
    assert [row["prompt"] for row in rows] == ["caf\ufffd\u00e9", None]  # the second: duplicates
    path.write_bytes(line.replace(b'"a"', b'"\xff"'))
    (chunk,) = OtlpReader(path, "f").chunks(EXCHANGES, COLUMNS)
    assert chunk.batch["account_id"].to_pylist() == ["\ufffd", "\ufffd"]


def test_deep_json_is_one_rejected_line(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = otlp.json(otlp.spans(otlp.span()))
    path.write_bytes(b'{"resourceSpans":' + b"[" * 100_000 + b"\n" + good + b"\n")
    assert total(path) == 2


def test_the_schema_changes_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = otlp.json(otlp.spans(otlp.span()))
    other = orjson.dumps({"exchange_id": "e", "ts": 5})
    path.write_bytes(b"\n".join([good, other, b"", b"\x00\x00", good.replace(b"m", b"\xff", 1)]))
    assert total(path) == 4


def test_a_bomb_in_a_file_is_read_as_a_stream(tmp_path: Path, monkeypatch: Any) -> None:
    """8 MB in a line where 1 MB is allowed: one reject, and the lines around it are read."""
    monkeypatch.setattr("iolaus.logs.lines.MAX_LINE", 2**20)
    path = tmp_path / "f.jsonl.gz"
    good = otlp.json(otlp.spans(otlp.span()))
    after = otlp.json(otlp.spans(otlp.span(2)))
    path.write_bytes(gzip.compress(good + b"\n" + b"x" * (8 * 2**20) + b"\n" + after))
    assert total(path) == 3


# --- the receiver's decoders ----------------------------------------------------------------------


@pytest.fixture
def accept() -> Any:
    """An acceptor whose store keeps the frames in a list."""
    pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    from iolaus.logs.receiver.accept import Acceptor

    class Kept(list[bytes]):
        def append(self, data: bytes) -> None:
            super().append(data)

    store = Kept()
    acceptor = Acceptor(store)
    return acceptor, store


@CALM
@given(request=requests() | st.builds(lambda d: (d, 0), ANY_JSON))
def test_any_json_is_accepted_or_refused(request: tuple[Any, int], accept: Any) -> None:
    from iolaus.logs.receiver.answers import Refused

    acceptor, store = accept
    store.clear()
    for signal in ("traces", "logs"):
        try:
            answer = acceptor.json(signal, written(request[0]))
        except Refused:
            continue
        assert answer.rejected >= 0
    for frame in store:
        found = orjson.loads(frame)
        assert len(found["rows"]) == len(found["of_span"])


def test_one_client_s_broken_value_costs_no_rows_in_protobuf(accept: Any) -> None:
    """A text that is no UTF-8, and a value that is nested deeper than protobuf reads."""
    acceptor, store = accept
    deep = otlp.span(2)
    deep["attributes"].append({"key": "k", "value": {"stringValue": "DEEP"}})
    data = otlp.protobuf(otlp.spans(otlp.span(1, gen_ai__prompt="caf@"), deep, otlp.span(3)))
    broken = grown(data.replace(b"caf@", b"caf\xe9"), b"DEEP")
    assert not official(broken)
    assert not official(grown(data, b"DEEP"))
    assert acceptor.protobuf("traces", broken).rejected == 0
    (frame,) = store
    rows = orjson.loads(frame)["rows"]
    assert [row["exchange_id"][-1] for row in rows] == ["1", "2", "3"]
    assert rows[0]["prompt"] == "caf\ufffd"
    assert {row["account_id"] for row in rows} == {"a"}


def official(data: bytes) -> bool:
    """Does opentelemetry-proto's own message take it?"""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return False
    return True


def grown(data: bytes, mark: bytes) -> bytes:
    """The request with the text `mark` replaced by lists nested 200 deep, all lengths put right."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    from iolaus.logs.otlp.protobuf import IN_BYTES, GetMessageClass

    value = AnyValue(string_value="x").SerializeToString()
    for _ in range(200):  # by hand: a message this deep cannot be built and written whole
        inner = b"\x0a" + varint(len(value)) + value
        value = b"\x2a" + varint(len(inner)) + inner
    name = ExportTraceServiceRequest.DESCRIPTOR.full_name
    request = GetMessageClass(IN_BYTES.FindMessageTypeByName(name)).FromString(data)
    pieces = []
    for span in request.resource_spans[0].scope_spans[0].spans:
        marked = [p for p in span.attributes if p.value.string_value == mark]
        for pair in marked:
            span.attributes.remove(pair)
        whole = span.SerializeToString()
        for pair in marked:
            told = b"\x0a" + varint(len(pair.key)) + pair.key + b"\x12" + varint(len(value)) + value
            whole += b"\x4a" + varint(len(told)) + told
        pieces.append(b"\x12" + varint(len(whole)) + whole)
    scope = b"".join(pieces)
    resource = b"\x12" + varint(len(scope)) + scope
    return b"\x0a" + varint(len(resource)) + resource


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@CALM
@given(data=st.binary(max_size=300), flips=st.lists(st.integers(0, 10_000), max_size=4))
def test_any_protobuf_is_accepted_or_refused(data: bytes, flips: list[int], accept: Any) -> None:
    """Random bytes, and a good request with some bytes changed."""
    from iolaus.logs.receiver.answers import Refused

    acceptor, store = accept
    store.clear()
    good = bytearray(otlp.protobuf(otlp.spans(otlp.span(1), otlp.span(2))))
    for place in flips:
        good[place % len(good)] ^= 1 + place % 255
    for body in (data, bytes(good)):
        for signal in ("traces", "logs"):
            try:
                acceptor.protobuf(signal, body)
            except Refused:
                continue
    for frame in store:
        orjson.loads(frame)


@CALM
@given(data=st.binary(max_size=300))
def test_any_gzip_is_unpacked_or_refused(data: bytes) -> None:
    pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    from iolaus.logs.receiver.answers import Refused
    from iolaus.logs.receiver.http_server import unpacked

    assert unpacked(gzip.compress(data)) == data
    for broken in (data, gzip.compress(data)[:-3], b"\x1f\x8b\x08" + data):
        with pytest.raises(Refused):
            unpacked(broken)
