"""Bytes that were changed on their way: never a crash, and never a part passed off as the whole.

Every change here is one of a fixed series, so that what fails once fails again.
"""

import gzip
import io
import json
import random
import struct
from pathlib import Path

import otlp_requests as otlp
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests_logs_rows import typed

from iolaus.core.errors import InputError
from iolaus.logs import open_log
from iolaus.logs.propose import propose

ROWS = [
    {
        "exchange_id": f"e{i}",
        "ts": "2026-03-01T12:00:00Z",
        "account_id": "a",
        "model": "m",
        "prompt": f"prompt {i % 7} " * 5,
        "input_tokens": i,
    }
    for i in range(200)
]
LINES = "\n".join(map(json.dumps, ROWS)).encode()
CSV = "\n".join(
    ["exchange_id,ts,account_id,model"] + [f"e{i},{ROWS[0]['ts']},a,m" for i in range(200)]
)
FOOTER = 900  # bytes at a Parquet file's end, where a change does most


def parquet(compression: str) -> bytes:
    file = io.BytesIO()
    pq.write_table(typed(ROWS), file, row_group_size=60, compression=compression)
    return file.getvalue()


def packed() -> bytes:
    """What a collector's file exporter writes with `compression: zstd`."""
    texts = [otlp.json(otlp.spans(*map(otlp.span, range(n, n + 10)))) for n in range(1, 100, 10)]
    parts = [pa.compress(text, "zstd", asbytes=True) for text in texts]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


FILES = {
    "a.parquet": parquet("zstd"),
    "b.parquet": parquet("none"),
    "a.jsonl": LINES,
    "a.jsonl.gz": gzip.compress(LINES, mtime=0),
    "a.jsonl.zst": pa.compress(LINES, "zstd", asbytes=True),
    "a.json": json.dumps(ROWS, indent=1).encode(),
    "a.csv": CSV.encode(),
    "otlp.jsonl": packed(),
}


def changed(data: bytes, chance: random.Random, *, at_end: bool) -> bytes:
    """One to four flips, cuts, and pieces taken out or put in."""
    new = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(new))
        if at_end and chance.random() < 0.5:
            at = max(0, len(new) - 1 - chance.randrange(min(len(new), FOOTER)))
        match chance.choices(("flip", "out", "in", "cut"), (12, 2, 2, 1))[0]:
            case "flip":
                new[at] ^= 1 << chance.randrange(8)
            case "out":
                del new[at : at + chance.randint(1, 20)]
            case "in":
                new[at:at] = chance.randbytes(chance.randint(1, 10))
            case "cut" if at:
                del new[at:]
    return bytes(new)


@pytest.mark.parametrize("name", FILES)
def test_changed_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "exchanges" / name
    path.parent.mkdir()
    path.write_bytes(FILES[name])
    log = open_log(tmp_path)
    assert sum(batch.num_rows for batch in log.batches()) == (100 if "otlp" in name else 200)
    chance = random.Random(name)
    for number in range(100):
        path.write_bytes(changed(FILES[name], chance, at_end=path.suffix == ".parquet"))
        try:
            read_all(tmp_path)
        except InputError as error:
            assert name in str(error) or "none of the" in str(error)
        if number % 10:
            continue
        try:
            propose(tmp_path)
        except InputError as error:
            assert name in str(error)


def read_all(root: Path) -> None:
    log, kept = open_log(root), 0
    for batch in log.batches():
        batch.validate(full=True)
        kept += batch.num_rows
    assert log.rejects.rows_seen == kept + sum(log.rejects.counts.values())
    log.excerpts([(0, 0), (0, 3)])
