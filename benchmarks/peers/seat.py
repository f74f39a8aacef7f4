"""SEAT: an account with too many pairs of similar queries.

Zhang, Chen and Wagner, "SEAT: Similarity encoder by adversarial training for detecting model
extraction attack queries", AISec 2021. From the paper: queries are encoded, two are similar when
their encodings are nearer than a threshold, and an account is cancelled once it has more than a
number of similar pairs.

Adapted: the encoder is TF-IDF of words and word pairs (sample.py) in place of a network trained
against image perturbations, for which text has no counterpart; nearness is the cosine. The paper's
budget is a count of pairs; a share of all pairs, as arXiv 2606.05725 adapted it, is in the grid as
well, for accounts here differ in volume by a factor of 10^4. Of an account with more prompts, 200
evenly spread ones are taken, since pairs are quadratic (200 * 199 / 2 = 19,900).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from .log import Log
from .peer import Group, Peer, Setting, flagged
from .sample import Sample, Space, cosines

PROMPTS = 200
SIMILAR: Final = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # cosines
LIMITS: Final = {
    "pairs": (1, 3, 10, 30, 50, 100, 300, 1_000, 3_000, 10_000),
    "share": (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7),
}
FEWEST = 6  # pairs (4 prompts) from which a share says anything


@dataclass(frozen=True)
class Pairs:
    """Similar pairs per account (row) and cosine of SIMILAR (column); all pairs per account."""

    names: list[str]
    similar: NDArray[np.float64]
    all: NDArray[np.float64]


class Seat(Peer[Pairs]):
    name = "seat"
    source = "Zhang, Chen and Wagner, AISec 2021"
    needs = ("exchanges.prompt",)
    unit = "account"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"cosine": cosine, "limit": limit, "more_than": value}
        for (limit, values), cosine in product(LIMITS.items(), SIMILAR)
        for value in values
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> Pairs:
        sample = Sample.of(log, PROMPTS)
        similar = np.zeros((len(sample.names), len(SIMILAR)))
        count = np.diff(sample.starts).astype(np.float64)
        for at, rows in sample.vectors(Space(sample.prompts), 2):
            pairs = cosines(rows)[np.triu_indices(rows.shape[0], 1)]
            similar[at] = [np.count_nonzero(pairs >= cosine) for cosine in SIMILAR]
        return Pairs(sample.names, similar, count * (count - 1) / 2)

    def decide(self, evidence: Pairs, setting: Setting) -> list[Group]:
        score = evidence.similar[:, SIMILAR.index(float(setting["cosine"]))]
        if setting["limit"] == "share":
            enough = evidence.all >= FEWEST
            score = np.where(enough, score / np.maximum(evidence.all, 1.0), 0.0)
        more = np.nextafter(float(setting["more_than"]), np.inf)
        return flagged(evidence.names, score.tolist(), more)
