"""Who is after what a group is after, and how sure a few prompts can make that."""

import numpy as np
from tests.campaigns.making import no_content

from iolaus.campaigns.content import LACK_BITS, MOST_BITS, Content

N, GROUP = 400, np.arange(40)
EVERYBODY = np.arange(N)


def content(rng, prompts, alike=GROUP, subjects=6):
    """Accounts that ask about one of several subjects; `alike` share one of their own."""
    subject = rng.normal(0, 0.35, (subjects + 1, 128))
    of = rng.integers(0, subjects, N)
    of[alike] = subjects
    chance = np.clip(0.5 + subject[of] / 2, 0.02, 0.98)
    ones = rng.binomial(prompts, chance)
    return Content((2 * ones / prompts - 1).astype(np.float32), np.full(N, prompts))


def test_members_of_a_group_with_a_subject_of_its_own_belong_and_others_do_not():
    bits = content(np.random.default_rng(1), 30).belonging(GROUP, EVERYBODY)
    assert (bits[GROUP] > 2).mean() > 0.95
    assert (np.delete(bits, GROUP) < 0).mean() > 0.95
    assert (bits.max() <= MOST_BITS) & (bits.min() >= -LACK_BITS)


def test_a_member_left_out_is_recognised_by_what_it_asks_about():
    seen = content(np.random.default_rng(2), 30)
    assert (seen.belonging(GROUP[:30], EVERYBODY)[GROUP[30:]] > 2).all()


def test_few_prompts_say_less_than_many():
    rng = np.random.default_rng(3)
    many = content(rng, 40).belonging(GROUP, EVERYBODY)
    few = content(rng, 2).belonging(GROUP, EVERYBODY)
    assert few[GROUP].mean() < many[GROUP].mean()


def test_strangers_of_all_subjects_have_nothing_that_a_member_could_be_held_against():
    rng = np.random.default_rng(4)
    crowd = rng.permutation(N)[:40]
    bits = content(rng, 30, alike=[]).belonging(crowd, EVERYBODY)
    assert np.median(bits[crowd]) < 1.5


def test_without_prompts_nothing_is_said():
    assert not no_content(N).belonging(GROUP, EVERYBODY).any()
    assert not no_content(N).similarity(GROUP, GROUP[::-1]).any()


def test_similarity_is_the_cosine_of_the_centred_vectors():
    seen = content(np.random.default_rng(5), 30)
    a, b = np.array([0, 1, 50]), np.array([2, 100, 200])
    centred = seen.vectors - seen.vectors.mean(axis=0)
    expected = [
        centred[i] @ centred[j] / np.linalg.norm(centred[i]) / np.linalg.norm(centred[j])
        for i, j in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(seen.similarity(a, b), expected, atol=1e-5)
