"""CSV: one record at a time, so that a bad row costs one row, and its line number is right.

Arrow's reader gives up a block for one bad row, and pandas' skips rows without saying which. The
standard library's parser is slower than both, and still fast enough (docs/reading-logs.md).
"""

import csv
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from iolaus.core.errors import InputError
from iolaus.logs import lines as lines_module
from iolaus.logs.convert import Written, column
from iolaus.logs.hints import did_you_mean, found_columns
from iolaus.logs.lines import BYTE_ORDER_MARK, Line, every_line
from iolaus.logs.mapping import CsvOptions, LogMapping, Record, Rule
from iolaus.logs.reader import EXCERPT_CHARS, Chunk
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.spec import TableSpec
from iolaus.logs.times import Faults

CHUNK_ROWS = 16_384
CHUNK_BYTES = 16 * 2**20
TAB_SUFFIXES = (".tsv", ".tsv.gz", ".tsv.zst")
QUOTE_DETAIL = "a quote in the wrong place, or one that never closes"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """One record. line: of its first line, from 0. fields: none if there is a fault."""

    line: int
    fields: list[str]
    size: int
    fault: Fault | None = None


class CsvReader:
    """One CSV file. Its first line names the columns, unless the mapping does."""

    first_number = 1

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        table: str,
        mapping: LogMapping | None = None,
        assume_utc: bool = False,
    ) -> None:
        """path: the file; name: how errors and rejects call it; table: which one of the log's."""
        mapping = mapping or LogMapping()
        self._path, self._name, self._options = path, name, mapping.csv
        self._rules = mapping.rules(table)
        self._assume_utc = assume_utc or mapping.assume_utc
        self._header: list[str] | None = None

    def columns(self) -> frozenset[str]:
        names = frozenset(self._header or ())
        return names | frozenset(self._rules)

    def count(self) -> None:
        return None

    def check(self, spec: TableSpec) -> None:
        """The header names each column once, and those that no row may lack."""
        for _ in self._rows():
            break  # the header stands before the first row
        header = self._header or []
        twice = sorted({name for name in header if header.count(name) > 1} & self._needed(spec))
        if twice:
            raise InputError(
                f"the column '{twice[0]}' is there {header.count(twice[0])} times.",
                where=self._name,
                next_step="Keep one of them, or rename them.",
            )
        for name, rule in self._rules.items():
            if rule.sources and not set(rule.sources) & set(header):
                raise InputError(
                    f"'{rule.sources[0]}', which the mapping gives for '{name}', is no column."
                    f"{did_you_mean(rule.sources[0], header)}",
                    where=self._name,
                    next_step=f"Correct mapping.toml. {found_columns(header)}",
                )
        for name in spec.required:
            if name not in header and name not in self._rules:
                raise InputError(
                    f"the required column '{name}' is missing.{did_you_mean(name, header)}",
                    where=self._name,
                    next_step="Name its column in mapping.toml; `iolaus map LOG` proposes one. "
                    f"{found_columns(header)}",
                )

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        held: list[Row] = []
        size = 0
        for row in self._rows():
            held.append(row)
            size += row.size
            if len(held) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield self._chunk(held, spec, columns)
                held, size = [], 0
        if held:
            yield self._chunk(held, spec, columns)

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        wanted, found = set(rows), dict[int, str | None]()
        for row in self._rows():
            if row.line in wanted:
                texts = self._values("prompt", [row.fields]) if row.fault is None else [None]
                found[row.line] = texts[0][:EXCERPT_CHARS] if texts[0] else None
                if len(found) == len(wanted):
                    break
        return found

    def head(self, rows: int) -> list[Record]:
        """The first rows as they are written, by the file's own column names."""
        good = (row.fields for row in islice(self._rows(), rows) if row.fault is None)
        return [dict(zip(self._header or (), fields, strict=True)) for fields in good]

    def _needed(self, spec: TableSpec) -> set[str]:
        """Names of the file's columns that are read."""
        sources = {source for rule in self._rules.values() for source in rule.sources}
        return sources | (set(spec.schema.names) - set(self._rules))

    def _chunk(self, rows: list[Row], spec: TableSpec, columns: tuple[str, ...]) -> Chunk:
        lost = [(row.line, row.fault) for row in rows if row.fault is not None]
        good = [row for row in rows if row.fault is None]
        fields = [row.fields for row in good]
        faults: Faults = {}
        arrays = []
        for name in columns:
            how = Written(text=True, assume_utc=self._assume_utc, rule=self._rules.get(name))
            array, found = column(self._values(name, fields), spec.schema.field(name), how)
            arrays.append(array)
            for row, fault in found.items():
                faults.setdefault(row, fault)
        schema = pa.schema([spec.schema.field(name) for name in columns])
        numbers = np.array([row.line for row in good], dtype=np.int64)
        return Chunk(pa.RecordBatch.from_arrays(arrays, schema=schema), numbers, faults, lost)

    def _values(self, name: str, rows: list[list[str]]) -> list[str | None]:
        """One column's cells as they are written; null where the file has no such column."""
        rule = self._rules.get(name, Rule(name, (name,)))
        if not rule.sources:
            return [rule.constant] * len(rows)
        header = self._header or []
        places = [header.index(source) for source in rule.sources if source in header]
        if not places:
            return [None] * len(rows)
        if len(places) == 1:
            place = places[0]
            return [row[place] for row in rows]
        empty = ("", *rule.nulls)
        return [next((row[p] for p in places if row[p] not in empty), None) for row in rows]

    def _rows(self) -> Iterator[Row]:
        """All records after the header."""
        source = _Records(self._path, self._name, self._options)
        header = list(self._options.header) if self._options.header is not None else None
        for row in source.rows():
            if header is None:
                header = _header(row, self._name, source.delimiter)
                self._header = header
                continue
            self._header = header
            if row.fault is None and len(row.fields) != len(header):
                detail = f"{len(row.fields):,} fields instead of {len(header):,}"
                yield row._replace(fields=[], fault=Fault(Cause.FIELD_COUNT, detail))
            else:
                yield row
        self._header = header


