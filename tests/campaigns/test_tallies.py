"""The kernels of tallies and weights against the same in numpy and scipy, on random holdings."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from iolaus.campaigns import token_matrix
from iolaus.campaigns.tallies import Desk, reached, shared, tied
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.campaigns.weights import best_by_account, best_by_token, others_holding

N, TOKENS, FAMILIES = 80, 120, 7
OFTEN, OFTEN_LEAST = 2, 0.5


class Drawn:
    """Who holds what, a group among them, and what each token of it says."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        dense = rng.random((N, TOKENS)) < 0.4 * rng.random((1, TOKENS)) ** 2
        dense[7], dense[:, 3] = True, True  # an account and a token of all
        self.dense = dense
        self.by_account = sp.csr_array(dense.astype(np.float32))
        self.by_token = sp.csc_array(dense.astype(np.float32))
        self.rows = (self.by_account.indptr, self.by_account.indices)
        self.columns = (self.by_token.indptr, self.by_token.indices)
        self.members = np.sort(rng.permutation(N)[:25])
        self.core = np.sort(rng.permutation(N)[:20])
        self.whose = np.sort(rng.integers(0, 15, 25))
        self.tokens = rng.permutation(TOKENS)[:60]
        self.family = rng.integers(0, FAMILIES, 60)
        self.mark = rng.random(60) < 0.5
        self.inner, self.outer = rng.normal(0, 3, (2, 60))
        others = rng.permutation(N)[:30]
        self.asked = np.unique(np.concatenate([self.members, self.core, others]))
        self.inside = np.isin(self.asked, self.members)
        self.linked = np.isin(self.asked, self.core)
        self.desk = Desk.of(N, TOKENS)
        self.best = np.full((self.asked.size, FAMILIES), -np.inf)
        self.often = np.zeros(self.asked.size, dtype=np.int64)

    def clean(self):
        desk = self.desk
        return not any(part.any() for part in (desk.token, desk.account, desk.flag))

    def crowds(self):
        """The tokens of many holders: row per token, and bits."""
        family = np.zeros(TOKENS, dtype=np.int64)
        shown = np.ones(self.by_token.nnz, dtype=np.float32)
        holders = self.dense.sum(axis=0)
        crowds = TokenMatrix(self.by_token, shown, family, family.astype(object), holders).crowds
        return crowds.row, crowds.bits

    def said(self, allowed):
        """(best, often) of what the asked hold, where `allowed` (asked x tokens)."""
        held = self.dense[np.ix_(self.asked, self.tokens)] & allowed
        worth = np.where(self.inside[:, None], self.inner, self.outer)
        best = np.full(self.best.shape, -np.inf)
        for column in range(FAMILIES):
            mine = np.where(held & (self.family == column), worth, -np.inf)
            best[:, column] = mine.max(axis=1)
        often = (held & (self.family == OFTEN) & (worth > OFTEN_LEAST)).sum(axis=1)
        return best, often


@pytest.fixture(params=range(5))
def drawn(request):
    return Drawn(request.param)


def test_tokens_that_two_customers_hold(drawn):
    held = np.asarray(
        [drawn.dense[drawn.members[drawn.whose == w]].any(axis=0) for w in set(drawn.whose)]
    )
    count = held.sum(axis=0)
    for _ in range(2):  # the desk is clean again
        tokens, customers = shared(*drawn.rows, drawn.members, drawn.whose, drawn.desk.token)
        assert dict(zip(tokens, customers, strict=True)) == {
            t: count[t] for t in np.flatnonzero(count >= 2)
        }
        assert drawn.clean()


def test_who_holds_some_tokens(drawn):
    holders = np.flatnonzero(drawn.dense[:, drawn.tokens[:9]].any(axis=1))
    expected = np.unique(np.concatenate([drawn.members, drawn.core, holders]))
    found = reached(*drawn.columns, drawn.tokens[:9], drawn.members, drawn.core, drawn.desk.account)
    assert np.sort(found).tolist() == expected.tolist()
    assert drawn.clean()


@pytest.fixture(params=[(0.0, 1000), (0.2, 1000), (0.2, 4), (2.0, 1000)])
def many(request, monkeypatch):
    """Which tokens are a crowd's: all, those of many, a few of them, none."""
    monkeypatch.setattr(token_matrix, "CROWD_SHARE", request.param[0])
    monkeypatch.setattr(token_matrix, "MOST_CROWDS", request.param[1])
    return request.param


def test_a_crowds_bits_are_its_holders(drawn, many):
    row, bits = drawn.crowds()
    share, most = many
    holders = drawn.dense.sum(axis=0)
    assert (row >= 0).sum() == min(most, (holders > share * N).sum())
    assert holders[row >= 0].min(initial=N) >= holders[row < 0].max(initial=0)
    for token in np.flatnonzero(row >= 0):
        one_by_one = (bits[row[token]][np.arange(N) // 64] >> (np.arange(N) % 64).astype("u8")) & 1
        assert np.array_equal(one_by_one.astype(bool), drawn.dense[:, token])


def test_the_best_by_token(drawn, many):
    for _ in range(2):
        drawn.best[:], drawn.often[:] = -np.inf, 0
        best_by_token(
            *drawn.columns, drawn.tokens, drawn.family, drawn.mark, drawn.inner, drawn.outer,
            *drawn.crowds(), drawn.asked, drawn.inside, drawn.linked, OFTEN, OFTEN_LEAST,
            drawn.desk.account, drawn.best, drawn.often,
        )  # fmt: skip
        assert drawn.clean()
    best, often = drawn.said(drawn.linked[:, None] | drawn.mark)
    assert np.array_equal(drawn.best, best)
    assert np.array_equal(drawn.often, often)


def test_how_many_others_hold_one_of_some_tokens(drawn, many):
    few = slice(0, 9)
    tokens, family = drawn.tokens[few], drawn.family[few]
    for _ in range(2):
        found = others_holding(
            *drawn.columns, tokens, family, *drawn.crowds(), drawn.members, drawn.desk.flag
        )
        assert drawn.clean()
    for column in range(FAMILIES):
        holders = np.flatnonzero(drawn.dense[:, tokens[family == column]].any(axis=1))
        assert found[column] == np.setdiff1d(holders, drawn.members).size
    assert np.unique(found).size >= 3


def test_the_best_by_account(drawn):
    best_by_account(
        *drawn.rows, drawn.tokens, drawn.family, drawn.inner, drawn.outer, drawn.core,
        np.searchsorted(drawn.asked, drawn.core), drawn.inside, OFTEN, OFTEN_LEAST,
        drawn.desk.token, drawn.best, drawn.often,
    )  # fmt: skip
    best, often = drawn.said(drawn.linked[:, None])
    assert np.array_equal(drawn.best, best)
    assert np.array_equal(drawn.often, often)
    assert drawn.clean()


@pytest.mark.parametrize("mostly", [0.0, 0.5])
def test_who_hangs_together(drawn, mostly):
    chosen = drawn.dense.sum(axis=0) < 8
    inside = drawn.dense[drawn.members]
    within, holders = inside.sum(axis=0), drawn.dense.sum(axis=0)
    tie = inside[:, chosen & (within >= 2) & (within >= mostly * holders)].astype(float)
    expected = connected_components(sp.csr_array(tie @ tie.T), directed=False)[1]
    label = tied(*drawn.rows, drawn.members, chosen, holders, mostly, drawn.desk.token)
    assert label.tolist() == expected.tolist()
    assert 1 < label.max() < label.size - 1
    assert drawn.clean()
