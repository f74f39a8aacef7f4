"""OTLP JSON files: recordings of real producers give exactly the rows that were sent."""

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from otlp_requests import attribute, span, spans

from iolaus.core.errors import InputError
from iolaus.logs import Rejects, open_log
from iolaus.logs.otlp import OtlpReader
from iolaus.logs.otlp.gather import MAX_WAITING
from iolaus.logs.spec import EXCHANGES

FIXTURES = Path(__file__).parent / "fixtures" / "otlp"
NAMES = [path.stem for path in sorted(FIXTURES.glob("*.jsonl"))]
OF_OPENAI = [name for name in NAMES if name.startswith("openai_")]
WITH_TEXT = [name for name in NAMES if "no_content" not in name]
WriteOtlp = Callable[..., Path]

PROMPTS = [
    "Name a river",
    "Name two rivers",
    "What is the weather in Paris?",
    "Stream a river",
    "Stream the weather",
    "Now [fail 429]",
    "Now [fail 500]",
]
STATUSES = [200, 200, 200, 200, 200, 429, 500]


@pytest.fixture
def otlp_log(tmp_path: Path) -> WriteOtlp:
    """Write exchanges/spans.jsonl of export requests (objects or raw bytes); returns the log."""

    def write(*requests: Any, mapping: str | None = None) -> Path:
        path = tmp_path / "log" / "exchanges" / "spans.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in requests]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        if mapping is not None:
            (tmp_path / "log" / "mapping.toml").write_text(mapping)
        return tmp_path / "log"

    return write


def recorded(name: str) -> list[Any]:
    """The export requests of a recording."""
    return [json.loads(line) for line in (FIXTURES / f"{name}.jsonl").read_text().splitlines()]


def read(log: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """All rows of a log, and its rejects by cause; what was seen is what was kept or rejected."""
    rejects = Rejects()
    rows = pa.Table.from_batches(open_log(log, rejects=rejects).batches()).to_pylist()
    assert rejects.rows_seen == len(rows) + sum(rejects.counts.values())
    return rows, rejects.counts


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_call_is_a_row_and_the_rest_is_counted(
    name: str, otlp_log: WriteOtlp
) -> None:
    rows, counts = read(otlp_log(*recorded(name)))
    of_openai = [row for row in rows if row["model"] == "gpt-4o-mini"]
    assert len(of_openai) == 7
    assert [row["status"] for row in of_openai] == STATUSES
    # OpenLLMetry 0.44 never ended the span of a failed anthropic call: its recording has three.
    of_anthropic = 0 if name in OF_OPENAI else 3 if name == "openllmetry_2025" else 4
    assert len(rows) - 7 == of_anthropic
    assert counts == {"not an exchange": 1}  # the span of the web request around them


@pytest.mark.parametrize("name", WITH_TEXT)
def test_texts_are_found_in_every_convention(name: str, otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(*recorded(name)))
    assert [row["prompt"] for row in rows[:7]] == PROMPTS
    assert {row["system_prompt"] for row in rows[:7]} == {"You are terse."}
    answers = [f"You said: {PROMPTS[i]}" for i in (0, 1)] + [None, "You said: Stream a river"]
    assert [row["response"] for row in rows[:4]] == answers  # a tool call has no text
    assert not any(row["response"] for row in rows[4:7])  # a tool call, streamed, and two failures


def test_without_content_capture_texts_are_null_and_the_rest_stays(otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(*recorded("openllmetry_2026_no_content")))
    assert {row["prompt"] for row in rows} == {row["response"] for row in rows} == {None}
    assert {row["tool_count"] for row in rows} == {None}  # not measured, which is not 0
    first = rows[0]
    shown = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert [first[name] for name in shown] == [23, 8, 10, 5]
    assert (first["temperature"], first["max_output_tokens"], first["stream"]) == (0.2, 64, False)


@pytest.mark.parametrize("name", OF_OPENAI)
def test_request_settings(name: str, otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(*recorded(name)))
    assert [row["choice_count"] for row in rows[:3]] == [1, 2, 1]
    assert [row["temperature"] for row in rows[:3]] == [0.2, 1.0, None]
    assert rows[0]["max_output_tokens"] == 64
    assert {row["account_id"] for row in rows} == {"acct-otel"}  # of the resource


def test_tools_are_counted_where_they_are_recorded(otlp_log: WriteOtlp) -> None:
    for name in ("openllmetry_2025", "openllmetry_2026", "openinference_2026"):
        rows, _ = read(otlp_log(*recorded(name)))
        assert [row["tool_count"] for row in rows[:5]] == [None, None, 1, None, 1]


def test_time_is_the_start_of_the_span_even_if_the_event_comes_first(otlp_log: WriteOtlp) -> None:
    requests = recorded("openai_v2_2026_events")
    starts = [
        int(s["startTimeUnixNano"]) // 1_000
        for s in requests[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]
    for order in (requests, requests[::-1]):
        rows, _ = read(otlp_log(*order))
        assert [int(row["ts"].timestamp() * 1e6) for row in rows] == starts
        assert [row["prompt"] for row in rows] == PROMPTS


def test_an_identity_of_the_users_choice(otlp_log: WriteOtlp) -> None:
    mapping = '[exchanges]\naccount_id = "customer.account"\norganization_id = "service.name"\n'
    log = otlp_log(
        spans(span(customer__account="c-1"), resource={"service.name": "shop"}), mapping=mapping
    )
    rows, _ = read(log)
    assert (rows[0]["account_id"], rows[0]["organization_id"]) == ("c-1", "shop")


def test_the_requests_own_user_field_is_no_account(otlp_log: WriteOtlp) -> None:
    """It is what the caller writes there: anyone could pass for anyone."""
    with pytest.raises(InputError, match="missing account_id: 1"):
        read(otlp_log(spans(span(enduser__id=None, gen_ai__user="made-up"))))


def test_the_span_says_more_than_its_resource(otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(spans(span(enduser__id="of-span"), resource={"enduser.id": "other"})))
    assert rows[0]["account_id"] == "of-span"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 200),
        ({"http__response__status_code": 404}, 404),
        ({"error__type": "503"}, 503),
        ({"error__type": "openai.RateLimitError"}, 429),
        ({"error__type": "timeout"}, None),  # failed, and nothing says with which status
        ({"status": {"code": 2, "message": "Error code: 529 - overloaded"}}, 529),
        ({"status": {"code": 2}}, None),
    ],
)
def test_status(more: dict[str, Any], status: int | None, otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(spans(span(**more))))
    assert rows[0]["status"] == status


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai__operation__name": "execute_tool"},
        {"gen_ai__operation__name": "invoke_agent"},
        {"gen_ai__operation__name": "embeddings"},
        {"gen_ai__operation__name": None, "openinference__span__kind": "CHAIN"},
        {"gen_ai__operation__name": None},  # names a model, as LiteLLM's routing spans do
    ],
)
def test_spans_around_a_call_are_counted_and_no_rows(
    attributes: dict[str, Any], otlp_log: WriteOtlp
) -> None:
    rows, counts = read(otlp_log(spans(span(1), span(2, **attributes))))
    assert len(rows) == 1
    assert counts == {"not an exchange": 1}


