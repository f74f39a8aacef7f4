"""What finds a group's own rows among all without looking at all, against looking at all."""

import numpy as np
import pytest
import scipy.sparse as sp

from iolaus.campaigns.clusters import _inside
from iolaus.campaigns.nulls import CoherentGroups, Pool, Strata
from iolaus.campaigns.scene import pairs_within
from iolaus.campaigns.tests.failover import Moments

N = 200


def drawn(seed, size):
    rng = np.random.default_rng(seed)
    return rng, np.sort(rng.permutation(N)[:size])


@pytest.mark.parametrize(("seed", "size"), [(0, 1), (1, 12), (2, 90), (3, N)])
def test_pairs_within_a_group_are_those_with_both_ends_in_it(seed, size):
    rng, members = drawn(seed, size)
    pairs = np.unique(rng.integers(0, N, (3000, 2)), axis=0)
    a, b = pairs[:, 0], pairs[:, 1]
    place, one, other = pairs_within(members, a, b)
    inside = np.isin(a, members) & np.isin(b, members)
    assert place.tolist() == np.flatnonzero(inside).tolist()
    assert members[one].tolist() == a[inside].tolist()
    assert members[other].tolist() == b[inside].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_a_pool_is_its_accounts_without_those_left_out(seed):
    rng, accounts = drawn(seed, 60)
    out = np.sort(rng.permutation(60)[: 12 * seed])
    left = np.delete(accounts, out)
    pool = Pool(accounts, out)
    assert pool.size == left.size
    assert pool.all().tolist() == left.tolist()
    assert pool.at(np.arange(pool.size)).tolist() == left.tolist()


def test_a_stratum_without_members_leaves_out_only_its_own():
    rng, members = drawn(7, 50)
    number = rng.integers(0, 6, N)
    strata = Strata.of(number)
    for stratum in range(6):
        theirs = np.setdiff1d(np.flatnonzero(number == stratum), members)
        assert strata.without(stratum, members).all().tolist() == theirs.tolist()


def test_groups_apart_hold_at_most_a_fifth_of_members():
    rng, members = drawn(8, 40)
    held = sp.csr_array((rng.random((30, N)) < 0.1).astype(np.float32))
    dense = held.toarray()
    apart = dense[:, members].sum(axis=1) <= 0.2 * dense.sum(axis=1)
    assert 0 < apart.sum() < 30
    assert CoherentGroups(held).apart_from(members).tolist() == apart.tolist()


def test_links_inside_a_part_are_the_matrix_cut_both_ways():
    rng, part = drawn(9, 70)
    graph = sp.csr_array(rng.random((N, N)) * (rng.random((N, N)) < 0.1))
    assert np.array_equal(_inside(graph, part).toarray(), graph.toarray()[np.ix_(part, part)])


def test_moments_of_members_come_in_order():
    rng, members = drawn(10, 30)
    account, hour = np.sort(rng.integers(0, N, 500)), rng.random(500)
    expected = np.sort(hour[np.isin(account, members)])
    assert Moments(account, hour).of(members).tolist() == expected.tolist()
