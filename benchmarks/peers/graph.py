"""Accounts joined by what they share: codes, incidence matrices, connected components."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from .log import Log

Ints = NDArray[np.int64]


def codes(column: pa.ChunkedArray) -> tuple[Ints, list[Any]]:
    """Each row's number of its distinct value (-1 for null), and the values in that order."""
    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    indices = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return np.asarray(indices, np.int64), encoded.dictionary.to_pylist()


@dataclass(frozen=True)
class Holdings:
    """Which account (row) holds which object (column): distinct pairs, as two int64 arrays."""

    accounts: Ints
    objects: Ints

    @staticmethod
    def of(accounts: Ints, objects: Ints) -> "Holdings":
        keep = (accounts >= 0) & (objects >= 0)
        width = int(objects.max(initial=0)) + 1
        pairs = np.unique(accounts[keep] * width + objects[keep])
        return Holdings(pairs // width, pairs % width)

    def joined(self, other: "Holdings") -> "Holdings":
        """Both, the other's objects numbered after these."""
        shift = int(self.objects.max(initial=-1)) + 1
        return Holdings(
            np.concatenate([self.accounts, other.accounts]),
            np.concatenate([self.objects, other.objects + shift]),
        )

    def holders(self) -> Ints:
        """Accounts per object, by object."""
        return np.bincount(self.objects, minlength=int(self.objects.max(initial=-1)) + 1)

    def held_by(self, least: int, most: int) -> "Holdings":
        """Only objects that `least` to `most` accounts hold."""
        many = self.holders()[self.objects]
        keep = (many >= least) & (many <= most)
        return Holdings(self.accounts[keep], self.objects[keep])

    def matrix(self, accounts: int) -> csr_matrix:
        """0/1 matrix, accounts x objects (objects renumbered without gaps)."""
        names, column = np.unique(self.objects, return_inverse=True)
        ones = np.ones(len(column), np.float32)
        return csr_matrix((ones, (self.accounts, column)), shape=(accounts, len(names)))


def components(a: Ints, b: Ints, accounts: int, least: int) -> list[Ints]:
    """Connected components of the edges a-b that have `least` accounts or more."""
    graph = coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(accounts, accounts))
    _, label = connected_components(graph, directed=False)
    inside = np.flatnonzero(np.bincount(label, minlength=1)[label] >= least)
    inside = inside[np.argsort(label[inside], kind="stable")]
    if not len(inside):
        return []
    return np.split(inside, np.flatnonzero(np.diff(label[inside])) + 1)


def names_of(names: Sequence[str], rows: Iterable[int]) -> tuple[str, ...]:
    """Account ids of row numbers, sorted."""
    return tuple(sorted(names[row] for row in rows))


def organisations(log: Log, names: Sequence[str]) -> Ints:
    """Number of the organisation that each account openly belongs to; -1 for none."""
    declared = log.organisations()
    owner = [declared.get(name) for name in names]
    return codes(pa.chunked_array([pa.array(owner, pa.string())]))[0]


def strangers(a: Ints, b: Ints, organisation: Ints) -> tuple[Ints, Ints]:
    """The edges a-b that do not lie inside one declared organisation."""
    apart = (organisation[a] < 0) | (organisation[a] != organisation[b])
    return a[apart], b[apart]
