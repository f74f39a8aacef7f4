"""Ours: does a window's mean differ from benign traffic's, in units of how benign windows vary?

MMD adds up differences in the directions in which benign prompts differ most anyway, where they are
hardest to see. Here every direction is first divided by its benign spread (a regularised Hotelling
statistic, which is what spectral regularisation does to MMD: Hagrass, Sriperumbudur and Li, Annals
of Statistics 2024). Two blocks of columns:

- content: the prompt's vector (hashed n-grams or a model's);
- shape: capability bits, log length, how rare its words are in benign traffic.

Each block's statistic is the squared length of the whitened difference. It is centred and scaled
by calibration windows; the blocks add with weights fixed beforehand. Nothing has seen an attack.

Exactness. Given the reference, calibration and test prompts are exchangeable. Calibration prompts
are parted into halves that share no near-copies; a window of one half is compared with the
reference and the other half. A tested window is compared with the same. So both have one law, and
the rank of a tested window among the calibration windows is a p-value, but for the overlap of
those windows: they are drawn from the same few thousand prompts, so the rate holds over many
splits, not within each one.
"""

import zlib
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.signals.text import text_features

from .draw import Floats, Wide, p_values, windows
from .prompts import Ints, Prompts
from .vectors import words

RIDGE: Final = 0.1  # of the mean variance, added to each: directions nobody uses stay quiet
SHAPE_WEIGHT: Final = 0.5  # of the shape block; content has 1
DRAWS: Final = 2_000  # calibration windows per size
HALVES: Final = 40  # ways of parting the calibration prompts; 2,000 / 40 = 50 windows of each
SLOTS: Final = 1 << 20  # of the hashed word counts
CAPABILITY_BITS: Final = 8  # the ninth is 'ordinary', which the others determine


class Whitened:
    """Columns divided by their benign spread, along the reference's principal directions."""

    def __init__(self, vectors: Floats, reference: Ints) -> None:
        self._mean = vectors[reference].mean(0)
        centred = vectors[reference] - self._mean
        spread, axes = np.linalg.eigh((centred.T @ centred / len(centred)).astype(np.float64))
        spread = np.maximum(spread, 0.0)
        scale = np.sqrt(spread + RIDGE * spread.mean())
        self._axes = (axes / scale).astype(np.float32)

    def __call__(self, vectors: Floats) -> Floats:
        result: Floats = (vectors - self._mean) @ self._axes
        return result


def shapes(prompts: Prompts, reference: Ints) -> Floats:
    """(prompts, 10): capability bits, log of the length in bytes, mean surprise of the words.

    Surprise: -ln of the share of reference prompts with the word or pair, half a prompt added.
    """
    batch = text_features(pa.array(prompts.texts, pa.large_string()),
                          pa.nulls(len(prompts.texts), pa.string()))  # fmt: skip
    bits = batch["capability_bits"].to_numpy()[:, None] >> np.arange(CAPABILITY_BITS) & 1
    length = np.log1p(batch["prompt_chars"].to_numpy())
    slots = [
        np.fromiter({zlib.crc32(w.encode()) % SLOTS for w in words(text)}, np.int64)
        for text in prompts.texts
    ]
    counts = np.bincount(np.concatenate([slots[i] for i in reference]), minlength=SLOTS)
    rarity = -np.log((counts + 0.5) / (reference.size + 1))
    surprise = [rarity[s].mean() if s.size else 0.0 for s in slots]
    return np.column_stack([bits, length, surprise]).astype(np.float32)


class Shift:
    """Fitted to a benign reference and benign calibration prompts.

    blocks: (weight, columns) with columns (prompts, width); not yet whitened. halves: (HALVES,
    calibration) bool, see `draw.parted`; calibration windows are drawn where it is true and
    compared with the reference and the calibration prompts where it is false.
    """

    def __init__(
        self,
        blocks: list[tuple[float, Floats]],
        reference: Ints,
        calibration: Ints,
        halves: NDArray[np.bool_],
        sizes: tuple[int, ...],
        rng: np.random.Generator,
    ) -> None:
        white = [Whitened(columns, reference)(columns) for _, columns in blocks]
        self._weights = np.array([weight for weight, _ in blocks])
        self._edges = np.cumsum([0, *(w.shape[1] for w in white)])
        self._columns = np.concatenate(white, axis=1)
        own = self._columns[calibration]
        known = self._columns[reference].sum(0, dtype=np.float64)
        left = (~halves).astype(np.float32)
        self._rest = (known + left @ own) / (reference.size + left.sum(1))[:, None]
        self._scale: dict[int, tuple[Wide, Wide]] = {}
        self._null: dict[int, Wide] = {}
        for size in sizes:
            sums = np.concatenate([_sums(own[half], size, rng) for half in halves])
            parts = self._parts(sums, size, np.repeat(np.arange(len(halves)), DRAWS // HALVES))
            self._scale[size] = parts.mean(0), parts.std(0)
            self._null[size] = self._joined(parts, size)

    def prepare(self, rows: Ints) -> Floats:
        """Whitened columns of some prompts."""
        return self._columns[rows]

    def score(self, seen: Floats, picked: Floats) -> tuple[Wide, Wide]:
        """(score, p) of each window. In: (windows, prompts) 0/1, all of one fitted size."""
        size = int(picked[0].sum())
        parts = self._parts(picked @ seen, size, np.arange(len(picked)) % len(self._rest))
        scores = self._joined(parts, size)
        return scores, p_values(scores, self._null[size])

    def _parts(self, sums: Floats, size: int, half: Ints) -> Wide:
        """(windows, blocks): squared length of the difference of means."""
        squares = (sums / size - self._rest[half]) ** 2
        return np.add.reduceat(squares, self._edges[:-1], axis=1)

    def _joined(self, parts: Wide, size: int) -> Wide:
        mean, spread = self._scale[size]
        result: Wide = (parts - mean) / spread @ self._weights
        return result


def _sums(columns: Floats, size: int, rng: np.random.Generator) -> Floats:
    return windows(len(columns), 0, size, 0.0, DRAWS // HALVES, rng) @ columns
