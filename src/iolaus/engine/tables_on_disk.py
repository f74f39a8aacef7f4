"""A table: one Parquet file, or several in a directory (Spark); how Spark names and types them."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.engine.stages import Table

BATCH_ROWS: Final = 1 << 20

_PLAIN: Final = {
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "STRING",
    pa.large_string(): "STRING",
    pa.string_view(): "STRING",
    pa.date32(): "DATE",
    pa.null(): "VOID",
}


def spark_url(path: Path) -> str:
    """A path of this machine (or of a mount that all have), whatever file system is the default."""
    return f"file://{path.resolve()}"


def files_of(path: Path) -> Sequence[Path]:
    """In the order of the table's rows."""
    return sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]


def rows_in_order(table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Some columns of a table in the order of its rows, which SQL does not promise; no batch is
    empty."""
    for file in files_of(table.path):
        batches = pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=list(columns))
        yield from (batch for batch in batches if batch.num_rows)


def move(table: Path, to: Path) -> None:
    """Put a table in the place of another. Between two files that is one step; else a kill may
    leave nothing there."""
    if to.is_dir() or table.is_dir():
        discard(to)
    table.replace(to)


def discard(table: Path) -> None:
    """Remove a table, if it is there."""
    if table.is_dir():
        shutil.rmtree(table)
    else:
        table.unlink(missing_ok=True)


def settle(written: Path, path: Path) -> None:
    """Move what Spark wrote to its place: one file as such, else the directory."""
    files = files_of(written)
    if len(files) == 1:
        move(files[0], path)
        return
    for other in (p for p in written.iterdir() if p not in files):  # checksums, _SUCCESS
        other.unlink()
    move(written, path)


def spark_schema(schema: pa.Schema) -> str:
    """The columns in Spark's words, so that it need not open every file to learn them."""
    return ", ".join(f"`{field.name}` {_kind(field)}" for field in schema)


def _kind(field: pa.Field) -> str:
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"ARRAY<{_kind(kind.value_field)}>"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if kind not in _PLAIN:
        raise InputError(f"column {field.name} is {kind}, which the Spark engine does not read.")
    return _PLAIN[kind]
