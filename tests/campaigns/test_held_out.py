import numpy as np
import pytest
from scipy import stats
from tests.campaigns.making import behaviour, scene
from tests.campaigns.test_identifiers import RING, N, ring_links

from iolaus.campaigns.scene import Suspect
from iolaus.campaigns.tests import held_out

LIMITS = {"ip_day": 100}


def addresses(rng, members=()):
    """Each stranger shares an odd day's address with one other; members share theirs by fours."""
    pairs = rng.permutation(np.arange(20, N)).reshape(-1, 2)
    chance = {("network", "ip_day", 900 + i): pair.tolist() for i, pair in enumerate(pairs[:60])}
    fours = np.asarray(members).reshape(-1, 4) if len(members) else []
    return chance | {("network", "ip_day", 100 + i): four.tolist() for i, four in enumerate(fours)}


def finding(engine, odd, even_links=None, members=RING, proposed_by="links"):
    at = scene(engine, behaviour(N), even_links=even_links, odd_holdings=odd, limits=LIMITS)
    (result,) = held_out.examine(Suspect(np.asarray(members), proposed_by), at)
    return result


def test_members_whom_even_days_link_are_found_together_on_odd_days(engine):
    odd = addresses(np.random.default_rng(1), RING)
    result = finding(engine, odd, ring_links(["network", "money"]))
    assert result.p < 1e-4
    assert result.value == pytest.approx(1 - 5 / 20)  # 5 addresses, 20 holdings
    assert result.draws.size == 199


def test_without_links_of_even_days_there_is_nothing_to_confirm(engine):
    result = finding(engine, addresses(np.random.default_rng(1), RING))
    assert np.isnan(result.p)
    assert "even days" in result.detail


def test_a_log_of_even_days_alone_says_so(engine):
    result = finding(engine, {}, ring_links(["network"]))
    assert np.isnan(result.p)
    assert "odd days" in result.detail


def test_honest_groups_that_one_wording_proposed_stay_quiet(engine):
    rng = np.random.default_rng(2)
    odd = addresses(rng)
    p = [
        finding(engine, odd, members=np.sort(rng.permutation(np.arange(20, N))[:40]),
                proposed_by="wording").p
        for _ in range(100)
    ]  # fmt: skip
    # 100 groups at level 0.05: 12 or more would happen in 4 of 1,000 runs.
    assert sum(value <= 0.05 for value in p) < stats.binom.isf(0.004, 100, 0.05) + 1
