"""What accounts ask about, compared: vectors of their prompts' content, whoever made the codes.

An account's vector is the mean of its prompts' codes less everybody's mean. The mean of few prompts
is noisy, so every comparison says how sure a vector of so many prompts can be.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEAST_MEMBERS = 8  # with prompts, before a group has a content that others can be held against
TAIL_DF = 3  # heavy tails: some honest people are after the same thing
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
        others = np.setdiff1d(self.crowd, mine, assume_unique=True)
        if others.size < LEAST_MEMBERS:
            return bits
        aim = self.centred(mine).mean(axis=0, dtype=np.float64)
        length = max(float(aim @ aim), 1e-9)
        known = self.known[accounts]
        asked = accounts[known]
        place = self._projected(asked, mine)
        noise = DESIGN / length / np.maximum(self.counts[asked], 1)
        inside = np.searchsorted(asked, mine)
        centre, spread = _spread(place[inside], noise[inside])
        far, wide = _spread(
            self._projected(others, mine), DESIGN / length / np.maximum(self.counts[others], 1)
        )
        if centre <= far:
            return bits
        near = np.minimum(place, centre)  # to be even more so is no sign against it
        ratio = _log_density(near, centre, spread, noise) - _log_density(place, far, wide, noise)
        bits[known] = np.clip(ratio / np.log(2), -LACK_BITS, MOST_BITS)
        return bits

    def _projected(self, accounts: Ints, mine: Ints) -> Floats:
        """Some accounts' places along the members' mean: 0 everybody, 1 the members."""
        vectors = self.centred(mine)
        total = vectors.sum(axis=0, dtype=np.float64)
        middle = total / mine.size
        place = self.centred(accounts) @ middle
        at = np.searchsorted(accounts, mine)
        inside = np.append(accounts, -1)[at] == mine
        own = (vectors[inside].astype(np.float64) ** 2).sum(axis=1)
        place[at[inside]] = (place[at[inside]] * mine.size - own) / (mine.size - 1)
        projected: Floats = place / max(float(middle @ middle), 1e-9)
        return projected


def _spread(place: Floats, noise: Floats) -> tuple[float, float]:
    """Median, and the variance that the noise of few prompts does not explain."""
    centre = float(np.median(place))
    seen = (1.4826 * float(np.median(np.abs(place - centre)))) ** 2
    return centre, max(seen - float(np.median(noise)), 0.01)


def _log_density(place: Floats, centre: float, spread: float, noise: Floats) -> Floats:
    density: Floats = stats.t.logpdf(place, TAIL_DF, centre, np.sqrt(spread + noise))
    return density
