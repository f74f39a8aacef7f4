"""What is measured: one cell is one split of the prompts with one kind of vectors.

A cell fits every detector, draws every window once and shows it to all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .contest import Detector, Scorer, knowing, peers, shifted
from .draw import SHARES, SIZES, Floats, Wide, auroc, parted, windows
from .prompts import ATTACKS, HONEST_NEW, Parts, Prompts, split
from .shift import HALVES, SHAPE_WEIGHT, shapes

LEVELS: Final = (0.01, 0.05)  # nominal false-positive rates
BENIGN_WINDOWS: Final = 400  # per size
ATTACK_WINDOWS: Final = {0.05: 60, 0.10: 60, 0.25: 40, 0.50: 20, 1.00: 20}  # per size and corpus
SEEDS: Final = (111, 112, 113)  # of the splits that are reported; below 110 were development
MODEL_SEEDS: Final = SEEDS[:2]  # with a model's vectors as well
NULL_SEEDS: Final = tuple(range(211, 221))  # benign windows alone: the rate over splits
NULL_WINDOWS: Final = 500

DETECTORS: Final = {
    "mmd": "MMD as in the paper",
    "mmd_exact": "MMD, null drawn as tested",
    "content": "ours, content alone",
    "shift": "ours",
    "both": "ours, both kinds of vectors",
    "known_others": "ours, other campaigns known",
    "known_same": "ours, this campaign's earlier half known too",
}
KNOWING: Final = ("known_others", "known_same")


@dataclass(frozen=True)
class Cell:
    """`vectors`: hashed, minilm, or null (hashed, benign windows alone)."""

    vectors: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.vectors}-{self.seed}"


def cells(model: bool) -> list[Cell]:
    """Every cell, in the order in which they run."""
    found = [Cell("hashed", seed) for seed in SEEDS]
    found += [Cell("minilm", seed) for seed in MODEL_SEEDS if model]
    return found + [Cell("null", seed) for seed in NULL_SEEDS]


Row = dict[str, Any]


def run(
    cell: Cell, prompts: Prompts, ngrams: Floats, model: Floats | None, say: Callable[[str], None]
) -> list[Row]:
    """One row per detector, size, attack (None: no attacker) and share.

    ngrams, model: (prompts, width), the two kinds of vectors; `model` for cells that name it.

    windows, flagged (by nominal level), auroc (against the benign windows of that size).
    """
    vectors = ngrams if model is None or cell.vectors != "minilm" else model
    rng = np.random.default_rng(cell.seed)
    parts = split(prompts, rng)
    shape = shapes(prompts, parts.reference)
    halves = parted(
        prompts.family[parts.calibration], prompts.source[parts.calibration], HALVES, 0.5, rng
    )
    say("fitting ours")
    detectors = {
        "content": shifted([(1.0, vectors)], parts, halves, rng),
        "shift": shifted([(1.0, vectors), (SHAPE_WEIGHT, shape)], parts, halves, rng),
    }
    if cell.vectors == "minilm":
        blocks = [(1.0, vectors), (1.0, ngrams), (SHAPE_WEIGHT, shape)]
        detectors["both"] = shifted(blocks, parts, halves, rng)
    detectors["known_same"] = knowing(vectors, shape, parts, halves, rng, itself=True)
    say("fitting MMD")
    detectors |= peers(vectors, parts, prompts, rng)
    if cell.vectors == "null":
        say("benign windows")
        return list(_benign(detectors, parts, NULL_WINDOWS, rng, {}))
    detectors["known_others"] = knowing(vectors, shape, parts, halves, rng, itself=False)
    scores: dict[tuple[str, int], Wide] = {}
    say("benign windows")
    rows = list(_benign(detectors, parts, BENIGN_WINDOWS, rng, scores))
    for attack in (*ATTACKS, HONEST_NEW):
        say(attack)
        rows += _mixed(detectors, parts, attack, scores, rng)
    return rows


def _benign(
    detectors: dict[str, Detector],
    parts: Parts,
    count: int,
    rng: np.random.Generator,
    scores: dict[tuple[str, int], Wide],
) -> Iterator[Row]:
    """Windows without an attacker; fills `scores`, which the others are compared with."""
    scorers = {name: detector(None) for name, detector in detectors.items()}
    for size in SIZES:
        picked = windows(parts.test.size, 0, size, 0.0, count, rng)
        for name, scorer in scorers.items():
            found, p = scorer(picked)
            scores[name, size] = found
            yield _row(name, size, None, 0.0, p)


def _mixed(
    detectors: dict[str, Detector],
    parts: Parts,
    attack: str,
    scores: dict[tuple[str, int], Wide],
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Windows with an attacker. A detector that knows texts gives other scores to benign windows
    in each contest, so those are scored anew."""
    scorers: dict[str, Scorer] = {name: detector(attack) for name, detector in detectors.items()}
    attackers = parts.attack[attack].size
    for size in SIZES:
        benign = np.pad(
            windows(parts.test.size, 0, size, 0.0, BENIGN_WINDOWS, rng), ((0, 0), (0, attackers))
        )
        for name in KNOWING:
            scores[name, size], p = scorers[name](benign)
            yield _row(name, size, attack, 0.0, p)
        for share in SHARES:
            if round(size * share) > attackers:
                continue
            count = ATTACK_WINDOWS[share]
            picked = windows(parts.test.size, attackers, size, share, count, rng)
            for name, scorer in scorers.items():
                found, p = scorer(picked)
                row = _row(name, size, attack, share, p)
                yield row | {"auroc": round(auroc(scores[name, size], found), 4)}


def _row(name: str, size: int, attack: str | None, share: float, p: Wide) -> Row:
    flagged = {f"{level:g}": int((p <= level).sum()) for level in LEVELS}
    return {"detector": name, "size": size, "attack": attack, "share": share,
            "windows": p.size, "flagged": flagged}  # fmt: skip
