"""Several files of a day as one, in the order of a commit's own: by account, time and hash.

Only the keys of all rows are held (28 bytes a row, and each account's name); the rows themselves
are read from each file in its order, as the output asks for them, so files of five minutes each
cost little more than one. A file whose rows are in another order, because accounts were renamed
since it was written, is first made into some that are not, on the disk.
"""

from collections.abc import Generator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from iolaus.core.errors import InputError
from iolaus.logs.durable import sync, sync_folder
from iolaus.logs.ingest.order import Codes, in_order
from iolaus.logs.ingest.write import ROW_GROUP, as_written

READ_ROWS = 16_384  # of a file at once; 256 files of rows of 1 KB decoded: 4 GB at the very most
RUN_GROUPS: Final = 8  # row groups that are ordered at once: 983,040 rows, about a commit's most
KEYS: Final = ["account_id", "ts", "exchange_hash"]
Kind = TypeVar("Kind", bound=np.generic)


def merge_sorted(files: Sequence[Path], to: Path) -> None:
    """One file of all rows of these by account, time and hash. On the disk when it returns.

    Beside `to` there are files of its size meanwhile where some are in another order. Raises
    InputError for a file that has a column in another type.
    """
    schema = _schema(files)
    to.parent.mkdir(parents=True, exist_ok=True)
    order, ends, loose = _order(files)
    if not any(loose):
        _merge(files, schema, order, ends, to)
        return
    with TemporaryDirectory(dir=to.parent) as folder:
        parts: list[Path] = []
        for path, is_loose in zip(files, loose, strict=True):
            parts += _runs(path, Path(folder), len(parts)) if is_loose else [path]
        order, ends, _ = _order(parts)
        _merge(parts, schema, order, ends, to)


def _merge(
    files: Sequence[Path],
    schema: pa.Schema,
    order: NDArray[np.intp],
    ends: NDArray[np.int64],
    to: Path,
) -> None:
    which = np.searchsorted(ends, order, side="right")
    sizes = np.diff(ends, prepend=0)
    cursors = [_Cursor(path, schema, int(n)) for path, n in zip(files, sizes, strict=True)]
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


def _order(files: Sequence[Path]) -> tuple[NDArray[np.intp], NDArray[np.int64], list[bool]]:
    """Which row of all files, one after another, comes when; where each file ends; and which files
    are in another order (if any, there is no order of all rows)."""
    accounts, micros, hashes = _keys(files)
    ends = np.cumsum([len(one) for one in micros])
    loose = [not _is_sorted(*keys) for keys in zip(accounts, micros, hashes, strict=True)]
    if any(loose):
        return np.empty(0, np.intp), ends, loose
    return np.lexsort((_joined(hashes), _joined(micros), _joined(accounts))), ends, loose


def _keys(
    files: Sequence[Path],
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int64]], list[NDArray[np.int64]]]:
    """Of each file its rows' accounts (places among all names), microseconds and hashes."""
    codes, micros, hashes = Codes(), list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    for path in files:
        table = pq.read_table(path, columns=KEYS, partitioning=None, read_dictionary=KEYS[:1])
        codes.add(table["account_id"])
        micros.append(table["ts"].cast(pa.int64()).to_numpy())
        hashes.append(table["exchange_hash"].to_numpy())
    return codes.ranked(), micros, hashes


def _joined(parts: list[NDArray[Kind]]) -> NDArray[Kind]:
    """End to end, and no longer in parts: all keys twice would be 20 bytes a row more."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _is_sorted(
    accounts: NDArray[np.int32], micros: NDArray[np.int64], hashes: NDArray[np.int64]
) -> bool:
    """Whether the rows of one file are in order."""
    account, later = np.diff(accounts), np.diff(micros)
    right = (later > 0) | ((later == 0) & (hashes[1:] >= hashes[:-1]))
    return bool(np.all((account > 0) | ((account == 0) & right)))


def _runs(path: Path, folder: Path, number: int) -> list[Path]:
    """The file's rows as files that are in order each, with `number` and the next as names."""
    runs: list[Path] = []
    with pq.ParquetFile(path) as file:
        for first in range(0, file.num_row_groups, RUN_GROUPS):
            groups = range(first, min(first + RUN_GROUPS, file.num_row_groups))
            rows = file.read_row_groups(list(groups))
            runs.append(folder / f"{number + len(runs)}.parquet")
            pq.write_table(rows.take(pa.array(in_order(rows))), runs[-1], compression="zstd")
    return runs


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
