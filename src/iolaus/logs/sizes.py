"""How many rows of a Parquet file to hold at once, so that huge texts do not fill the memory.

A row group says how many bytes its columns take, but a dictionary hides repetition: 65,536 rows
that share one system prompt of 30 KB take 30 KB in the file and 2 GB as plain text. So:

1. Row groups with up to FOLDED_LIMIT bytes of text are read with their texts as dictionaries, which
   take no more memory than that, and are then unfolded in slices of about SLICE_BYTES.
2. The others are read in so few rows at a time that texts 64 times the mean still fit, and joined
   again. (As dictionaries they would take twice the time: each text is looked up in a hash table.)
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.logs.reader import BATCH_ROWS

SLICE_BYTES = 64 * 2**20
FOLDED_LIMIT = 16 * 2**20
SKEW = 64  # times the mean
FEWEST, MOST = 4, 4_096  # rows; 4 rows of 10 MB are 40 MB; 4,096 rows cost no speed


def group_bytes(file: pq.ParquetFile, group: int, columns: frozenset[str]) -> int:
    """Uncompressed bytes of these columns in one row group."""
    leaves = [i for i in range(len(file.schema)) if file.schema.column(i).path in columns]
    metadata = file.metadata.row_group(group)
    return sum(metadata.column(i).total_uncompressed_size for i in leaves)


def rows_at_once(size: int, rows: int) -> int:
    """Rows per read of a row group with `size` bytes of text in `rows` rows."""
    return max(FEWEST, min(MOST, SLICE_BYTES * rows // max(size * SKEW, 1)))


def in_slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch with its texts unfolded, in slices of about SLICE_BYTES (at least one row)."""
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            sizes += _decoded_bytes(column)
    if sizes.sum() <= SLICE_BYTES:
        yield unfolded(batch)
        return
    part = np.cumsum(sizes) // SLICE_BYTES
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    for start, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
        yield unfolded(batch.slice(int(start), int(end - start)))


def unfolded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionaries -> plain columns."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _decoded_bytes(column: pa.DictionaryArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    lengths = pc.fill_null(pc.binary_length(column.dictionary).cast(pa.int64()), 0)
    each = pc.fill_null(lengths.take(column.indices), 0)
    return np.asarray(each.to_numpy(zero_copy_only=False), dtype=np.int64)


def gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches joined up to BATCH_ROWS rows or SLICE_BYTES bytes."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in map(unfolded, batches):
        if held and (rows + batch.num_rows > BATCH_ROWS or size + batch.nbytes > SLICE_BYTES):
            yield _joined(held)
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
