"""Values that stand more than once: against a plain count."""

import numpy as np
import pytest

from iolaus.engine.repeated import repeated


@pytest.mark.parametrize("size", [0, 1, 2, 50, 20_000])
@pytest.mark.parametrize("spread", [4, 20_000, 2**62])
def test_as_a_plain_count_finds_them(size, spread):
    values = np.random.default_rng(size).integers(-spread, spread, size)
    found, counts = np.unique(values, return_counts=True)
    np.testing.assert_array_equal(repeated(values), found[counts > 1])


def test_values_that_share_a_bit_are_told_apart():
    """So many that chance puts some on one bit: only the pair that was put there is found."""
    values = np.random.default_rng(3).permutation(np.arange(1, 200_001) * 2**40)
    assert len(repeated(values)) == 0
    np.testing.assert_array_equal(repeated(np.append(values, values[7])), values[7:8])
