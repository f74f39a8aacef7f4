"""python -m benchmarks.speed.read LOG: seconds that DuckDB needs merely to read every column."""

import json
import sys
import time
from pathlib import Path

import duckdb

THREADS, MEMORY = 2, "4GB"


def bare_read(log: Path) -> float:
    """Seconds of one query that takes the largest value of each column of all exchanges."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}; SET memory_limit = '{MEMORY}'")
    connection.execute("SET TimeZone = 'UTC'")
    files = f"read_parquet('{log / 'exchanges'}/*.parquet')"
    columns = connection.sql(f"DESCRIBE SELECT * FROM {files}").to_arrow_table()
    asked = [
        f"max(len({name}))" if kind.endswith("[]") else f"max({name})"
        for name, kind in zip(
            *(columns[c].to_pylist() for c in columns.column_names[:2]), strict=True
        )
    ]
    began = time.monotonic()
    connection.sql(f"SELECT {', '.join(asked)} FROM {files}").to_arrow_table()
    return time.monotonic() - began


if __name__ == "__main__":
    print(json.dumps({"seconds": bare_read(Path(sys.argv[1]))}))
