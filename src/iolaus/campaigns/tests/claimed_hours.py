"""Do members sleep when the countries that they claim sleep?

Per account, what its hours lack of what they would say for the claimed country if it lived there,
in bits per request: sum over hours of (country's share - own share) * log2(country's share /
everybody's share). 0 on average for people who live where they claim. A contradicted claim is no
proof of one operator (a product serves the world), but a group of "people" all over the world who
keep no country's hours is not what it says. Accounts on hosted machines (campaigns.hosting) are
left out everywhere: a machine does not sleep, and a product's customers are elsewhere.

Null: coherent groups. Single people's hours vary much, so most of the spread between small groups
is that of few people. Each group's mean has that noise, and a common spread between groups on top
(random effects; Paule and Mandel 1982, with the median in place of the mean square, since some
groups, as a reseller's customers, rightly contradict what they claim). The members get the common
spread and their own noise.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy import optimize, stats

from iolaus.campaigns.hosting import networks
from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect
from iolaus.core.statistics import SMALLEST_P, TAIL_DF

DETECTOR = "claimed hours"
LEAST_ACCOUNTS = 20  # in a country, before its hours are known
LEAST_BETWEEN = 0.05  # bits per request by which honest groups differ, at least
LEAST_MEASURED = 4  # accounts of a group of the null
NOTHING = np.empty(0)
PRIOR = 4.0  # accounts' worth of everybody's variance in each group's own, which few people show
QUARTILE = 0.6745  # half of a normal distribution lies within so many standard deviations
NULL = "groups with one token in common, outside this one"
STATISTIC = "bits per request that the members' hours lack of the claimed countries'"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    everybody, people, spread = scene.once(DETECTOR, lambda: _everybody(scene))
    machine = networks(scene).hosted(suspect.members, but=suspect.members)
    mine = np.where(machine, np.nan, everybody[suspect.members])
    mine = mine[np.isfinite(mine)]
    measured = mine.size >= max(3, 0.5 * suspect.members.size)
    means, noise = _groups(people, spread, suspect, scene) if measured else (NOTHING, NOTHING)
    if means.size < 2:
        why = "too few members are people who claim a country whose hours are known"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    centre = float(np.median(means))
    between = max(spread_between(means - centre, noise), LEAST_BETWEEN)
    own = max(float(mine.var(ddof=1)), spread) / mine.size
    z = (float(mine.mean()) - centre) / np.sqrt(between**2 + own)
    p = float(np.clip(stats.t.sf(z, TAIL_DF), SMALLEST_P, 1.0))
    return [
        Finding(
            DETECTOR, "deception", STATISTIC, float(mine.mean()), NULL, p, f"z = {z:.1f}", means
        )
    ]


def _everybody(scene: Scene) -> tuple[Floats, Floats, float]:
    """`contradiction` of all accounts; the same without those on hosted machines, and its
    variance."""
    machine = networks(scene).hosted(np.arange(scene.seen.accounts))
    lacking = contradiction(scene, ~machine)
    people = np.where(machine, np.nan, lacking)
    return lacking, people, float(np.nanvar(people)) if np.isfinite(people).any() else np.nan


def _groups(
    lacking: Floats, spread: float, suspect: Suspect, scene: Scene
) -> tuple[Floats, Floats]:
    """Means of the groups of the null, and the variance of each mean from its own people."""
    size, groups = scene.groups_for(suspect.members)
    sums = scene.once_of_groups(f"{DETECTOR} by {size}", lambda: _sums(groups.held, lacking))
    count, total, squares = (of[scene.groups.apart_from(suspect.members)] for of in sums)
    measured = count >= LEAST_MEASURED
    count = count[measured]
    means = total[measured] / count
    apart = np.maximum(squares[measured] - count * means**2, 0.0)
    return means, (apart + PRIOR * spread) / (count + PRIOR) / count


def _sums(held: sp.csr_array, lacking: Floats) -> tuple[Floats, Floats, Floats]:
    """Per group: accounts that it is known of, its sum, and the sum of its squares."""
    known = np.isfinite(lacking)
    value = np.where(known, lacking, 0.0)
    return held @ known.astype(np.float64), held @ value, held @ value**2


def spread_between(apart: Floats, noise: Floats) -> float:
    """The spread of groups that their noise leaves: at which half of them lie within QUARTILE
    standard deviations. In: means less their centre, and the variance of each mean."""
    known = np.maximum(noise, 1e-12)

    def too_wide(spread: float) -> float:
        return float(np.median(np.abs(apart) / np.sqrt(spread**2 + known))) - QUARTILE

    widest = float(np.abs(apart).max()) / QUARTILE
    if too_wide(0.0) <= 0.0 or widest == 0.0:
        return 0.0
    return float(optimize.brentq(too_wide, 0.0, widest, xtol=1e-6))


def contradiction(scene: Scene, people: NDArray[np.bool_]) -> Floats:
    """Per account, by the hours of `people`; NaN where it claims no country, or one of fewer than
    LEAST_ACCOUNTS of them."""
    seen = scene.seen
    own = seen.hours / np.maximum(seen.hours.sum(axis=1, keepdims=True), 1)
    everybody = _smooth(own[people].mean(axis=0)) if people.any() else own[:0]
    country = np.asarray(["" if c is None else c for c in seen.claims["billing_country"]])
    lacking = np.full(seen.accounts, np.nan)
    for name in np.unique(country):
        theirs = np.flatnonzero(country == name)
        there = theirs[people[theirs]]
        if name == "" or there.size < LEAST_ACCOUNTS:
            continue
        hours = _smooth(own[there].mean(axis=0))
        lacking[theirs] = (hours - own[theirs]) @ np.log2(hours / everybody)
    return lacking


def _smooth(shares: Floats) -> Floats:
    """No hour without any share: 1 % spread evenly."""
    smooth: Floats = 0.99 * shares + 0.01 / shares.size
    return smooth
