"""Tails, combinations and error rates, each with its source."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

SMALLEST_P = 1e-12  # beyond this the tail of a fitted null says nothing
TAIL_DF = 10  # degrees of freedom of the tail: z = 5 has p = 2.7e-4, where a normal's has 2.9e-7
CALIBRATOR = 0.25  # exponent of the p-to-e calibrator: p = 1e-3 is worth 5.5 bits, p = 1 is -2


@dataclass(frozen=True)
class Tail:
    """A one-sided test. `z`: null standard deviations above the null's centre; `p`: its tail."""

    z: float
    p: float


def upper_tail(value: float, null: Floats, *, least_scale: float, robust: bool = False) -> Tail:
    """P(null >= value), from null draws and beyond them.

    The draws give centre and scale (median and MAD when `robust`, so that a minority of draws
    that are no null does not hide what is unusual), a Student t with TAIL_DF degrees of freedom
    the tail: few draws cannot show a small p, and a normal tail would promise too much.
    `least_scale` (in the statistic's unit) keeps a null without spread from making every value
    significant. A value that draws exceed is never called rarer than the share of those draws.
    """
    if null.size == 0 or not np.isfinite(value):
        return Tail(float("nan"), float("nan"))
    if robust:
        centre = float(np.median(null))
        scale = 1.4826 * float(np.median(np.abs(null - centre)))
    else:
        centre, scale = float(null.mean()), float(null.std(ddof=1)) if null.size > 1 else 0.0
    z = (value - centre) / max(scale, least_scale)
    p = float(special.stdtr(TAIL_DF, -z))  # the tail of Student's t; stats.t takes 20 times as long
    if not robust:
        exceeding = int((null >= value).sum())
        p = max(p, exceeding / (null.size + 1))
    return Tail(z, float(np.clip(p, SMALLEST_P, 1.0)))


def combine(p_values: Floats) -> float:
    """One p-value of several that may depend on each other in any way; NaN where none is measured.

    Their number times the smallest (Bonferroni). One strong result among weak ones survives, and a
    p near 1 takes nothing away from it. Averages that hold under any dependence (Vovk and Wang
    2020) beat it only where nearly all p-values are equally small: the harmonic mean of 7, whose
    factor is e ln 7, pays 37 for a single strong one where this pays 7.
    """
    p = p_values[np.isfinite(p_values)]
    if p.size == 0:
        return float("nan")
    return float(min(1.0, p.size * max(float(p.min()), SMALLEST_P)))


def false_discovery(
    p_values: Floats, competing: Floats | None = None, weights: Floats | None = None
) -> Floats:
    """q-values: the least false-discovery rate at which each hypothesis would be rejected.

    p_values: one per hypothesis; NaN counts as 1. Alone: Benjamini and Hochberg 1995.
    With `competing`, a hypothesis says that several things hold at once: `p_values` is the largest
    of their p-values and `competing` the largest but one. At a threshold t only the hypotheses with
    competing <= t could be rejected falsely, so only they count as tests; which spares a run from
    paying for the many groups that have next to nothing of what is looked for.
    `weights` (above 0, chosen without looking at the p-values; only their ratios matter) say how
    the rate is shared out: a hypothesis of weight 3 is rejected at three times the threshold and
    counts as three tests.
    Sources: Wang, Gui, Su, Sabatti and Owen, "Detecting multiple replicating signals using
    adaptive filtering procedures" (AdaFilter), Annals of Statistics 2022; Genovese, Roeder and
    Wasserman, "False discovery control with p-value weighting", Biometrika 2006.
    """
    if p_values.size == 0:
        return p_values.copy()
    weight = np.ones(p_values.size) if weights is None else weights
    p = np.where(np.isfinite(p_values), p_values, 1.0) / weight
    filters = np.zeros(p.size) if competing is None else np.nan_to_num(competing, nan=1.0) / weight
    order = np.argsort(-p, kind="stable")
    rejected = np.searchsorted(np.sort(p), p[order], side="right")
    by_filter = np.argsort(filters, kind="stable")
    counted = np.concatenate([[0.0], np.cumsum(weight[by_filter])])
    tests = counted[np.searchsorted(filters[by_filter], p[order], side="right")]
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate(p[order] * tests / rejected)
    return np.minimum(q, 1.0)


def evidence_bits(p: float) -> float:
    """What a p-value is worth at least, in bits: log2 of a valid e-value, -2 at p = 1.

    Source: Vovk and Wang, "E-values: calibration, combination and applications", 2021.
    """
    if not np.isfinite(p):
        return float("nan")
    return float(np.log2(CALIBRATOR * p ** (CALIBRATOR - 1)))


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a rate. Source: Wilson 1927. (nan, nan) without trials."""
    if trials == 0:
        return float("nan"), float("nan")
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * np.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    return float(centre - half), float(centre + half)
