"""Vectors of prompts without a model: hashed words, word pairs and letter groups.

A prompt's vector has unit length, so that long prompts do not count more; counts enter as their
logarithm. The hash is CRC-32, the same everywhere.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH: Final = 1_024  # columns; two n-grams in one column are told apart by their neighbours
LETTERS: Final = 4  # of a letter group, word boundaries included
_WORD: Final = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> Iterator[str]:
    """Words and word pairs of a prompt, in lower case; the first word is also a pair with '^'."""
    found = _WORD.findall(text.lower())
    for before, word in zip(["^", *found], found, strict=False):
        yield word
        yield f"{before} {word}"


def ngrams(text: str) -> Iterator[str]:
    """Words, word pairs and letter groups of a prompt, in lower case."""
    yield from words(text)
    for word in _WORD.findall(text.lower()):
        edged = f"<{word}>"
        for start in range(len(edged) - LETTERS + 1):
            yield "~" + edged[start : start + LETTERS]


def hashed(texts: list[str]) -> Floats:
    """(texts, WIDTH), unit length, signed: columns' collisions cancel on average."""
    out = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in enumerate(texts):
        counts = Counter(ngrams(text))
        if not counts:
            continue
        codes = np.fromiter((zlib.crc32(g.encode()) for g in counts), np.int64, len(counts))
        size = np.log1p(np.fromiter(counts.values(), np.float64, len(counts)))
        sign = 1.0 - 2.0 * (codes >> 31 & 1)
        np.add.at(out[row], codes % WIDTH, (size * sign).astype(np.float32))
    length = np.linalg.norm(out, axis=1, keepdims=True)
    result: Floats = out / np.maximum(length, np.float32(1e-12))
    return result
