"""candidates: the groups worth testing, no account in two of them but for the wholes.

1. Groups of linked accounts, each grown and trimmed by its marks.
2. Groups that share most of their members are one group.
3. Communities of wording and of content, as far as no group has their accounts yet.
4. Communities that share accounts with those: wholes, to be settled after the tests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.clusters import MIN_ACCOUNTS, Cluster
from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import customers
from iolaus.campaigns.membership import Grounds, Membership
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.campaigns.wordings import Division
from iolaus.core.tables import FAMILIES
from iolaus.core.threads import in_order

WHOLE = "whole"  # proposed_by: a community that shares accounts with other candidates
SAME_WHOLE = 0.9
SAME_GROUP = 0.5  # of the smaller group's members

Ints = NDArray[np.int64]
Strings = NDArray[np.object_]
_Wanted = tuple[Ints, float | None]  # a group's core, and the bits that keep an account in it


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
    threads: int = 1,
) -> list[Candidate]:
    """In: groups of linked accounts, largest first; what accounts claim; the accounts divided into
    communities. `tell` hears how many groups were grown, and of how many. `threads`: groups that
    grow at a time; what comes out does not depend on it. Out: candidates, largest first."""
    grounds = Grounds(tokens, content, customers(claims))
    communities = [(division, c) for division in divided for c in division.communities()]
    wanted: list[_Wanted] = [(one.members, None) for one in clusters]
    wanted += [(holders, division.stay) for division, holders in communities]
    grown = list(_grown(wanted, grounds, threads, tell))
    by_links, by_wording = grown[: len(clusters)], grown[len(clusters) :]
    merged = _merge([g for g in by_links if g.members.size >= MIN_ACCOUNTS], grounds)
    linked = _exclusive(merged, tokens.held.shape[0])
    taken = np.zeros(tokens.held.shape[0], dtype=bool)
    for candidate in linked:
        taken[candidate.members] = True
    more = []
    for (division, _), group in zip(communities, by_wording, strict=True):
        more += _of_community(group, division.family, taken)
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
        mine = found.places(found.members)
        bits = found.bits[mine]
        strongest = np.asarray(FAMILIES, dtype=object)[found.families[mine].argmax(axis=1)]
        return cls(found.members, bits, 1.0 / (1.0 + np.exp2(-bits)), strongest)


def _grown(
    wanted: list[_Wanted], grounds: Grounds, threads: int, tell: Callable[[int, int], None]
) -> Iterator[_Grown]:
    """Each group grown, in order. None depends on another."""

    def one(core_and_stay: _Wanted) -> _Grown:
        return _Grown.of(grounds.grown(*core_and_stay))

    grounds.lay()
    tell(0, len(wanted))
    for done, group in enumerate(in_order(one, wanted, threads), start=1):
        tell(done, len(wanted))
        yield group


def _merge(groups: list[_Grown], grounds: Grounds) -> list[_Grown]:
    """Join groups whose smaller one lies mostly in the larger, until none does."""
    groups = sorted(groups, key=lambda g: (-g.members.size, int(g.members[0])))
    kept: list[_Grown] = []
    met = _Met()
    for group in groups:
        for place in met.by(group.members):
            other = kept[place]
            common = np.intersect1d(group.members, other.members, assume_unique=True).size
            if common >= SAME_GROUP * min(group.members.size, other.members.size):
                both = np.union1d(group.members, other.members)
                joined = _Grown.of(grounds.grown(both))
                kept[place] = joined if joined.members.size >= other.members.size else other
                met.add(kept[place].members, place)
                break
        else:
            met.add(group.members, len(kept))
            kept.append(group)
    return kept


class _Met:
    """Which groups an account is or was in, so that a group is compared with those that it meets
    alone: there are many groups, and most have nobody in common."""

    def __init__(self) -> None:
        self._places: dict[int, set[int]] = {}

    def add(self, members: Ints, place: int) -> None:
        for account in members.tolist():
            self._places.setdefault(account, set()).add(place)

    def by(self, members: Ints) -> list[int]:
        """The places of the groups that hold, or held, some of the members; in order."""
        found: set[int] = set()
        for account in members.tolist():
            found |= self._places.get(account, set())
        return sorted(found)


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


def _of_community(group: _Grown, family: str, taken: NDArray[np.bool_]) -> list[Candidate]:
    """What a community, trimmed by its marks, holds that is in no group yet, which is `taken` then;
    where some of its accounts are in one, it also stands as a whole."""
    result: list[Candidate] = []
    free = ~taken[group.members]
    if not free.all() and group.members.size >= MIN_ACCOUNTS:
        result.append(_proposed(group, np.ones_like(free), family, WHOLE))
    if free.sum() >= MIN_ACCOUNTS:
        result.append(_proposed(group, free, family, family))
        taken[group.members[free]] = True
    return result


def _proposed(group: _Grown, chosen: NDArray[np.bool_], family: str, proposed_by: str) -> Candidate:
    members = group.members[chosen]
    by = np.full(members.size, family, dtype=object)
    return Candidate(members, group.probability[chosen], by, proposed_by)


def _distinct(found: list[Candidate]) -> list[Candidate]:
    """Without wholes that are nearly the same as another group, or as an earlier whole: they would
    be tested twice, and count twice."""
    kept = [one for one in found if one.proposed_by != WHOLE]
    met = _Met()
    for place, one in enumerate(kept):
        met.add(one.members, place)
    for one in found:
        if one.proposed_by != WHOLE:
            continue
        if all(_likeness(one, kept[place]) < SAME_WHOLE for place in met.by(one.members)):
            met.add(one.members, len(kept))
            kept.append(one)
    return kept


def _likeness(one: Candidate, other: Candidate) -> float:
    """Jaccard's index of the members."""
    both = np.intersect1d(one.members, other.members, assume_unique=True).size
    return both / (one.members.size + other.members.size - both)
