import numpy as np
import pytest
from tests.campaigns.making import behaviour, groups, tokens

from iolaus.campaigns.nulls import (
    LARGE,
    LEAST_GROUP,
    Strata,
    coherent_groups,
    compare_mean,
    draw_strangers,
    draws_for,
    strata,
)
from iolaus.campaigns.token_matrix import token_matrix

N = 400


def random_strata(seed=1):
    rng = np.random.default_rng(seed)
    plan = np.asarray(rng.choice(["free", "subscription"], N), dtype=object)
    return strata(behaviour(N, plan=plan, exchanges=2.0 ** rng.integers(0, 8, N)))


def test_accounts_that_differ_in_plan_channel_volume_or_age_are_in_different_strata():
    plan, channel = (np.full(8, "x", dtype=object) for _ in range(2))
    volume, created = np.full(8, 100.0), np.full(8, 20_000.0)
    plan[0], channel[1], volume[2], created[3], created[4] = "y", "y", 800.0, 20_045.0, np.nan
    seen = behaviour(8, plan=plan, channel=channel, exchanges=volume, created_day=created)
    number = strata(seen).number
    assert len(set(number[:5].tolist())) == 5
    assert len(set(number[5:].tolist())) == 1
    assert number[5] not in number[:5]


def test_draws_hold_no_member_and_as_many_accounts_as_the_group():
    members = np.sort(np.random.default_rng(3).permutation(N)[:30])
    draws = draw_strangers(members, random_strata(), np.random.default_rng(4))
    assert draws.shape == (199, 30)
    assert not np.isin(draws, members).any()
    assert all(np.unique(draw).size == 30 for draw in draws)  # nobody twice


@pytest.mark.parametrize(("size", "draws"), [(8, 199), (1_005, 199), (4_000, 50), (50_000, 29)])
def test_a_group_of_thousands_is_drawn_for_less_often(size, draws):
    assert draws_for(size) == draws


def test_draws_take_as_many_from_each_stratum_as_the_group_has():
    stratum = random_strata().number
    members = np.asarray([np.flatnonzero(stratum == s)[0] for s in (0, 0, 1, 2)])
    members = np.unique(np.concatenate([members, np.flatnonzero(stratum == 0)[:5]]))
    draws = draw_strangers(members, Strata.of(stratum), np.random.default_rng(4))
    wanted = np.bincount(stratum[members], minlength=stratum.max() + 1)
    for drawn in draws:
        assert np.array_equal(np.bincount(stratum[drawn], minlength=wanted.size), wanted)


def test_from_a_large_pool_hardly_anyone_is_drawn_twice_and_no_member_ever():
    members = np.arange(0, 10 * N, 100)  # 40 of 4,000
    strata_of = Strata.of(np.zeros(10 * N, dtype=np.int64))
    assert members.size * LARGE <= 10 * N
    draws = draw_strangers(members, strata_of, np.random.default_rng(5))
    assert not np.isin(draws, members).any()
    different = sum(np.unique(draw).size for draw in draws)
    assert 0.985 * 199 * members.size < different < 199 * members.size


def test_a_stratum_that_runs_out_is_filled_up_from_the_others():
    stratum = np.zeros(N, dtype=np.int64)
    stratum[:12] = 1
    draws = draw_strangers(np.arange(10), Strata.of(stratum), np.random.default_rng(4))
    assert draws.shape == (199, 10)
    assert (np.isin(draws, [10, 11]).sum(axis=1) == 2).all()


def test_draws_are_as_large_as_the_group_when_it_has_members_in_every_stratum():
    stratum = np.zeros(N, dtype=np.int64)
    stratum[:12] = 1
    members = np.asarray([*range(10), 50])  # 10 of the 12 in one stratum, 1 of 388 in the other
    draws = draw_strangers(members, Strata.of(stratum), np.random.default_rng(4))
    assert draws.shape == (199, 11)


