"""The benchmark of content vectors measures what it says."""

import numpy as np
import pytest
from benchmarks.text.content import auc, sampled, separation, vectors


def test_auc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 9, 80) / 8  # with ties
    positive = rng.random(80) < 0.3
    pairs = [(a > b) + (a == b) / 2 for a in scores[positive] for b in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))


def test_no_prompt_is_in_two_accounts_and_short_ones_are_left_out():
    values = np.arange(10.0)[:, None] * np.ones((1, 3))
    values[4] = np.nan
    means = vectors(values, 3, np.random.default_rng(1))
    assert means.shape == (3, 3)
    assert means[:, 0].sum() * 3 == np.arange(10).sum() - 4  # each of the nine once


def test_separation_is_one_for_groups_apart_and_half_for_groups_alike():
    rng = np.random.default_rng(2)
    alike = {name: rng.choice([-1.0, 1.0], (200, 128)) for name in "abc"}
    apart = {name: np.sign(rng.standard_normal((200, 128)) + 3 * alike[name][:1]) for name in "abc"}
    assert separation(apart, 8, 0) == 1
    assert abs(separation(alike, 8, 0) - 0.5) < 0.05


def test_a_sample_holds_each_prompt_once():
    chosen = sampled({"a": ["x", "y", "x"] * 5, "b": [str(i) for i in range(1000)]})
    assert sorted(chosen["a"]) == ["x", "y"]
    assert len(set(chosen["b"])) == len(chosen["b"]) == 320
