"""python -m benchmarks.enrichment.work NETINTEL SEED: measures, and prints JSON.

Addresses: half of them in the listed ranges, half anywhere in the public space (2000::/3 of IPv6).
Every rate is per CPU second, the best of ROUNDS: the machine is shared, and what is asked is what
the code takes.
"""

import ipaddress
import json
import socket
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from iolaus.logs.enrichment import (
    CsvFile,
    Enrichment,
    EnrichmentFiles,
    Tally,
    compile_files,
    enrich,
)

ADDRESSES = 1_000_000
BATCH = 65_536
ROUNDS = 3
SLOW = 50_000  # addresses for the plain loop
AGENTS = ("OpenAI/Python 1.54.4", "curl/8.5.0", "Mozilla/5.0 (X11) Chrome/131.0.0.0 Safari/537.36")


def files(netintel: Path) -> EnrichmentFiles:
    """Everything that the directory holds, used as what it is."""
    lists = netintel / "x4bnet"
    names = ("output_datacenter_ipv4", "output_datacenter_ipv6", "input_datacenter_ASN")
    centres = [lists / f"{name}.txt" for name in names]
    return EnrichmentFiles(
        csv=(CsvFile(netintel / "rir_ip" / "ipv4_country.csv"),),
        data_centre=(*centres, *sorted((netintel / "ipranges").glob("*.txt"))),
        vpn=(lists / "output_vpn_ipv4.txt", lists / "input_vpn_ASN.txt"),
        disposable_mail=tuple(sorted((netintel / "disposable").glob("*.conf"))),
    )


def addresses(enrichment: Enrichment, version: int, rng: np.random.Generator) -> list[str]:
    """Distinct addresses as text, shuffled."""
    segments = enrichment.segments[version]
    picked = rng.integers(0, len(segments.low), ADDRESSES // 2)
    if version == 4:
        listed = segments.low[picked] + rng.integers(0, 256, len(picked)).astype(np.uint64)
        anywhere = rng.integers(2**24, 224 * 2**24, ADDRESSES // 2).astype(np.uint64)
        numbers = np.unique(np.concatenate([listed, anywhere]) % np.uint64(2**32))
        texts = [socket.inet_ntoa(int(n).to_bytes(4, "big")) for n in numbers]
    else:
        anywhere = rng.integers(0x2000 << 48, 0x4000 << 48, ADDRESSES // 2, np.uint64)
        high = np.concatenate([segments.high[picked], anywhere])
        low = rng.integers(0, 2**63, len(high), np.uint64)
        raw = np.column_stack([high, low]).astype(">u8").tobytes()
        texts = [socket.inet_ntop(socket.AF_INET6, raw[i : i + 16]) for i in range(0, len(raw), 16)]
    rng.shuffle(texts)
    return texts


def batches(texts: list[str], repeat: int) -> list[pa.RecordBatch]:
    """Exchanges: each address `repeat` times in a row."""
    rows = len(texts)
    ips = np.repeat(np.asarray(texts, object), repeat)[:rows]
    table = pa.table({
        "client_ip": pa.array(ips, pa.string()), "country": pa.nulls(rows, pa.string()),
        "asn": pa.nulls(rows, pa.int64()),
        "user_agent": pa.array(AGENTS).take(pa.array(np.arange(rows) % len(AGENTS))),
    })  # fmt: skip
    return table.to_batches(BATCH)


def rate(count: int, call: Callable[[], object]) -> int:
    """Best of ROUNDS, per CPU second."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return round(count / best)


def plain_loop(enrichment: Enrichment, texts: list[str]) -> None:
    """What one would write first: ipaddress and bisect, one by one."""
    segments = enrichment.segments[4]
    starts, codes = segments.low.tolist(), segments.columns[0].tolist()
    for text in texts[:SLOW]:
        codes[bisect_right(starts, int(ipaddress.ip_address(text))) - 1]


def measure(netintel: Path, seed: int) -> dict[str, Any]:
    """All figures of one run."""
    rng = np.random.default_rng(seed)
    named = files(netintel)
    start = time.process_time()
    enrichment = compile_files(named)
    compiled = time.process_time() - start
    found: dict[str, Any] = {
        "compile_s": round(compiled, 2),
        "entries": sum(report.entries for report in enrichment.reports),
        "bad_lines": sum(report.bad for report in enrichment.reports),
        "segments": {f"v{v}": len(s.low) for v, s in enrichment.segments.items()},
    }
    for version in (4, 6):
        texts = addresses(enrichment, version, rng)
        for repeat in (1, 10):
            made = batches(texts, repeat)
            call = lambda made=made: list(enrich(made, enrichment, Tally()))  # noqa: E731
            found[f"v{version}_each_{repeat}_times_per_s"] = rate(len(texts), call)
        if version == 4:
            loop = lambda texts=texts: plain_loop(enrichment, texts)  # noqa: E731
            found["plain_loop_per_s"] = rate(SLOW, loop)
    return found


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
