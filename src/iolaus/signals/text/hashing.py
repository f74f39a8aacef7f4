"""The kernel's own 64-bit hashes: plain integer arithmetic, so any language can repeat them.

word:  h = 0xCBF29CE484222325; per byte h = (h ^ byte) * 0x9FB21C651E98DF25; then mix(h).
exact: h = mix(length); per 8 bytes, little-endian, the last ones padded with zeros,
       h = (h ^ word) * 0x9FB21C651E98DF25; h ^= h >> 32; at the end mix(h).
mix:   SplitMix64's finaliser (Steele, Lea and Flood 2014).

All arithmetic is modulo 2^64. None of this resists someone who *wants* two texts to collide;
a distiller gains nothing by looking like somebody else's prompt. Golden values are in the tests.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

WORD_SEED = np.uint64(0xCBF29CE484222325)  # FNV's offset basis
FACTOR = np.uint64(0x9FB21C651E98DF25)  # odd, so that multiplying is a bijection
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
EIGHT = np.uint64(8)


@kernel
def mix(x: np.uint64) -> np.uint64:
    """Bijective scrambling of 64 bits."""
    x = (x ^ (x >> S30)) * MIX_1
    x = (x ^ (x >> S27)) * MIX_2
    return x ^ (x >> S31)


@kernel
def join(left: np.uint64, right: np.uint64) -> np.uint64:
    """Hash of a sequence that ends in `right`, from the hash of what stands before; ordered."""
    return mix((left * FACTOR) ^ right)


@kernel
def exact(data: NDArray[np.uint8], lo: int, hi: int) -> np.uint64:
    """Hash of the raw bytes data[lo:hi]."""
    h = mix(np.uint64(hi - lo))
    i = lo
    while i < hi:
        word = np.uint64(0)
        stop = min(i + 8, hi)
        for j in range(stop - 1, i - 1, -1):
            word = (word << EIGHT) | np.uint64(data[j])
        h = (h ^ word) * FACTOR
        h ^= h >> S32
        i = stop
    return mix(h)
