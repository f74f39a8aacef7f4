"""candidates: the groups worth testing, no account in two of them.

1. Groups of linked accounts, each grown and trimmed by its marks.
2. Groups that share most of their members are one group.
3. Holders of one wording that is too common to propose pairs, unless a group covers them already.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.clusters import MIN_ACCOUNTS, Cluster
from iolaus.campaigns.links import Forecast
from iolaus.campaigns.membership import Membership, customers, membership
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES

SAME_GROUP = 0.5  # of the smaller group's members
COVERED = 0.5  # of a wording's holders are in a group already
MOST_WORDINGS = 400  # hub wordings looked at, the most common first
SAME_WORDING = 0.7  # of the smaller set of holders

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
    clusters: list[Cluster], tokens: TokenMatrix, plan: Forecast, organizations: Strings
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
        linked + _wording_groups(tokens, plan, taken),
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
    tokens: TokenMatrix, plan: Forecast, taken: NDArray[np.bool_]
) -> list[Candidate]:
    wording = tokens.of_family("wording")
    limit = np.asarray([plan.limits.get(kind, 0) for kind in wording.kind])
    hubs = np.flatnonzero(wording.holders > limit)
    hubs = hubs[np.argsort(-wording.holders[hubs], kind="stable")][:MOST_WORDINGS]
    columns = wording.held.tocsc()
    seen: list[Ints] = []
    result = []
    for hub in hubs:
        holders = np.sort(columns.indices[columns.indptr[hub] : columns.indptr[hub + 1]])
        if any(_overlap(holders, other) >= SAME_WORDING for other in seen):
            continue
        seen.append(holders)
        free = holders[~taken[holders]].astype(np.int64)
        if free.size < MIN_ACCOUNTS or free.size < (1 - COVERED) * holders.size:
            continue
        taken[free] = True
        sure, by = np.full(free.size, 0.5), np.full(free.size, "wording", dtype=object)
        result.append(Candidate(free, sure, by, "wording"))
    return result


def _overlap(a: Ints, b: Ints) -> float:
    return np.intersect1d(a, b, assume_unique=True).size / min(a.size, b.size)
