"""A firm in the open is no part of a campaign that is not its own."""

import numpy as np
import pytest
from tests.campaigns.making import behaviour, scene

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.firms import without_firms
from iolaus.campaigns.judge import Judged
from iolaus.core.tables import ELEMENTS

N = 200
GROUP = np.arange(40)


def judged(verdict="distillation"):
    by = np.full(GROUP.size, "money", dtype=object)
    candidate = Candidate(GROUP, np.linspace(0.6, 1.0, GROUP.size), by, "links")
    return Judged(candidate, [], dict.fromkeys(ELEMENTS, 1e-6), 1e-6, 1e-6, verdict)


def parted(engine, firms, verdict="distillation"):
    """firms: name -> how many of the group, from its first account on."""
    names = np.full(N, None, dtype=object)
    first = 0
    for name, size in firms.items():
        names[first : first + size] = name
        first += size
    at = scene(engine, behaviour(N, organization_id=names))
    found = without_firms([judged(verdict)], at)
    return None if found is None else [c.members.tolist() for c in found]


def test_a_firm_that_is_a_good_part_of_a_campaign_stands_for_itself(engine):
    assert parted(engine, {"Falcon": 19}) == [list(range(19, 40)), list(range(19))]


def test_two_firms_are_two(engine):
    found = parted(engine, {"Falcon": 10, "Heron": 6})
    assert found == [list(range(16, 40)), list(range(10)), list(range(10, 16))]


@pytest.mark.parametrize("firms", [{}, {"Falcon": 3}, {f"n{i}": 1 for i in range(40)}])
def test_strays_and_names_of_one_account_each_part_nothing(engine, firms):
    assert parted(engine, firms) is None


def test_only_campaigns_are_parted(engine):
    assert parted(engine, {"Falcon": 19}, "resale") is None
