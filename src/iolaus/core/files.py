"""Write aside, then rename: a reader never sees half a file, a kill never leaves one."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.errors import ResourceError


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, else it is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno == 28:  # ENOSPC
            raise ResourceError(
                "no space left on the disk.",
                where=str(path.parent),
                next_step="Free some, or point --out at a larger disk; finished stages are kept.",
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_half_written(folder: Path, names: Iterable[str]) -> None:
    """Remove what processes that were killed while they wrote these files left beside them. For who
    alone writes into the folder."""
    for name in names:
        for path in folder.glob(f".{escape(name)}.*.tmp"):
            path.unlink(missing_ok=True)


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file (zstd), whole or not at all."""
    with aside(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_text(text: str, path: Path) -> None:
    """Write one UTF-8 text file, whole or not at all."""
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
