"""JSON lines: every cause of rejection, every form of time, compression, limits."""

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import iolaus.logs.lines as lines_module
from iolaus.core.errors import InputError
from iolaus.core.tables import EXCHANGES, SOURCE
from iolaus.logs import Cause, Log, open_log


def read(log: Log) -> pa.Table:
    return pa.Table.from_batches(log.batches())


BAD = [
    ({"exchange_id": ...}, "missing exchange_id", ""),
    ({"exchange_id": ""}, "missing exchange_id", ""),
    ({"ts": None}, "missing ts", ""),
    ({"account_id": None}, "missing account_id", ""),
    ({"model": ""}, "missing model", ""),
    ({"ts": "yesterday"}, "time not readable", "ts: 'yesterday'"),
    ({"ts": "2026-03-01T12:00:00"}, "time zone missing", "ts: '2026-03-01T12:00:00'"),
    ({"ts": "2014-12-31T23:59:59Z"}, "time out of range", "ts: 2014-12-31 23:59:59.000000Z"),
    ({"ts": "2100-01-01T00:00:00Z"}, "time out of range", "ts: 2100-01-01 00:00:00.000000Z"),
    ({"ts": 0}, "time out of range", "ts: 1970-01-01 00:00:00.000000Z"),
    ({"ts": 1e300}, "time out of range", "ts: 1e+300"),
    ({"ts": True}, "wrong type", "ts: True"),
    ({"input_tokens": -1}, "negative tokens", "input_tokens: -1"),
    ({"input_tokens": 1.5}, "not an integer", "input_tokens: 1.5"),
    ({"input_tokens": 3.0}, "not an integer", "input_tokens: 3.0"),
    ({"input_tokens": "10"}, "wrong type", "input_tokens: text instead of int64"),
    ({"input_tokens": True}, "wrong type", "input_tokens: true or false instead of int64"),
    ({"input_tokens": 2**63}, "number out of range", "input_tokens: 9223372036854775808"),
    ({"status": 2**31}, "number out of range", "status: 2147483648"),
    ({"tool_count": -1}, "number out of range", "tool_count: -1"),
    ({"stream": 1}, "wrong type", "stream: a number instead of bool"),
    ({"account_id": 7}, "wrong type", "account_id: a number instead of string"),
    ({"prompt": ["a"]}, "wrong type", "prompt: a list instead of string"),
    ({"temperature": {}}, "wrong type", "temperature: an object instead of double"),
]


@pytest.mark.parametrize(("changes", "cause", "detail"), BAD)
def test_bad_cell(row: Any, jsonl_log: Any, changes: Any, cause: str, detail: str) -> None:
    log = open_log(jsonl_log(row(0), row(1, **changes), row(2)))
    assert read(log)["exchange_id"].to_pylist() == ["e0", "e2"]
    assert log.rejects.table().to_pylist() == [
        {"file": "exchanges/part-0.jsonl", "row": 2, "cause": cause, "detail": detail}
    ]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b'{"exchange_id": ', Cause.JSON),
        (b"[1, 2]", Cause.NOT_OBJECT),
        (b'"text"', Cause.NOT_OBJECT),
        (b'{"prompt": "\xff"}', Cause.UTF8),
        (b'{"prompt": "\\ud800", }', Cause.JSON),
        (b'{"temperature": NaN, }', Cause.JSON),
        (b'{"temperature": +Infinity}', Cause.JSON),
        (b'{"prompt": NaNs}', Cause.JSON),
    ],
)
def test_broken_line_costs_one_line(row: Any, jsonl_log: Any, line: bytes, cause: Cause) -> None:
    log = open_log(jsonl_log(row(0), line, row(1)))
    assert read(log)["source_row"].to_pylist() == [0, 2]
    assert log.rejects.counts == {cause: 1}
    assert log.rejects.table()["row"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        (b'"a \\ud800 b"', "a \ufffd b"),
        (b'"\\uD83E\\uDDEA \\uDDEA"', "\U0001f9ea \ufffd"),
        (b'"\\ud800\\ud83e\\uddea"', "\ufffd\U0001f9ea"),
        (b'"\\\\ud800 \\ud800 NaN \\" Infinity"', '\\ud800 \ufffd NaN " Infinity'),
        (b"NaN", None),
        (b"[-Infinity]", ...),
    ],
)
def test_what_a_client_can_make_others_write_costs_no_row(
    row: Any, jsonl_log: Any, written: bytes, prompt: Any
) -> None:
    """Half a surrogate pair in every prompt must not hide the one who sends it."""
    line = json.dumps(row(1, prompt="X")).encode().replace(b'"X"', written)
    log = open_log(jsonl_log(row(0), line))
    prompts = read(log)["prompt"].to_pylist()
    assert prompts == (["prompt 0"] if prompt is ... else ["prompt 0", prompt])
    assert log.rejects.counts == ({Cause.WRONG_TYPE: 1} if prompt is ... else {})


def test_detail_never_repeats_a_prompt(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0), b'{"prompt": "my secret", ', row(1, stream="my secret")))
    read(log)
    assert log.rejects.counts == {Cause.JSON: 1, Cause.WRONG_TYPE: 1}
    assert "secret" not in str(log.rejects.table().to_pylist())