def test_caller_and_network_columns(otlp_log: WriteOtlp) -> None:
    rows, _ = read(
        otlp_log(
            spans(
                span(
                    client__address="2001:DB8::1",
                    user_agent__original="curl/8",
                    gen_ai__conversation__id="c",
                    client__as__number=64496,
                    client__geo__country_iso_code="PT",
                    tls__client__ja4="t13d",
                )
            )
        )
    )
    row = rows[0]
    assert row["client_ip"] == "2001:db8::1"
    assert (row["user_agent"], row["conversation_id"], row["asn"]) == ("curl/8", "c", 64496)
    assert (row["country"], row["tls_fingerprint"]) == ("PT", "t13d")


def test_a_host_name_is_no_address(otlp_log: WriteOtlp) -> None:
    rows, _ = read(otlp_log(spans(span(client__address="client.example.com"))))
    assert rows[0]["client_ip"] is None


def test_openinference(otlp_log: WriteOtlp) -> None:
    told = {
        "gen_ai__operation__name": None,
        "gen_ai__request__model": None,
        "openinference__span__kind": "LLM",
        "llm__model_name": "gpt",
        "llm__token_count__prompt": 7,
        "llm__token_count__completion": 9,
        "llm__invocation_parameters": '{"temperature": 0.5, "max_tokens": 50, "n": 3, "model":"g"}',
        "llm__input_messages__0__message__role": "system",
        "llm__input_messages__0__message__content": "Be brief.",
        "llm__input_messages__1__message__role": "user",
        "llm__input_messages__1__message__contents__1__message_content__text": "two",
        "llm__input_messages__1__message__contents__0__message_content__text": "one",
        "llm__output_messages__0__message__role": "assistant",
        "llm__output_messages__0__message__content": "three",
    }
    rows, _ = read(otlp_log(spans(span(**told))))
    row = rows[0]
    assert (row["model"], row["input_tokens"], row["output_tokens"]) == ("g", 7, 9)  # as asked for
    assert (row["temperature"], row["max_output_tokens"], row["choice_count"]) == (0.5, 50, 3)
    assert (row["system_prompt"], row["prompt"], row["response"]) == (
        "Be brief.",
        "one\ntwo",
        "three",
    )


