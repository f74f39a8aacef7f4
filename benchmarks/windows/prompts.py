"""Prompts of the benchmark and how they are divided: no prompt, and no near-copy, in two parts.

Benign: what people asked. Attackers: what really was sent to a teacher, one corpus per campaign.
Honest but new: a public benchmark that someone runs; no attack, and not among the benign either.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.errors import InputError
from iolaus.signals.text import text_features

Ints = NDArray[np.int64]

BENIGN: Final = ("arena", "nq_open", "banking77")
ATTACKS: Final = ("alpaca_libre", "self_instruct", "toolformer", "batches")
HONEST_NEW: Final = "gsm8k"
FILES: Final[dict[str, tuple[str, ...]]] = {
    "arena": ("organic/arena_hard/v0.1_question.jsonl", "organic/arena_hard/v2_question.jsonl"),
    "nq_open": (
        "organic/nq_open/NQ-open.dev.jsonl",
        "organic/nq_open/NQ-open.efficientqa.dev.1.1.jsonl",
        "organic/nq_open/NQ-open.efficientqa.test.1.1.jsonl",
    ),
    "banking77": ("organic/banking77/train.csv", "organic/banking77/test.csv"),
    "alpaca_libre": tuple(f"distill/alpaca_libre/v{n}.jsonl" for n in (1, 2, 3)),
    "self_instruct": ("distill/selfinstruct_gpt4mini/generated_tasks.jsonl",),
    "toolformer": ("distill/gpteacher/toolformer.json",),
    "gsm8k": ("bench/gsm8k/test.jsonl",),
}
LONGEST = 1_200  # characters kept of one prompt
MOST = 4_000  # prompts kept of one attacker's corpus: 2,000 known, 2,000 tested
BATCH_SEEDS = 4  # tasks shown in a request for a batch of new ones
SAME = 0.5  # share of the larger sketch that two near-copies have in common
LEAST = 2  # phrases in common at least; one is five words, which strangers share
HUB = 50  # holders of a phrase above which it joins nobody: a template, not a copy
CHOICE_SEED = 20_260_605  # which prompts of a large corpus are kept; not a seed of any split


@dataclass(frozen=True)
class Prompts:
    """Distinct prompts. `source` and `family` (near-copies share one) run along `texts`."""

    texts: list[str]
    source: NDArray[np.str_]
    family: Ints

    def rows(self, *sources: str) -> Ints:
        """Positions of the prompts of these sources."""
        return np.flatnonzero(np.isin(self.source, sources))


def read(corpora: Path) -> Prompts:
    """All prompts. In: the directory that docs/worlds.md describes. Raises InputError."""
    rng = np.random.default_rng(CHOICE_SEED)
    kept: dict[str, str] = {}
    for source in (*BENIGN, *ATTACKS, HONEST_NEW):
        if source == "batches":
            found = _batches(list(_texts(corpora, "alpaca_libre")), rng)
        else:
            found = list(dict.fromkeys(_texts(corpora, source)))
        if source in ATTACKS and len(found) > MOST:
            found = [found[i] for i in np.sort(rng.choice(len(found), MOST, replace=False))]
        for text in found:
            kept.setdefault(text, source)
    texts = list(kept)
    return Prompts(texts, np.array(list(kept.values())), families(texts))


def _texts(corpora: Path, source: str) -> Iterator[str]:
    for name in FILES[source]:
        path = corpora / name
        if not path.is_file():
            raise InputError(
                "the corpus file is missing.",
                where=name,
                next_step="Lay the corpora out as docs/worlds.md says and pass --corpora DIR.",
            )
        for row in _rows(path):
            text = _prompt(row)[:LONGEST].strip()
            if text:
                yield text


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file; single lines that are no JSON are left out (public corpora have a few)."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            yield from csv.DictReader(file)
        elif path.suffix == ".json":
            yield from json.load(file)
        else:
            for line in file:
                with suppress(json.JSONDecodeError):
                    yield json.loads(line)


def _prompt(row: dict[str, Any]) -> str:
    if "instruction" in row:
        return f"{row['instruction']}\n{row.get('input') or ''}".strip()
    return str(row.get("prompt") or row.get("question") or row["text"])


def _batches(tasks: list[str], rng: np.random.Generator) -> list[str]:
    """Requests for a batch of new tasks: one template, a few seed tasks, as self-instruct does."""
    found = []
    for _ in range(MOST):
        shown = rng.choice(len(tasks), BATCH_SEEDS, replace=False)
        listed = "\n".join(f"{n}. {tasks[i][:200]}" for n, i in enumerate(shown, 1))
        found.append(f"Come up with 20 diverse task instructions.\n{listed}\n{BATCH_SEEDS + 1}.")
    return found


def families(texts: list[str]) -> Ints:
    """One number per prompt; prompts with one skeleton, or half a sketch in common, share it."""
    batch = text_features(pa.array(texts, pa.large_string()), pa.nulls(len(texts), pa.string()))
    parent = np.arange(len(texts))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for i, j in _near(batch["skeleton"].to_pylist(), batch["phrases"].to_pylist()):
        parent[root(j)] = root(i)
    return np.array([root(i) for i in range(len(texts))])


def _near(skeletons: list[int], phrases: list[list[int]]) -> Iterable[tuple[int, int]]:
    first: dict[int, int] = {}
    for i, skeleton in enumerate(skeletons):
        yield first.setdefault(skeleton, i), i
    holders: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(phrases):
        for phrase in row:
            holders[phrase].append(i)
    common: dict[tuple[int, int], int] = defaultdict(int)
    for group in holders.values():
        if len(group) <= HUB:
            for k, i in enumerate(group):
                for j in group[k + 1 :]:
                    common[i, j] += 1
    for (i, j), count in common.items():
        if count >= max(LEAST, SAME * max(len(phrases[i]), len(phrases[j]))):
            yield i, j


@dataclass(frozen=True)
class Parts:
    """Positions into Prompts, no family in two of them.

    reference: benign, what a detector may learn from. calibration: benign, what it draws its
    windows of no attack from. test: benign, what tested windows are made of. attack: by corpus,
    the tested half; known: the other half, seen only by the variant that is given it.
    """

    reference: Ints
    calibration: Ints
    test: Ints
    attack: dict[str, Ints]
    known: dict[str, Ints]


COUNTS: Final = (4_000, 4_000, 5_000)  # reference, calibration, test; a pool of 8,000: the paper's


def split(prompts: Prompts, rng: np.random.Generator) -> Parts:
    """Divide every source alike: benign ones by COUNTS, attackers' into halves, family-wise."""
    shares = np.array(COUNTS) / prompts.rows(*BENIGN).size
    parts: list[list[Ints]] = [[], [], []]
    for source in BENIGN:
        cut = _cut(prompts, prompts.rows(source), (*shares, 1.0 - shares.sum()), rng)
        for part, rows in zip(parts, cut, strict=False):  # the rest is left out
            part.append(rows)
    reference, calibration, test = (np.concatenate(part) for part in parts)
    attack, known = {}, {}
    for source in (*ATTACKS, HONEST_NEW):
        halves = (0.0, 1.0) if source == HONEST_NEW else (0.5, 0.5)
        known[source], attack[source] = _cut(prompts, prompts.rows(source), halves, rng)
    return Parts(reference, calibration, test, attack, known)


def _cut(
    prompts: Prompts, rows: Ints, shares: tuple[float, ...], rng: np.random.Generator
) -> list[Ints]:
    """Families in random order; each goes where its first prompt falls."""
    names, where = np.unique(prompts.family[rows], return_inverse=True)
    place = rng.permutation(names.size)
    counts = np.bincount(where)
    before = np.zeros(names.size)
    order = np.argsort(place)
    before[order] = np.concatenate(([0], np.cumsum(counts[order])[:-1])) / rows.size
    part = np.searchsorted(np.cumsum(shares)[:-1], before, side="right")
    return [rows[part[where] == i] for i in range(len(shares))]
