import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from iolaus.core.statistics import (
    combine,
    evidence_bits,
    false_discovery,
    upper_tail,
    wilson_interval,
)


def test_tail_of_a_normal_null_is_near_the_normal_tail_and_never_below_it():
    null = np.random.default_rng(1).normal(5, 2, 5000)
    for z in (0.0, 1.0, 2.0, 4.0):
        tail = upper_tail(5 + 2 * z, null, least_scale=0.01)
        assert tail.z == pytest.approx(z, abs=0.1)
        assert tail.p >= 0.8 * stats.norm.sf(z)
    assert upper_tail(5 + 2 * 6, null, least_scale=0.01).p > 100 * stats.norm.sf(6)


def test_draws_that_exceed_the_value_bound_the_p_value_from_below():
    null = np.concatenate([np.zeros(150), np.full(49, 100.0)])
    assert upper_tail(90.0, null, least_scale=0.01).p >= 49 / 200


def test_a_robust_null_is_not_widened_by_a_minority_of_outliers():
    null = np.concatenate([np.random.default_rng(2).normal(0, 1, 180), np.full(20, 50.0)])
    assert upper_tail(8.0, null, least_scale=0.01, robust=True).p < 1e-4
    assert upper_tail(8.0, null, least_scale=0.01).p > 0.05


def test_a_null_without_spread_does_not_make_everything_significant():
    assert upper_tail(0.01, np.zeros(99), least_scale=0.05).p > 0.3


def test_combined_p_values_hold_their_level_under_full_dependence_and_independence():
    rng = np.random.default_rng(3)
    one = rng.uniform(size=4000)
    dependent = np.mean([combine(np.full(6, p)) <= 0.05 for p in one])
    independent = np.mean([combine(rng.uniform(size=6)) <= 0.05 for _ in range(4000)])
    assert dependent <= 0.06
    assert independent <= 0.06


def test_one_strong_result_survives_results_near_one():
    assert combine(np.asarray([1e-8, 1.0, 1.0, 0.999999])) < 1e-6


def test_nothing_measured_is_not_a_p_value():
    assert np.isnan(combine(np.asarray([np.nan, np.nan])))
    assert combine(np.asarray([np.nan, 0.03])) == 0.03


def test_q_values_agree_with_scipy():
    p = np.random.default_rng(4).uniform(size=50) ** 3
    assert false_discovery(p) == pytest.approx(stats.false_discovery_control(p))


def test_an_unmeasured_hypothesis_counts_as_one():
    assert false_discovery(np.asarray([0.01, np.nan])).tolist() == [0.02, 1.0]


@given(st.floats(0.05, 1.0))
def test_the_calibrated_bits_are_an_e_value(level):
    # E[2^bits] over a uniform p is 1: integral of k p^(k-1) over (0, 1); beyond `level` less.
    p = np.linspace(level, 1, 2000)
    values = np.exp2([evidence_bits(x) for x in p])
    area = float(((values[1:] + values[:-1]) / 2 * np.diff(p)).sum())
    assert area == pytest.approx(1 - level**0.25, abs=1e-3)


def test_wilson_interval_agrees_with_scipy():
    ours = wilson_interval(7, 90)
    theirs = stats.binomtest(7, 90).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high))
    assert all(np.isnan(wilson_interval(0, 0)))


def test_groups_with_one_element_at_most_do_not_count_as_tests():
    p = np.asarray([1e-4, *np.full(99, 0.9)])
    alone = false_discovery(p, np.asarray([1e-9, *np.full(99, 0.8)]))
    crowded = false_discovery(p, np.asarray([1e-9, *np.full(99, 1e-6)]))
    assert alone[0] == pytest.approx(1e-4)
    assert crowded[0] == pytest.approx(1e-2)
    assert false_discovery(p)[0] == pytest.approx(1e-2)


def test_the_rate_of_false_claims_holds_when_two_of_three_elements_are_always_true():
    rng = np.random.default_rng(5)
    raised = 0
    for _ in range(2000):
        p = rng.uniform(size=(30, 3))
        p[:, :2] = 1e-9  # the worst case: only the third element can keep a group from the claim
        p.sort(axis=1)
        raised += bool((false_discovery(p[:, 2], p[:, 1]) <= 0.05).any())
    assert raised / 2000 <= wilson_interval(100, 2000)[1]


def test_the_rate_of_false_claims_holds_with_weights_too():
    """One hypothesis of weight 50 among 29 of 1 to 5, the third element alone in question."""
    rng = np.random.default_rng(7)
    weights = np.r_[50.0, rng.uniform(1, 5, 29)]
    raised = 0
    for _ in range(2000):
        p = rng.uniform(size=(30, 3))
        p[:, :2] = 1e-9
        p.sort(axis=1)
        raised += bool((false_discovery(p[:, 2], p[:, 1], weights) <= 0.05).any())
    assert 0.03 <= raised / 2000 <= wilson_interval(100, 2000)[1]


def test_a_weight_of_three_is_three_times_the_threshold_and_three_tests():
    p = np.asarray([0.003, 0.5])
    assert false_discovery(p)[0] == pytest.approx(0.006)
    assert false_discovery(p, weights=np.asarray([3.0, 1.0]))[0] == pytest.approx(0.004)
    assert false_discovery(p, weights=np.asarray([6.0, 2.0]))[0] == pytest.approx(0.004)
    assert false_discovery(p, weights=np.asarray([1.0, 3.0]))[0] == pytest.approx(0.012)
    assert false_discovery(p, p, np.asarray([3.0, 1.0]))[0] == pytest.approx(0.003)


def test_the_rate_of_false_claims_is_far_below_the_promise_when_elements_are_noise():
    rng = np.random.default_rng(6)
    raised = 0
    for _ in range(2000):
        p = np.sort(rng.uniform(size=(30, 3)), axis=1)
        raised += bool((false_discovery(p[:, 2], p[:, 1]) <= 0.05).any())
    assert raised / 2000 <= 0.05
