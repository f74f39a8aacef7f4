"""Parquet files: footers first, then batches whose size follows from the rows' own size."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.hints import did_you_mean, first_line, found_columns
from iolaus.logs.mapping import Record, Rule
from iolaus.logs.parquet_sources import Source, sources
from iolaus.logs.reader import BATCH_ROWS, EXCERPT_CHARS, Chunk
from iolaus.logs.remote import parquet_source
from iolaus.logs.sizes import FOLDED_LIMIT, gathered, group_bytes, in_slices, rows_at_once
from iolaus.logs.spec import EXCHANGES, TableSpec
from iolaus.logs.times import Faults

BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)  # what reading damaged bytes raises
Part = TypeVar("Part")
MAGIC = b"PAR1"  # first and last bytes of every Parquet file
FEWEST_AT_ONCE = 64  # rows of a sample: texts may be long
PROMPT = EXCHANGES.schema.field("prompt")


class ParquetReader:
    """One Parquet file."""

    first_number = 0

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        assume_utc: bool = False,
        rules: Mapping[str, Rule] | None = None,
    ) -> None:
        """path: the file; name: how errors and rejects call it; rules: where columns come from."""
        self._path, self._name, self._assume_utc = path, name, assume_utc
        self._rules = rules or {}

    def columns(self) -> frozenset[str]:
        return self._names_and_count[0] | frozenset(self._rules)

    def count(self) -> int:
        return self._names_and_count[1]

    @cached_property
    def _names_and_count(self) -> tuple[frozenset[str], int]:
        """Kept, for logs have thousands of files and footers can be large."""
        with self._open() as file:
            return frozenset(file.schema_arrow.names), int(file.metadata.num_rows)

    def check(self, spec: TableSpec) -> None:
        with self._open() as file:
            self._sources(file.schema_arrow, spec, tuple(spec.schema.names))

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        with self._open() as file:
            found = self._sources(file.schema_arrow, spec, columns)
            start = 0
            for batch in self._batches(file, found):
                yield _typed(batch, spec, columns, found, start)
                start += batch.num_rows

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        with self._open() as file:
            source = self._prompt_source(file.schema_arrow)
            if source is None:
                return dict.fromkeys(rows)
            counts = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            ends = np.cumsum(counts)
            groups = np.searchsorted(ends, np.asarray(rows), side="right")
            found: dict[int, str | None] = {}
            for group in np.unique(groups):
                wanted = [row for row, g in zip(rows, groups, strict=True) if g == group]
                start = int(ends[group] - counts[group])
                found |= self._prompts_of(file, source, int(group), start, wanted)
            return found

    def head(self, rows: int) -> list[Record]:
        """The first rows as they are stored, by the file's own column names."""
        with self._open() as file:
            found: list[Record] = []
            batches = file.iter_batches(min(rows, FEWEST_AT_ONCE), use_threads=False)
            for some in self._checked(map(_readable, batches)):
                found += some
                if len(found) >= rows:
                    break
            return found[:rows]

    def _prompt_source(self, schema: pa.Schema) -> Source | None:
        wanted = pa.schema([PROMPT])
        return sources(schema, wanted, self._rules, self._name, assume_utc=False).get("prompt")

    def _prompts_of(
        self, file: pq.ParquetFile, source: Source, group: int, start: int, wanted: list[int]
    ) -> dict[int, str | None]:
        found: dict[int, str | None] = {}
        for batch in self._batches(file, {"prompt": source}, [group]):
            texts, _ = source.make(batch)
            for row in wanted:
                if start <= row < start + batch.num_rows:
                    found[row] = _excerpt(texts[row - start])
            start += batch.num_rows
            if start > wanted[-1]:
                break
        return found

    def _batches(
        self, file: pq.ParquetFile, found: dict[str, Source], groups: list[int] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All rows of these row groups (all if None); texts may come as dictionaries."""
        folded: pq.ParquetFile | None = None
        columns = list(dict.fromkeys(name for source in found.values() for name in source.columns))
        texts = frozenset(n for c in TEXT_COLUMNS if c in found for n in found[c].columns)
        for group in range(file.num_row_groups) if groups is None else groups:
            if texts:  # one row first: a footer's damage is an error here, and an abort below
                next(self._read(file, group, sorted(texts), 1), None)
            size = group_bytes(file, group, texts)
            if size > FOLDED_LIMIT:
                rows = rows_at_once(size, file.metadata.row_group(group).num_rows)
                yield from self._checked(gathered(self._read(file, group, columns, rows)))
                continue
            folded = folded or self._open(read_dictionary=_foldable(file.schema_arrow, texts))
            for batch in self._read(folded, group, columns, BATCH_ROWS):
                yield from self._checked(in_slices(batch))

    def _read(
        self, file: pq.ParquetFile, group: int, columns: list[str], rows: int
    ) -> Iterator[pa.RecordBatch]:
        batches = file.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False)
        yield from self._checked(batches)

    def _checked(self, parts: Iterator[Part]) -> Iterator[Part]:
        """The same. What Arrow finds wrong with the bytes stops the run with the file's name."""
        while True:
            try:
                part = next(parts, None)
            except BROKEN as error:
                raise self._damaged(error) from error
            if part is None:
                return
            yield part

    def _sources(
        self, schema: pa.Schema, spec: TableSpec, columns: tuple[str, ...]
    ) -> dict[str, Source]:
        mapped = {name for rule in self._rules.values() for name in rule.sources}
        read = mapped | (set(spec.schema.names) - self._rules.keys())
        twice = sorted(n for n, k in Counter(schema.names).items() if k > 1 and n in read)
        if twice:
            raise InputError(
                f"the column '{twice[0]}' is there {schema.names.count(twice[0])} times.",
                where=self._name,
                next_step="Keep one of them.",
            )
        for name in spec.required:
            if name not in schema.names and name not in self._rules:
                raise InputError(
                    f"the required column '{name}' is missing.{did_you_mean(name, schema.names)}",
                    where=self._name,
                    next_step=f"Rename or add it, or name its column in mapping.toml. "
                    f"{found_columns(schema.names)}",
                )
        wanted = pa.schema([spec.schema.field(name) for name in columns])
        try:
            return sources(schema, wanted, self._rules, self._name, assume_utc=self._assume_utc)
        except UnicodeDecodeError as error:  # the name of a time zone
            raise self._damaged(error) from error

    def _open(self, read_dictionary: list[str] | None = None) -> pq.ParquetFile:
        try:
            source, size = parquet_source(self._path)
            return pq.ParquetFile(
                source, buffer_size=size, pre_buffer=False, read_dictionary=read_dictionary
            )
        except PermissionError as error:
            raise InputError(
                "no permission to read this file.",
                where=self._name,
                next_step="Give the user who runs iolaus read access to it.",
            ) from error
        except BROKEN as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        with self._path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(len(MAGIC))
            file.seek(max(0, size - len(MAGIC)))
            end = file.read(len(MAGIC))
        if size == 0:
            what = "the file is empty."
        elif start != MAGIC:
            what = f"this is not a Parquet file ({size:,} bytes that do not start with PAR1)."
        elif end != MAGIC:
            what = f"the Parquet file is cut off ({size:,} bytes that do not end with PAR1)."
        else:
            what = f"the Parquet file is damaged ({size:,} bytes): {first_line(error)}"
        return InputError(
            what,
            where=self._name,
            next_step="It may be half copied or still being written. "
            "Copy it again, or move it away.",
        )


def _readable(batch: pa.RecordBatch) -> list[Record]:
    """Its rows; without those whose text is no UTF-8, where there are any."""
    try:
        return list(batch.to_pylist())
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return []
        halves = (batch.slice(0, batch.num_rows // 2), batch.slice(batch.num_rows // 2))
        return [row for half in halves for row in _readable(half)]


def _foldable(schema: pa.Schema, columns: frozenset[str]) -> list[str]:
    """Of these columns, those that Arrow can leave as dictionaries."""
    kinds = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return sorted(name for name in columns if schema.field(name).type in kinds)


def _typed(
    batch: pa.RecordBatch,
    spec: TableSpec,
    columns: tuple[str, ...],
    found: dict[str, Source],
    start: int,
) -> Chunk:
    arrays, faults = [], Faults()
    for name in columns:
        if name not in found:
            arrays.append(pa.nulls(batch.num_rows, spec.schema.field(name).type))
            continue
        array, bad = found[name].make(batch)
        arrays.append(array)
        faults = bad | faults
    rows = np.arange(start, start + batch.num_rows, dtype=np.int64)
    schema = pa.schema([spec.schema.field(name) for name in columns])
    return Chunk(pa.RecordBatch.from_arrays(arrays, schema=schema), rows, faults)


def _excerpt(value: pa.Scalar) -> str | None:
    if not value.is_valid:
        return None
    start: bytes = value.as_buffer()[: 4 * EXCERPT_CHARS].to_pybytes()  # 4 bytes a character
    return start.decode("utf-8", "replace")[:EXCERPT_CHARS]
