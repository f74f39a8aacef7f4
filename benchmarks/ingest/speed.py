"""python -m benchmarks.ingest.speed KIND DIR: writes a log, ingests it, and prints JSON.

`python -m benchmarks.ingest.speed KIND DIR write` writes the log alone (in a process of its own, so
that memory is the ingest's).

ROWS exchanges of three days by 20,000 accounts, in order of time: prompts of about 400 characters
(words of 20,000, as often as Zipf's law says, no two prompts alike), one of 50 system prompts, a
response of about 400 characters where KIND says so. One process. CPU seconds, since the machine may
be shared: of all threads, and of the main thread alone, which bounds what more cores could give.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.app.ingest import Job, ingest
from iolaus.app.progress import silent
from iolaus.app.settings import Privacy, Settings
from iolaus.core.tables import EXCHANGES
from iolaus.logs.privacy import add_key
from iolaus.signals import warm_up

ROWS = 300_000
LOT = 20_000  # rows made at once
ACCOUNTS, WORDS, SYSTEM_PROMPTS = 20_000, 20_000, 50
DAYS = 3
START = int(np.datetime64("2026-03-01T00:00:00", "us").astype(np.int64))
DAY = 86_400_000_000  # microseconds
WORDS_EACH = 67  # of 5 letters on average, and a blank: about 400 characters
# kind: format, whether there are responses, [privacy] text (None: no [privacy]), --memory
KINDS: dict[str, tuple[str, bool, str | None, str]] = {
    "jsonl": ("jsonl", False, None, "512MB"),
    "jsonl_memory": ("jsonl", False, None, "256MB"),
    "jsonl_responses": ("jsonl", True, None, "512MB"),
    "jsonl_pseudonyms": ("jsonl", False, "drop", "512MB"),
    "jsonl_sealed": ("jsonl", False, "encrypt", "512MB"),
    "parquet": ("parquet", False, None, "512MB"),
}


def tables(responses: bool) -> Iterator[pa.Table]:
    """The exchanges, LOT at a time, from one seed."""
    rng = np.random.default_rng(7)
    letters = rng.integers(97, 123, (WORDS, 9), dtype=np.uint8)
    lengths = rng.integers(2, 9, WORDS)
    words = np.array([bytes(w[:n]).decode() for w, n in zip(letters, lengths, strict=True)])
    share = 1 / np.arange(1, WORDS + 1)
    edges = np.cumsum(share / share.sum())

    def texts(rows: int) -> list[str]:
        drawn = words[np.searchsorted(edges, rng.random((rows, WORDS_EACH)))]
        return [" ".join(row) for row in drawn.tolist()]

    system = texts(SYSTEM_PROMPTS)
    for start in range(0, ROWS, LOT):
        at = START + (np.arange(start, start + LOT) * (DAYS * DAY // ROWS))
        account = rng.integers(0, ACCOUNTS, LOT)
        yield _table(
            {
                "exchange_id": [f"req_{n:032x}" for n in range(start, start + LOT)],
                "ts": pa.array(at, pa.int64()).cast(EXCHANGES.field("ts").type),
                "account_id": [f"acct_{a:08x}" for a in account],
                "api_key_id": [f"key_{a:08x}" for a in account],
                "model": "large-2",
                "status": 200,
                "client_ip": [f"10.{a >> 8 & 255}.{a & 255}.7" for a in account],
                "country": "NL",
                "tls_fingerprint": "t13d1516h2_8daaf6152771_b186095e22b6",
                "user_agent": "OpenAI/Python 2.54.0",
                "input_tokens": rng.integers(50, 400, LOT),
                "output_tokens": rng.integers(50, 900, LOT),
                "stream": True,
                "system_prompt": [system[n] for n in rng.integers(0, SYSTEM_PROMPTS, LOT)],
                "prompt": texts(LOT),
                "response": texts(LOT) if responses else None,
            }
        )


def _table(columns: dict[str, Any]) -> pa.Table:
    arrays = []
    for field in EXCHANGES:
        value = columns.get(field.name)
        if value is None or isinstance(value, str | int | bool):
            arrays.append(pa.repeat(pa.scalar(value, field.type), LOT))
        else:
            arrays.append(value if isinstance(value, pa.Array) else pa.array(value, field.type))
    return pa.Table.from_arrays(arrays, schema=EXCHANGES)


def write_log(log: Path, form: str, responses: bool) -> Path:
    """One file of all rows; returns it."""
    path = log / "exchanges" / f"a.{form}"
    path.parent.mkdir(parents=True)
    if form == "parquet":
        with pq.ParquetWriter(path, EXCHANGES, compression="zstd") as writer:
            for table in tables(responses):
                writer.write_table(table)
        return path
    with path.open("w", encoding="utf-8") as file:
        for table in tables(responses):
            for row in table.to_pylist():
                told = {name: value for name, value in row.items() if value is not None}
                file.write(json.dumps(told | {"ts": row["ts"].isoformat()}) + "\n")
    return path


def measured(kind: str, folder: Path) -> dict[str, Any]:
    """One ingest, timed; the text kernel is compiled before."""
    form, _, text, memory = KINDS[kind]
    path = folder / "log" / "exchanges" / f"a.{form}"
    privacy = None
    if text is not None:
        add_key(folder / "keys")
        privacy = Privacy(folder / "keys", text=text)
    job = Job(folder / "log", folder / "store", Settings(), privacy, None, memory, 2, 300.0)
    warm_up()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    began, main, wall = time.process_time(), time.thread_time(), time.monotonic()
    state = ingest(job, follow=False, stop=threading.Event(), report=silent, say=lambda text: None)
    found = {
        "rows": state.read,
        "stored": state.stored,
        "commits": state.batch,
        "bytes": path.stat().st_size,
        "cpu_s": round(time.process_time() - began, 2),
        "main_thread_s": round(time.thread_time() - main, 2),
        "wall_s": round(time.monotonic() - wall, 2),
        "load": round(os.getloadavg()[0], 1),
        "rss_before": before,  # with the libraries and the compiled kernel
        "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "store_bytes": _size(folder / "store" / "exchanges"),
        "texts_bytes": _size(folder / "store" / "texts"),
    }
    shutil.rmtree(folder / "store")
    return found


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    if sys.argv[3:] == ["write"]:
        write_log(folder / "log", *KINDS[kind][:2])
        return
    subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest.speed", *sys.argv[1:], "write"], check=True
    )
    print(json.dumps(measured(kind, folder)))


if __name__ == "__main__":
    main()
