"""settle: of groups that overlap, those that are campaigns.

A community of wording that links cut to pieces, or that lies inside a larger group (the distillers
among a reseller's customers), is tested as a whole beside the groups that share its accounts. It
takes their accounts only where it is a campaign and they are none, or where they are one only
because of it: what is left of them collects nothing.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.candidates import WHOLE, Candidate
from iolaus.campaigns.clusters import MIN_ACCOUNTS
from iolaus.campaigns.judge import LEAST_CLAIMED, Judged, element_p_values
from iolaus.campaigns.scene import Finding

HOLDS = 0.5  # of a whole's accounts are in a group, or of a group's in the whole
SOME = 0.05  # p-value of collecting, above which what is left of a group is no part of it

Ints = NDArray[np.int64]
Test = Callable[[Candidate], list[Finding]]


def settle(judged: list[Judged], test: Test) -> list[Candidate]:
    """The candidates without overlap. `test`: examines a new group."""
    groups = [j for j in judged if j.candidate.proposed_by != WHOLE]
    raised = [j.candidate for j in groups if j.verdict == "distillation"]
    wholes = sorted(
        (j for j in judged if j.candidate.proposed_by == WHOLE and j.verdict == "distillation"),
        key=lambda j: (j.p, -j.candidate.members.size, int(j.candidate.members[0])),
    )
    made: list[Candidate] = []
    for whole in (j.candidate for j in wholes):
        if all(_apart(whole, other) for other in made) and _stands(whole, raised, test):
            made.append(whole)
    return replaced([j.candidate for j in groups], made)


def _apart(one: Candidate, other: Candidate) -> bool:
    return bool(np.intersect1d(one.members, other.members).size == 0)


def _stands(whole: Candidate, raised: list[Candidate], test: Test) -> bool:
    """Whether a whole that is a campaign is so beside the campaigns that overlap it."""
    for group in raised:
        common = np.intersect1d(whole.members, group.members).size
        left = group.members.size - common
        if common >= HOLDS * whole.members.size and left >= LEAST_CLAIMED:
            rest = part_of(group, ~np.isin(group.members, whole.members))
            if element_p_values(test(rest))["harvest"] > SOME:
                continue
            return False
        if common >= HOLDS * group.members.size or common >= HOLDS * whole.members.size:
            return False  # a piece of it, or nearly the same: `unite` asks for more
    return True


def part_of(candidate: Candidate, chosen: NDArray[np.bool_]) -> Candidate:
    """The chosen of a candidate's members."""
    return Candidate(
        candidate.members[chosen],
        candidate.probability[chosen],
        candidate.first_linked_by[chosen],
        candidate.proposed_by,
    )


def replaced(candidates: list[Candidate], made: list[Candidate]) -> list[Candidate]:
    """The made ones, and of the others what is left of them; largest first."""
    last = max((int(c.members[-1]) for c in [*candidates, *made]), default=-1)
    taken = np.zeros(last + 1, dtype=bool)
    for one in made:
        taken[one.members] = True
    left = [part_of(c, ~taken[c.members]) for c in candidates]
    kept = [*made, *(c for c in left if c.members.size >= MIN_ACCOUNTS)]
    return sorted(kept, key=lambda c: (-c.members.size, int(c.members[0])))
