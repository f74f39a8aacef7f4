"""CSV: a bad row costs one row, places are right, quotes that never close cost one line."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import iolaus.logs.lines as lines_module
from iolaus.core.errors import InputError
from iolaus.logs import Cause, Log, open_log

HEADER = "exchange_id,ts,account_id,model,input_tokens,prompt\n"
TS = "2026-03-01T12:00:00Z"


def opened(root: Path, text: str | bytes, name: str = "a.csv") -> Log:
    path = root / "log/exchanges" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_log(root / "log")


def read(log: Log) -> list[dict[str, Any]]:
    rows = pa.Table.from_batches(log.batches()).to_pylist()
    assert log.rejects.rows_seen == len(rows) + sum(log.rejects.counts.values())
    return rows


def good(name: str, prompt: str = "p") -> str:
    return f"{name},{TS},a,m,1,{prompt}\n"


def test_quoted_fields_keep_their_lines(tmp_path: Path) -> None:
    text = 'first\r\n\r\nthird, with "quotes"'
    quoted = '"' + text.replace('"', '""') + '"'
    log = opened(tmp_path, HEADER + good("e1", quoted) + good("e2"))
    rows = read(log)
    assert rows[0]["prompt"] == text
    assert [row["source_row"] for row in rows] == [1, 4]  # lines, from 0; e1 takes three
    assert log.excerpts([(0, 1)]) == [text]


def test_crlf_blank_lines_and_byte_order_mark(tmp_path: Path) -> None:
    text = "\ufeff" + (HEADER + good("e1") + "\n  \n" + good("e2")).replace("\n", "\r\n")
    log = opened(tmp_path, text.rstrip())
    assert [row["exchange_id"] for row in read(log)] == ["e1", "e2"]
    assert log.rejects.rows_seen == 2


BAD = [
    ("e,2026-03-01T12:00:00Z,a,m,1\n", "wrong number of fields", "5 fields instead of 6"),
    (f"e,{TS},a,m,1,p,q\n", "wrong number of fields", "7 fields instead of 6"),
    (f'e,{TS},a,m,1,"open\n', "quotes not readable", "a quote in the wrong place"),
    (f'e,{TS},a,m,1,"a"b\n', "quotes not readable", "a quote in the wrong place"),
    (f"e,{TS},a,m,many,p\n", "wrong type", "input_tokens: text instead of int64"),
    (f"e,{TS},a,m,1.5,p\n", "not an integer", "input_tokens: 1.5"),
    (f"e,{TS},a,m,-1,p\n", "negative tokens", "input_tokens: -1"),
    (f"e,{TS},a,m,9223372036854775808,p\n", "number out of range", "input_tokens: 92233720368547"),
    (f"e,{TS},,m,1,p\n", "missing account_id", ""),
    ("e,soon,a,m,1,p\n", "time not readable", "ts: 'soon'"),
    (f"e,{'x' * 99},a,m,1,p\n", "time not readable", "ts: '(a long text)'"),
    ("e,2026-03-01,a,m,1,p\n", "time zone missing", "ts: '2026-03-01'"),
]


@pytest.mark.parametrize(("line", "cause", "detail"), BAD)
def test_a_bad_row_costs_one_row(tmp_path: Path, line: str, cause: str, detail: str) -> None:
    log = opened(tmp_path, HEADER + good("e1") + line + good("e2"))
    assert [(r["exchange_id"], r["source_row"]) for r in read(log)] == [("e1", 1), ("e2", 3)]
    rejected = log.rejects.table().to_pylist()
    assert [(r["row"], r["cause"]) for r in rejected] == [(3, cause)]
    assert rejected[0]["detail"].startswith(detail)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    log = opened(
        tmp_path, (HEADER + good("e1")).encode() + b"e2,x,a,m,1,\xff\n" + good("e3").encode()
    )
    assert [row["exchange_id"] for row in read(log)] == ["e1", "e3"]
    assert log.rejects.counts == {Cause.UTF8: 1}


def test_a_quote_that_never_closes_costs_its_line_alone(tmp_path: Path) -> None:
    lines = [good(f"e{i}", '"multi\nline"' if i % 3 else "p") for i in range(300)]
    log = opened(tmp_path, HEADER + 'x,"y\n' + "".join(lines))
    assert [row["exchange_id"] for row in read(log)] == [f"e{i}" for i in range(300)]
    assert log.rejects.counts == {Cause.QUOTE: 1}


def test_a_record_longer_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 1_000)
    monkeypatch.setattr(lines_module, "BLOCK", 64)
    long_field = good("e2", '"' + "x" * 2_000 + '"')
    many_lines = good("e3", '"' + "x\n" * 1_500 + '"')
    log = opened(tmp_path, HEADER + good("e1") + long_field + many_lines + good("e4"))
    assert [row["exchange_id"] for row in read(log)] == ["e1", "e4"]
    assert log.rejects.counts[Cause.LONG_LINE] == 2


def test_fields_longer_than_the_library_takes_by_default(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    log = opened(tmp_path, HEADER + good("e1", "x" * 300_000))
    assert len(read(log)[0]["prompt"]) == 300_000
    assert csv.field_size_limit() == before


def test_types_from_text(tmp_path: Path) -> None:
    header = "exchange_id,ts,account_id,model,stream,temperature,input_tokens,status\n"
    lines = [
        "e1,1772366400,a,m,TRUE,0.5,10,200\n",
        "e2,1772366400123,a,m,0,1e-1, 7 ,\n",
        "e3,2026-03-01 12:00:00+00:00,a,m,,,10.0,200\n",
    ]
    rows = read(opened(tmp_path, header + "".join(lines)))
    assert [r["stream"] for r in rows] == [True, False, None]
    assert [r["temperature"] for r in rows] == [0.5, 0.1, None]
    assert [r["input_tokens"] for r in rows] == [10, 7, 10]
    assert [r["status"] for r in rows] == [200, None, 200]
    assert [r["ts"].microsecond for r in rows] == [0, 123_000, 0]


def test_tabs_compression_and_formulas(tmp_path: Path) -> None:
    text = (HEADER + good("e1", "=HYPERLINK(1)")).replace(",", "\t")
    log = opened(tmp_path, gzip.compress(text.encode()), "a.tsv.gz")
    assert [row["prompt"] for row in read(log)] == ["=HYPERLINK(1)"]
    assert log.formats == {"csv": 1}


def test_columns_are_told_before_the_rows_are_read(tmp_path: Path) -> None:
    log = opened(tmp_path, HEADER.replace("prompt", "extra"))
    assert log.unknown_columns == {"extra"} and "prompt" in log.missing_columns


def test_a_column_twice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the column 'model' is there 2 times"):
        opened(tmp_path, HEADER.replace("prompt", "model"))


CELL = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=12
).filter(lambda text: text.strip() == text)
GARBAGE = st.text(st.sampled_from(',"\n\r;x\x00\u202e '), max_size=30)


@settings(max_examples=150, deadline=None)
@given(cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20))
def test_what_the_library_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for i, (account, prompt) in enumerate(cells):
        writer.writerow([f"e{i}", TS, account, "m", "1", prompt])
    log = opened(tmp_path_factory.mktemp("csv"), HEADER + buffer.getvalue())
    assert [(r["account_id"], r["prompt"]) for r in read(log)] == cells


@settings(max_examples=300, deadline=None)
@given(garbage=GARBAGE, after=st.booleans())
def test_garbage_loses_no_row_in_silence(
    tmp_path_factory: pytest.TempPathFactory, garbage: str, after: bool
) -> None:
    """Rows before garbage stay; every line of garbage ends up in a row or a reject."""
    text = HEADER + good("e1") + garbage + ("\n" + good("e2") if after else "")
    log = opened(tmp_path_factory.mktemp("csv"), text)
    rows = read(log)
    assert rows[0]["exchange_id"] == "e1"
    places = {row["source_row"] + 1 for row in rows}
    places |= {row["row"] for row in log.rejects.table(1_000).to_pylist()}
    assert len(places) == log.rejects.rows_seen
    assert log.rejects.rows_seen >= 1 + bool(garbage.strip())
