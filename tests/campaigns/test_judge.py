from dataclasses import replace

import numpy as np
import pytest
from tests.campaigns.making import behaviour, scene

from iolaus.campaigns.candidates import Candidate
from iolaus.campaigns.judge import claim_p_value, element_p_values, judge
from iolaus.campaigns.scene import Finding
from iolaus.core.tables import ELEMENTS

N, FDR = 40, 0.01
MEMBERS = np.arange(10)
STRONG, WEAK = 1e-6, 0.4


def finding(element, p, detector="test", value=1.0):
    return Finding(detector, element, "statistic", value, "null", p)


def findings(coordination, deception, harvest, overlap=0.0):
    return [
        *(finding(e, p) for e, p in zip(ELEMENTS, (coordination, deception, harvest), strict=True)),
        finding("coordination", np.nan, "prompt overlap", overlap),
    ]


def candidate(proposed_by="links", members=MEMBERS):
    by = np.full(members.size, "money", dtype=object)
    return Candidate(members, np.ones(members.size), by, proposed_by)


def verdict(engine, of, proposed_by="links", in_organisation=0):
    names = np.full(N, None, dtype=object)
    names[:in_organisation] = "org-1"
    at = scene(engine, behaviour(N, organization_id=names))
    return judge([(candidate(proposed_by), of)], at, FDR)[0].verdict


@pytest.mark.parametrize(
    ("coordination", "deception", "harvest", "expected"),
    [
        (STRONG, STRONG, STRONG, "distillation"),
        (STRONG, STRONG, WEAK, "resale"),
        (STRONG, STRONG, np.nan, "resale"),
        (STRONG, WEAK, STRONG, "undetermined"),
        (WEAK, STRONG, STRONG, "undetermined"),
        (STRONG, np.nan, STRONG, "undetermined"),
        (np.nan, np.nan, np.nan, "undetermined"),
    ],
)
def test_a_campaign_is_raised_only_when_all_three_elements_hold(
    engine, coordination, deception, harvest, expected
):
    assert verdict(engine, findings(coordination, deception, harvest)) == expected


def test_tests_of_one_question_share_one_part_of_the_elements_rate():
    """Four questions: three views on one of them cost the others nothing."""
    access = [finding("deception", p, name) for p, name in (
        (1e-4, "claimed country"), (0.5, "address churn"), (0.5, "mixed addresses"))]  # fmt: skip
    others = [finding("deception", p, name) for p, name in (
        (0.5, "shared cards"), (1e-5, "claimed hours"), (0.5, "concealed control"))]  # fmt: skip
    assert element_p_values(access)["deception"] == pytest.approx(3e-4)
    assert element_p_values([*access, *others])["deception"] == pytest.approx(4e-5)


def test_a_declared_organisation_is_an_open_group_whatever_else_it_does(engine):
    strong = findings(STRONG, STRONG, STRONG)
    assert verdict(engine, strong, in_organisation=5) == "shared_organisation"
    assert verdict(engine, strong, in_organisation=4) == "distillation"


def test_firms_under_contract_are_known_to_the_provider(engine):
    strong = findings(STRONG, STRONG, STRONG)
    checks = np.full(N, "payment", dtype=object)
    checks[:8] = "contract"
    at = scene(engine, behaviour(N, verification=checks))
    assert judge([(candidate(), strong)], at, FDR)[0].verdict == "undetermined"
    checks[7] = "payment"
    assert judge([(candidate(), strong)], at, FDR)[0].verdict == "distillation"


def test_a_common_list_of_prompts_without_deception_is_an_evaluation(engine):
    assert verdict(engine, findings(STRONG, WEAK, STRONG, overlap=0.4)) == "evaluation"
    assert verdict(engine, findings(STRONG, STRONG, WEAK, overlap=0.4)) == "resale"
    assert verdict(engine, findings(STRONG, WEAK, STRONG, overlap=0.2)) == "undetermined"


