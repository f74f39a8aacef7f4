"""Texts and addresses from real files: prompts, benchmark, client rates, address ranges.

The directory is laid out as FILES says. Real corpora are finite: what strangers ask is varied by
joining a real prompt to another sentence, so that exact repeats stay as rare as among real users.
"""

import csv
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.hashing import hash64
from iolaus.worlds.grammar import Grammar, favoured
from iolaus.worlds.model import Ints
from iolaus.worlds.network import Block, Network
from iolaus.worlds.places import BY_CODE, EXITS, HOSTING

FILES: Final = {
    "alpaca1": "distill/alpaca_libre/v1.jsonl",
    "alpaca2": "distill/alpaca_libre/v2.jsonl",
    "alpaca3": "distill/alpaca_libre/v3.jsonl",
    "selfinstruct": "distill/selfinstruct_gpt4mini/generated_tasks.jsonl",
    "toolformer": "distill/gpteacher/toolformer.json",
    "arena1": "organic/arena_hard/v0.1_question.jsonl",
    "arena2": "organic/arena_hard/v2_question.jsonl",
    "nq1": "organic/nq_open/NQ-open.dev.jsonl",
    "nq2": "organic/nq_open/NQ-open.efficientqa.dev.1.1.jsonl",
    "nq3": "organic/nq_open/NQ-open.efficientqa.test.1.1.jsonl",
    "banking": "organic/banking77/train.csv",
    "gsm8k": "bench/gsm8k/test.jsonl",
    "rates": "traces/servegen/rates.parquet",
    "lengths": "traces/servegen/lengths.parquet",
    "homes": "netintel/rir_ip/ipv4_country.csv",
    "hosting": "netintel/x4bnet/output_datacenter_ipv4.txt",
    "exits": "netintel/x4bnet/output_vpn_ipv4.txt",
    "disposable": "netintel/disposable/disposable_email_blocklist.conf",
}
LONGEST = 1_200  # characters kept of one real prompt
SELF_INSTRUCT = 0.35  # share of queue items that ask for a batch of new tasks, given examples
BROKEN = 0.01  # share of a JSONL file's lines that may be unreadable
SUBJECT = 12  # texts that must have a word, for the word to be a subject
OWN_SUBJECTS = 6  # places in a pool around which one person's questions lie
NEAR = 60  # texts around such a place, or a 40th of the pool: two who meet there share few
BLOCKS = 400  # address blocks kept per country and per kind
_WORD = re.compile(r"[a-z]{3,}")
_CODE_MARKS = ("```", "def ", "function", "code", "python", "SQL", "class ", "C++", "program")


class Corpora:
    """A `Source` of real texts, with the grammar for what the corpora lack."""

    def __init__(self, root: Path) -> None:
        self._root, self._grammar = root, Grammar()
        arena = [r["prompt"][:LONGEST] for k in ("arena1", "arena2") for r in _lines(root, k)]
        code = [p for p in arena if any(mark in p for mark in _CODE_MARKS)]
        asked = [str(r["question"]) for k in ("nq1", "nq2", "nq3") for r in _lines(root, k)]
        with _open(root, "banking").open(encoding="utf-8", newline="") as file:
            support = [row["text"] for row in csv.DictReader(file)]
        pools = {"chat": asked, "code": code, "hard": arena, "support": support}
        self._pools = {kind: _by_subject(texts) for kind, texts in pools.items()}
        self._bench = [str(r["question"]) for r in _lines(root, "gsm8k")]
        self._tasks = list(_instructions(root))
        self.disposable = tuple(_open(root, "disposable").read_text().split())

    @staticmethod
    def read(root: Path) -> "Corpora":
        """Read the files; InputError names the first that lacks."""
        for key in FILES:
            _open(root, key)
        return Corpora(root)

    def draw(
        self, kind: str, count: int, rng: np.random.Generator, taste: Ints | None = None
    ) -> list[str]:
        if kind == "queue":
            return self._queue(count, rng)
        made = self._grammar.draw(kind, count, rng, taste)
        if kind not in self._pools:
            return made
        real = _asked(self._pools[kind], kind, count, rng, taste)
        kept = rng.random(count)
        tails = self._grammar.draw(_TAILS[kind], count, rng, taste)
        return [
            r if k < _ALONE[kind] else f"{r} {t}" if k < 0.75 else m
            for r, t, m, k in zip(real, tails, made, kept, strict=True)
        ]

    def bench(self) -> list[str]:
        return self._bench

    def _queue(self, count: int, rng: np.random.Generator) -> list[str]:
        """Half-known shapes of distillation: batches from seed tasks, and single instructions."""
        single = _picked(self._tasks, count, rng)
        context = self._grammar.draw("queuecontext", count, rng)
        seeds = [_picked(self._tasks, count, rng) for _ in range(4)]
        batch = rng.random(count) < SELF_INSTRUCT
        return [
            _batch((a, b, c, d)) if many else f"{one}\n{more}"
            for one, more, many, a, b, c, d in zip(single, context, batch, *seeds, strict=True)
        ]

    def clients(self) -> tuple[tuple[float, float, float], ...]:
        """Real clients: mean requests per second, mean input and output tokens."""
        keys = ["group", "client"]
        rates = pq.read_table(_open(self._root, "rates"))
        rates = rates.group_by(keys).aggregate([("rate_per_s", "mean")])
        sizes = pq.read_table(_open(self._root, "lengths"))
        sizes = sizes.append_column("weighted", pc.multiply(sizes["tokens"], sizes["share"]))
        sizes = sizes.group_by([*keys, "side"]).aggregate([("weighted", "sum"), ("share", "sum")])
        means = {
            (r["group"], r["client"], r["side"]): r["weighted_sum"] / r["share_sum"]
            for r in sizes.to_pylist()
            if r["share_sum"] > 0
        }
        rows = []
        for r in sorted(rates.to_pylist(), key=lambda r: (r["group"], r["client"])):
            at = [means.get((r["group"], r["client"], f"{s}_tokens")) for s in ("input", "output")]
            if r["rate_per_s_mean"] > 0 and at[0] is not None and at[1] is not None:
                rows.append((float(r["rate_per_s_mean"]), float(at[0]), float(at[1])))
        return tuple(rows)

    def network(self) -> Network:
        """Real ranges by country, of data centres and of VPN exits."""
        homes: dict[str, list[Block]] = {code: [] for code in BY_CODE}
        with _open(self._root, "homes").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                code = row["country"].upper()
                if (
                    code in homes
                    and "." in row["cidr"]
                    and (block := _block(row["cidr"]))[1] >= 256
                ):
                    homes[code].append(block)
        hosting = [(asn, c, b) for (asn, c), b in _paired(self._root, "hosting", HOSTING)]
        exits = [(asn, c, b) for (asn, c), b in _paired(self._root, "exits", EXITS)]
        return Network({c: _thinned(b) for c, b in homes.items()}, hosting, exits)


