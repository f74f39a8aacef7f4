"""Several files of a day as one, in the order of a commit's own: by time, then by hash.

Only the keys of all rows are held (24 bytes a row); the rows themselves are read from each file in
its order, as the output asks for them, so files of five minutes each cost little more than one.
"""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from iolaus.core.errors import InputError
from iolaus.logs.durable import sync, sync_folder
from iolaus.logs.ingest.write import ROW_GROUP, as_written

READ_ROWS = 16_384  # of a file at once; 256 files of rows of 1 KB decoded: 4 GB at the very most
KEYS = ("ts", "exchange_hash")


def merge_sorted(files: Sequence[Path], to: Path) -> None:
    """One file of all rows of these, which are sorted each. On the disk when it returns.

    Raises InputError for a file that is not sorted, or has a column in another type.
    """
    order, ends = _order(files)
    schema = _schema(files)
    which = np.searchsorted(ends, order, side="right")
    sizes = np.diff(ends, prepend=0)
    cursors = [_Cursor(path, schema, int(n)) for path, n in zip(files, sizes, strict=True)]
    to.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(to, schema, **as_written(schema)) as writer:
        for start in range(0, len(order), ROW_GROUP):
            writer.write_table(_group(cursors, which[start : start + ROW_GROUP]))
    _on_disk(to)


def join_files(files: Sequence[Path], to: Path) -> None:
    """One file of all rows of these, as they stand. On the disk when it returns."""
    schema = _schema(files)
    to.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for path in files:
            for batch in _batches(path, schema):
                writer.write_batch(batch)
    _on_disk(to)


class _Cursor:
    """The rows of one file in its order, READ_ROWS of them in memory; none once all were taken."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self._batches = _batches(path, schema)
        self._none = self._held = schema.empty_table()
        self._left = rows

    def take(self, count: int) -> pa.Table:
        """The next `count` rows."""
        parts = [self._held]
        there = self._held.num_rows
        while there < count:
            batch = next(self._batches)
            parts.append(pa.Table.from_batches([batch]))
            there += batch.num_rows
        rows = pa.concat_tables(parts)
        self._left -= count
        self._held = rows.slice(count) if there > count else self._none  # a slice keeps it all
        if self._left == 0:
            self._batches.close()
        return rows.slice(0, count)


def _group(cursors: Sequence[_Cursor], which: NDArray[np.intp]) -> pa.Table:
    """The next rows: the first from file which[0], and so on."""
    files, counts = np.unique(which, return_counts=True)
    rows = pa.concat_tables(
        [cursors[file].take(int(count)) for file, count in zip(files, counts, strict=True)]
    )
    # Row i of the output is the next row of its file: a stable sort by file, undone.
    place = np.empty(len(which), np.int64)
    place[np.argsort(which, kind="stable")] = np.arange(len(which))
    return rows.take(pa.array(place)).combine_chunks()


def _order(files: Sequence[Path]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Which row of all files, one after another, comes when; and where each file ends."""
    found = [_keys(path) for path in files]
    micros, hashes = (np.concatenate([keys[n] for keys in found]) for n in (0, 1))
    ends = np.cumsum([len(keys[0]) for keys in found])
    return np.lexsort((hashes, micros)), ends


def _keys(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = pq.read_table(path, columns=list(KEYS), partitioning=None)
    micros = table["ts"].cast(pa.int64()).to_numpy()
    hashes = table["exchange_hash"].to_numpy()
    later = np.diff(micros)
    if np.any(later < 0) or np.any((later == 0) & (hashes[1:] < hashes[:-1])):
        raise InputError(
            "its rows are not sorted by time.",
            where=str(path),
            next_step="Only files that iolaus ingest wrote are merged: move it out of the store.",
        )
    return micros, hashes


def _schema(files: Sequence[Path]) -> pa.Schema:
    """The columns of all files; one that a file lacks is null there."""
    joined = pq.read_schema(files[0]).remove_metadata()
    for path in files[1:]:
        try:
            joined = pa.unify_schemas([joined, pq.read_schema(path).remove_metadata()])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(
                f"its columns do not fit those of {files[0].name}: {error}.",
                where=str(path),
                next_step="Write the store with one release, or leave this day as it is.",
            ) from error
    return joined


def _batches(path: Path, schema: pa.Schema) -> Generator[pa.RecordBatch, None, None]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=READ_ROWS):
            columns = [
                batch[field.name]
                if field.name in batch.schema.names
                else pa.nulls(batch.num_rows, field.type)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _on_disk(path: Path) -> None:
    sync(path)
    sync_folder(path.parent)
