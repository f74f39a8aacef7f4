"""divide: two operators on one proxy network are two campaigns.

Addresses can be rented, and a public source words alike whoever draws on it. What an operator does
not share with another are his cards, his devices, his sign-ups and his queue. A campaign whose
members fall into parts between which none of these goes is divided, if each part is a campaign on
its own. In a log without text no queue is seen, and several pools of cards may be one operator's:
nothing is divided there.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.clusters import separated
from iolaus.campaigns.judge import LEAST_CLAIMED, Judged, claim_p_value, element_p_values
from iolaus.campaigns.scene import Scene
from iolaus.campaigns.settle import Test, part_of
from iolaus.campaigns.tests.concealment import handed_over
from iolaus.core.tables import FAMILIES

OWN = [FAMILIES.index(name) for name in ("money", "device", "registration")]
OWN_BITS = 5.0  # of a link's bits from these families
LEAST_PART = 0.15  # of the members
COVERED = 0.7  # of the members stand in large parts: else the ties are too few to divide by
LEAST_TIES = 2.0  # of a part's accounts, on average, to others of it

Ints = NDArray[np.int64]


def divide(judged: list[Judged], scene: Scene, test: Test, fdr: float) -> list[Candidate] | None:
    """The candidates after campaigns were divided by operator; None where nothing changed."""
    result: list[Candidate] = []
    for one in judged:
        parts = [one.candidate]
        if one.verdict == "distillation":
            found = [
                part_of(one.candidate, np.isin(one.candidate.members, part))
                for part in operators(one.candidate.members, scene)
            ]
            if found and all(claim_p_value(element_p_values(test(c))) <= fdr for c in found):
                parts = found
        result += parts
    if len(result) == len(judged):
        return None
    return sorted(result, key=lambda c: (-c.members.size, int(c.members[0])))


def operators(members: Ints, scene: Scene) -> list[Ints]:
    """The members by operator; none where they have one, or nothing tells."""
    if not scene.tokens.worded:
        return []
    ties = _ties(members, scene)
    _, label = connected_components(ties, directed=False)
    pieces = [
        members[piece]
        for name in np.unique(label)
        for piece in separated(ties, np.flatnonzero(label == name), scene.seed)
    ]
    degree = np.diff(ties.indptr)
    large = [
        piece
        for piece in pieces
        if piece.size >= max(LEAST_CLAIMED, LEAST_PART * members.size)
        and degree[np.isin(members, piece)].mean() >= LEAST_TIES
    ]
    if len(large) < 2 or sum(p.size for p in large) < COVERED * members.size:
        return []
    return _with_the_rest(members, large, scene)


def _ties(members: Ints, scene: Scene) -> sp.csr_array:
    """Members x members, 1 where cards, devices, sign-ups or handed-over work tie two."""
    links = scene.links
    place = np.full(scene.seen.accounts, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    own = links.families[:, OWN].sum(axis=1) >= OWN_BITS
    a, b = handed_over(scene)
    a, b = place[np.concatenate([links.a[own], a])], place[np.concatenate([links.b[own], b])]
    inside = (a >= 0) & (b >= 0)
    rows, cols = np.concatenate([a, b]), np.concatenate([b, a])
    both = np.concatenate([inside, inside])
    shape = (members.size, members.size)
    return sp.csr_array((np.ones(int(both.sum())), (rows[both], cols[both])), shape=shape).sign()


def _with_the_rest(members: Ints, large: list[Ints], scene: Scene) -> list[Ints]:
    """Whoever is in no large part goes to the one whose wording it uses most: the token that tells
    the parts apart best decides."""
    wording = scene.tokens.of_family("wording").held
    shares = np.vstack([np.asarray(wording[part].mean(axis=0)).ravel() for part in large])
    rest = np.setdiff1d(members, np.concatenate(large))
    fit = np.zeros((rest.size, len(large)))
    for number, share in enumerate(shares):
        others = np.delete(shares, number, axis=0).max(axis=0)
        told = sp.csr_array(wording[rest].multiply(share - others))
        fit[:, number] = told.max(axis=1).toarray().ravel()
    goes = fit.argmax(axis=1)
    return [np.union1d(part, rest[goes == number]) for number, part in enumerate(large)]
