"""A log directory: its files, its rows in a fixed order, and what was rejected."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.store import is_store
from iolaus.core.tables import SOURCE
from iolaus.logs.addresses import with_one_spelling
from iolaus.logs.checks import keep_valid
from iolaus.logs.find import Found, find
from iolaus.logs.formats import open_file
from iolaus.logs.hints import found_columns
from iolaus.logs.mapping import FILE, LogMapping, load
from iolaus.logs.reader import Chunk, Reader
from iolaus.logs.rejects import Cause, Rejects
from iolaus.logs.spec import ACCOUNTS, ENFORCEMENT, EXCHANGES, RELEASES, TableSpec
from iolaus.logs.stored import features_sql, with_facts

SOURCE_ROW = SOURCE.names[1]


@dataclass(frozen=True)
class LogFile:
    """One file of the log. name: path relative to the log directory, with '/'. size: bytes."""

    path: Path
    name: str
    size: int

    def digest(self) -> str:
        """SHA-256 of the file as it is stored, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Log:
    """See `open_log`. Rows may be read again; only the first pass is counted in rejects."""

    def __init__(
        self, found: Found, rejects: Rejects, *, assume_utc: bool, mapping: LogMapping | None = None
    ) -> None:
        self.rejects = rejects
        self._root = found.root
        self.ignored: tuple[str, ...] = found.ignored
        self.files = tuple(_log_file(p, found.root) for p in found.exchanges)
        self._others = {table: _log_file(p, found.root) for table, p in found.others.items()}
        self.other_files = (*self._others.values(), *_mapping_file(mapping))
        self._assume_utc = assume_utc
        self.mapping = mapping or LogMapping()
        opened = [self._open(file, EXCHANGES) for file in self.files]
        self._readers = [reader for _, reader in opened]
        self._formats = tuple(name for name, _ in opened)
        self._counted: set[str] = set()
        self.is_store = is_store(found.root)
        for reader in self._readers:
            reader.check(EXCHANGES)

    @property
    def rows_estimate(self) -> int | None:
        """Rows before any is rejected, from Parquet footers; None if a file is not Parquet."""
        counts = [reader.count() for reader in self._readers]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    @property
    def store_sql(self) -> str | None:
        """The SELECT list that reads a store's files as FEATURES (core.store); None where the log
        is none, and its rows must be read and checked. Raises InputError for a broken store."""
        if not self.is_store:
            return None
        return features_sql([file.path for file in self.files])

    @property
    def formats(self) -> dict[str, int]:
        """Exchange files by format (docs/reading-logs.md): what each was taken for."""
        return {name: self._formats.count(name) for name in sorted(set(self._formats))}

    @property
    def columns(self) -> frozenset[str]:
        """Columns that at least one exchange file has. Of JSONL, those met so far."""
        return frozenset[str]().union(*(reader.columns() for reader in self._readers))

    @property
    def missing_columns(self) -> frozenset[str]:
        """Columns of the contract that no exchange file has."""
        return frozenset(EXCHANGES.schema.names) - self.columns

    @property
    def unknown_columns(self) -> frozenset[str]:
        """Columns of the exchange files that neither the contract nor the mapping has: not read."""
        sources = [s for r in self.mapping.rules(EXCHANGES.name).values() for s in r.sources]
        mapped = {name for source in sources for name in (source, source.split(".", 1)[0])}
        return self.columns - frozenset(EXCHANGES.schema.names) - mapped

    def batches(self, columns: Collection[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Valid exchanges: the asked columns of core EXCHANGES (all if None), and core SOURCE.

        Ordered by file, then row. Checked are the columns that are read: the asked and the
        required ones. Raises InputError if a file fails, or if no row at all is valid.
        """
        asked = frozenset(EXCHANGES.schema.names if columns is None else columns)
        unknown = asked - frozenset(EXCHANGES.schema.names)
        if unknown:
            raise ValueError(f"not columns of exchanges: {sorted(unknown)}")
        read = EXCHANGES.ordered(asked | frozenset(EXCHANGES.required))
        rejects, kept = self._counter(EXCHANGES), 0
        for number in range(len(self.files)):
            for batch in self._batches_of(number, read, asked, rejects, number):
                kept += batch.num_rows
                yield batch
        if kept == 0:
            raise self.without_rows(rejects)

    def batches_of(self, file: int, rejects: Rejects, number: int) -> Iterator[pa.RecordBatch]:
        """As `batches`, of one file alone; it may have no valid row. `number`: its source_file."""
        asked = frozenset(EXCHANGES.schema.names)
        yield from self._batches_of(file, EXCHANGES.ordered(asked), asked, rejects, number)

    def _batches_of(
        self,
        file: int,
        read: tuple[str, ...],
        asked: frozenset[str],
        rejects: Rejects,
        number: int,
    ) -> Iterator[pa.RecordBatch]:
        name, reader = self.files[file].name, self._readers[file]
        for chunk in reader.chunks(EXCHANGES, read):
            batch = _accept(chunk, EXCHANGES, name, reader.first_number, rejects)
            if batch.num_rows:
                yield _with_source(batch.select(EXCHANGES.ordered(asked)), number, chunk.rows)

    def without_rows(self, rejects: Rejects) -> InputError:
        """What to say of a log that has no valid row."""
        if rejects.rows_seen == 0:
            return _empty(self._root)
        return _nothing_valid(self._root, rejects, self.columns)

    def format_of(self, file: int) -> str:
        """What one exchange file was taken for."""
        return self._formats[file]

    def columns_of(self, file: int) -> frozenset[str]:
        """The columns of one exchange file; of JSONL, those met so far."""
        return self._readers[file].columns()

    def accounts(self) -> pa.Table | None:
        """Accounts, as core ACCOUNTS, one row per account_id (the first); None without a file. In a
        store with the facts that enrichment told when it was written."""
        rejects = self._counter(ACCOUNTS)
        table = self._table(ACCOUNTS, rejects)
        if table is None:
            return None
        table = self._distinct_accounts(table, rejects)
        return with_facts(table, self._others[ACCOUNTS.name].path) if self.is_store else table

    def releases(self) -> pa.Table | None:
        """Model releases, as core RELEASES; None without a file."""
        table = self._table(RELEASES, self._counter(RELEASES))
        return None if table is None else table.drop_columns([SOURCE_ROW])

    def enforcement(self) -> pa.Table | None:
        """Bans and other measures, as core ENFORCEMENT; None without a file."""
        table = self._table(ENFORCEMENT, self._counter(ENFORCEMENT))
        return None if table is None else table.drop_columns([SOURCE_ROW])

    def excerpts(self, positions: Sequence[tuple[int, int]]) -> list[str | None]:
        """Prompts at (source_file, source_row), at most 4,000 characters; None where null.

        Reads only the row groups (Parquet) that are needed, or up to the last line (JSONL).
        """
        found: dict[tuple[int, int], str | None] = {}
        for number, group in groupby(sorted(set(positions)), key=lambda p: p[0]):
            rows = [row for _, row in group]
            prompts = self._readers[number].prompts(rows)
            found |= {(number, row): text for row, text in prompts.items()}
        return [found.get((file, row)) for file, row in positions]

    def place(self, source_file: int, source_row: int) -> tuple[str, int]:
        """File and row of an exchange as `Rejects.add` takes them (lines count from 1)."""
        number = source_row + self._readers[source_file].first_number
        return self.files[source_file].name, number

    def _table(self, spec: TableSpec, rejects: Rejects) -> pa.Table | None:
        """A small table whole, with its row numbers in SOURCE_ROW; None without a file."""
        file = self._others.get(spec.name)
        if file is None:
            return None
        _, reader = self._open(file, spec)
        reader.check(spec)
        schema = spec.schema.append(pa.field(SOURCE_ROW, pa.int64()))
        batches = []
        for chunk in reader.chunks(spec, tuple(spec.schema.names)):
            batch = _accept(chunk, spec, file.name, reader.first_number, rejects)
            columns = [*batch.columns, pa.array(chunk.rows)]
            batches.append(pa.RecordBatch.from_arrays(columns, schema=schema))
        return pa.Table.from_batches(batches, schema=schema)

    def _distinct_accounts(self, table: pa.Table, rejects: Rejects) -> pa.Table:
        """The first row of each account; later ones are rejected."""
        codes = table["account_id"].combine_chunks().dictionary_encode().indices.to_numpy()
        _, first = np.unique(codes, return_index=True)
        again = np.ones(table.num_rows, dtype=np.bool_)
        again[first] = False
        if again.any():
            file = self._others[ACCOUNTS.name]
            offset = self._open(file, ACCOUNTS)[1].first_number
            for row in table[SOURCE_ROW].filter(pa.array(again)).to_pylist():
                # Not whose account it is: rejects are kept where names are not.
                rejects.add(file.name, row + offset, Cause.DUPLICATE_ACCOUNT, "", was_kept=True)
            table = table.filter(pa.array(~again))
        return table.drop_columns([SOURCE_ROW])

    def _counter(self, spec: TableSpec) -> Rejects:
        """The log's rejects on the first pass over a table, else one that nobody reads."""
        if spec.name in self._counted:
            return Rejects()
        self._counted.add(spec.name)
        return self.rejects

    def _open(self, file: LogFile, spec: TableSpec) -> tuple[str, Reader]:
        return open_file(file.path, file.name, spec, self.mapping, assume_utc=self._assume_utc)


def open_log(
    path: Path,
    *,
    rejects: Rejects | None = None,
    assume_utc: bool = False,
    mapping: Path | None = None,
    only: Collection[str] | None = None,
) -> Log:
    """Open a log directory (docs/data-contract.md); check all that needs no rows to be read.

    only: names of the exchange files to open, perhaps none; by default all.
    rejects: where rejected rows go; by default they are counted and sampled in memory.
    assume_utc: take times without a zone as UTC instead of refusing them.
    mapping: a mapping file (mapping.py); by default the log's own mapping.toml, if it has one.
    Raises InputError: no such directory, no exchange files, an unreadable file, a format that
    cannot be told, a missing required column, a column of a type that cannot be converted without
    loss, a log of no rows. Raises ConfigError: a mapping file that cannot be used.
    """
    found = find(path)
    if only is not None:
        names = {file: _log_file(file, found.root).name for file in found.exchanges}
        found = replace(found, exchanges=tuple(f for f, name in names.items() if name in only))
    if mapping is not None and is_store(found.root):
        raise _not_mapped(mapping)
    chosen = mapping or found.mapping
    rules = load(chosen) if chosen is not None else None
    log = Log(found, rejects or Rejects(), assume_utc=assume_utc, mapping=rules)
    if only is None and log.rows_estimate == 0:
        raise _empty(path)
    return log


def exchange_files(path: Path) -> tuple[LogFile, ...]:
    """The exchange files of a log directory, sorted by name; none of them is opened."""
    found = find(path)
    return tuple(_log_file(file, found.root) for file in found.exchanges)


def _not_mapped(mapping: Path) -> ConfigError:
    return ConfigError(
        "a store has the contract's own columns: a mapping would change nothing.",
        where=str(mapping),
        next_step="Leave --mapping out; iolaus ingest takes one when it writes a store.",
    )


def _mapping_file(mapping: LogMapping | None) -> tuple[LogFile, ...]:
    """The mapping decides what the rows are: a run's inputs, and what it resumes, depend on it."""
    if mapping is None or mapping.path is None:
        return ()
    return (LogFile(mapping.path, FILE, mapping.path.stat().st_size),)


def _log_file(path: Path, root: Path) -> LogFile:
    return LogFile(path, path.relative_to(root).as_posix(), path.stat().st_size)


def _accept(
    chunk: Chunk, spec: TableSpec, file: str, first_number: int, rejects: Rejects
) -> pa.RecordBatch:
    """The chunk's valid rows, addresses in one spelling; the others go to `rejects`, in the file's
    order."""
    all_rows = chunk.rows
    batch = with_one_spelling(keep_valid(chunk, spec))
    bad = [(int(all_rows[i]), fault) for i, fault in chunk.faults.items()] + chunk.lost
    for row, fault in sorted(bad):
        rejects.add(file, row + first_number, fault.cause, fault.detail)
    rejects.saw(kept=batch.num_rows)
    return batch


def _with_source(batch: pa.RecordBatch, file: int, rows: NDArray[np.int64]) -> pa.RecordBatch:
    files = pa.array(np.full(len(rows), file, dtype=np.int32))
    return pa.RecordBatch.from_arrays(
        [*batch.columns, files, pa.array(rows)], schema=pa.schema([*batch.schema, *SOURCE])
    )


def _empty(path: Path) -> InputError:
    return InputError(
        "the log has no rows.",
        where=f"{path}/exchanges",
        next_step="Check the export's time range, or point iolaus at another directory.",
    )


def _nothing_valid(path: Path, rejects: Rejects, columns: frozenset[str]) -> InputError:
    worst = sorted(rejects.counts.items(), key=lambda item: (-item[1], item[0]))[:3]
    causes = ", ".join(f"{cause}: {count:,}" for cause, count in worst)
    return InputError(
        f"none of the {rejects.rows_seen:,} rows can be used ({causes}).",
        where=f"{path}/exchanges",
        next_step="See rejects.parquet and docs/reading-logs.md. "
        f"{found_columns(columns, 'The files have')}",
    )
