"""An ingest for tests: ids hashed, texts left out, no features; and what is in a store."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.hashing import hash64
from iolaus.core.tables import TEXT_COLUMNS, TEXT_FEATURES
from iolaus.logs.ingest import Ingest, Protection, State

Row = dict[str, Any]


def transform(*, keep_text: bool) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    def made(batch: pa.RecordBatch) -> pa.RecordBatch:
        names = [n for n in batch.schema.names if keep_text or n not in TEXT_COLUMNS]
        table = pa.Table.from_batches([batch.select(names)])
        ids = [hash64(name) for name in batch["exchange_id"].to_pylist()]
        table = table.append_column("exchange_hash", pa.array(ids, pa.int64()))
        for field in TEXT_FEATURES:
            table = table.append_column(field, pa.nulls(batch.num_rows, field.type))
        return table.combine_chunks().to_batches()[0]

    return made


@contextmanager
def ingesting(log: Path, store: Path, **changes: Any) -> Iterator[tuple[Ingest, list[str]]]:
    """An open ingest, and what it says."""
    told: list[str] = []
    protection: Protection | None = changes.get("protection")
    given: dict[str, Any] = {
        "tables": lambda name, table: table,
        "protection": None,
        "batch_bytes": 2**20,
        "threads": 2,
        "say": told.append,
    }
    keep = protection is not None and protection.text != "drop"
    made = Ingest(log, store, transform(keep_text=keep), **(given | changes))
    with made as running:
        yield running, told


def run(log: Path, store: Path, **changes: Any) -> State:
    """All that is there, once."""
    with ingesting(log, store, **changes) as (running, _):
        look(running)
        return running.state


def look(running: Ingest, now: float = 0.0) -> None:
    """One look, and what it found stored."""
    running.look(now, Event(), lambda rows: None)
    assert running.commit()


def write_lines(path: Path, *lines: Row | bytes, end: bytes = b"\n", append: bool = False) -> None:
    """JSON lines (dicts) and raw ones (bytes); `end` stands after the last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    with path.open("ab" if append else "wb") as file:
        file.write(b"\n".join(raw) + end)


def rows(store: Path) -> list[Row]:
    """All exchanges: files in order, rows as they stand."""
    files = sorted((store / "exchanges").glob("day=*/*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def ids(store: Path) -> list[str]:
    return sorted(row["exchange_id"] for row in rows(store))


def rejects(store: Path) -> list[tuple[str, int | None, str]]:
    """(file, row, cause), in order."""
    found = [
        (row["file"], row["row"], row["cause"])
        for path in sorted((store / "rejects").glob("*.parquet"))
        for row in pq.read_table(path).to_pylist()
    ]
    return sorted(found, key=str)
