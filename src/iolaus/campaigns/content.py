"""What accounts ask about, compared: vectors of their prompts' content, whoever made the codes.

An account's vector is the mean of its prompts' codes less everybody's mean. The mean of few prompts
is noisy, so every comparison says how sure a vector of so many prompts can be.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LEAST_MEMBERS = 8  # with prompts, before a group has a content that others can be held against
TAIL_DF = 3  # heavy tails: some honest people are after the same thing
# log of the Student t density at 0, which TAIL_DF alone decides: -1.0009
AT_CENTRE = (
    math.lgamma((TAIL_DF + 1) / 2) - math.lgamma(TAIL_DF / 2) - 0.5 * math.log(TAIL_DF * math.pi)
)
MOST_BITS, LACK_BITS = 5.0, 6.0  # templates make content too, so it is no evidence apart from them
MOST_CROWD = (
    1 << 16
)  # accounts that members are held against: a median of so many moves by 1 in 500
DESIGN = 2.0  # the 128 signs of one prompt hang together: their projection varies twice as much

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Content:
    """`vectors`: accounts x directions, mean signs, NaN without prompts; `counts`: prompts."""

    vectors: NDArray[np.float32]
    counts: Ints

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        return self.counts > 0

    @cached_property
    def middle(self) -> NDArray[np.float32]:
        """Everybody's mean; 0 where nothing is known."""
        if not self.known.any():
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        mean: NDArray[np.float32] = self.vectors[self.known].mean(axis=0)
        return mean

    @cached_property
    def crowd(self) -> Ints:
        """Accounts that stand for all whose content is known: all of them, or MOST_CROWD of them
        at even distances."""
        known = np.flatnonzero(self.known)
        most = min(known.size, MOST_CROWD)
        return known[np.arange(most) * known.size // max(most, 1)]

    @cached_property
    def crowd_vectors(self) -> Floats:
        """The crowd's vectors, centred: 65,536 * 128 * 8 bytes = 67 MB at most."""
        return self.centred(self.crowd).astype(np.float64)

    def centred(self, accounts: Ints) -> NDArray[np.float32]:
        """Vectors of some accounts less the mean over all; 0 where nothing is known."""
        mine = self.vectors[accounts] - self.middle
        mine[~self.known[accounts]] = 0
        return mine

    def directions(self, accounts: Ints) -> NDArray[np.float32]:
        """Their centred vectors at length 1; 0 where nothing is known."""
        centred = self.centred(accounts)
        length = np.linalg.norm(centred, axis=1, keepdims=True)
        ones: NDArray[np.float32] = np.zeros_like(centred)
        np.divide(centred, length, out=ones, where=length > 0)
        return ones

    def similarity(self, a: Ints, b: Ints, chunk: int = 200_000) -> Floats:
        """Cosine of each pair of accounts; 0 where one of them is not known."""
        found = np.zeros(a.size)
        both = np.flatnonzero(self.known[a] & self.known[b])
        for start in range(0, both.size, chunk):
            part = both[start : start + chunk]
            found[part] = (self.directions(a[part]) * self.directions(b[part])).sum(axis=1)
        return found

    def most_bits(self, members: Ints) -> float:
        """The most that `belonging` could give an account."""
        return MOST_BITS if self.known[members].sum() >= LEAST_MEMBERS else 0.0

    def belonging(self, members: Ints, accounts: Ints) -> Floats:
        """Bits, for each of `accounts`, for being after what the members are after; 0 where not
        known. Both sorted, the members among the accounts.

        Each vector is projected on the members' mean (the account's own part taken out). Members
        and others have their median and spread there, a vector of n prompts also 1 / n of one
        prompt's variance; the bits are the log ratio of the two Student t densities.
        """
        mine = members[self.known[members]]
        bits = np.zeros(accounts.size)
        if mine.size < LEAST_MEMBERS:
            return bits
        other = ~_among(self.crowd, mine)
        if other.sum() < LEAST_MEMBERS:
            return bits
        vectors = self.centred(mine)
        aim = vectors.sum(axis=0, dtype=np.float64) / mine.size
        length = max(float(aim @ aim), 1e-9)
        known = self.known[accounts]
        asked = accounts[known]
        place = self.centred(asked) @ aim
        inside = np.searchsorted(asked, mine)
        own = (vectors.astype(np.float64) ** 2).sum(axis=1)
        place[inside] = (place[inside] * mine.size - own) / (mine.size - 1)
        place /= length  # 0 everybody, 1 the members
        noise = DESIGN / length / np.maximum(self.counts[asked], 1)
        centre, spread = _spread(place[inside], noise[inside])
        others = self.crowd[other]
        theirs = (self.crowd_vectors @ aim)[other] / length
        far, wide = _spread(theirs, DESIGN / length / np.maximum(self.counts[others], 1))
        if centre <= far:
            return bits
        near = np.minimum(place, centre)  # to be even more so is no sign against it
        ratio = _log_density(near, centre, spread, noise) - _log_density(place, far, wide, noise)
        bits[known] = np.clip(ratio / np.log(2), -LACK_BITS, MOST_BITS)
        return bits


def _among(accounts: Ints, chosen: Ints) -> NDArray[np.bool_]:
    """Which of some accounts are chosen; both sorted."""
    at = np.minimum(np.searchsorted(accounts, chosen), accounts.size - 1)
    found = np.zeros(accounts.size, dtype=bool)
    found[at[accounts[at] == chosen]] = True
    return found


def _spread(place: Floats, noise: Floats) -> tuple[float, float]:
    """Median, and the variance that the noise of few prompts does not explain."""
    centre = float(np.median(place))
    seen = (1.4826 * float(np.median(np.abs(place - centre)))) ** 2
    return centre, max(seen - float(np.median(noise)), 0.01)


def _log_density(place: Floats, centre: float, spread: float, noise: Floats) -> Floats:
    """Of Student's t with TAIL_DF degrees of freedom."""
    variance = spread + noise
    away = (place - centre) ** 2 / variance
    density: Floats = (
        AT_CENTRE - (TAIL_DF + 1) / 2 * np.log1p(away / TAIL_DF) - 0.5 * np.log(variance)
    )
    return density
