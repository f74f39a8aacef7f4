"""Rejected rows: counted by cause, all of them kept in a file, none dropped in silence.

At any moment `rows_seen == rows_kept + sum(counts.values())`.
"""

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.files import aside
from iolaus.core.tables import REJECTS

DETAIL_CHARS = 200  # as core.tables.REJECTS promises
SAMPLE_PER_CAUSE = 1_000  # rows held in memory for table(); 1,000 * about 20 causes * 300 B = 6 MB
SPILL_ROWS = 20_000  # rows held before they are written; 20,000 * 300 B = 6 MB


class Cause(StrEnum):
    """Why a row cannot be used. The texts are part of the output: never reword one."""

    NO_EXCHANGE_ID = "missing exchange_id"
    NO_TS = "missing ts"
    NO_ACCOUNT_ID = "missing account_id"
    NO_MODEL = "missing model"
    NO_RELEASED_AT = "missing released_at"
    NO_AT = "missing at"
    NO_ACTION = "missing action"
    TIME_UNREADABLE = "time not readable"
    TIME_RANGE = "time out of range"
    TIME_ZONE = "time zone missing"
    NEGATIVE_TOKENS = "negative tokens"
    NOT_INTEGER = "not an integer"
    NUMBER_RANGE = "number out of range"
    WRONG_TYPE = "wrong type"
    UTF8 = "invalid UTF-8"
    JSON = "invalid JSON"
    NOT_OBJECT = "not an object"
    LONG_LINE = "line too long"
    NOT_EXCHANGE = "not an exchange"
    FIELD_COUNT = "wrong number of fields"
    QUOTE = "quotes not readable"
    DUPLICATE_EXCHANGE = "duplicate exchange_id"
    DUPLICATE_ACCOUNT = "duplicate account_id"


class Fault(NamedTuple):
    """One row's cause of rejection, and what was found there (not yet made printable)."""

    cause: Cause
    detail: str


def printable(text: str) -> str:
    """At most 200 characters; control, bidirectional and other invisible ones are escaped."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text[:DETAIL_CHARS]
    )
    return shown if len(shown) <= DETAIL_CHARS else shown[: DETAIL_CHARS - 1] + "…"


class Rejects:
    """Collects rejected rows. With a path, every one goes to that Parquet file (core REJECTS).

    The file is written aside and appears at `close()`; without a path only counts and the first
    1,000 rows of each cause are held.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.counts: dict[str, int] = {}
        self.rows_seen = 0
        self.rows_kept = 0
        self._path = path
        self._sample: dict[str, list[tuple[str, int | None, str]]] = {}
        self._held: list[tuple[str, int | None, str, str]] = []
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None

    def saw(self, *, kept: int) -> None:
        """Count rows that were read and kept. (Rejected ones are counted by `add`.)"""
        self.rows_seen += kept
        self.rows_kept += kept

    def add(
        self, file: str, row: int | None, cause: str, detail: str = "", *, was_kept: bool = False
    ) -> None:
        """Reject one row. `was_kept`: reading kept it, a later stage rejects it (duplicates)."""
        if was_kept:
            self.rows_kept -= 1
        else:
            self.rows_seen += 1
        cause, detail = str(cause), printable(detail)
        self.counts[cause] = self.counts.get(cause, 0) + 1
        sample = self._sample.setdefault(cause, [])
        if len(sample) < SAMPLE_PER_CAUSE:
            sample.append((file, row, detail))
        if self._path is not None:
            self._held.append((file, row, cause, detail))
            if len(self._held) >= SPILL_ROWS:
                self._spill()

    def table(self, limit: int = 20) -> pa.Table:
        """The first `limit` rejects of each cause (at most 1,000), as core.tables.REJECTS."""
        rows = [
            {"file": file, "row": row, "cause": cause, "detail": detail}
            for cause, sample in sorted(self._sample.items())
            for file, row, detail in sample[:limit]
        ]
        return pa.Table.from_pylist(rows, schema=REJECTS)

    def close(self) -> None:
        """Write what is held and let the file appear, even if it has no rows. Safe to repeat."""
        if self._path is None:
            return
        with self._open:
            self._spill()
            if self._writer is not None:
                self._writer.close()
        self._path = self._writer = None

    def _spill(self) -> None:
        if self._writer is None and self._path is not None:
            temporary = self._open.enter_context(aside(self._path))
            self._writer = pq.ParquetWriter(temporary, REJECTS, compression="zstd")
        columns = list(zip(*self._held, strict=True)) or [(), (), (), ()]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, REJECTS, strict=True)]
        if self._writer is not None:
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=REJECTS))
        self._held.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
