"""Prompts per second and core: the kernel, against one step of its work in `re` and in numpy.

The two others do less (tokenise, mask numbers, hash; no lexicon, no sketch), so the ratios are
lower bounds. All three in one run, medians of ROUNDS.
"""

import hashlib
import re
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from iolaus.signals.text import text_features, warm_up

CHARS, PROMPTS, SLOW_PROMPTS, ROUNDS = 400, 50_000, 5_000, 7
TOKEN = re.compile(rb"[A-Za-z\x80-\xff]+|[0-9]+")


def with_re(texts: list[str]) -> list[bytes]:
    """Skeletons only: tokens by regular expression, numbers masked, hashed by BLAKE2b."""
    out = []
    for text in texts:
        tokens = [b"#" if t.isdigit() else t for t in TOKEN.findall(text.encode().lower())]
        out.append(hashlib.blake2b(b" ".join(tokens), digest_size=8).digest())
    return out


def with_numpy(texts: list[str]) -> "list[np.uint64]":
    """Shingle sketches only: word hashes by prefix sums over bytes, then the 16 smallest."""
    out = []
    powers = np.arange(1, 8 * CHARS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
    for text in texts:
        data = np.frombuffer(text.encode().lower(), np.uint8)
        ends = np.flatnonzero((data[:-1] > 47) & (data[1:] <= 47))
        sums = np.cumsum(data * powers[: len(data)])[ends]
        words = np.diff(sums) * np.uint64(0xBF58476D1CE4E5B9)
        shingles = words[:-4] + words[1:-3] * 3 + words[2:-2] * 5 + words[3:-1] * 7 + words[4:] * 9
        out.append(np.sort(shingles)[:16])
    return out


def report(texts: list[str]) -> str:
    """Markdown table of medians."""
    whole = " ".join(texts).encode()
    cuts = [whole[i : i + CHARS].decode(errors="ignore") for i in range(0, len(whole), CHARS)]
    many = (cuts * (PROMPTS // len(cuts) + 1))[:PROMPTS]
    array, system = pa.array(many), pa.array(["You are a helpful assistant."] * PROMPTS)
    few = many[:SLOW_PROMPTS]
    warm_up()
    ours = _rate(lambda: text_features(array, system), PROMPTS)
    lines = [
        f"{CHARS} bytes a prompt, one thread, medians of {ROUNDS}.\n",
        "| what | prompts/s | ours is faster by |",
        "|---|---|---|",
        f"| text_features | {ours:,.0f} | 1 |",
    ]
    for name, function in (("re, skeleton only", with_re), ("numpy, sketch only", with_numpy)):
        rate = _rate(lambda f=function: f(few), SLOW_PROMPTS)
        lines.append(f"| {name} | {rate:,.0f} | {ours / rate:.1f} |")
    return "\n".join(lines)


def _rate(call: Callable[[], object], prompts: int) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return prompts / statistics.median(seconds)