_ALONE: Final = {"chat": 0.12, "code": 0.04, "hard": 0.04, "support": 0.35}
_TAILS: Final = {"chat": "detail", "code": "follow", "hard": "follow", "support": "supportdetail"}


def _batch(seeds: tuple[str, ...]) -> str:
    listed = "\n".join(f"{n}. {s}" for n, s in enumerate(seeds, 1))
    return f"Come up with 20 diverse tasks. Examples:\n{listed}\n{len(seeds) + 1}."


def _picked(texts: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """Popular texts more often, over a fixed order."""
    return [texts[i] for i in _popular(len(texts), count, rng)]


def _by_subject(texts: list[str]) -> tuple[list[str], Ints]:
    """The texts, and an order of them in which neighbours share their most telling word.

    That word is the rarest that SUBJECT texts or more have; ties by spelling.
    """
    words = [sorted(set(_WORD.findall(text.lower()))) for text in texts]
    known = Counter(word for row in words for word in row)
    common = {word: n for word, n in known.items() if n >= SUBJECT}
    keys = [min(((common[w], w) for w in row if w in common), default=(0, "")) for row in words]
    order = sorted(range(len(texts)), key=lambda n: (keys[n][1], n))
    return texts, np.array(order, dtype=np.int64)


def _asked(
    pool: tuple[list[str], Ints], kind: str, count: int, rng: np.random.Generator,
    taste: Ints | None,
) -> list[str]:  # fmt: skip
    """Popular texts, or for those with a taste mostly some from around their own subjects."""
    texts, order = pool
    picked = _popular(len(texts), count, rng)
    if taste is not None:
        near = rng.integers(0, max(NEAR, len(texts) // 40), count)
        place = favoured(np.full(count, -1), len(texts), OWN_SUBJECTS, hash64(kind), taste, rng)
        picked = np.where(place < 0, picked, order[(place + near) % len(texts)])
    return [texts[i] for i in picked]


def _popular(size: int, count: int, rng: np.random.Generator) -> Ints:
    """Numbers below `size`, small ones more often."""
    picked: Ints = (rng.random(count) ** 1.3 * size).astype(np.int64)
    return picked


def _open(root: Path, key: str) -> Path:
    path = root / FILES[key]
    if not path.is_file():
        raise InputError(
            "the corpus file is missing.",
            where=str(path),
            next_step="Lay the corpora out as docs/worlds.md says, or leave --corpora away.",
        )
    return path


def _lines(root: Path, key: str) -> list[dict[str, Any]]:
    """A JSONL file's objects. Public corpora have a few broken lines; many mean another file."""
    rows: list[dict[str, Any]] = []
    lines = [x for x in _open(root, key).read_text(encoding="utf-8").split("\n") if x.strip()]
    for line in lines:
        with suppress(json.JSONDecodeError):
            rows.append(json.loads(line))
    if len(rows) < (1 - BROKEN) * len(lines) or not rows:
        raise InputError(
            f"{len(lines) - len(rows):,} of {len(lines):,} lines are no JSON objects.",
            where=str(root / FILES[key]),
            next_step="Fetch the file again.",
        )
    return rows


def _instructions(root: Path) -> Iterator[str]:
    """Prompts that were sent to a teacher: an instruction, with its input where it has one."""
    tools = json.loads(_open(root, "toolformer").read_text(encoding="utf-8"))
    rows = [r for k in ("alpaca1", "alpaca2", "alpaca3", "selfinstruct") for r in _lines(root, k)]
    seen: set[str] = set()
    for row in rows + tools:
        more = str(row.get("input") or "")
        text = f"{row['instruction']}\n{more}".strip()[:LONGEST]
        if text not in seen:
            seen.add(text)
            yield text


def _block(cidr: str) -> Block:
    net = ipaddress.ip_network(cidr, strict=False)
    return int(net.network_address), net.num_addresses


def _paired(
    root: Path, key: str, operators: tuple[tuple[int, str, tuple[int, int]], ...]
) -> list[tuple[tuple[int, str], Block]]:
    """Ranges of /24 or more, thinned; the list does not say whose they are, so in turn."""
    blocks = [_block(line) for line in _open(root, key).read_text().split() if "." in line]
    kept = _thinned([b for b in blocks if b[1] >= 256])
    return [((operators[n % len(operators)][:2]), b) for n, b in enumerate(kept)]


def _thinned(blocks: list[Block]) -> list[Block]:
    return blocks[:: max(1, len(blocks) // BLOCKS)]
