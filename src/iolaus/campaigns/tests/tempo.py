"""Do members become busy and idle together?

Statistic: mean correlation of two members' series, (variance of the pooled series - sum of the
variances) / (sum of the products of standard deviations of all pairs), which does not grow with
the size of a group; at four time scales, the best one counting four times its p. Null: coherent
groups, whose members keep common hours too.
"""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.core.statistics import Tail, upper_tail

SCALES = {"10 minutes": 1, "1 hour": 6, "6 hours": 36, "1 day": 144}  # in bins of 10 minutes
LEAST_SCALE = 0.01  # of a correlation
LEAST_BINS = 3
GROUPS_AT_ONCE = 64  # 64 groups * 6,480 bins of 45 days * 8 bytes = 3 MB
NULL = "groups with one token in common, outside this one"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    apart = scene.groups.apart_from(suspect.members)
    size, groups = scene.groups_for(suspect.members)
    mine = _indicator(suspect.members, scene.seen.accounts)
    best: tuple[Tail, float, str, NDArray[np.float64]] | None = None
    for scale, width in SCALES.items():
        series = scene.once(f"series at {scale}", partial(_coarser, scene.seen.beats, width))
        name = f"correlation at {scale} by {size}"
        null = scene.once(name, partial(mean_correlation, groups.held, series))[apart]
        if series.counts.shape[1] < LEAST_BINS or null.size < 2:
            continue
        value = float(mean_correlation(mine, series)[0])
        tail = upper_tail(value, null, least_scale=LEAST_SCALE)
        if best is None or tail.p < best[0].p:
            best = (tail, value, scale, null)
    statistic = "mean correlation of members' activity"
    if best is None:
        why = "too few time bins or no groups to compare with"
        return [Finding("tempo", "coordination", statistic, np.nan, NULL, np.nan, why)]
    tail, value, scale, null = best
    p = min(1.0, len(SCALES) * tail.p)
    return [
        Finding("tempo", "coordination", statistic, value, NULL, p, f"strongest at {scale}", null)
    ]


@dataclass(frozen=True)
class Series:
    """`counts`: accounts x bins."""

    counts: sp.csr_array

    @cached_property
    def variance(self) -> NDArray[np.float64]:
        """Of each account's counts."""
        bins = self.counts.shape[1]
        total = np.asarray(self.counts.sum(axis=1)).ravel()
        squares = np.asarray(self.counts.multiply(self.counts).sum(axis=1)).ravel()
        variance: NDArray[np.float64] = np.maximum(squares / bins - (total / bins) ** 2, 0.0)
        return variance


def mean_correlation(groups: sp.csr_array, series: Series) -> NDArray[np.float64]:
    """Per group (groups x accounts, 0 or 1): mean correlation of two accounts' series. 0 where a
    group has no pair with variance."""
    sum_variance = groups @ series.variance
    pairs = (groups @ np.sqrt(series.variance)) ** 2 - sum_variance
    correlation = np.zeros(groups.shape[0])
    for start in range(0, groups.shape[0], GROUPS_AT_ONCE):
        part = slice(start, start + GROUPS_AT_ONCE)
        pooled = np.asarray((groups[part] @ series.counts).todense(), dtype=np.float64)
        apart = pooled.var(axis=1) - sum_variance[part]
        np.divide(apart, pairs[part], out=correlation[part], where=pairs[part] > 1e-12)
    return correlation


def _coarser(beats: sp.csr_array, width: int) -> Series:
    beats = beats.tocoo()
    bins = beats.shape[1] // width + 1
    places = (beats.row, beats.col // width)
    return Series(sp.csr_array((beats.data, places), shape=(beats.shape[0], bins)))


def _indicator(members: NDArray[np.int64], accounts: int) -> sp.csr_array:
    ones = np.ones(members.size, dtype=np.float32)
    rows = np.zeros(members.size, dtype=np.int64)
    return sp.csr_array((ones, (rows, members)), shape=(1, accounts))
