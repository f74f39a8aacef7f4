"""Small logs, written row by row, so that a test shows what is in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests_logs_rows import typed

Row = dict[str, Any]
MakeRow = Callable[..., Row]
WriteLog = Callable[..., Path]

TS_TEXT = "2026-03-01T12:00:00Z"


@pytest.fixture
def row() -> MakeRow:
    """One valid exchange as JSON has it, with changes; a value of `...` removes the key."""

    def make(number: int = 0, **changes: Any) -> Row:
        made = {
            "exchange_id": f"e{number}",
            "ts": TS_TEXT,
            "account_id": "a",
            "model": "m",
            "prompt": f"prompt {number}",
            "input_tokens": 10,
        } | changes
        return {key: value for key, value in made.items() if value is not ...}

    return make


@pytest.fixture
def jsonl_log(tmp_path: Path) -> WriteLog:
    """Write exchanges/part-0.jsonl of rows (dicts) and raw lines (bytes); returns the log."""

    def write(*lines: Row | bytes, name: str = "exchanges/part-0.jsonl") -> Path:
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines)
        )
        return tmp_path / "log"

    return write


@pytest.fixture
def parquet_log(tmp_path: Path) -> WriteLog:
    """Write exchanges/part-0.parquet from a table, or from rows typed as the contract says."""

    def write(data: Any, name: str = "exchanges/part-0.parquet", **options: Any) -> Path:
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(data if isinstance(data, pa.Table) else typed(data), path, **options)
        return tmp_path / "log"

    return write
