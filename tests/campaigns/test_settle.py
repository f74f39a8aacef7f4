"""Of groups that overlap, those that are campaigns."""

import numpy as np

from iolaus.campaigns.candidates import WHOLE, Candidate
from iolaus.campaigns.judge import Judged
from iolaus.campaigns.scene import Finding
from iolaus.campaigns.settle import settle
from iolaus.core.tables import ELEMENTS

POOL, DISTILLERS = np.arange(100), np.arange(30)


def judged(members, verdict, proposed_by="links"):
    by = np.full(members.size, "money", dtype=object)
    candidate = Candidate(members, np.ones(members.size), by, proposed_by)
    return Judged(candidate, [], dict.fromkeys(ELEMENTS, 1e-6), 1e-6, 1e-6, verdict)


def harvest(p):
    """A test that finds so much harvest in whatever it is given."""
    return lambda candidate: [Finding("t", "harvest", "s", 1.0, "n", p)]


def groups(found):
    return [(c.members.size, c.proposed_by) for c in found]


def test_distillers_are_taken_out_of_a_pool_that_is_no_campaign():
    found = settle(
        [judged(POOL, "resale"), judged(DISTILLERS, "distillation", WHOLE)], harvest(0.5)
    )
    assert groups(found) == [(70, "links"), (30, WHOLE)]
    assert np.intersect1d(found[0].members, DISTILLERS).size == 0


def test_a_pool_that_is_a_campaign_because_of_some_is_left_without_them():
    pool = [judged(POOL, "distillation"), judged(DISTILLERS, "distillation", WHOLE)]
    assert groups(settle(pool, harvest(0.5))) == [(70, "links"), (30, WHOLE)]
    assert groups(settle(pool, harvest(1e-4))) == [(100, "links")]


def test_pieces_that_are_no_campaign_alone_are_one_together():
    pieces = [judged(DISTILLERS[:15], "undetermined"), judged(DISTILLERS[15:], "undetermined")]
    whole = judged(DISTILLERS, "distillation", WHOLE)
    assert groups(settle([*pieces, whole], harvest(0.5))) == [(30, WHOLE)]


def test_a_whole_that_is_no_campaign_leaves_everything_as_it_was():
    pieces = [judged(DISTILLERS[:15], "undetermined"), judged(DISTILLERS[15:], "resale")]
    whole = judged(DISTILLERS, "undetermined", WHOLE)
    assert groups(settle([*pieces, whole], harvest(0.5))) == [(15, "links"), (15, "links")]
