"""The peer: maximum mean discrepancy of a window against benign traffic, arXiv 2606.05725.

Written anew from the paper and the description of its artifact (LabRAI/mmd-llm-mea-detection):
unit vectors; mean of four RBF kernels at 0.5, 1, 2 and 4 times the median distance; unbiased
MMD^2; the score is the mean against 20 random reference windows of the same size; the threshold
is a percentile of benign pairs of disjoint windows.

That null compares one pair while the score averages twenty, so it is too wide and the false-
positive rate falls below its nominal value. `level="exact"` is the same statistic with a null
that is drawn as it is tested: a window of one part of the pool against the rest, which shares no
near-copies with that part (see `draw.parted` for why).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .draw import Floats, Wide, p_values, picks, windows
from .prompts import Ints

MULTIPLES: Final = (0.5, 1.0, 2.0, 4.0)  # of the median distance
MEDIAN_OF: Final = 2_000  # vectors, whose pairs give the median distance
PAIRS: Final = 400  # of benign windows in the null; the artifact draws 1,000
REFERENCES: Final = 20  # windows that a score averages
LIBRARY: Final = 100  # reference windows drawn once; each window takes 20 of them
PARTS: Final = (
    20  # ways of taking a part out of the pool, for the exact null; 400 / 20 windows each
)
PART: Final = 0.25  # of the pool; 2,000 of 8,000, so that a window of 1,500 fits
BLOCK: Final = 2_000  # rows of a kernel at once


@dataclass(frozen=True)
class Null:
    """What benign traffic gives for one window size; references and held-out sets go with it."""

    pairs: Wide  # MMD^2 of two windows
    left: Wide  # MMD^2 of a window of a part and the rest of the pool
    references: Floats  # (LIBRARY, pool), 0/1
    within: Wide  # mean kernel inside each reference window


@dataclass(frozen=True)
class Seen:
    """Kernels of the prompts that windows are made of: among themselves and against the pool."""

    among: Floats
    references: dict[int, Wide]  # by size: (prompts, LIBRARY) mean kernel to a reference window
    rest: Wide  # (prompts, PARTS) mean kernel to the rest of the pool


class Mmd:
    """Fitted to a benign pool.

    vectors: (prompts, width), unit length. parts: (PARTS, pool) bool, see `draw.parted`; the exact
    null draws its windows where it is true and compares them with the pool where it is false.
    """

    def __init__(
        self,
        vectors: Floats,
        pool: Ints,
        parts: NDArray[np.bool_],
        sizes: tuple[int, ...],
        rng: np.random.Generator,
    ) -> None:
        self._vectors, self._pool = vectors, pool
        some = vectors[pool[picks(pool.size, min(MEDIAN_OF, pool.size), rng)]]
        squares = 2.0 - 2.0 * (some @ some.T)[np.triu_indices(len(some), 1)]
        self.sigma = float(np.sqrt(np.median(squares[squares > 0])))
        among = self._kernel(pool, pool)
        self._rest = 1.0 - parts.astype(np.float32)
        self._rest_size = self._rest.sum(1, dtype=np.float64)
        sums = self._rest @ among
        whole = np.einsum("ij,ij->i", self._rest, sums, dtype=np.float64)
        self._rest_within = (whole - self._rest_size) / (self._rest_size * (self._rest_size - 1))
        to_rest = (sums / self._rest_size[:, None]).T
        self._null = {size: self._fit(among, to_rest, size, rng) for size in sizes}

    def extend(self, seen: Seen, rows: Ints, more: Ints) -> Seen:
        """Kernels of `rows` and `more`, where those of `rows` are there already."""
        new = self.prepare(more)
        across = self._kernel(rows, more)
        return Seen(
            np.block([[seen.among, across], [across.T, new.among]]),
            {s: np.concatenate([seen.references[s], new.references[s]]) for s in self._null},
            np.concatenate([seen.rest, new.rest]),
        )

    def prepare(self, rows: Ints) -> Seen:
        """Kernels of some prompts, to score many windows of them."""
        references = {s: np.empty((rows.size, LIBRARY)) for s in self._null}
        rest = np.empty((rows.size, PARTS))
        for start in range(0, rows.size, BLOCK):
            part = slice(start, start + BLOCK)
            kernel = self._kernel(rows[part], self._pool)
            for size, null in self._null.items():
                references[size][part] = kernel @ null.references.T / size
            rest[part] = kernel @ self._rest.T / self._rest_size
        return Seen(self._kernel(rows, rows), references, rest)

    def score(
        self,
        seen: Seen,
        picked: Floats,
        level: str,
        rng: np.random.Generator,
    ) -> tuple[Wide, Wide]:
        """(score, p) of each window. In: (windows, prompts) 0/1, all of one fitted size."""
        size = int(picked[0].sum())
        null = self._null[size]
        inside = _inside(picked, picked @ seen.among, size)
        wide = picked.astype(np.float64)
        if level == "paper":
            each = null.within - 2.0 * (wide @ seen.references[size] / size)
            chosen = rng.permuted(np.tile(np.arange(LIBRARY), (len(picked), 1)), axis=1)
            scores = inside + np.take_along_axis(each, chosen[:, :REFERENCES], axis=1).mean(1)
            return scores, p_values(scores, null.pairs)
        each = self._rest_within - 2.0 * (wide @ seen.rest / size)
        scores = inside + each[np.arange(len(picked)), np.arange(len(picked)) % PARTS]
        return scores, p_values(scores, null.left)

    def _fit(self, among: Floats, to_rest: Wide, size: int, rng: np.random.Generator) -> Null:
        total = self._pool.size
        order = [picks(total, 2 * size, rng) for _ in range(PAIRS)]
        first, second = _marked(order, total, 0, size), _marked(order, total, size, 2 * size)
        sums = first @ among
        pairs = _inside(first, sums, size) + _inside(second, second @ among, size)
        pairs -= 2.0 * np.einsum("ij,ij->i", sums, second, dtype=np.float64) / size**2
        references = windows(total, 0, size, 0.0, LIBRARY, rng)
        turn = np.repeat(np.arange(PARTS), PAIRS // PARTS)
        parts = [np.flatnonzero(self._rest[part] == 0.0) for part in turn]
        out = _marked([rows[picks(rows.size, size, rng)] for rows in parts], total, 0, size)
        across = (out.astype(np.float64) @ to_rest)[np.arange(turn.size), turn] / size
        return Null(
            pairs=pairs,
            left=_inside(out, out @ among, size) + self._rest_within[turn] - 2.0 * across,
            references=references,
            within=_inside(references, references @ among, size),
        )

    def _kernel(self, a: Ints, b: Ints) -> Floats:
        """Mean of the four kernels. The widest is computed; the others are its 4th powers."""
        squares = np.maximum(2.0 - 2.0 * (self._vectors[a] @ self._vectors[b].T), 0.0)
        power = np.exp(squares * np.float32(-0.5 / (MULTIPLES[-1] * self.sigma) ** 2))
        total: Floats = power.copy()
        for _ in MULTIPLES[1:]:  # half the width is the 4th power: exp(-d / (2 (w / 2)^2))
            power *= power
            power *= power
            total += power
        total /= np.float32(len(MULTIPLES))
        return total


def _marked(chosen: list[Ints], total: int, start: int, end: int) -> Floats:
    out = np.zeros((len(chosen), total), np.float32)
    for row, some in zip(out, chosen, strict=True):
        row[some[start:end]] = 1.0
    return out


def _inside(marked: Floats, sums: Floats, size: int) -> Wide:
    """Mean kernel between two different prompts of each window. `sums`: marked @ kernel."""
    whole = np.einsum("ij,ij->i", marked, sums, dtype=np.float64)
    result: Wide = (whole - size) / (size * (size - 1))  # the kernel of a prompt and itself is 1
    return result
