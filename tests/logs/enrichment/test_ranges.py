"""Nested and overlapping ranges, against the plainest way to say which one answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iolaus.logs.enrichment.addresses import Blocks
from iolaus.logs.enrichment.ranges import UNKNOWN, Layer, align, flatten, nothing, overlay

TOP = 2**128 - 1
# Few distinct ends, so that ranges meet, nest and reach both ends of the address space.
POINTS = [0, 1, 2, 5, 2**32 - 1, 2**32, 2**64 - 1, 2**64, 2**64 + 1, 2**100, TOP - 1, TOP]
RANGES = st.lists(
    st.tuples(st.sampled_from(POINTS), st.sampled_from(POINTS), st.integers(0, 4)).map(
        lambda r: (min(r[0], r[1]), max(r[0], r[1]), r[2])
    ),
    max_size=12,
)
ASKED = sorted({p + d for p in POINTS for d in (-1, 0, 1) if 0 <= p + d <= TOP})


def halves(numbers: list[int]) -> tuple[np.ndarray, np.ndarray]:
    high = np.array([n >> 64 for n in numbers], np.uint64)
    return high, np.array([n & (2**64 - 1) for n in numbers], np.uint64)


def layer(ranges: list[tuple[int, int, int]]) -> Layer:
    first, last = halves([r[0] for r in ranges]), halves([r[1] for r in ranges])
    rows = np.arange(len(ranges))
    return flatten(Blocks(*first, *last, rows), np.array([r[2] for r in ranges], np.int64))


def ask(layers: list[Layer], numbers: list[int]) -> list[list[int]]:
    cut = align(layers)
    at = cut.at(*halves(numbers))
    return [column[at].tolist() for column in cut.columns]


def plainly(ranges: list[tuple[int, int, int]], number: int) -> int:
    """The smallest range around the number; of equally small ones the last."""
    around = [(b - a, -i, c) for i, (a, b, c) in enumerate(ranges) if a <= number <= b]
    return min(around, default=(0, 0, UNKNOWN))[2]


@given(RANGES)
def test_the_most_specific_range_answers(ranges: list[tuple[int, int, int]]) -> None:
    assert ask([layer(ranges)], ASKED)[0] == [plainly(ranges, n) for n in ASKED]


@given(RANGES, RANGES)
def test_the_first_file_that_knows_answers(a: list, b: list) -> None:
    wanted = [x if (x := plainly(a, n)) != UNKNOWN else plainly(b, n) for n in ASKED]
    assert ask([overlay([layer(a), layer(b)])], ASKED)[0] == wanted


@given(RANGES, RANGES)
def test_aligned_layers_answer_apart(a: list, b: list) -> None:
    got = ask([layer(a), nothing(), layer(b)], ASKED)
    assert got[0] == [plainly(a, n) for n in ASKED]
    assert set(got[1]) == {UNKNOWN}
    assert got[2] == [plainly(b, n) for n in ASKED]


def test_neighbours_with_one_answer_are_one_segment() -> None:
    assert len(layer([(0, 9, 1), (10, 19, 1), (20, 29, 2)]).codes) == 3  # 0-19, 20-29, the rest


@pytest.mark.parametrize("seed", range(3))
def test_many_random_networks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths, numbers = rng.integers(4, 33, 400).tolist(), rng.integers(0, 2**32, 400).tolist()
    firsts = [x >> (32 - n) << (32 - n) for x, n in zip(numbers, lengths, strict=True)]
    lasts = [a + 2 ** (32 - n) - 1 for a, n in zip(firsts, lengths, strict=True)]
    ranges = list(zip(firsts, lasts, range(400), strict=True))
    asked = rng.integers(0, 2**32, 2_000).tolist() + firsts
    assert ask([layer(ranges)], asked)[0] == [plainly(ranges, n) for n in asked]
