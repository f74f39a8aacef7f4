"""Do members keep the hours that the countries they claim to live in keep?

Statistic: total variation distance (0 to 1) between the members' mean hour-of-day profile and the
one that accounts of the same billing countries have. Null: the same distance of coherent groups.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour, numbered
from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect
from iolaus.core.statistics import upper_tail

LEAST_ACCOUNTS = 20  # in a country, before its own profile is used instead of everybody's
LEAST_EXCHANGES = 4  # an account with fewer says nothing about hours
LEAST_SCALE = 0.02
NULL = "groups with one token in common, outside this one"
STATISTIC = "distance of hours from those of the countries claimed"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    hours = scene.once("hours by country", lambda: Hours.of(scene.seen))
    expected = hours.expected(suspect.members)
    size, thinned = scene.groups_for(suspect.members)
    name = f"hours of groups by {size}"
    groups = scene.once_of_groups(name, lambda: hours.of_groups(thinned.held))
    apart = scene.groups.apart_from(suspect.members)
    mine = suspect.members[hours.usable[suspect.members]]
    if mine.size < 3 or not apart.sum() >= 2:
        why = "too few members with several requests"
        return [Finding("rhythm", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    deviation = hours.profile[mine] - expected[hours.country[mine]]
    value = float(0.5 * np.abs(deviation.mean(axis=0)).sum())
    null = groups.distances(expected)[apart & (groups.count >= 3)]
    tail = upper_tail(value, null, least_scale=LEAST_SCALE)
    detail = f"{mine.size} members with at least {LEAST_EXCHANGES} requests"
    return [Finding("rhythm", "coordination", STATISTIC, value, NULL, tail.p, detail, null)]


@dataclass(frozen=True)
class GroupHours:
    """Per group: usable accounts, the sum of their profiles, and how many claim each country."""

    count: Floats
    profiles: Floats  # groups x 24
    countries: Floats  # groups x countries

    def distances(self, expected: Floats) -> Floats:
        """Total variation distance of each group's mean profile from what its countries expect."""
        apart = self.profiles - self.countries @ expected
        distances: Floats = 0.5 * np.abs(apart).sum(axis=1) / np.maximum(self.count, 1.0)
        return distances


@dataclass(frozen=True)
class Hours:
    """Hour profiles (accounts x 24, each sums to 1), which of them are usable, and the number of
    the country that each account claims; the last number stands for none."""

    profile: Floats
    usable: NDArray[np.bool_]
    country: NDArray[np.int64]
    countries: int

    @classmethod
    def of(cls, seen: Behaviour) -> "Hours":
        number = numbered(seen.claims["billing_country"])
        countries = int(number.max(initial=-1)) + 2
        profile = seen.hours / np.maximum(seen.hours.sum(axis=1, keepdims=True), 1)
        usable = seen.exchanges >= LEAST_EXCHANGES
        return cls(profile, usable, np.where(number < 0, countries - 1, number), countries)

    @cached_property
    def _sums(self) -> tuple[Floats, Floats]:
        return self._add(np.flatnonzero(self.usable))

    def _add(self, accounts: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """By country: the sum of these accounts' profiles, and their number."""
        ones = np.ones(accounts.size)
        rows = (self.country[accounts], np.arange(accounts.size))
        by_country = sp.csr_array((ones, rows), shape=(self.countries, accounts.size))
        number = np.bincount(self.country[accounts], minlength=self.countries)
        return by_country @ self.profile[accounts], number.astype(np.float64)

    def expected(self, members: NDArray[np.int64]) -> Floats:
        """countries x 24: the mean profile of the usable accounts outside the group."""
        sums, number = self._sums
        mine, mine_number = self._add(members[self.usable[members]])
        if number.sum() > mine_number.sum():
            sums, number = sums - mine, number - mine_number
        everybody = sums.sum(axis=0) / max(number.sum(), 1.0)
        known = number >= LEAST_ACCOUNTS
        known[-1] = False
        return np.where(known[:, None], sums / np.maximum(number, 1.0)[:, None], everybody)

    def of_groups(self, held: sp.csr_array) -> GroupHours:
        """Sums by group; `held`: groups x accounts."""
        usable = self.usable.astype(np.float64)
        claimed = sp.csr_array(
            (usable, (np.arange(usable.size), self.country)), shape=(usable.size, self.countries)
        )
        profiles = held @ np.where(self.usable[:, None], self.profile, 0.0)
        return GroupHours(held @ usable, profiles, np.asarray((held @ claimed).todense()))
