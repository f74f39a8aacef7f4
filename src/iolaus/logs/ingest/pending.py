"""Rows that were read and are not in the store yet: what one commit will be made of."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.tables import REJECTS
from iolaus.logs.ingest.source import Bad, Piece
from iolaus.logs.rejects import Cause


@dataclass
class Pending:
    """What was read since the last commit."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # the file of each batch
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    bad: list[tuple[str, Bad]] = field(default_factory=list)
    bytes: int = 0
    count: int = 0
    marked: bool = False  # a place moved on
    between: bool = False  # what came last has no place yet, so nothing can be committed

    def add(self, piece: Piece, batch: pa.RecordBatch | None) -> None:
        """A piece and its rows with features."""
        self.between = piece.mark is None
        self.marked = self.marked or piece.mark is not None
        self.bad += ((piece.name, bad) for bad in piece.bad)
        if batch is not None and batch.num_rows:
            self.batches.append(batch)
            self.names.append(piece.name)
            self.rows.append(piece.rows)
            self.bytes += batch.nbytes
            self.count += batch.num_rows


def by_time(rows: pa.Table, new: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The new rows, by time and then by hash: the same rows give the same files."""
    kept = np.flatnonzero(new)
    micros = rows["ts"].cast(pa.int64()).to_numpy()[kept]
    hashes = rows["exchange_hash"].to_numpy()[kept]
    return kept[np.lexsort((hashes, micros))]


def places(held: Pending, rows: NDArray[np.intp]) -> pa.Table:
    """These rows of all batches as core REJECTS: the file and row of each."""
    if not len(rows):
        return REJECTS.empty_table()
    ends = np.cumsum([len(one) for one in held.rows])
    which = np.searchsorted(ends, rows, side="right")
    columns = [
        pa.array(held.names, pa.string()).take(pa.array(which)),
        pa.array(np.concatenate(held.rows)[rows]),
        pa.repeat(str(Cause.DUPLICATE_EXCHANGE), len(rows)),
        pa.repeat("", len(rows)),
    ]
    return pa.Table.from_arrays(columns, schema=REJECTS)
