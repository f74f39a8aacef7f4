"""candidates: the groups worth testing, no account in two of them but for the wholes.

1. Groups of linked accounts, each grown and trimmed by its marks.
2. Groups that share most of their members are one group.
3. Communities of wording and of content, as far as no group has their accounts yet.
4. Communities that share accounts with those: wholes, to be settled after the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.clusters import MIN_ACCOUNTS, Cluster
from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import Customers, customers
from iolaus.campaigns.membership import Membership, membership
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.campaigns.wordings import Division
from iolaus.core.tables import FAMILIES

WHOLE = "whole"  # proposed_by: a community that shares accounts with other candidates
SAME_WHOLE = 0.9
SAME_GROUP = 0.5  # of the smaller group's members

Ints = NDArray[np.int64]
Strings = NDArray[np.object_]


@dataclass(frozen=True)
class Candidate:
    """`probability` and `first_linked_by` run along `members` (account keys, sorted)."""

    members: Ints
    probability: NDArray[np.float64]
    first_linked_by: NDArray[np.object_]
    proposed_by: str  # "links", "wording", "content" or WHOLE


def candidates(
    clusters: list[Cluster],
    tokens: TokenMatrix,
    content: Content,
    claims: dict[str, Strings],
    divided: tuple[Division, ...],
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Candidate]:
    """In: groups of linked accounts, largest first; what accounts claim; the accounts divided into
    communities. `tell` hears how many groups were grown, and of how many. Out: candidates, largest
    first."""
    known = customers(claims)
    communities = [(division, c) for division in divided for c in division.communities()]
    total = len(clusters) + len(communities)
    grown = []
    for done, one in enumerate(clusters):
        tell(done, total)
        grown.append(_Grown.of(membership(one.members, tokens, content, known)))
    merged = _merge([g for g in grown if g.members.size >= MIN_ACCOUNTS], tokens, content, known)
    linked = _exclusive(merged, tokens.held.shape[0])
    taken = np.zeros(tokens.held.shape[0], dtype=bool)
    for candidate in linked:
        taken[candidate.members] = True
    more = []
    for done, (division, holders) in enumerate(communities, start=len(clusters)):
        tell(done, total)
        group = membership(holders, tokens, content, known, division.stay)
        more += _of_community(group, division.family, taken)
    tell(total, total)
    return sorted(_distinct(linked + more), key=lambda c: (-c.members.size, int(c.members[0])))


@dataclass(frozen=True)
class _Grown:
    """A membership's members alone, for there are many groups and many more accounts: along
    `members`, the bits of belonging, their probability, and the family that says most."""

    members: Ints
    bits: NDArray[np.float64]
    probability: NDArray[np.float64]
    strongest: NDArray[np.object_]

    @classmethod
    def of(cls, found: Membership) -> "_Grown":
        mine = found.members
        strongest = np.asarray(FAMILIES, dtype=object)[found.families[mine].argmax(axis=1)]
        return cls(mine, found.bits[mine], found.probability[mine], strongest)


def _merge(
    groups: list[_Grown], tokens: TokenMatrix, content: Content, known: Customers
) -> list[_Grown]:
    """Join groups whose smaller one lies mostly in the larger, until none does."""
    groups = sorted(groups, key=lambda g: (-g.members.size, int(g.members[0])))
    kept: list[_Grown] = []
    for group in groups:
        for place, other in enumerate(kept):
            common = np.intersect1d(group.members, other.members, assume_unique=True).size
            if common >= SAME_GROUP * min(group.members.size, other.members.size):
                both = np.union1d(group.members, other.members)
                joined = _Grown.of(membership(both, tokens, content, known))
                kept[place] = joined if joined.members.size >= other.members.size else other
                break
        else:
            kept.append(group)
    return kept


def _exclusive(groups: list[_Grown], accounts: int) -> list[Candidate]:
    """Give each account to the group that it fits best."""
    best = np.full(accounts, -np.inf)
    for group in groups:
        best[group.members] = np.maximum(best[group.members], group.bits)
    taken = np.zeros(accounts, dtype=bool)
    result = []
    for group in groups:
        mine = (group.bits == best[group.members]) & ~taken[group.members]
        taken[group.members[mine]] = True
        if mine.sum() >= MIN_ACCOUNTS:
            result.append(
                Candidate(
                    group.members[mine], group.probability[mine], group.strongest[mine], "links"
                )
            )
    return result


def _of_community(group: Membership, family: str, taken: NDArray[np.bool_]) -> list[Candidate]:
    """What a community, trimmed by its marks, holds that is in no group yet, which is `taken` then;
    where some of its accounts are in one, it also stands as a whole."""
    result: list[Candidate] = []
    free = ~taken[group.members]
    if not free.all() and group.members.size >= MIN_ACCOUNTS:
        result.append(_proposed(group.members, group, family, WHOLE))
    if free.sum() >= MIN_ACCOUNTS:
        mine = group.members[free]
        result.append(_proposed(mine, group, family, family))
        taken[mine] = True
    return result


def _proposed(members: Ints, group: Membership, family: str, proposed_by: str) -> Candidate:
    by = np.full(members.size, family, dtype=object)
    return Candidate(members, group.probability[members], by, proposed_by)


def _distinct(found: list[Candidate]) -> list[Candidate]:
    """Without wholes that are nearly the same as another group, or as an earlier whole: they would
    be tested twice, and count twice."""
    kept = [one for one in found if one.proposed_by != WHOLE]
    for one in found:
        if one.proposed_by == WHOLE and all(_likeness(one, c) < SAME_WHOLE for c in kept):
            kept.append(one)
    return kept


def _likeness(one: Candidate, other: Candidate) -> float:
    """Jaccard's index of the members."""
    both = np.intersect1d(one.members, other.members, assume_unique=True).size
    return both / (one.members.size + other.members.size - both)
