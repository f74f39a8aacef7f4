"""One commit's rows as files: a file per UTC day, by account; texts dropped, sealed or kept.

STORE/exchanges/day=YYYY-MM-DD/ingest-NUMBER.parquet, texts/day=.../ingest-NUMBER.parquet (sealed),
rejects/ingest-NUMBER.parquet. Files of a commit that was never completed are removed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from iolaus.core.tables import REJECTS, TEXT_COLUMNS
from iolaus.logs.durable import sync_folder, write
from iolaus.logs.ingest.order import accounts_together
from iolaus.logs.ingest.source import Bad
from iolaus.logs.privacy import Keys, Protector
from iolaus.logs.privacy.pseudonyms import ALIASES
from iolaus.logs.privacy.store import ALIASES_FILE, EXCHANGES_DIR, TEXTS_DIR
from iolaus.logs.rejects import printable

REJECTS_DIR: Final = "rejects"
PREFIX: Final = "ingest-"
DAY_MICROS: Final = 86_400 * 1_000_000
ROW_GROUP: Final = 122_880  # as the engine's own files have
EPOCH: Final = date(1970, 1, 1)
SEALED_ROWS: Final = 8_192  # under one key; as Python objects some 3 KB each: 25 MB
# Hashes that hardly ever come again: as they are, a dictionary of them would be larger.
PLAIN: Final = ("exchange_hash", "prompt_hash", "exchange_id", "content_low", "content_high", "ts")


@dataclass(frozen=True)
class Protection:
    """[privacy], as far as it concerns what is written. purposes, text: see Protector."""

    keys: Keys
    purposes: tuple[str, ...]
    text: str

    def protector(self) -> Protector:
        """One for each file: what it remembers is that file's."""
        return Protector(self.keys, purposes=self.purposes, text=self.text)


def write_days(
    store: Path,
    number: int,
    rows: pa.Table,
    order: NDArray[np.int64],
    protection: Protection | None,
    pool: ThreadPoolExecutor,
) -> pa.Table:
    """Write these rows (`order`: which, by time and hash) into their days, as many at once as the
    pool has threads: more than that many days are never there a second time.

    Exchanges are stored by account (order.py), sealed texts by time: they are found by their ids.

    Returns the aliases met (privacy), to be joined to the store's.
    """
    name = f"{PREFIX}{number:012}.parquet"
    jobs = [
        pool.submit(_write_day, store, day, name, rows, part, protection)
        for day, part in _by_day(rows, order)
    ]
    wait(jobs)  # nothing is written any more once an error is told
    met = [job.result() for job in jobs]
    return pa.concat_tables(met) if met else ALIASES.empty_table()


def _write_day(
    store: Path,
    day: date,
    name: str,
    rows: pa.Table,
    which: NDArray[np.int64],
    protection: Protection | None,
) -> pa.Table:
    to = store / EXCHANGES_DIR / f"day={day}" / name
    if protection is None:
        order = accounts_together(rows["account_id"].take(pa.array(which)))
        write_rows(rows.take(pa.array(which[order])), to)
        return ALIASES.empty_table()
    protector = protection.protector()
    part = rows.take(pa.array(which))
    at_once = SEALED_ROWS if protection.text == "encrypt" else part.num_rows
    batches = part.combine_chunks().to_batches(max_chunksize=at_once)
    done = [protector.exchanges(batch, day) for batch in batches]
    kept = pa.Table.from_batches([one.exchanges for one in done])
    if protection.text != "keep":
        kept = kept.drop_columns([text for text in TEXT_COLUMNS if text in kept.column_names])
    write_rows(kept.take(pa.array(accounts_together(kept["account_id"]))), to)
    sealed = pa.concat_tables([one.sealed for one in done])
    if sealed.num_rows:
        write(sealed, store / TEXTS_DIR / f"day={day}" / name)
    return protector.aliases()


def write_rows(rows: pa.Table, path: Path) -> None:
    """One file of a day, with as little as detection needs to be fast."""
    write(rows, path, row_group_size=ROW_GROUP, **as_written(rows.schema))


def as_written(schema: pa.Schema) -> dict[str, Any]:
    """How pyarrow's ParquetWriter writes a file of a day."""
    folded = [
        f"{f.name}.list.element" if pa.types.is_list(f.type) else f.name
        for f in schema
        if f.name not in (*PLAIN, *TEXT_COLUMNS) and f.type != pa.bool_()
    ]
    return {"compression": "zstd", "compression_level": 1, "use_dictionary": folded}


def write_rejects(store: Path, number: int, bad: Sequence[tuple[str, Bad]], more: pa.Table) -> None:
    """(file, (row, cause, detail)) of what was not taken, and `more` of it as core REJECTS."""
    rows = [(file, row, cause, printable(detail)) for file, (row, cause, detail) in bad]
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, REJECTS, strict=True)]
    table = pa.concat_tables([pa.Table.from_arrays(arrays, schema=REJECTS), more])
    if table.num_rows:
        write(table, store / REJECTS_DIR / f"{PREFIX}{number:012}.parquet")


def join_aliases(store: Path, met: pa.Table) -> None:
    """Add the aliases that are new to STORE/aliases.parquet."""
    path = store / ALIASES_FILE
    if not met.num_rows:
        return
    known = (
        {tuple(row.values()) for row in pq.read_table(path).to_pylist()} if path.exists() else set()
    )
    rows = known | {tuple(row.values()) for row in met.to_pylist()}
    if len(rows) > len(known):
        columns = list(zip(*sorted(rows), strict=True))
        arrays = [pa.array(c, f.type) for c, f in zip(columns, ALIASES, strict=True)]
        write(pa.Table.from_arrays(arrays, schema=ALIASES), path)


def remove_after(store: Path, batch: int) -> int:
    """Remove the files of commits after `batch`, and half-written ones; how many there were."""
    found = [path for part in (EXCHANGES_DIR, TEXTS_DIR) for path in _written(store / part, "*/")]
    found += _written(store / REJECTS_DIR, "")
    later = [path for path in found if path.suffix == ".tmp" or number_of(path) > batch]
    later += store.glob(".*.parquet.*.tmp")
    for path in later:
        path.unlink()
    for folder in sorted({path.parent for path in later}):
        sync_folder(folder)
    return len(later)


def _written(folder: Path, below: str) -> Iterator[Path]:
    yield from folder.glob(f"{below}{PREFIX}*.parquet")
    yield from folder.glob(f"{below}.{PREFIX}*.tmp")


def number_of(path: Path) -> int:
    """Of the last commit that a file holds rows of."""
    return int(path.stem.removeprefix(PREFIX))


def _by_day(rows: pa.Table, order: NDArray[np.int64]) -> Iterator[tuple[date, NDArray[np.int64]]]:
    """The days, and which rows each has."""
    if not len(order):
        return
    days = rows["ts"].cast(pa.int64()).to_numpy()[order] // DAY_MICROS
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    for start, end in zip(starts, [*starts[1:], len(days)], strict=True):
        yield EPOCH + timedelta(days=int(days[start])), order[start:end]
