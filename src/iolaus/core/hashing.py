"""One portable 64-bit hash. Engines' built-in hashes differ between engines and versions.

The hash of a text is the first 8 bytes of its BLAKE2b digest, read little-endian as a signed
integer: any language with BLAKE2 can repeat it.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


def hash64(text: str | bytes) -> int:
    """Hash of one text, -2^63 to 2^63 - 1."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little", signed=True)


def mix64(values: NDArray[np.int64], salt: int = 0) -> NDArray[np.int64]:
    """Bijective scrambling of integers (SplitMix64's finaliser), vectorised.

    For seeded sampling and for combining hashes: `mix64(a, salt) ^ b`.
    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
    """
    with np.errstate(over="ignore"):
        x = values.view(np.uint64) + np.uint64((salt * 2 + 1) * 0x9E3779B97F4A7C15 & (2**64 - 1))
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))).view(np.int64)
