"""Values that stand more than once among many that stand once.

A hash table of all values spends its time and memory on those that come once. Two tables of bits
set nearly all of these aside; what is left is compared exactly.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

Ints = NDArray[np.int64]
BITS_EACH: Final = 16  # of a table, for each value: of those that come once 1 in 17 meets a set bit
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: spreads what is no hash


def repeated(values: Ints) -> Ints:
    """The values that stand more than once, each once and sorted."""
    shift = 64 - max(6, int(np.ceil(np.log2(max(1, BITS_EACH * len(values))))))
    words = (1 << (64 - shift)) // 64
    met, again = (np.zeros(words, np.uint64) for _ in range(2))
    found = np.empty(len(values), np.int64)
    _mark(values, np.uint64(shift), met, again)
    few = found[: _take(values, np.uint64(shift), again, found)]
    few.sort()
    first = np.flatnonzero(few[1:] == few[:-1])
    return np.unique(few[first])


@kernel
def _mark(
    values: Ints, shift: np.uint64, met: NDArray[np.uint64], again: NDArray[np.uint64]
) -> None:
    """Set each value's bit in `met`, and in `again` where it was set before."""
    for n in range(len(values)):
        place = (np.uint64(values[n]) * _ODD) >> shift
        word, bit = place >> np.uint64(6), np.uint64(1) << (place & np.uint64(63))
        again[word] |= met[word] & bit
        met[word] |= bit


@kernel
def _take(values: Ints, shift: np.uint64, again: NDArray[np.uint64], found: Ints) -> int:
    """Write the values whose bit is set in `again` into `found`; how many these are."""
    size = 0
    for n in range(len(values)):
        place = (np.uint64(values[n]) * _ODD) >> shift
        if (again[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1):
            found[size] = values[n]
            size += 1
    return size
