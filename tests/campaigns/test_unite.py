"""What one operator words alike is one campaign, and who only uses the same words is not."""

from dataclasses import replace

import numpy as np
from tests.campaigns.making import behaviour, scene

from iolaus.campaigns.candidates import WHOLE, Candidate
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.scene import Finding
from iolaus.campaigns.unite import unite
from iolaus.campaigns.wordings import COARSE, Division, communities
from iolaus.core.tables import ELEMENTS

N, FDR = 400, 0.01
FIRST, SECOND, REST = np.arange(40), np.arange(40, 70), np.arange(70, 100)
WORDED = {
    ("wording", "skeleton", 1): list(range(100)),
    ("wording", "skeleton", 2): list(range(200, 300)),
}


def judged(members, verdict="distillation"):
    by = np.full(members.size, "money", dtype=object)
    candidate = Candidate(members, np.ones(members.size), by, "links")
    return Judged(candidate, [], dict.fromkeys(ELEMENTS, 1e-6), 1e-6, 1e-6, verdict)


def alike(p_of_rest):
    """A test that finds everything in every group, and `p_of_rest` in the rest of the wording."""

    def test(candidate):
        rest = candidate.members[-1] == REST[-1] and candidate.members[0] != FIRST[0]
        p = p_of_rest if rest else (1e-6,) * 3
        return [Finding("t", e, "s", 1.0, "n", v) for e, v in zip(ELEMENTS, p, strict=True)]

    return test


def united(engine, groups, p_of_rest):
    at = scene(engine, behaviour(N), holdings=WORDED)
    division = Division(communities(at.tokens, 0, COARSE), "wording", None)
    found = unite(groups, at, alike(p_of_rest), FDR, division)
    return None if found is None else [c.members.tolist() for c in found]


def test_pieces_of_one_wording_become_one_campaign_with_the_rest_that_acts_as_they_do(engine):
    found = united(engine, [judged(FIRST), judged(SECOND)], (0.5, 1e-6, 1e-6))
    assert found == [list(range(100))]


def test_what_mostly_one_community_brought_is_proposed_by_it_and_wholes_are_no_pieces(engine):
    pieces = [judged(FIRST[:10]), judged(FIRST[10:20])]
    at = scene(engine, behaviour(N), holdings=WORDED)
    division = Division(communities(at.tokens, 0, COARSE), "wording", None)
    whole = judged(np.arange(300, 320))
    whole = replace(whole, candidate=replace(whole.candidate, proposed_by=WHOLE))
    found = unite([*pieces, whole], at, alike((1e-6,) * 3), FDR, division)
    assert found[0].proposed_by == "wording"
    assert found[0].members.size == 100
    assert WHOLE in {c.proposed_by for c in found}
    assert unite([whole], at, alike((1e-6,) * 3), FDR, division) is None


def test_honest_users_of_the_same_wording_stay_out(engine):
    for p in ((1e-6, 0.3, 1e-6), (1e-6, 1e-6, 0.3)):
        assert united(engine, [judged(FIRST)], p) is None


def test_where_most_holders_are_the_operators_the_others_need_only_collect(engine):
    pieces = [judged(FIRST), judged(SECOND)]
    assert united(engine, pieces, (0.5, 0.3, 1e-6)) == [list(range(100))]
    assert united(engine, pieces, (0.5, 0.3, 0.3)) == [list(range(70))]


def test_where_no_campaign_was_raised_nothing_is_united(engine):
    assert united(engine, [judged(FIRST, "resale"), judged(SECOND, "resale")], (1e-6,) * 3) is None
