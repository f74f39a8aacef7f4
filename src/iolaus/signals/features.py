"""features: one row per exchange with all that later stages need, and no text; kept by UTC day."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.tables import FEATURES, TEXT_FEATURES
from iolaus.signals.identity import exchange_hashes
from iolaus.signals.text import text_features

HELD_ROWS: Final = 1 << 19  # rows held until a day's are written; 2^19 * 260 bytes = 136 MB
EPOCH: Final = date(1970, 1, 1)
_DAY_US: Final = 24 * 3600 * 1_000_000


def features(batches: Iterable[pa.RecordBatch], threads: int) -> Iterator[pa.RecordBatch]:
    """Turn batches of exchanges (core EXCHANGES and SOURCE) into batches of core FEATURES.

    Runs `threads` batches at a time (the kernel holds no lock); keeps their order, and holds at
    most `threads` + 1 batches of text.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[pa.RecordBatch]] = deque()
        for batch in batches:
            waiting.append(pool.submit(features_of, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def features_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One batch of exchanges to one batch of features."""
    text = text_features(batch["prompt"], batch["system_prompt"])
    ids = pa.array(exchange_hashes(batch["exchange_id"]))
    columns = [
        ids if name == "exchange_hash" else (text if name in TEXT_FEATURES.names else batch)[name]
        for name in FEATURES.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FEATURES)


class DayFiles:
    """Writes batches of features into a directory, one or more files per UTC day.

    In whatever order the rows come, what is held is bounded: at HELD_ROWS the fullest day is
    written. `days`: exchanges of each day so far. Within a day the rows keep their order.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.days: dict[date, int] = {}
        self._held: dict[date, list[pa.RecordBatch]] = {}
        self._rows: dict[date, int] = {}
        self._files: dict[date, int] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        for day, rows in _by_day(batch):
            self._held.setdefault(day, []).append(rows)
            self._rows[day] = self._rows.get(day, 0) + rows.num_rows
            self.days[day] = self.days.get(day, 0) + rows.num_rows
        while sum(self._rows.values()) >= HELD_ROWS:
            self._write(max(self._rows, key=self._rows.__getitem__))

    def close(self) -> None:
        """Write what is held."""
        for day in sorted(self._rows):
            self._write(day)

    def _write(self, day: date) -> None:
        number = self._files.get(day, 0)
        self._files[day] = number + 1
        del self._rows[day]
        pq.write_table(
            pa.Table.from_batches(self._held.pop(day), schema=FEATURES),
            self.directory / f"day={day.isoformat()}.{number}.parquet",
            compression="zstd",
            compression_level=1,
        )


def _by_day(batch: pa.RecordBatch) -> Iterator[tuple[date, pa.RecordBatch]]:
    """The rows of each UTC day of a batch, in order."""
    days = batch["ts"].cast(pa.int64()).to_numpy() // _DAY_US
    if days.size and days[0] == days.min() == days.max():
        yield EPOCH + timedelta(days=int(days[0])), batch
        return
    order = np.argsort(days, kind="stable")
    found, starts = np.unique(days[order], return_index=True)
    rows = batch.take(pa.array(order))
    for day, start, stop in zip(found, starts, [*starts[1:], days.size], strict=True):
        yield EPOCH + timedelta(days=int(day)), rows.slice(start, stop - start)
