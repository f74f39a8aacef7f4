"""The compiled loops over holdings against the plain spelling of what they count."""

import numpy as np
import pytest
import scipy.sparse as sp

from iolaus.campaigns import holdings as module
from iolaus.campaigns.holdings import Holdings, rarest_common

ACCOUNTS, TOKENS = 60, 200


def drawn(seed=0, tokens=TOKENS):
    """Accounts that hold from nothing to nearly everything."""
    rng = np.random.default_rng(seed)
    share = rng.random((ACCOUNTS, 1)) ** 4
    share[7] = 0.0
    return (rng.random((ACCOUNTS, tokens)) < share).astype(np.float32)


def of(held):
    rows = sp.csr_array(held)
    return Holdings(rows.indptr, rows.indices, held.shape[1])


@pytest.mark.parametrize("tokens", [TOKENS, 100_000])  # looked up directly, and by hash
def test_what_draws_hold_in_common(tokens):
    held = np.zeros((ACCOUNTS, tokens), dtype=np.float32)
    held[:, :: tokens // TOKENS] = drawn()
    rng = np.random.default_rng(1)
    draws = np.stack([rng.permutation(ACCOUNTS)[:9] for _ in range(20)])
    found = of(held).in_common(draws)
    counts = np.stack([held[draw].sum(axis=0) for draw in draws])
    assert found.accounts.tolist() == [9] * 20
    assert found.holdings.tolist() == counts.sum(axis=1).tolist()
    assert found.distinct.tolist() == (counts > 0).sum(axis=1).tolist()
    assert found.most.tolist() == counts.max(axis=1).tolist()


def test_an_account_that_was_drawn_twice_counts_once():
    holdings = of(drawn())
    twice = holdings.in_common(np.asarray([[3, 5, 3, 9, 5]]))
    once = holdings.in_common(np.asarray([[3, 5, 9]]))
    assert (twice.accounts, twice.holdings, twice.distinct, twice.most) == (
        once.accounts, once.holdings, once.distinct, once.most,
    )  # fmt: skip


def test_some_tokens_alone_are_numbered_anew():
    held = drawn()
    chosen = np.random.default_rng(2).random(TOKENS) < 0.3
    only = of(held).only(chosen)
    expected = sp.csr_array(held[:, chosen])
    assert only.tokens == chosen.sum()
    assert np.array_equal(only.start, expected.indptr)
    assert np.array_equal(only.held, expected.indices)


@pytest.mark.parametrize("search", [0, 1, 16])  # every longer list is searched; hardly any
def test_the_rarest_token_that_pairs_have_in_common(monkeypatch, search):
    monkeypatch.setattr(module, "SEARCH", search)
    held, rng = drawn(), np.random.default_rng(3)
    column = rng.integers(-1, 3, TOKENS)
    worth = rng.random(TOKENS)
    a, b = rng.integers(0, ACCOUNTS, (2, 300))
    least = rng.random((300, 3)) * 0.5
    expected = least.copy()
    for pair, place in np.ndindex(300, 3):
        both = (held[a[pair]] * held[b[pair]] > 0) & (column == place)
        expected[pair, place] = max(least[pair, place], worth[both].max(initial=0.0))
    rows = of(held)
    for spelling in (rarest_common, rarest_common.py_func):  # compiled, 16 stays 16
        best = least.copy()
        spelling(rows.start, rows.held, column, worth, a, b, best)
        assert np.array_equal(best, expected)
