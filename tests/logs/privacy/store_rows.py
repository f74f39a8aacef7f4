"""Rows of the small store, and what somebody could find in a directory."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.tables import EXCHANGES
from iolaus.logs.privacy import Asking

DAYS = [date(2026, 5, 1) + timedelta(days=n) for n in range(3)]
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
ASKING = Asking("ada", "ticket 17", NOW)


def exchanges(day: date, rows: int = 8) -> pa.Table:
    """Accounts acct0 to acct3 in turn; input_tokens 10, output_tokens 100, 101, ..."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    made = [
        {
            "exchange_id": f"{day:%d}-{n}",
            "ts": start + timedelta(minutes=n),
            "account_id": f"acct{n % 4}",
            "model": "m",
            "client_ip": f"192.0.{n % 2}.{n}",
            "input_tokens": 10,
            "output_tokens": 100 + n,
            "prompt": f"question {n} of {day}",
            "response": None if n == 5 else "answer",
        }
        for n in range(rows)
    ]
    return pa.Table.from_pylist(made, schema=EXCHANGES)


def put(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=3)


def everything_in(directory: Path) -> bytes:
    """Names and values of all files, Parquet decoded: what somebody could find."""
    found = b""
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        found += os.fsencode(path.relative_to(directory))
        data = path.read_bytes()
        found += data
        if path.suffix == ".parquet":
            found += str(pq.read_table(path).to_pydict()).encode()
    return found
