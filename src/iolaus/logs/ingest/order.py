"""The order of a store's files: by account, then by time, then by hash.

What a scan does with a day it does account by account, so neighbouring rows of one account spare
it work; results do not depend on it. Accounts are compared as the store has them, by the bytes of
their UTF-8. Names under [privacy] are ordered as pseudonyms: the order of the real ones would tell
something of them.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FOLD: Final = 1 << 18  # names of several files that wait for one place among all names: 10 MB


def ranks(names: pa.Array) -> NDArray[np.int32]:
    """Each of these different names' place among them by their bytes."""
    by_bytes = pc.array_sort_indices(names).to_numpy()
    places = np.empty(len(names), np.int32)
    places[by_bytes] = np.arange(len(names), dtype=np.int32)
    return places


def accounts_together(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rows by account; one account's stay as they come, which is by time and hash in a commit."""
    return np.argsort(_codes(ids), kind="stable")


def in_order(rows: pa.Table) -> NDArray[np.int64]:
    """Rows by account, time and hash, however they come."""
    micros = rows["ts"].cast(pa.int64()).to_numpy()
    return np.lexsort((rows["exchange_hash"].to_numpy(), micros, _codes(rows["account_id"])))


def _codes(ids: pa.ChunkedArray) -> NDArray[np.int32]:
    folded = ids.dictionary_encode().unify_dictionaries().combine_chunks()
    codes: NDArray[np.int32] = folded.indices.to_numpy()
    return ranks(folded.dictionary)[codes]


class Codes:
    """Accounts of many files as places among all of their names: 4 bytes a row.

    Names of some files are held twice until there are FOLD of them; then each once.
    """

    def __init__(self) -> None:
        self._known = pa.array([], pa.string())
        self._files: list[NDArray[np.int32]] = []
        self._waiting: list[pa.Array] = []  # the names of the last files, to which their codes lead

    def add(self, ids: pa.ChunkedArray) -> None:
        """The next file's accounts, strings or codes of them."""
        folded = ids.dictionary_encode().unify_dictionaries().combine_chunks()
        self._files.append(folded.indices.to_numpy())
        self._waiting.append(folded.dictionary.cast(pa.string()))
        if sum(map(len, self._waiting)) >= FOLD:
            self._fold()

    def ranked(self) -> list[NDArray[np.int32]]:
        """Of each file its rows' places. To be called once, after the last file."""
        self._fold()
        place = ranks(self._known)
        return [place[codes] for codes in self._files]

    def _fold(self) -> None:
        if not self._waiting:
            return
        names = pa.concat_arrays(self._waiting)
        self._known = pc.unique(pa.concat_arrays([self._known, names]))  # the old keep their places
        place = pc.index_in(names, self._known).to_numpy()
        first, end = len(self._files) - len(self._waiting), 0
        for number, own in enumerate(self._waiting, first):
            self._files[number] = place[end : end + len(own)][self._files[number]]
            end += len(own)
        self._waiting.clear()