def test_a_common_wording_and_nothing_else_is_shared_software(engine):
    assert verdict(engine, findings(WEAK, WEAK, STRONG), "wording") == "shared_software"
    assert verdict(engine, findings(STRONG, STRONG, STRONG), "wording") == "distillation"


def test_the_claim_is_as_strong_as_its_weakest_element():
    elements = element_p_values(findings(1e-9, 0.02, 1e-4))
    assert elements == {"coordination": 1e-9, "deception": 0.02, "harvest": 1e-4}
    assert claim_p_value(elements) == 0.02
    assert claim_p_value(elements | {"harvest": float("nan")}) == 1.0


def test_the_rate_of_error_is_controlled_over_all_groups_of_a_run(engine):
    """One group at p = 0.004 is raised alone, and not among nine look-alikes (q = 0.04)."""
    at = scene(engine, behaviour(N))
    ours = findings(0.004, 0.004, 0.004)
    alone = judge([(candidate(), ours)], at, FDR)
    assert (alone[0].verdict, alone[0].q) == ("distillation", pytest.approx(0.004))
    others = [(candidate(), findings(STRONG, STRONG, 0.5)) for _ in range(9)]
    among = judge([(candidate(), ours), *others], at, FDR)
    assert (among[0].verdict, among[0].q) == ("resale", pytest.approx(0.04))


def test_a_campaign_of_many_does_not_pay_for_every_small_reseller(engine):
    """The same p-value among forty groups of nine: as one of a hundred accounts, and of nine."""
    at = scene(engine, behaviour(100))
    others = [(candidate(members=np.arange(9)), findings(1e-9, 1e-4, 0.5)) for _ in range(40)]
    ours = findings(1e-9, 1e-9, 4e-4)
    large = judge([(candidate(members=np.arange(100)), ours), *others], at, FDR)[0]
    small = judge([(candidate(members=np.arange(9)), ours), *others], at, FDR)[0]
    assert (large.verdict, small.verdict) == ("distillation", "resale")


@pytest.mark.parametrize(("members", "verdict"), [(10, "distillation"), (9, "resale")])
def test_a_known_campaign_does_not_pay_for_the_search_again(engine, members, verdict):
    """Of twenty accounts so many are members of a campaign that an earlier look raised."""
    known = np.full(N, -1)
    known[:members] = 3
    at = replace(scene(engine, behaviour(N)), known=known)
    others = [(candidate(members=np.arange(20, 40)), findings(STRONG, STRONG, 0.5))] * 9
    ours = (candidate(members=np.arange(20)), findings(0.004, 0.004, 0.004))
    assert judge([ours, *others], at, FDR)[0].verdict == verdict


def test_weak_tests_of_an_element_cannot_cancel_a_strong_one():
    many = [finding("coordination", p) for p in (1e-8, 0.99999, 1.0, np.nan)]
    assert element_p_values(many)["coordination"] < 1e-6


def test_look_alikes_with_one_element_alone_cost_the_others_nothing(engine):
    at = scene(engine, behaviour(N))
    others = [(candidate(), findings(STRONG, 0.5, 0.5)) for _ in range(9)]
    among = judge([(candidate(), findings(0.004, 0.004, 0.004)), *others], at, FDR)
    assert (among[0].verdict, among[0].q) == ("distillation", pytest.approx(0.004))


def test_a_group_below_eight_accounts_is_never_claimed(engine):
    at, strong = scene(engine, behaviour(N)), findings(STRONG, STRONG, STRONG)
    seven, eight = (candidate(members=np.arange(size)) for size in (7, 8))
    found = judge([(seven, strong), (eight, strong)], at, FDR)
    assert [(j.verdict, j.q == 1.0) for j in found] == [
        ("undetermined", True), ("distillation", False),
    ]  # fmt: skip


def test_a_finding_that_does_not_decide_stands_beside_the_others_and_counts_nothing():
    aim = replace(finding("harvest", 1e-9), decides=False)
    assert element_p_values([aim, finding("harvest", 0.3)])["harvest"] == 0.3
    assert np.isnan(element_p_values([aim])["harvest"])
