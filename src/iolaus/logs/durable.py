"""Files that outlive a kill and a loss of power once the function that wrote them returns."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.files import aside


def write(table: pa.Table, path: Path, **options: Any) -> None:
    """One Parquet file, whole or not at all. options: of pyarrow's ParquetWriter."""
    new = not path.parent.exists()
    with aside(path) as temporary:
        pq.write_table(table, temporary, **({"compression": "zstd"} | options))
        sync(temporary)
    sync_folder(path.parent)
    if new:
        sync_folder(path.parent.parent)


def sync(path: Path) -> None:
    """The file's content is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The folder's entries (new, renamed and deleted files) are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