class _Records:
    """Lines of a file joined into CSV records. Quotes that never close cost their first line."""

    def __init__(self, path: Path, name: str, options: CsvOptions) -> None:
        self._lines = every_line(path, name)
        self._name, self._options = name, options
        tabs = path.name.endswith(TAB_SUFFIXES)
        self.delimiter = options.delimiter or ("\t" if tabs else ",")
        self._again: deque[Line] = (
            deque()
        )  # lines to be parsed again after a quote that never closed
        self._taken: list[Line] = []  # lines of the record that is being parsed
        self._size = 0
        self._bad_text: Fault | None = None

    def rows(self) -> Iterator[Row]:
        while True:
            parser = csv.reader(
                self._texts(),
                delimiter=self.delimiter,
                quotechar=self._options.quote,
                strict=True,
            )
            if not (yield from self._parsed(parser)):
                return

    def _parsed(self, parser: Iterator[list[str]]) -> Generator[Row, None, bool]:
        """Rows until the end (returns False), or until the parser must start anew (True)."""
        while True:
            self._taken, self._size, self._bad_text = [], 0, None
            fault: Fault | None = None
            fields: list[str] = []
            # The process's limit, put back below. Beyond it comes _TooLong: characters <= bytes.
            limit = csv.field_size_limit(2 * lines_module.MAX_LINE)
            try:
                fields = next(parser)
            except StopIteration:
                return False
            except _TooLong:
                yield self._first_line_lost(Cause.LONG_LINE)
                return True
            except csv.Error:
                if len(self._taken) > 1:
                    yield self._first_line_lost(Cause.QUOTE)
                    return True
                fault = Fault(Cause.QUOTE, QUOTE_DETAIL)
            finally:
                csv.field_size_limit(limit)
            first = self._taken[0].number
            if fault is None and len(self._taken) == 1 and not self._taken[0].text.strip():
                continue  # a blank line
            fault = fault or self._bad_text
            yield Row(first, [] if fault else fields, self._size, fault)

    def _first_line_lost(self, cause: Cause) -> Row:
        """Reject the record's first line; parse its other lines again, as records of their own."""
        first, *others = self._taken
        self._again.extendleft(reversed(others))
        details = {
            Cause.LONG_LINE: f"more than {lines_module.MAX_LINE:,} bytes",
            Cause.QUOTE: QUOTE_DETAIL,
        }
        return Row(first.number, [], len(first.text), Fault(cause, details[cause]))

    def _texts(self) -> Iterator[str]:
        """Lines for the parser, noted as taken."""
        while (line := self._next()) is not None:
            self._taken.append(line)
            self._size += len(line.text) + 1
            if line.too_long or self._size > lines_module.MAX_LINE:
                raise _TooLong
            yield self._decoded(line) + "\n"

    def _next(self) -> Line | None:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is not None and line.number == 0:
            if line.text.startswith(UTF_16):
                raise _encoding(self._name)
            return line._replace(text=line.text.removeprefix(BYTE_ORDER_MARK))
        return line

    def _decoded(self, line: Line) -> str:
        try:
            return line.text.decode(self._options.encoding)
        except UnicodeDecodeError as error:
            detail = f"byte 0x{line.text[error.start]:02x} at byte {error.start} of the line"
            self._bad_text = self._bad_text or Fault(Cause.UTF8, detail)
            return line.text.decode(self._options.encoding, "replace")


class _TooLong(Exception):
    """A record, or one of its lines, is longer than MAX_LINE."""


def _header(row: Row, name: str, delimiter: str) -> list[str]:
    if row.fault is not None:
        raise InputError(
            f"the first line cannot be read: {row.fault.cause}.",
            where=name,
            next_step="Its first line must name the columns. Name them under [csv] header in "
            "mapping.toml if the file does not.",
        )
    others = [other for other in ",;\t|" if other != delimiter and other in row.fields[0]]
    if len(row.fields) == 1 and others:
        raise InputError(
            f"there is one column, '{row.fields[0][:80]}'.",
            where=name,
            next_step=f"Set its delimiter in mapping.toml: [csv] delimiter = {others[0]!r}.",
        )
    return [field.strip() for field in row.fields]


def _encoding(name: str) -> InputError:
    return InputError(
        "the file is UTF-16.",
        where=name,
        next_step="Convert it: iconv -f UTF-16 -t UTF-8 FILE.",
    )
