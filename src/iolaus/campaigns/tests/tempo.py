"""Do members become busy and idle together?

Statistic: mean correlation of two members' series, (variance of the pooled series - sum of the
variances) / (sum of the products of standard deviations of all pairs), which does not grow with
the size of a group; at four time scales, the best one counting four times its p. Null: coherent
groups, whose members keep common hours too.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.scene import Finding, Floats, Ints, Scene, Suspect
from iolaus.core.compiled import kernel
from iolaus.core.statistics import Tail, upper_tail

SCALES = {"10 minutes": 1, "1 hour": 6, "6 hours": 36, "1 day": 144}  # in bins of 10 minutes
LEAST_SCALE = 0.01  # of a correlation
LEAST_BINS = 3
GROUPS_AT_ONCE = 64  # 64 groups * 6,480 bins of 45 days * 8 bytes = 3 MB
NULL = "groups with one token in common, outside this one"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    apart = scene.groups.apart_from(suspect.members)
    size, groups = scene.groups_for(suspect.members)
    series = scene.once("series", lambda: Series(scene.seen.beats))
    nulls = scene.once_of_groups(
        f"correlations by {size}", lambda: mean_correlations(groups.held, series)
    )
    mine = mean_correlations(_indicator(suspect.members, scene.seen.accounts), series)
    best: tuple[Tail, float, str, Floats] | None = None
    for scale, width in SCALES.items():
        null = nulls[scale][apart]
        if series.bins(width) < LEAST_BINS or null.size < 2:
            continue
        value = float(mine[scale][0])
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
    """`counts`: accounts x bins of 10 minutes. What is asked of wider bins is added up from these
    when it is asked: at 300 million exchanges there are 100 million of them."""

    counts: sp.csr_array

    def bins(self, width: int) -> int:
        return int(self.counts.shape[1] // width + 1)

    @cached_property
    def variances(self) -> dict[str, Floats]:
        """Of each account's counts, by scale."""
        found, of = {}, self.counts
        for scale, width in SCALES.items():
            found[scale] = np.zeros(of.shape[0])
            _variances(of.indptr, of.indices, of.data, width, self.bins(width), found[scale])
        return found

    @cached_property
    def deviations(self) -> dict[str, Floats]:
        return {scale: np.sqrt(variance) for scale, variance in self.variances.items()}


@kernel
def _variances(
    start: Ints, bins: Ints, counts: Floats, width: int, number: int, variance: Floats
) -> None:
    """Variance of each row's counts in `number` bins of `width` of its own, which are sorted."""
    for row in range(start.size - 1):
        total, squares, inside, current = 0.0, 0.0, 0.0, -1
        for at in range(start[row], start[row + 1]):
            if bins[at] // width != current:
                squares += inside * inside
                inside, current = 0.0, bins[at] // width
            inside += counts[at]
            total += counts[at]
        squares += inside * inside
        variance[row] = max(squares / number - (total / number) ** 2, 0.0)


def mean_correlations(groups: sp.csr_array, series: Series) -> dict[str, Floats]:
    """Per scale and group (groups x accounts, 0 or 1): mean correlation of two accounts' series. 0
    where a group has no pair with variance."""
    found = {scale: np.zeros(groups.shape[0]) for scale in SCALES}
    for start in range(0, groups.shape[0], GROUPS_AT_ONCE):
        part = groups[start : start + GROUPS_AT_ONCE]
        pooled = np.asarray((part @ series.counts).todense(), dtype=np.float64)
        for scale, width in SCALES.items():
            summed = part @ series.variances[scale]
            pairs = (part @ series.deviations[scale]) ** 2 - summed
            apart = _wider(pooled, width, series.bins(width)).var(axis=1) - summed
            into = found[scale][start : start + GROUPS_AT_ONCE]
            np.divide(apart, pairs, out=into, where=pairs > 1e-12)
    return found


def _wider(counts: Floats, width: int, bins: int) -> Floats:
    """Rows' counts in bins of `width` of theirs."""
    whole = np.zeros((counts.shape[0], bins * width))
    whole[:, : counts.shape[1]] = counts
    added: Floats = whole.reshape(counts.shape[0], bins, width).sum(axis=2)
    return added


def _indicator(members: NDArray[np.int64], accounts: int) -> sp.csr_array:
    ones = np.ones(members.size, dtype=np.float32)
    rows = np.zeros(members.size, dtype=np.int64)
    return sp.csr_array((ones, (rows, members)), shape=(1, accounts))