def test_events_inside_the_span(otlp_log: WriteOtlp) -> None:
    messages = json.dumps([{"role": "user", "content": "in an event"}])
    events = [
        {"name": "gen_ai.content.prompt", "attributes": [attribute("gen_ai.prompt", messages)]},
        {
            "name": "gen_ai.content.completion",
            "attributes": [attribute("gen_ai.completion", "out")],
        },
    ]
    rows, _ = read(otlp_log(spans(span(events=events))))
    assert (rows[0]["prompt"], rows[0]["response"]) == ("in an event", "out")


def test_a_prompt_that_is_json_itself_stays_as_it_is(otlp_log: WriteOtlp) -> None:
    """A list of numbers is not a list of messages."""
    rows, _ = read(
        otlp_log(spans(span(gen_ai__prompt__0__role="user", gen_ai__prompt__0__content="[1, 2]")))
    )
    assert rows[0]["prompt"] == "[1, 2]"


def test_message_events_without_their_span_are_counted(otlp_log: WriteOtlp) -> None:
    traces, logs = recorded("openai_v2_2025_events")
    some = logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    for record in some[:5]:
        record["spanId"] = "00000000000000aa"
    rows, counts = read(otlp_log(traces, logs))
    assert counts == {"not an exchange": 1 + 5}
    assert rows[0]["prompt"] is None
    assert rows[1]["prompt"] == "Name two rivers"


def test_messages_that_wait_are_bounded(otlp_log: WriteOtlp, monkeypatch: Any) -> None:
    monkeypatch.setattr("iolaus.logs.otlp.gather.MAX_WAITING", 3)
    assert MAX_WAITING > 3
    _, logs = recorded("openai_v2_2025_events")
    total = len(logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"])
    _, counts = read(otlp_log(logs, spans(span())))
    assert counts == {"not an exchange": total}


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (b'{"resourceSpans": [', "invalid JSON"),
        (b"[1]", "not an object"),
        ({"resourceMetrics": []}, "not an exchange"),
        ({"resourceSpans": 7}, "wrong type"),
        ({"resourceSpans": [7]}, "wrong type"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": ["x"]}]}]}, "wrong type"),
        (spans(span() | {"traceId": "not hex"}), "wrong type"),
        (spans(span() | {"startTimeUnixNano": "tomorrow"}), "wrong type"),
        (spans(span() | {"startTimeUnixNano": None}), "missing ts"),
        (spans(span() | {"startTimeUnixNano": str(2**64 - 1)}), "time out of range"),
        (spans(span() | {"startTimeUnixNano": "1500000000"}), "time out of range"),  # 1.5 s
        (spans(span(gen_ai__usage__input_tokens=-1)), "negative tokens"),
        (spans(span(gen_ai__usage__input_tokens="many")), "wrong type"),
        (spans(span(gen_ai__request__model=None)), "missing model"),
        (spans(span() | {"spanId": ""}), "missing exchange_id"),
    ],
)
def test_what_cannot_be_a_row_is_rejected_with_its_cause(
    broken: Any, cause: str, otlp_log: WriteOtlp
) -> None:
    rows, counts = read(otlp_log(spans(span(8)), broken, spans(span(9))))
    assert len(rows) == 2
    assert counts == {cause: 1}


def test_one_bad_span_costs_one_span(otlp_log: WriteOtlp) -> None:
    bad = span(2) | {"attributes": [{"key": 5}]}
    rows, counts = read(otlp_log(spans(span(1), bad, span(3))))
    assert len(rows) == 2
    assert counts == {"wrong type": 1}


def test_a_span_that_is_there_twice_is_a_row_once(otlp_log: WriteOtlp) -> None:
    rows, counts = read(otlp_log(spans(span(1), span(1)), spans(span(1), span(2))))
    assert len(rows) == 2
    assert counts == {"duplicate exchange_id": 2}


def test_tokens_of_a_failed_call_that_nobody_counted(otlp_log: WriteOtlp) -> None:
    counted = {"gen_ai__usage__input_tokens": 0, "gen_ai__usage__output_tokens": 0}
    rows, _ = read(otlp_log(spans(span(1, error__type="429", **counted), span(2, **counted))))
    assert [row["input_tokens"] for row in rows] == [None, 0]
    assert [row["output_tokens"] for row in rows] == [None, 0]


