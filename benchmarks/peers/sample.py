"""Prompts of each account, in order of time, and as vectors that can be compared.

The papers compare images or sentence embeddings. Here a prompt is a vector of hashed words and word
pairs, weighted by rarity (TF-IDF), of length 1: no downloaded weights, and the same text gives the
same vector. A sentence encoder would see paraphrases that this does not; the results of PRADA,
SEAT and MMD in this benchmark hold for this space only.

What is quadratic in an account's prompts is bounded by a sample of at most `most` prompts per
account, evenly spread over its time, in order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from iolaus.core.hashing import hash64, mix64

from .graph import Ints, codes
from .log import Log

Floats = NDArray[np.float32]
BUCKETS: Final = 1 << 20  # 10^5 words and 10^6 pairs of a log collide little
CHARACTERS = 2_000  # of a prompt that are read: about 350 words
FIT = 30_000  # prompts from which rarity is counted
BATCH = 20_000  # prompts turned into vectors at once: about 2.4 million entries, 30 MB
NOT_A_WORD = r"[^\pL\pN]+"


@dataclass(frozen=True)
class Sample:
    """Prompts by account and time. Account i has prompts starts[i] to starts[i + 1]."""

    names: list[str]
    starts: Ints
    prompts: pa.Array

    @staticmethod
    def of(log: Log, most: int) -> "Sample":
        table = log.read("exchanges", "ts")
        account, names = codes(table["account_id"])
        moment = pc.fill_null(table["ts"].cast(pa.int64()), 0).to_numpy()
        order = np.lexsort((moment, account))
        kept = order[_spread(np.bincount(account, minlength=len(names)), most)]
        prompts = _take(log, kept)
        full = pc.fill_null(pc.greater(pc.binary_length(prompts), 0), False)
        owner = account[kept][full.to_numpy(zero_copy_only=False)]
        counts = np.bincount(owner, minlength=len(names))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return Sample(names, starts, prompts.filter(full))

    def vectors(self, space: "Space", least: int) -> Iterator[tuple[int, csr_matrix]]:
        """(account, its prompts as rows) for accounts with `least` prompts or more."""
        first = 0
        while first < len(self.names):
            last = int(np.searchsorted(self.starts, self.starts[first] + BATCH, "right")) - 1
            last = max(last, first + 1)
            low, high = int(self.starts[first]), int(self.starts[last])
            rows = space.vectors(self.prompts[low:high])
            for at in range(first, last):
                if self.starts[at + 1] - self.starts[at] >= least:
                    yield at, rows[self.starts[at] - low : self.starts[at + 1] - low]
            first = last


def _spread(counts: Ints, most: int) -> Ints:
    """Positions, evenly spread, of at most `most` rows of each account in the sorted order."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    parts = [
        np.arange(low, high) if high - low <= most else low + np.arange(most) * (high - low) // most
        for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _take(log: Log, rows: Ints) -> pa.Array:
    """Prompts of the given rows, in their order; rows count those that have an account."""
    ascending, place = np.unique(rows, return_inverse=True)
    parts: list[pa.Array] = [pa.array([], pa.string())]
    first = 0
    for path in log.files:
        prompts = log.part(path, "exchanges", "prompt")["prompt"]
        low, high = np.searchsorted(ascending, [first, first + len(prompts)])
        parts += prompts.take(pa.array(ascending[low:high] - first)).chunks
        first += len(prompts)
    return pa.concat_arrays(parts).take(pa.array(place))


class Space:
    """Where prompts are compared: rarity of words and pairs, counted over a sample's prompts."""

    def __init__(self, prompts: pa.Array) -> None:
        step = max(1, len(prompts) // FIT)
        counts = _counts(prompts.take(np.arange(0, len(prompts), step)))
        held = np.bincount(counts.indices, minlength=BUCKETS)
        self.rarity = np.log((1.0 + counts.shape[0]) / (1.0 + held)).astype(np.float32) + 1.0

    def vectors(self, prompts: pa.Array) -> csr_matrix:
        """One row of length 1 per prompt (0 where it has no word), float32, in BUCKETS columns."""
        counts = _counts(prompts)
        counts.data = (1.0 + np.log(counts.data)) * self.rarity[counts.indices]
        length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        return csr_matrix(diags(1.0 / np.maximum(length, 1e-12)).astype(np.float32) @ counts)


def _counts(prompts: pa.Array) -> csr_matrix:
    """Words and pairs of neighbouring words per prompt, hashed: prompts x BUCKETS."""
    short = pc.utf8_lower(pc.utf8_slice_codeunits(prompts, 0, CHARACTERS))
    words = pc.split_pattern_regex(short, NOT_A_WORD)
    number, known = codes(pa.chunked_array([words.flatten()]))
    hashes = np.array([hash64(word) for word in known] or [0], np.int64)
    word = hashes[number]
    row = np.repeat(np.arange(len(prompts)), pc.list_value_length(words).to_numpy())
    empty = hash64("")
    row, word = row[word != empty], word[word != empty]
    beside = row[1:] == row[:-1]
    pair = (mix64(word[:-1], 1) ^ word[1:])[beside]
    rows = np.concatenate([row, row[1:][beside]])
    columns = mix64(np.concatenate([word, pair])) & (BUCKETS - 1)
    ones = np.ones(len(rows), np.float32)
    counts = csr_matrix((ones, (rows, columns)), shape=(len(prompts), BUCKETS))
    counts.sum_duplicates()
    return counts


def cosines(rows: csr_matrix) -> NDArray[np.float64]:
    """All cosines among rows of length 1."""
    used, column = np.unique(rows.indices, return_inverse=True)  # else each product walks BUCKETS
    few = csr_matrix((rows.data, column, rows.indptr), shape=(rows.shape[0], len(used)))
    return np.asarray((few @ few.T).toarray(), np.float64)
