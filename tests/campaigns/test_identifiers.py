import numpy as np
import pytest
from scipy import stats
from tests.campaigns.making import behaviour, scene

from iolaus.campaigns.links import Links
from iolaus.campaigns.scene import Suspect
from iolaus.campaigns.tests import identifiers
from iolaus.core.tables import FAMILIES

N = 400
RING = np.arange(20)
LIMITS = {"payment": 100, "device": 100, "ip_day": 100, "skeleton": 0}


def strangers(rng, kind, family):
    """30 tokens that two random accounts outside the ring share by chance."""
    return {(family, kind, 500 + i): (20 + rng.permutation(N - 20)[:2]).tolist() for i in range(30)}


def ring_links(families):
    """Links of every member to the next, with 12 bits from each of the families."""
    bits = np.zeros((RING.size - 1, len(FAMILIES)))
    for family in families:
        bits[:, FAMILIES.index(family)] = 12.0
    return Links(RING[:-1], RING[1:], bits, bits.sum(axis=1), 10.0)


def found(at, members=RING, proposed_by="links"):
    return {f.detector: f for f in identifiers.examine(Suspect(members, proposed_by), at)}


def place(engine, links, extra=None, seed=1):
    rng = np.random.default_rng(seed)
    holdings = strangers(rng, "payment", "money") | strangers(rng, "device", "device")
    return scene(
        engine, behaviour(N), holdings=holdings | (extra or {}), links=links, limits=LIMITS
    )


def cards():
    return {("money", "payment", i): RING[4 * i : 4 * i + 4].tolist() for i in range(5)}


def test_cards_in_common_testify_when_another_family_holds_the_group_together(engine):
    finding = found(place(engine, ring_links(["network"]), cards()))["shared money"]
    # 20 holdings of 5 cards: 1 - 5 / 20.
    assert finding.value == pytest.approx(0.75)
    assert finding.p < 1e-4
    assert finding.draws.size == 199


def test_cards_do_not_testify_for_a_group_that_only_cards_hold_together(engine):
    finding = found(place(engine, ring_links(["money"]), cards()))["shared money"]
    assert np.isnan(finding.p)
    assert finding.detail == "the other families alone do not hold the group together"


def test_wording_and_device_never_vouch_for_each_other(engine):
    device = {("device", "device", i): RING[4 * i : 4 * i + 4].tolist() for i in range(5)}
    only_wording = found(place(engine, ring_links(["wording"]), device))
    assert np.isnan(only_wording["shared device"].p)
    with_network = found(place(engine, ring_links(["wording", "network"]), device))
    assert with_network["shared device"].p < 1e-4


def test_a_group_of_one_wording_is_not_tested_on_wording_or_device(engine):
    wording = {("wording", "skeleton", 1): RING.tolist()}
    at = place(engine, ring_links([]), cards() | wording)
    tests = found(at, proposed_by="wording")
    assert np.isnan(tests["shared wording"].p)
    assert np.isnan(tests["shared device"].p)
    assert tests["shared money"].p < 1e-4


def test_a_common_wording_testifies_by_the_share_of_members_that_have_it(engine):
    wording = {("wording", "skeleton", 1): [*RING[:15].tolist(), 50, 60]}
    finding = found(place(engine, ring_links(["network", "money"]), wording))["shared wording"]
    assert finding.value == pytest.approx(15 / 20)
    assert finding.p < 1e-4


def test_hubs_do_not_count_as_shared_identifiers(engine):
    hub = {("network", "ip_day", 1): list(range(150))}  # above the limit of 100
    pairs = strangers(np.random.default_rng(2), "ip_day", "network")
    finding = found(place(engine, ring_links(["money"]), hub | pairs))["shared network"]
    assert finding.value == 0.0
    assert finding.p > 0.05


def test_a_log_without_a_family_says_so(engine):
    finding = found(place(engine, ring_links(["money"])))["shared registration"]
    assert np.isnan(finding.value)
    assert finding.detail == "the log has no such tokens"


def test_random_groups_that_share_as_strangers_do_stay_quiet(engine):
    at = place(engine, ring_links([]))
    rng = np.random.default_rng(3)
    groups = [np.sort(rng.permutation(N)[:40]) for _ in range(100)]
    p = np.asarray([found(at, g, "wording")["shared money"].p for g in groups])
    assert np.isfinite(p).all()
    assert (p <= 0.05).sum() <= stats.binom.isf(1e-3, 100, 0.05)