def test_what_a_caller_fills_in_cannot_cost_its_row(otlp_log: WriteOtlp) -> None:
    odd = {
        "gen_ai__request__temperature": "hot",
        "gen_ai__request__max_tokens": -5,
        "gen_ai__request__choice__count": 2**40,
        "gen_ai__request__stream": 7,
        "user_agent__original": True,
        "gen_ai__conversation__id": 1.5,
    }
    rows, counts = read(otlp_log(spans(span(**odd))))
    assert not counts
    columns = ("temperature", "max_output_tokens", "choice_count", "stream", "user_agent")
    assert [rows[0][name] for name in (*columns, "conversation_id")] == [None] * 6


def test_numbers_as_text_and_whole_floats_are_numbers(otlp_log: WriteOtlp) -> None:
    rows, _ = read(
        otlp_log(spans(span(gen_ai__usage__input_tokens="12", gen_ai__usage__output_tokens=3.0)))
    )
    assert (rows[0]["input_tokens"], rows[0]["output_tokens"]) == (12, 3)


def test_excerpts_find_the_prompt_again(otlp_log: WriteOtlp) -> None:
    log = open_log(otlp_log(*recorded("openllmetry_2026")))
    table = pa.Table.from_batches(log.batches())
    places = list(
        zip(table["source_file"].to_pylist(), table["source_row"].to_pylist(), strict=True)
    )
    assert log.excerpts(places) == table["prompt"].to_pylist()
    assert log.formats == {"otlp": 1}


def test_numbers_go_on_from_group_to_group(tmp_path: Path, monkeypatch: Any) -> None:
    """Files are read in groups of lines; a row's number is its place in the file."""
    monkeypatch.setattr("iolaus.logs.jsonl.CHUNK_BYTES", 1)
    path = tmp_path / "spans.jsonl"
    lines = [json.dumps(spans(span(n), span(n + 1))) for n in (1, 3, 5)]
    path.write_text("\n".join(lines) + "\n")
    reader = OtlpReader(path, path.name)
    chunks = list(reader.chunks(EXCHANGES, ("exchange_id",)))
    assert [chunk.rows.tolist() for chunk in chunks] == [[0, 1], [2, 3], [4, 5]]


def test_texts_are_not_read_when_nobody_asks(tmp_path: Path) -> None:
    """Messages are the dear part: a pass over metadata does not parse them."""
    path = tmp_path / "spans.jsonl"
    path.write_text(json.dumps(spans(span(gen_ai__input__messages='[{"role": "user"'))) + "\n")
    reader = OtlpReader(path, path.name)
    (chunk,) = reader.chunks(EXCHANGES, ("exchange_id", "model"))
    assert chunk.batch.column_names == ["exchange_id", "model"]
    assert "prompt" not in reader.columns()


def packed(*texts: bytes) -> bytes:
    """As the collector's file exporter writes messages with `compression: zstd`."""
    messages = [pa.compress(text, codec="zstd", asbytes=True) for text in texts]
    return b"".join(struct.pack(">I", len(m)) + m for m in messages)


def test_messages_that_the_collector_packs(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    texts = [json.dumps(request).encode() for request in recorded("openai_v2_2025_events")]
    (folder / "spans.json").write_bytes(packed(*texts))
    rows, counts = read(tmp_path / "log")
    assert [row["prompt"] for row in rows] == PROMPTS
    assert counts == {"not an exchange": 1}


@pytest.mark.parametrize("cut", [1, 30])
def test_a_packed_file_that_ends_early_is_said_so(cut: int, tmp_path: Path) -> None:
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    texts = [json.dumps(spans(span(n))).encode() for n in (1, 2)]
    (folder / "spans.jsonl").write_bytes(packed(*texts)[:-cut])
    with pytest.raises(InputError, match="ends inside its message 2"):
        read(tmp_path / "log")


def test_a_packed_message_that_unpacks_to_too_much_is_one_reject(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("iolaus.logs.lines.MAX_LINE", 2**16)
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    good, bomb = json.dumps(spans(span())).encode(), bytes(2**20)
    (folder / "spans.jsonl").write_bytes(packed(good, bomb))
    rows, counts = read(tmp_path / "log")
    assert len(rows) == 1
    assert counts == {"line too long": 1}


def test_packed_protobuf_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    (folder / "spans.json").write_bytes(packed(b"\n\x05abcde"))
    with pytest.raises(InputError, match="protobuf"):
        read(tmp_path / "log")


def test_packed_files_and_files_over_several_lines(tmp_path: Path) -> None:
    folder = tmp_path / "log" / "exchanges"
    folder.mkdir(parents=True)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(spans(span(1))).encode()))
    (folder / "b.json").write_text(json.dumps(spans(span(2)), indent=2))
    rows, _ = read(tmp_path / "log")
    assert len(rows) == 2
