"""candidates: the groups worth testing, no account in two of them.

1. Groups of linked accounts, each grown and trimmed by its marks.
2. Groups that share most of their members are one group.
3. Communities of wording, as far as no group has their accounts yet.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.clusters import MIN_ACCOUNTS, Cluster
from iolaus.campaigns.membership import Membership, customers, membership
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.campaigns.wordings import COARSE, FINE, communities
from iolaus.core.tables import FAMILIES

SAME_GROUP = 0.5  # of the smaller group's members

Ints = NDArray[np.int64]
Strings = NDArray[np.object_]


@dataclass(frozen=True)
class Candidate:
    """`probability` and `first_linked_by` run along `members` (account keys, sorted)."""

    members: Ints
    probability: NDArray[np.float64]
    first_linked_by: NDArray[np.object_]
    proposed_by: str  # "links" or "wording"


def candidates(
    clusters: list[Cluster], tokens: TokenMatrix, organizations: Strings, seed: int
) -> list[Candidate]:
    """In: groups of linked accounts, largest first; each account's declared organisation or None.
    Out: candidates, largest first."""
    entities = customers(organizations)
    grown = [membership(cluster.members, tokens, entities) for cluster in clusters]
    merged = _merge([m for m in grown if m.members.size >= MIN_ACCOUNTS], tokens, entities)
    linked = _exclusive(merged)
    taken = np.zeros(tokens.held.shape[0], dtype=bool)
    for candidate in linked:
        taken[candidate.members] = True
    return sorted(
        linked + _wording_groups(tokens, entities, taken, seed),
        key=lambda c: (-c.members.size, int(c.members[0])),
    )


def _merge(
    groups: list[Membership], tokens: TokenMatrix, entities: sp.csr_array
) -> list[Membership]:
    """Join groups whose smaller one lies mostly in the larger, until none does."""
    groups = sorted(groups, key=lambda g: (-g.members.size, int(g.members[0])))
    kept: list[Membership] = []
    for group in groups:
        for place, other in enumerate(kept):
            common = np.intersect1d(group.members, other.members, assume_unique=True).size
            if common >= SAME_GROUP * min(group.members.size, other.members.size):
                both = np.union1d(group.members, other.members)
                joined = membership(both, tokens, entities)
                kept[place] = joined if joined.members.size >= other.members.size else other
                break
        else:
            kept.append(group)
    return kept


def _exclusive(groups: list[Membership]) -> list[Candidate]:
    """Give each account to the group that it fits best."""
    if not groups:
        return []
    best = np.max([np.where(_is_member(g), g.bits, -np.inf) for g in groups], axis=0)
    taken = np.zeros(best.size, dtype=bool)
    result = []
    for group in groups:
        mine = np.flatnonzero(_is_member(group) & (group.bits == best) & ~taken)
        taken[mine] = True
        if mine.size >= MIN_ACCOUNTS:
            strongest = np.asarray(FAMILIES, dtype=object)[group.families[mine].argmax(axis=1)]
            result.append(Candidate(mine, group.probability[mine], strongest, "links"))
    return result


def _is_member(group: Membership) -> NDArray[np.bool_]:
    inside = np.zeros(group.bits.size, dtype=bool)
    inside[group.members] = True
    return inside


def _wording_groups(
    tokens: TokenMatrix, entities: sp.csr_array, taken: NDArray[np.bool_], seed: int
) -> list[Candidate]:
    """What communities of wording hold beyond the linked groups, each trimmed by its marks: fine
    ones first, and of the coarse ones what is left."""
    result = []
    for resolution in (FINE, COARSE):
        number = communities(tokens, seed, resolution)
        for name in np.unique(number[number >= 0]):
            holders = np.flatnonzero((number == name) & ~taken)
            if holders.size < MIN_ACCOUNTS:
                continue
            group = membership(holders, tokens, entities)
            free = group.members[~taken[group.members]]
            if free.size < MIN_ACCOUNTS:
                continue
            taken[free] = True
            by = np.full(free.size, "wording", dtype=object)
            result.append(Candidate(free, group.probability[free], by, "wording"))
    return result
