"""The random numbers that compiled loops draw.

Every number follows from a seed and from what it is drawn for (an account, a day, a row), never
from the order in which threads come to it. The mixer is SplitMix64's finaliser (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

State = NDArray[np.uint64]  # one number, which every draw moves on

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT: Final = 1.0 / 2.0**53
FEW = 30.0  # mean from which a Poisson number is drawn as a rounded normal one


@kernel
def whole(value: Any) -> int:
    """A number as a signed 64-bit integer, bit by bit where it was an unsigned one."""
    return np.int64(value)  # type: ignore[return-value]


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Bijective scrambling of 64 bits."""
    x = value + GOLDEN
    x = (x ^ (x >> _S30)) * _FIRST
    x = (x ^ (x >> _S27)) * _SECOND
    return x ^ (x >> _S31)


@kernel
def mixed(a: np.uint64, b: np.uint64) -> np.uint64:
    """One number from two; the order matters."""
    return mix(mix(a) ^ b)


@kernel
def begin(state: State, seed: np.uint64, a: np.uint64, b: np.uint64) -> None:
    """Start the stream that belongs to (seed, a, b)."""
    state[0] = mixed(mixed(seed, a), b)


@kernel
def bits(state: State) -> np.uint64:
    """The stream's next 64 bits."""
    state[0] += GOLDEN
    return mix(state[0])


@kernel
def unit(state: State) -> float:
    """The stream's next number, uniform in [0, 1)."""
    return np.float64(bits(state) >> _S11) * _UNIT


@kernel
def exponential(state: State) -> float:
    """The stream's next number, exponential with mean 1."""
    drawn: float = -np.log(1.0 - unit(state))
    return drawn


@kernel
def normal(state: State) -> float:
    """The stream's next number, standard normal (Box and Muller 1958, eq. 1)."""
    radius = np.sqrt(-2.0 * np.log(1.0 - unit(state)))
    drawn: float = radius * np.cos(2.0 * np.pi * unit(state))
    return drawn


@kernel
def poisson(state: State, mean: float) -> int:
    """The stream's next number, Poisson (Knuth's product for small means)."""
    if mean >= FEW:
        return max(0, int(np.floor(mean + np.sqrt(mean) * normal(state) + 0.5)))
    limit, product, count = np.exp(-mean), unit(state), 0
    while product > limit:
        product *= unit(state)
        count += 1
    return count


@kernel
def share_of(value: np.uint64) -> float:
    """64 bits as a number in [0, 1)."""
    return np.float64(value >> _S11) * _UNIT
