"""Do members keep the hours that the countries they claim to live in keep?

Statistic: total variation distance (0 to 1) between the members' mean hour-of-day profile and the
one that accounts of the same billing countries have. Null: the same distance of coherent groups.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour
from iolaus.campaigns.scene import Finding, Scene, Suspect
from iolaus.core.statistics import upper_tail

LEAST_ACCOUNTS = 20  # in a country, before its own profile is used instead of everybody's
LEAST_EXCHANGES = 4  # an account with fewer says nothing about hours
LEAST_SCALE = 0.02
NULL = "groups with one token in common, outside this one"
STATISTIC = "distance of hours from those of the countries claimed"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    seen = scene.seen
    deviation, usable = _deviations(seen, suspect.members)
    _, thinned = scene.groups_for(suspect.members)
    groups = thinned.held[scene.groups.apart_from(suspect.members)]
    mine = suspect.members[usable[suspect.members]]
    if mine.size < 3 or groups.shape[0] < 2:
        why = "too few members with several requests"
        return [Finding("rhythm", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    value = float(0.5 * np.abs(deviation[mine].mean(axis=0)).sum())
    count = groups @ usable.astype(np.float64)
    enough = count >= 3
    means = (groups @ np.where(usable[:, None], deviation, 0.0))[enough] / count[enough, None]
    null = 0.5 * np.abs(means).sum(axis=1)
    tail = upper_tail(value, null, least_scale=LEAST_SCALE)
    detail = f"{mine.size} members with at least {LEAST_EXCHANGES} requests"
    return [Finding("rhythm", "coordination", STATISTIC, value, NULL, tail.p, detail, null)]


def _deviations(
    seen: Behaviour, members: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Each account's hour profile less that of its claimed country (accounts outside the group)."""
    usable = seen.exchanges >= LEAST_EXCHANGES
    profile = seen.hours / np.maximum(seen.hours.sum(axis=1, keepdims=True), 1)
    outside = usable.copy()
    outside[members] = False
    if not outside.any():
        outside = usable
    expected = np.tile(profile[outside].mean(axis=0), (seen.accounts, 1))
    country = np.asarray(["" if c is None else c for c in seen.claims["billing_country"]])
    for name in np.unique(country):
        theirs = (country == name) & outside
        if name and theirs.sum() >= LEAST_ACCOUNTS:
            expected[country == name] = profile[theirs].mean(axis=0)
    return profile - expected, usable
