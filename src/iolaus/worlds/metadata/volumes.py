"""How much each account sends on each of its local days: exact totals, drawn once for all days.

As `rhythms.sit` draws it: so many sittings as the account's habit says, each on a day by the
weekly rhythm and by projects that come and go, and unequal shares of the account's exchanges.
Only the sums per day are kept, 4 bytes per account and day; moments are drawn from them a day
at a time (moments.py).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.worlds.metadata.draws import State, begin, exponential, normal, poisson, unit
from iolaus.worlds.metadata.folk import INTS, REALS, Folk
from iolaus.worlds.model import DAY, HOUR, Floats, Ints
from iolaus.worlds.people import spread
from iolaus.worlds.rhythms import RHYTHMS, profile

MOST = 4_000  # times the median: one account never is most of a provider's traffic
MANY = 2_000  # sittings from which days get their expected share of them, with Poisson's noise
BRIEF: Final = ("hackathon", "class", "synthetic_data_job")  # their volume is for days, not weeks
Counts = NDArray[np.uint32]  # local days x accounts; day 0 is the one before the log's first
WEEKENDS: Final = np.array([profile(r)[1] for r in RHYTHMS])
STEADY: Final = np.array([r in ("product", "flat") for r in RHYTHMS])  # no projects


def totals(folk: Folk, scheduled: NDArray[np.bool_], exchanges: int, span: float) -> Ints:
    """Exchanges of each account; they sum to `exchanges`, and are 0 for those with a schedule."""
    out = np.zeros(len(folk.start), dtype=np.int64)
    mine = np.flatnonzero(~scheduled)
    names, which = np.unique(np.array(folk.population)[mine], return_inverse=True)
    weights = folk.volume[mine] * folk.share[mine]
    means = np.bincount(which, weights) / np.bincount(which)
    shares = np.bincount(which, folk.share[mine]) / np.bincount(which)
    weights *= (shares / means)[which]  # a population's mean is its share, whatever its tail drew
    present = np.minimum(folk.end[mine], span) - np.maximum(folk.start[mine], 0.0)
    part = np.where(np.isin(names, BRIEF)[which], 1.0, np.maximum(0.02, present / span))
    weights = np.minimum(weights * part, np.quantile(weights, 0.5) * MOST)
    out[mine] = spread(weights, exchanges).astype(np.int64)
    return out


def plan(folk: Folk, total: Ints, span: float, seed: int) -> Counts:
    """Exchanges of each account on each of its local days."""
    counts = np.zeros((int(span // DAY) + 2, len(total)), dtype=np.uint32)
    _plan(
        counts, total, folk.reals[:, REALS.index("session")], folk.start, folk.end,
        folk.reals[:, REALS.index("zone")].astype(np.float64) * HOUR,
        folk.ints[:, INTS.index("rhythm")], span, np.uint64(seed), WEEKENDS, STEADY,
    )  # fmt: skip
    return counts


@kernel
def _plan(
    counts: Counts, total: Ints, session: NDArray[np.float32], start: Floats, end: Floats,
    zone: Floats, rhythm: NDArray[np.int32], span: float, seed: np.uint64, weekends: Floats,
    steady: NDArray[np.bool_],
) -> None:  # fmt: skip
    state = np.zeros(1, np.uint64)
    upto = np.zeros(counts.shape[0])  # sum of the days' weights
    held = np.zeros(counts.shape[0])  # sum of the shares of the sittings on a day
    for a in range(len(total)):
        if total[a] == 0:
            continue
        begin(state, seed, np.uint64(a), np.uint64(1))
        lo = max(start[a], 0.0) + zone[a]
        hi = max(min(end[a], span) + zone[a], lo + 1.0)
        first = max(0, int(np.floor(lo / DAY)) + 1)
        last = min(counts.shape[0] - 1, int(np.floor((hi - 1.0) / DAY)) + 1)
        sum_ = 0.0
        for d in range(first, last + 1):
            weight = weekends[rhythm[a]] if (d - 1) % 7 >= 5 else 1.0
            if not steady[rhythm[a]]:
                weight *= np.exp(normal(state))
            sum_ += weight * max(1.0, min(hi, d * DAY) - max(lo, (d - 1) * DAY))
            upto[d] = sum_
            held[d] = 0.0
        _sittings(state, total[a], session[a], upto, held, first, last)
        _share_out(state, total[a], held, first, last, counts, a)


@kernel
def _sittings(
    state: State, total: int, session: float, upto: Floats, held: Floats, first: int, last: int
) -> None:
    """Put the sittings' shares on days."""
    count = max(1, min(total, poisson(state, total / session)))
    if count > MANY:
        before = 0.0
        for d in range(first, last + 1):
            held[d] = poisson(state, count * (upto[d] - before) / upto[last])
            before = upto[d]
        held[last] += 1e-9
        return
    for _ in range(count):
        at = unit(state) * upto[last]
        low, high = first, last
        while low < high:
            middle = (low + high) // 2
            if upto[middle] > at:
                high = middle
            else:
                low = middle + 1
        held[low] += exponential(state) + 0.05


@kernel
def _share_out(
    state: State, total: int, held: Floats, first: int, last: int, counts: Counts, a: int
) -> None:
    """Whole numbers in proportion to `held` that sum to `total`."""
    whole = 0.0
    for d in range(first, last + 1):
        whole += held[d]
    rest, before, sum_ = unit(state), 0, 0.0
    for d in range(first, last + 1):
        sum_ += held[d]
        upto = total if d == last else min(total, int(np.floor(total * (sum_ / whole) + rest)))
        counts[d, a] = upto - before
        before = upto
