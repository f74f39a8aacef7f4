"""Do members sleep when the countries that they claim sleep?

Per account: how much less its hours say for the claimed country than those of the country's people
do, in bits per request: sum over hours of (country's share - own share) * log2(country's share /
everybody's share). 0 for who lives there; the country's divergence from everybody for hours that
know nothing of it. A contradicted claim is no proof of one operator (a product serves the world),
but a group of "people" all over the world who keep no country's hours is not what it says. Null:
coherent groups.
"""

import numpy as np

from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect
from iolaus.campaigns.tests.deception import SPREAD

DETECTOR = "claimed hours"
LEAST_ACCOUNTS = 20  # in a country, before its hours are known
LEAST_SCALE = 0.02  # of bits per request
NULL = "groups with one token in common, outside this one"
STATISTIC = "bits per request by which hours speak less for the claimed country than its people's"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    values = scene.once(DETECTOR, lambda: contradiction(scene))
    null = scene.group_means(DETECTOR, values, suspect.members)
    known = max(1, int(np.isfinite(values[suspect.members]).sum()))
    least = max(LEAST_SCALE, SPREAD / np.sqrt(known))
    mean, tail = compare_mean(values, suspect.members, null, least_scale=least, robust=True)
    if not np.isfinite(tail.p):
        why = "too few members claim a country whose hours are known"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    detail = f"z = {tail.z:.1f}"
    return [Finding(DETECTOR, "deception", STATISTIC, mean, NULL, tail.p, detail, null)]


def contradiction(scene: Scene) -> Floats:
    """Per account; NaN where it claims no country, or one of fewer than LEAST_ACCOUNTS accounts."""
    seen = scene.seen
    own = seen.hours / np.maximum(seen.hours.sum(axis=1, keepdims=True), 1)
    everybody = _smooth(own.mean(axis=0))
    country = np.asarray(["" if c is None else c for c in seen.claims["billing_country"]])
    values = np.full(seen.accounts, np.nan)
    for name in np.unique(country):
        theirs = np.flatnonzero(country == name)
        if name == "" or theirs.size < LEAST_ACCOUNTS:
            continue
        people = _smooth(own[theirs].mean(axis=0))
        values[theirs] = (people - own[theirs]) @ np.log2(people / everybody)
    return values


def _smooth(shares: Floats) -> Floats:
    """No hour without any share: 1 % spread evenly."""
    smooth: Floats = 0.99 * shares + 0.01 / shares.size
    return smooth