def test_draws_differ_from_one_another_and_repeat_with_the_seed():
    one, again = (
        draw_strangers(np.arange(20), random_strata(), np.random.default_rng(5)) for _ in range(2)
    )
    assert np.array_equal(one, again)
    assert len({tuple(np.sort(draw)) for draw in one}) == 199


def test_coherent_groups_have_a_token_or_a_claim_in_common_and_are_no_crowd(engine):
    holdings = {
        ("network", "ip_day", 1): range(20),
        ("wording", "skeleton", 1): range(20),  # the same accounts: one group
        ("network", "ip_day", 2): range(30, 30 + LEAST_GROUP - 1),  # too few
        ("wording", "skeleton", 2): range(200),  # half of all: the crowd
    }
    holdings[("money", "payment", 1)] = range(50, 70)  # what a fraudster shares, not what people do
    country = np.full(N, None, dtype=object)
    country[300:340] = "DE"
    matrix = token_matrix(tokens(engine, {k: list(v) for k, v in holdings.items()}), N)
    held = coherent_groups(matrix, behaviour(N, billing_country=country), 0).held
    found = sorted(held[[row]].indices.tolist() for row in range(held.shape[0]))
    assert found == [list(range(20)), list(range(300, 340))]


def test_a_log_without_anything_in_common_has_no_coherent_groups(engine):
    empty = token_matrix(tokens(engine, {}), N)
    assert coherent_groups(empty, behaviour(N), 0).held.shape == (0, N)


def test_a_group_with_more_than_a_fifth_of_the_suspect_s_members_leaves_the_null():
    both = groups([range(20), range(20, 50)], N)
    for members, left in ((range(4), [0, 1]), (range(5), [1]), (range(15, 27), [])):
        apart = both.apart_from(np.asarray(members))
        assert np.flatnonzero(apart).tolist() == left
        assert both.without(np.asarray(members)).held.shape[0] == len(left)


def test_the_mean_of_a_group_leaves_unmeasured_accounts_out():
    values = np.arange(N, dtype=float)
    values[:5] = np.nan
    means = groups([range(20), range(8)], N).means(values)
    assert means[0] == np.arange(5, 20).mean()
    assert np.isnan(means[1])  # of the second group only 3 are measured


def compared(values, members, null_groups, robust):
    null = groups(null_groups, N).means(values)
    return compare_mean(values, members, null, least_scale=0.01, robust=robust)


@pytest.mark.parametrize("robust", [True, False])
def test_a_mean_far_above_all_groups_has_a_small_p_and_one_among_them_has_not(robust):
    rng = np.random.default_rng(6)
    values = rng.normal(0, 1, N)
    values[:20] += 4
    honest = [rng.permutation(np.arange(20, N))[:20] for _ in range(60)]
    high, tail = compared(values, np.arange(20), honest, robust)
    assert high == pytest.approx(values[:20].mean())
    assert tail.p < 1e-4
    assert compared(values, np.arange(20, 40), honest, robust)[1].p > 0.01


@pytest.mark.parametrize(
    ("values", "null"),
    [(np.full(N, np.nan), [range(20), range(20, 40)]), (np.ones(N), [range(20)])],
)
def test_a_mean_without_values_or_without_two_groups_is_not_measured(values, null):
    mean, tail = compared(values, np.arange(50, 60), null, robust=True)
    assert np.isnan(mean)
    assert np.isnan(tail.p)


def test_a_minority_of_suspicious_groups_hides_nothing_from_a_robust_null():
    rng = np.random.default_rng(7)
    values = rng.normal(0, 1, N)
    values[:60] += 4
    honest = [rng.permutation(np.arange(60, N))[:20] for _ in range(60)]
    open_ones = [20 + rng.permutation(40)[:20] for _ in range(8)]
    assert compared(values, np.arange(20), honest + open_ones, robust=True)[1].p < 1e-4
    assert compared(values, np.arange(20), honest + open_ones, robust=False)[1].p > 1e-3
