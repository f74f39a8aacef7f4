"""python -m benchmarks.readers.speed FORMAT DIR: writes a log, reads it, and prints JSON.

CSV, JSON lines and arrays: 26 (CSV), 14 or 6 columns, two texts of 60 words. The other formats: the
fixtures' own records over and over, each with an id of its own. CPU seconds, since the machine may
be shared; the best of ROUNDS.
"""

import csv
import io
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from iolaus.logs import open_log

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "logs" / "fixtures"
ROWS = 60_000
ROUNDS = 3
WORDS = "river mountain graph parser billing climate poem kitchen matrix genome explain solve by"
OWN = {
    "ts": "2026-03-01T12:00:00.123Z",
    "model": "m-large",
    "channel": "first_party_api",
    "status": 200,
    "client_ip": "198.51.100.7",
    "user_agent": "OpenAI/Python 2.54.0",
    "input_tokens": 120,
    "output_tokens": 300,
    "stream": True,
    "system_prompt": "You are a helpful assistant.",
}
CSV_ONLY = {
    "organization_id": "",
    "api_key_id": "k",
    "conversation_id": "c",
    "asn": 64500,
    "country": "DE",
    "tls_fingerprint": "t13d1516h2_8daaf6152771_b186095e22b6",
    "cached_input_tokens": 0,
    "reasoning_tokens": 0,
    "max_output_tokens": 512,
    "temperature": 0.7,
    "choice_count": 1,
    "tool_count": 0,
}
# format: file of the fixtures, and the key that must differ from row to row
RECORDED = {
    "bedrock": ("bedrock/invocations.jsonl", "requestId"),
    "langfuse": ("langfuse/observations_v2.jsonl", "id"),
    "litellm": ("litellm/standard_logging_payload.jsonl", "litellm_call_id"),
    "litellm_spend_logs": ("litellm_spend_logs/rows.jsonl", "litellm_call_id"),
    "envoy": ("envoy/access.jsonl", "x-request-id"),
}


def rows() -> Iterator[dict[str, Any]]:
    """ROWS exchanges of the contract's own form, from one seed."""
    chance = random.Random(1)
    words = WORDS.split()
    for i in range(ROWS):
        texts = (" ".join(chance.choices(words, k=60)) for _ in range(2))
        own = dict(zip(("prompt", "response"), texts, strict=True))
        yield {"exchange_id": f"e{i}", "account_id": f"a{i % 999}"} | OWN | own


def as_csv() -> Iterator[str]:
    for i, row in enumerate(rows()):
        line = io.StringIO()
        writer = csv.DictWriter(line, [*row, *CSV_ONLY])
        if i == 0:
            writer.writeheader()
        writer.writerow(row | CSV_ONLY)
        yield line.getvalue()


def as_lines() -> Iterator[str]:
    return (json.dumps(row) + "\n" for row in rows())


def as_array() -> Iterator[str]:
    for i, row in enumerate(rows()):
        yield ("[" if i == 0 else ",\n") + json.dumps(row, indent=1)
    yield "]"


def recorded(name: str) -> Iterator[str]:
    path, key = RECORDED[name]
    lines = (FIXTURES / path).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return (json.dumps(records[i % len(records)] | {key: f"r{i}"}) + "\n" for i in range(ROWS))


WRITERS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "csv": ("a.csv", as_csv),
    "jsonl": ("a.jsonl", as_lines),
    "json_array": ("a.json", as_array),
}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    file, write = WRITERS.get(name, ("a.jsonl", lambda: recorded(name)))
    path = folder / "exchanges" / file
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        out.writelines(write())
    times = []
    for _ in range(ROUNDS):
        log = open_log(folder)
        began = time.process_time()
        kept = sum(batch.num_rows for batch in log.batches())
        times.append(time.process_time() - began)
    found = {
        "format": next(iter(log.formats)),
        "rows": log.rejects.rows_seen,
        "kept": kept,
        "bytes": path.stat().st_size,
        "cpu_s": round(min(times), 3),
        "peak_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
