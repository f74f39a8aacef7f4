"""Several files of a day as one, in the order of a commit's own: by account, time and hash.

Only the keys of all rows are held (28 bytes a row, and each account's name); the rows themselves
are read from each file in its order, as the output asks for them. Every file has rows for every
part of the output, so MOST_OPEN files are merged at once, and what they become again. A file whose
rows are in another order, because accounts were renamed since it was written, is first made into
some that are not.
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

MOST_READ = 16_384  # rows of a file at once
READ_ROWS = 1 << 17  # of all files at once: of 64 files 2,048 each
BUFFER_BYTES: Final = 1 << 15  # of a column of a file
MOST_OPEN = 64  # files; a page and a dictionary of 30 columns of each: 4 GB at the very most
RUN_GROUPS: Final = 8  # row groups that are ordered at once: 983,040 rows, about a commit's most
KEYS: Final = ["account_id", "ts", "exchange_hash"]
Kind = TypeVar("Kind", bound=np.generic)


def merge_sorted(files: Sequence[Path], to: Path) -> None:
    """One file of all rows of these by account, time and hash. On the disk when it returns.

    Beside `to` there are up to twice the files' bytes meanwhile, where they are many or some are in
    another order. Raises InputError for a file that has a column in another type.
    """
    schema = _schema(files)
    to.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=to.parent) as folder:
        parts = _level(files, schema, Path(folder))
        while len(parts) > MOST_OPEN:
            parts = _level(parts, schema, Path(folder))
        _merge(parts, schema, to)
    _on_disk(to)


def _level(files: Sequence[Path], schema: pa.Schema, folder: Path) -> Sequence[Path]:
    """The same rows as files that are in order each, and MOST_OPEN times fewer where they are more
    than that. What was in `folder` before goes."""
    before = list(folder.iterdir())
    parts: list[Path] = []
    for path in files:
        parts += [path] if _is_sorted(path) else _runs(path, folder, len(parts))
    if len(parts) > MOST_OPEN:
        lots = [parts[n : n + MOST_OPEN] for n in range(0, len(parts), MOST_OPEN)]
        parts = []
        for lot in lots:
            parts.append(folder / f"{len(parts)} of {lot[0].stem}.parquet")
            _merge(lot, schema, parts[-1])
    for path in before:
        path.unlink()
    return parts


def _merge(files: Sequence[Path], schema: pa.Schema, to: Path) -> None:
    order, ends = _order(files)
    which = np.searchsorted(ends, order, side="right")
    sizes = np.diff(ends, prepend=0)
    at_once = max(1, min(MOST_READ, READ_ROWS // len(files)))
    cursors = [_Cursor(path, schema, int(n), at_once) for path, n in zip(files, sizes, strict=True)]
    with pq.ParquetWriter(to, schema, **as_written(schema)) as writer:
        for start in range(0, len(order), ROW_GROUP):
            writer.write_table(_group(cursors, which[start : start + ROW_GROUP]))


def join_files(files: Sequence[Path], to: Path) -> None:
    """One file of all rows of these, as they stand. On the disk when it returns."""
    schema = _schema(files)
    to.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for path in files:
            for batch in _batches(path, schema, MOST_READ):
                writer.write_batch(batch)
    _on_disk(to)


class _Cursor:
    """The rows of one file in its order, `at_once` of them in memory; none once all were taken."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int, at_once: int) -> None:
        self._batches = _batches(path, schema, at_once)
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
    codes, micros, hashes = Codes(), list[NDArray[np.int64]](), list[NDArray[np.int64]]()
    for path in files:
        table = _keys(path)
        codes.add(table["account_id"])
        micros.append(table["ts"].cast(pa.int64()).to_numpy())
        hashes.append(table["exchange_hash"].to_numpy())
    ends = np.cumsum([len(one) for one in micros])
    return np.lexsort((_joined(hashes), _joined(micros), _joined(codes.ranked()))), ends


def _keys(path: Path) -> pa.Table:
    return pq.read_table(path, columns=KEYS, partitioning=None, read_dictionary=KEYS[:1])


def _joined(parts: list[NDArray[Kind]]) -> NDArray[Kind]:
    """End to end, and no longer in parts: all keys twice would be 20 bytes a row more."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _is_sorted(path: Path) -> bool:
    order = in_order(_keys(path))
    return bool(np.all(order[1:] > order[:-1]))


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


def _batches(path: Path, schema: pa.Schema, at_once: int) -> Generator[pa.RecordBatch, None, None]:
    """All files are read from by turns: none of them whole, as it would be without buffers."""
    with pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=at_once, use_threads=False):
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
