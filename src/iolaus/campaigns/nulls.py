"""What a group is compared with: two kinds of groups of accounts that are no campaign.

Strangers: as many accounts as the group has, drawn from the same strata (plan, channel, volume,
age). They show what shared identifiers arise by chance. Coherent groups: accounts of this
log that have one token in common (a framework, a network, an organisation, a country). Honest
people who have something in common resemble each other too, so how a group behaves is compared
with groups, never with a crowd of individuals; the spread between coherent groups is what keeps a
homogeneous but honest population from looking significant.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Behaviour, numbered
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.statistics import Tail, upper_tail

DRAWS, FEWEST_DRAWS = 199, 29
DRAWN = 200_000  # accounts over all draws: of thousands, one draw is much like the other
LARGE = 50  # times as many strangers as are wanted: who is drawn twice no longer matters
LONG = 1 << 11  # accounts: to draw from so many one draw after the other costs less, and no memory
LEAST_GROUP = 8  # accounts; below it a group's mean is mostly noise
MOST_GROUPS_PER_KIND = 60
MOST_COMMON = 0.2  # of a group's accounts may be members of the one it is compared with
MOST_SHARE = 0.3  # of all accounts: a larger "group" is the crowd itself
# What honest people have in common. Not what only one operator, or a fraudster, shares: a card, a
# device, a sign-up in the same hour; groups of those would make the suspicious look normal.
HONEST_KINDS = (
    "system_prompt",
    "system_skeleton",
    "skeleton",
    "phrase",
    "client_software",
    "ip_day",
    "network_day",
)
HONEST_CLAIMS = ("organization_id", "email_domain", "billing_country")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def strata(seen: Behaviour) -> "Strata":
    """Accounts by plan x channel x volume (factor of 4) x age (30 days)."""
    volume = np.floor(np.log2(np.maximum(seen.exchanges, 1)) / 2)
    age = np.nan_to_num(np.floor(seen.created_day / 30), nan=-1)
    parts = [numbered(seen.claims["plan"]), numbered(seen.claims["channel"]), volume, age]
    _, number = np.unique(np.column_stack(parts), axis=0, return_inverse=True)
    return Strata.of(number.ravel().astype(np.int64))


@dataclass(frozen=True)
class Strata:
    """`number`: each account's stratum. `accounts`: all of them, those of stratum s at
    `accounts[start[s]:start[s + 1]]`, in order."""

    number: Ints
    accounts: Ints
    start: Ints

    @classmethod
    def of(cls, number: Ints) -> "Strata":
        order = np.argsort(number, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(number))])
        return cls(number, order, start.astype(np.int64))

    def without(self, stratum: int, members: Ints) -> "Pool":
        """The accounts of a stratum that are no members; `members` sorted."""
        pool = self.accounts[self.start[stratum] : self.start[stratum + 1]]
        inside = members[self.number[members] == stratum]
        return Pool(pool, np.searchsorted(pool, inside).astype(np.int64))


@dataclass(frozen=True)
class Pool:
    """`accounts` but for those at the places `out` (sorted). Few are drawn from a large one, so it
    is never copied."""

    accounts: Ints
    out: Ints

    @classmethod
    def of(cls, accounts: Ints) -> "Pool":
        return cls(accounts, np.empty(0, dtype=np.int64))

    @property
    def size(self) -> int:
        return int(self.accounts.size - self.out.size)

    def all(self) -> Ints:
        return np.delete(self.accounts, self.out)

    def at(self, places: Ints) -> Ints:
        """The accounts at some places, as if those left out were not there."""
        before = np.searchsorted(self.out - np.arange(self.out.size), places, side="right")
        return np.asarray(self.accounts[places + before], dtype=np.int64)


def draws_for(size: int) -> int:
    """How many draws a group of `size` is compared with."""
    return int(np.clip(DRAWN // max(size, 1), FEWEST_DRAWS, DRAWS))


def draw_strangers(members: Ints, strata: Strata, rng: np.random.Generator) -> Ints:
    """draws x members, account keys: per stratum as many non-members as the group has members. Out
    of a large stratum somebody may be drawn twice.

    A stratum without enough non-members is filled up from all other non-members. `members` sorted.
    """
    accounts, draws = strata.number.size, draws_for(members.size)
    wanted = np.bincount(strata.number[members])
    pools = {int(s): strata.without(int(s), members) for s in np.flatnonzero(wanted)}
    parts = [_draw(pool, int(wanted[s]), draws, rng) for s, pool in pools.items()]
    missing = sum(max(0, int(wanted[s]) - pool.size) for s, pool in pools.items())
    if missing:
        touched = np.append(wanted, np.zeros(strata.start.size - 1 - wanted.size)) > 0
        spare = np.flatnonzero(~touched[strata.number])
        parts.append(_draw(Pool.of(spare), missing, draws, rng))
        if spare.size < missing:  # the strata are used up: strangers of any kind
            others = np.setdiff1d(np.arange(accounts), members, assume_unique=True)
            parts = [_draw(Pool.of(others), members.size, draws, rng)]
    return np.concatenate(parts, axis=1)


def _draw(pool: Pool, wanted: int, draws: int, rng: np.random.Generator) -> Ints:
    """draws x min(wanted, pool): each row without repetition, or, from a pool LARGE times as big,
    with the one repetition in 2 * LARGE accounts that independent draws make."""
    if wanted >= pool.size:
        return np.tile(pool.all(), (draws, 1))
    if wanted == 0:
        return np.empty((draws, 0), dtype=np.int64)
    if pool.size >= LARGE * wanted:
        return pool.at(rng.integers(0, pool.size, (draws, wanted)))
    if pool.size < LONG:
        keys = rng.random((draws, pool.size), dtype=np.float32)
        return pool.at(np.argpartition(keys, wanted, axis=1)[:, :wanted])
    rows = (rng.random(pool.size, dtype=np.float32) for _ in range(draws))
    return pool.at(np.stack([_smallest(keys, wanted) for keys in rows]))


def _smallest(keys: NDArray[np.float32], wanted: int) -> Ints:
    """The places of the smallest keys: to part values is quicker than to part places. Where keys
    tie for the last place, argpartition chooses."""
    below = np.flatnonzero(keys <= np.partition(keys, wanted - 1)[wanted - 1])
    return below if below.size == wanted else np.argpartition(keys, wanted)[:wanted]


@dataclass(frozen=True)
class CoherentGroups:
    """`held`: groups x accounts, 0 or 1."""

    held: sp.csr_array

    @cached_property
    def by_account(self) -> sp.csc_array:
        """`held`, stored by account."""
        return self.held.tocsc()

    def apart_from(self, members: Ints) -> NDArray[np.bool_]:
        """Which groups hold few of the members: at most MOST_COMMON of a group."""
        first, last = self.by_account.indptr[members], self.by_account.indptr[members + 1]
        parts = [self.by_account.indices[a:b] for a, b in zip(first, last, strict=True) if a < b]
        held = np.concatenate([np.empty(0, dtype=np.int32), *parts])
        common = np.bincount(held, minlength=self.held.shape[0])
        return np.asarray(common <= MOST_COMMON * np.diff(self.held.indptr))

    def without(self, members: Ints) -> "CoherentGroups":
        """The groups that hold few of the members."""
        return CoherentGroups(self.held[self.apart_from(members)])

    def thinned(self, size: int, seed: int) -> "CoherentGroups":
        """Each group cut down at random to at most `size` accounts: the mean of a few accounts
        varies more than the mean of many, so a small group is compared with small ones."""
        rng = np.random.default_rng([seed, size])
        pointers, indices = self.held.indptr, self.held.indices
        cut = [
            group if group.size <= size else rng.permutation(group)[:size]
            for group in (indices[a:b] for a, b in pairwise(pointers))
        ]
        return CoherentGroups(_groups_matrix(cut, self.held.shape[1]))

    def means(self, values: Floats) -> Floats:
        """Mean of a per-account value in each group; NaN where few of it were measured."""
        measured = np.isfinite(values)
        count = self.held @ measured.astype(np.float64)
        total = self.held @ np.where(measured, values, 0.0)
        means = np.full(count.size, np.nan)
        np.divide(total, count, out=means, where=count >= LEAST_GROUP / 2)
        return means


def compare_mean(
    values: Floats, members: Ints, null: Floats, *, least_scale: float, robust: bool
) -> tuple[float, Tail]:
    """The members' mean of a per-account value against groups' means: (mean, tail); NaN where it
    was measured for less than half of the members, who cannot speak for the others.

    `robust` where some of the groups may rightly show what is tested for (an open harvest, say),
    so that they do not hide one that is not open.
    """
    mine = values[members]
    if np.isfinite(mine).mean() < 0.5 or null.size < 2:
        return float("nan"), Tail(float("nan"), float("nan"))
    mean = float(np.nanmean(mine))
    return mean, upper_tail(mean, null, least_scale=least_scale, robust=robust)


def coherent_groups(tokens: TokenMatrix, seen: Behaviour, seed: int) -> CoherentGroups:
    """Groups from tokens of HONEST_KINDS and claims of HONEST_CLAIMS, no two the same."""
    rng = np.random.default_rng(seed)
    most = MOST_SHARE * seen.accounts
    columns = tokens.held_by_token
    chosen: list[Ints] = []
    for kind in HONEST_KINDS:
        fitting = np.flatnonzero(
            tokens.of_kind(kind) & (tokens.holders >= LEAST_GROUP) & (tokens.holders <= most)
        )
        picked = rng.permutation(fitting)[:MOST_GROUPS_PER_KIND]
        chosen.extend(columns.indices[columns.indptr[t] : columns.indptr[t + 1]] for t in picked)
    for claim in HONEST_CLAIMS:
        chosen.extend(_claim_groups(seen.claims[claim], most, rng))
    unique = {group.tobytes(): group for group in (np.sort(g).astype(np.int64) for g in chosen)}
    return CoherentGroups(_groups_matrix(list(unique.values()), seen.accounts))


def _groups_matrix(groups: list[Ints], accounts: int) -> sp.csr_array:
    """groups x accounts, 1 where the group has the account."""
    if not groups:
        return sp.csr_array((0, accounts), dtype=np.float32)
    rows = np.repeat(np.arange(len(groups)), [g.size for g in groups])
    ones = np.ones(rows.size, dtype=np.float32)
    return sp.csr_array((ones, (rows, np.concatenate(groups))), shape=(len(groups), accounts))


def _claim_groups(claim: NDArray[np.object_], most: float, rng: np.random.Generator) -> list[Ints]:
    code = numbered(claim)
    sizes = np.bincount(code[code >= 0], minlength=1)
    fitting = np.flatnonzero((sizes >= LEAST_GROUP) & (sizes <= most))
    picked = rng.permutation(fitting)[:MOST_GROUPS_PER_KIND]
    return [np.flatnonzero(code == c) for c in picked]
