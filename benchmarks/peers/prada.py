"""PRADA: an account whose queries lie at unnatural distances from each other.

Juuti, Szyller, Marchal and Asokan, "PRADA: Protecting against DNN model stealing attacks", EuroS&P
2019, algorithm 3. From the paper: for each query the distance to the nearest query in the account's
growing set; the query joins that set if the distance exceeds T, where T never falls and is at least
mean - standard deviation of the set's own distances; distances beyond 3 standard deviations of the
mean are left out; an attack where the Shapiro-Wilk statistic W of the rest is below delta.

Adapted: text has no predicted class, so an account has one growing set; the Euclidean distance is
that of unit TF-IDF vectors (sample.py); W is looked at after 30, 50, 100, 150 and 200 distances
instead of after each; of an account with more prompts, 201 evenly spread ones are taken, since the
growing set is quadratic. `least` is the number of distances without which nothing is said (100 in
the paper). Distances that are all equal have W = 1 (as in scipy), so an account that only repeats
one prompt is not called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import shapiro

from .log import Log
from .peer import Group, Peer, Setting, flagged
from .sample import Sample, Space, cosines

PROMPTS = 201  # per account: 200 distances
LOOKS: Final = (30, 50, 100, 150, 200)  # distances after which W is looked at
OUTLYING = 3.0  # standard deviations


@dataclass(frozen=True)
class Normality:
    """W per account (row) and look (column); NaN where there were too few distances."""

    names: list[str]
    w: NDArray[np.float64]


class Prada(Peer[Normality]):
    name = "prada"
    source = "Juuti et al., EuroS&P 2019, arXiv 1805.02628"
    needs = ("exchanges.prompt",)
    unit = "account"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"delta": delta, "least": least}
        for delta, least in product(
            (
                0.3,
                0.4,
                0.5,
                0.6,
                0.7,
                0.75,
                0.8,
                0.85,
                0.9,
                0.92,
                0.94,
                0.95,
                0.96,
                0.97,
                0.98,
                0.99,
            ),
            LOOKS,
        )
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> Normality:
        sample = Sample.of(log, PROMPTS)
        w = np.full((len(sample.names), len(LOOKS)), np.nan)
        for at, rows in sample.vectors(Space(sample.prompts), LOOKS[0] + 1):
            distances = nearest(np.sqrt(np.maximum(0.0, 2.0 - 2.0 * cosines(rows))))
            for look, many in enumerate(LOOKS):
                if len(distances) >= many:
                    w[at, look] = normality(distances[:many])
        return Normality(sample.names, w)

    def decide(self, evidence: Normality, setting: Setting) -> list[Group]:
        """Called where W was below delta at some look: 1 - W is the score."""
        looks = [look for look, many in enumerate(LOOKS) if many >= int(setting["least"])]
        strange = np.nan_to_num(1.0 - evidence.w[:, looks], nan=-1.0).max(axis=1)
        return flagged(evidence.names, strange.tolist(), 1.0 - float(setting["delta"]) + 1e-12)


def nearest(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each query's distance to the nearest member of the growing set, from the second query on.

    In: all distances, queries x queries, in order of time.
    """
    growing, own, threshold = [0], [0.0], 0.0
    out = np.empty(len(distance) - 1)
    for query in range(1, len(distance)):
        out[query - 1] = least = float(distance[query, growing].min())
        if least > threshold:
            growing.append(query)
            own.append(least)
            threshold = max(threshold, float(np.mean(own) - np.std(own)))
    return out


def normality(distances: NDArray[np.float64]) -> float:
    """Shapiro-Wilk W without outliers; 1 where all distances are equal."""
    kept = distances[np.abs(distances - distances.mean()) <= OUTLYING * distances.std()]
    if len(kept) < 3 or np.ptp(kept) < 1e-9:
        return 1.0
    return float(shapiro(kept).statistic)
