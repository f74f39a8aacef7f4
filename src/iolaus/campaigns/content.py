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
    def centred(self) -> NDArray[np.float32]:
        """Vectors less the mean over accounts; 0 where nothing is known."""
        if not self.known.any():
            return np.zeros_like(self.vectors)
        middle = self.vectors[self.known].mean(axis=0)
        centred = np.where(self.known[:, None], self.vectors - middle, 0)
        narrow: NDArray[np.float32] = centred.astype(np.float32)
        return narrow

    @cached_property
    def directions(self) -> NDArray[np.float32]:
        """Centred vectors of length 1; 0 where nothing is known."""
        length = np.linalg.norm(self.centred, axis=1, keepdims=True)
        ones: NDArray[np.float32] = np.zeros_like(self.centred)
        np.divide(self.centred, length, out=ones, where=length > 0)
        return ones

    def similarity(self, a: Ints, b: Ints, chunk: int = 200_000) -> Floats:
        """Cosine of each pair of accounts; 0 where one of them is not known."""
        found = np.zeros(a.size)
        for start in range(0, a.size, chunk):
            part = slice(start, start + chunk)
            found[part] = (self.directions[a[part]] * self.directions[b[part]]).sum(axis=1)
        return found

    def belonging(self, members: Ints) -> Floats:
        """Bits, per account, for being after what the members are after; 0 where not known.

        Each vector is projected on the members' mean (the account's own part taken out). Members
        and others have their median and spread there, a vector of n prompts also 1 / n of one
        prompt's variance; the bits are the log ratio of the two Student t densities.
        """
        mine = members[self.known[members]]
        bits = np.zeros(self.counts.size)
        if mine.size < LEAST_MEMBERS:
            return bits
        place = self._projected(mine)
        inside = np.zeros(self.counts.size, dtype=bool)
        inside[mine] = True
        others = self.known & ~inside
        if others.sum() < LEAST_MEMBERS:
            return bits
        middle = self.centred[mine].mean(axis=0, dtype=np.float64)
        noise = DESIGN / max(float(middle @ middle), 1e-9) / np.maximum(self.counts, 1)
        centre, spread = _spread(place[mine], noise[mine])
        far, wide = _spread(place[others], noise[others])
        if centre <= far:
            return bits
        near = np.minimum(place, centre)  # to be even more so is no sign against it
        ratio = _log_density(near, centre, spread, noise) - _log_density(place, far, wide, noise)
        bits[self.known] = np.clip(ratio[self.known] / np.log(2), -LACK_BITS, MOST_BITS)
        return bits

    def _projected(self, mine: Ints) -> Floats:
        """Each account's place along the members' mean: 0 everybody, 1 the members."""
        total = self.centred[mine].sum(axis=0, dtype=np.float64)
        middle = total / mine.size
        place = self.centred @ middle
        own = (self.centred[mine].astype(np.float64) ** 2).sum(axis=1)
        place[mine] = (place[mine] * mine.size - own) / (mine.size - 1)
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
