"""unite: what one operator words alike, or asks about, is one campaign.

Links can find an operator in pieces, and leave out accounts that share nothing but the wording. A
wording alone proves nothing: a popular prompt pack has honest users. So what a community holds
beyond the campaigns found in it is tested as a group of its own, and joins them only if it hides
what it is, and collects, as they do. Where half of a community is known to be the operator's, it is
his, and the others need only collect as they do. All of it together must pass as one campaign.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.candidates import WHOLE, Candidate
from iolaus.campaigns.clusters import MIN_ACCOUNTS
from iolaus.campaigns.customers import commonest, customers
from iolaus.campaigns.judge import Judged, claim_p_value, element_p_values
from iolaus.campaigns.membership import Grounds
from iolaus.campaigns.scene import Scene
from iolaus.campaigns.settle import Test, replaced
from iolaus.campaigns.wordings import Division

MOST_IN = 0.5  # of a campaign's members lie in the community that it is of
HIS = 0.5  # of a community are known to be the operator's: then the wording is his
SOME = 0.05  # p-value of collecting that is asked of the others then
MOST_KEPT = 0.9  # of the accounts in the campaigns found must be the whole's as well

Ints = NDArray[np.int64]


def unite(
    judged: list[Judged], scene: Scene, test: Test, fdr: float, division: Division
) -> list[Candidate] | None:
    """The candidates after campaigns of one community were united, wholes left as they are; None
    where nothing changed."""
    raised = [
        j.candidate
        for j in judged
        if j.verdict == "distillation" and j.candidate.proposed_by != WHOLE
    ]
    if not raised:
        return None
    of = np.asarray([division.of(c.members, MOST_IN) for c in raised], dtype=np.int64)
    made = []
    for name in np.unique(of[of >= 0]):
        parts = [c for c, community in zip(raised, of, strict=True) if community == name]
        whole = _whole(parts, np.flatnonzero(division.number == name), division, scene, test, fdr)
        if whole is not None:
            made.append(whole)
    if not made:
        return None
    return replaced([j.candidate for j in judged], made)


def _whole(
    parts: list[Candidate],
    holders: Ints,
    division: Division,
    scene: Scene,
    test: Test,
    fdr: float,
) -> Candidate | None:
    """All parts and the rest of their community, if that is one campaign; None if it adds nothing
    or is none."""
    known = np.unique(np.concatenate([c.members for c in parts]))
    grounds = scene.once("grounds", lambda: _grounds(scene))
    grown = grounds.grown(np.union1d(known, holders), division.stay)
    by = np.full(scene.seen.accounts, division.family, dtype=object)
    for part in parts:
        by[part.members] = part.first_linked_by
    rest = np.setdiff1d(grown.members, known)
    if rest.size and not _alike(
        _candidate(rest, grown.probability, by),
        test,
        fdr,
        theirs=known.size >= HIS * grown.members.size,
    ):
        rest = rest[:0]
    if len(parts) == 1 and rest.size == 0:
        return None
    sure = np.intersect1d(known, grown.members)  # judged by the whole, some are strangers
    if sure.size < MOST_KEPT * known.size:
        return None  # the crowd around them is too large to say anything about them
    whole = _candidate(np.union1d(sure, rest), grown.probability, by)
    return whole if claim_p_value(element_p_values(test(whole))) <= fdr else None


def _grounds(scene: Scene) -> Grounds:
    return Grounds(scene.tokens, scene.content, customers(scene.seen.claims))


def _candidate(
    members: Ints, probability: NDArray[np.float64], by: NDArray[np.object_]
) -> Candidate:
    family, share = commonest(by[members])
    proposed_by = str(family) if family in ("wording", "content") and share > 0.5 else "links"
    return Candidate(members, probability[members], by[members], proposed_by)


def _alike(rest: Candidate, test: Test, fdr: float, *, theirs: bool) -> bool:
    """Whether the rest of a wording does as the campaign does; `theirs`: the wording is its own."""
    if rest.members.size < MIN_ACCOUNTS and not theirs:
        return False
    elements = element_p_values(test(rest))
    if theirs:
        return elements["harvest"] <= SOME
    return elements["deception"] <= fdr and elements["harvest"] <= fdr