def test_first_cause_wins_and_a_row_is_counted_once(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0), row(1, account_id="", input_tokens=-1, stream=3)))
    read(log)
    assert sum(log.rejects.counts.values()) == 1
    assert (log.rejects.rows_seen, log.rejects.rows_kept) == (2, 1)


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T12:00:00Z",
        "2026-03-01 12:00:00+00:00",
        "2026-03-01T13:00:00.000000+01:00",
        "20260301T120000Z",
        "2026-03-01T12:00:00.000000000Z",
        int(NOON.timestamp()),
        NOON.timestamp(),
        int(NOON.timestamp()) * 10**3,
        int(NOON.timestamp()) * 10**6,
        int(NOON.timestamp()) * 10**9,
    ],
)
def test_times(row: Any, jsonl_log: Any, written: Any) -> None:
    log = open_log(jsonl_log(row(0, ts=written), row(1)))
    assert read(log)["ts"].to_pylist() == [NOON, NOON]


def test_microseconds_survive_and_zones_are_normalised(row: Any, jsonl_log: Any) -> None:
    there = datetime(2026, 3, 1, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=-9)))
    table = read(open_log(jsonl_log(row(0, ts=there.isoformat()))))
    assert table["ts"].to_pylist() == [there.astimezone(UTC)]


def test_assume_utc_takes_naive_times(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0, ts="2026-03-01T12:00:00")), assume_utc=True)
    assert read(log)["ts"].to_pylist() == [NOON]


def test_schema_nulls_and_unknown_keys(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0, extra=1), row(1, other={"a": 2}, status=200)))
    table = read(log)
    assert table.schema == pa.schema([*EXCHANGES, *SOURCE])
    assert table["status"].to_pylist() == [None, 200]
    assert log.unknown_columns == {"extra", "other"}
    assert "response" in log.missing_columns and "status" not in log.missing_columns


def test_unknown_keys_are_remembered_up_to_a_limit(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(*(row(i, **{f"random{i}": 1}) for i in range(1_500))))
    read(log)
    assert len(log.unknown_columns) == 1_000
    assert log.missing_columns.isdisjoint({"prompt", "input_tokens"})


def test_blank_lines_bom_and_crlf(row: Any, jsonl_log: Any) -> None:
    first = b"\xef\xbb\xbf" + json.dumps(row(0)).encode() + b"\r"
    log = open_log(jsonl_log(first, b"", b"  ", row(1)))
    assert read(log)["source_row"].to_pylist() == [0, 3]
    assert log.rejects.rows_seen == 2


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed(row: Any, jsonl_log: Any, suffix: str) -> None:
    root = jsonl_log(*(row(i) for i in range(50)))
    plain = root / "exchanges/part-0.jsonl"
    compressed = plain.with_name(f"part-0.jsonl.{suffix}")
    with pa.CompressedOutputStream(str(compressed), "gzip" if suffix == "gz" else "zstd") as out:
        out.write(plain.read_bytes())
    plain.unlink()
    log = open_log(root)
    assert read(log).num_rows == 50
    assert log.excerpts([(0, 49), (0, 3)]) == ["prompt 49", "prompt 3"]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_truncated_compressed_file_is_an_error(row: Any, jsonl_log: Any, suffix: str) -> None:
    root = jsonl_log(*(row(i, prompt=f"{i * 7919}") for i in range(2_000)))
    plain = root / "exchanges/part-0.jsonl"
    compressed = plain.with_name(f"part-0.jsonl.{suffix}")
    with pa.CompressedOutputStream(str(compressed), "gzip" if suffix == "gz" else "zstd") as out:
        out.write(plain.read_bytes())
    plain.unlink()
    compressed.write_bytes(compressed.read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot be read to its end"):
        read(open_log(root))


def test_line_too_long_is_skipped_without_being_held(
    row: Any, jsonl_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 1_000)
    monkeypatch.setattr(lines_module, "BLOCK", 64)
    long = row(1, prompt="x" * 5_000)
    log = open_log(jsonl_log(row(0), long, row(2), long))
    assert read(log)["source_row"].to_pylist() == [0, 2]
    assert log.rejects.counts == {Cause.LONG_LINE: 2}


def test_gzip_bomb_of_one_line_is_one_reject(
    row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 2**20)
    path = tmp_path / "log/exchanges/bomb.jsonl.gz"
    path.parent.mkdir(parents=True)
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(json.dumps(row(0)).encode() + b"\n")
        for _ in range(16):
            out.write(b"0" * 2**20)
    log = open_log(tmp_path / "log")
    assert read(log).num_rows == 1
    assert log.rejects.counts == {Cause.LONG_LINE: 1}


def test_hostile_text_passes_unharmed(row: Any, jsonl_log: Any) -> None:
    text = "a\x00b \u202e reversed \u2066 \ufeff <script>\x1b[31m \U0001f9ea"
    table = read(open_log(jsonl_log(row(0, prompt=text), row(1, prompt=""))))
    assert table["prompt"].to_pylist() == [text, ""]


def test_huge_prompt(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0, prompt="x" * 10 * 2**20), row(1)))
    assert read(log)["prompt"].to_pylist()[0] == "x" * 10 * 2**20
    assert log.excerpts([(0, 0)]) == ["x" * 4_000]
