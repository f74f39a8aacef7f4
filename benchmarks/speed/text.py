"""python -m benchmarks.speed.text CORPORA: prompts per second of one core, ours and others'.

Ours does everything that `signals.text` does: exact hash, skeleton, phrases, capability, content
codes. The others do one part of it each, so the ratios are lower bounds. Processor time of one
thread; the contenders take turns, so that a busy machine slows all of them.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from benchmarks.harness.bench import Bench
from benchmarks.text.corpora import source_labelled

from iolaus.signals.text import text_features, warm_up

CHARS, PROMPTS, SLOW_PROMPTS, ROUNDS = 400, 50_000, 5_000, 7
SHINGLE, HASHES = 5, 16  # words, and smallest hashes kept: as our phrases
TOKEN: Final = re.compile(rb"[A-Za-z\x80-\xff]+|[0-9]+")
OURS, OTHERS = "text_features", ("datasketch", "rensa")
DOES: Final = {
    OURS: "all of it",
    "re": "skeletons by regular expression, hashed by BLAKE2b",
    "numpy": "word hashes by prefix sums, the 16 smallest of 5-word shingles",
    "datasketch": "MinHash of 5-word shingles, 16 permutations",
    "rensa": "RMinHash of 5-word shingles, 16 permutations, all prompts in one call",
}


@dataclass(frozen=True)
class Text:
    """The text kernel against others, on real prompts."""

    name = "text"

    def parameters(self) -> dict[str, Any]:
        return {"chars": CHARS, "prompts": PROMPTS, "slow_prompts": SLOW_PROMPTS, "rounds": ROUNDS}


def others_there() -> bool:
    """Whether the libraries that ours is compared with are installed; they are no dependencies."""
    return all(importlib.util.find_spec(name) for name in OTHERS)


def measure(bench: Bench) -> dict[str, Any]:
    """In a process of its own, with the exported package."""
    return bench.asked("benchmarks.speed.text", str(bench.corpora))


def with_re(texts: Sequence[str]) -> list[bytes]:
    """Skeletons only: tokens by regular expression, numbers masked."""
    out = []
    for text in texts:
        tokens = [b"#" if t.isdigit() else t for t in TOKEN.findall(text.encode().lower())]
        out.append(hashlib.blake2b(b" ".join(tokens), digest_size=8).digest())
    return out


def with_numpy(texts: Sequence[str]) -> "list[np.uint64]":
    """Shingle sketches only: word hashes by prefix sums over bytes, then the smallest."""
    out = []
    powers = np.arange(1, 8 * CHARS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    for text in texts:
        data = np.frombuffer(text.encode().lower(), np.uint8)
        ends = np.flatnonzero((data[:-1] > 47) & (data[1:] <= 47))
        sums = np.cumsum(data * powers[: len(data)])[ends]
        words = np.diff(sums) * np.uint64(0xBF58476D1CE4E5B9)
        shingles = words[:-4] + words[1:-3] * 3 + words[2:-2] * 5 + words[3:-1] * 7 + words[4:] * 9
        out.append(np.sort(shingles)[:HASHES])
    return out


def shingled(text: str) -> list[str]:
    """Every SHINGLE words in a row."""
    words = text.lower().split()
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]


def with_datasketch(texts: Sequence[str]) -> list[Any]:
    """Shingle sketches only, as datasketch's users make them."""
    from datasketch import MinHash

    sets = ([one.encode() for one in shingled(text)] for text in texts)
    return list(MinHash.bulk(sets, num_perm=HASHES))


def with_rensa(texts: Sequence[str]) -> Any:
    """Shingle sketches only, by rensa's call for many texts."""
    from rensa import RMinHash

    return RMinHash.digest_matrix_from_token_sets([shingled(text) for text in texts], HASHES, 42)


def report(texts: list[str]) -> dict[str, Any]:
    """Medians of prompts per second of processor time."""
    whole = " ".join(texts).encode()
    cuts = [whole[i : i + CHARS].decode(errors="ignore") for i in range(0, len(whole), CHARS)]
    many = (cuts * (PROMPTS // len(cuts) + 1))[:PROMPTS]
    array, system = pa.array(many), pa.array(["You are a helpful assistant."] * PROMPTS)
    few = many[:SLOW_PROMPTS]
    warm_up()
    contenders: dict[str, tuple[Callable[[], object], int]] = {
        OURS: (lambda: text_features(array, system), PROMPTS),
        "re": (lambda: with_re(few), SLOW_PROMPTS),
        "numpy": (lambda: with_numpy(few), SLOW_PROMPTS),
        "datasketch": (lambda: with_datasketch(few), SLOW_PROMPTS),
        "rensa": (lambda: with_rensa(few), SLOW_PROMPTS),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (call, prompts) in contenders.items():
            began = time.process_time()
            call()
            rates[name].append(prompts / (time.process_time() - began))
    versions = {name: importlib.metadata.version(name) for name in OTHERS}
    return {
        "rates": {name: statistics.median(of) for name, of in rates.items()},
        "versions": versions,
    }


if __name__ == "__main__":
    rows = source_labelled(Path(sys.argv[1]))
    print(json.dumps(report([row.text for row in rows if row.source in ("gsm8k", "arena coding")])))
