"""What a file format must offer: one class per format, nothing else knows the format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.logs.rejects import Fault
from iolaus.logs.spec import TableSpec
from iolaus.logs.times import Faults

BATCH_ROWS = 65_536
EXCERPT_CHARS = 4_000


@dataclass
class Chunk:
    """Some rows of one file, typed as the table's schema says, but not yet checked.

    batch: the asked columns; nulls where a cell was null, absent or could not be converted.
    rows: int64, where each row of `batch` stands in the file, from 0.
    faults: rows of `batch` that conversion rejects. lost: rows of the file that gave none at all.
    """

    batch: pa.RecordBatch
    rows: NDArray[np.int64]
    faults: Faults = field(default_factory=dict)
    lost: list[tuple[int, Fault]] = field(default_factory=list)


class Reader(Protocol):
    """Reads one file of one format. Errors about the whole file are InputError."""

    first_number: int  # how people number the first row: 0 in Parquet, 1 for lines of text

    def columns(self) -> frozenset[str]:
        """Names of the columns in the file; for text formats, those met so far."""

    def count(self) -> int | None:
        """Rows in the file, if that is known without reading them."""

    def check(self, spec: TableSpec) -> None:
        """Raise InputError if the file as a whole cannot be read as this table."""

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        """All rows, in the file's order, in memory bounded by the longest row."""

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        """The prompts at these rows (from 0, sorted), at most 4,000 characters each."""
