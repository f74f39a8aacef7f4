"""JSON objects, plain, .gz or .zst: a broken line costs one line, memory is bounded by a limit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from iolaus.logs.convert import Written, column
from iolaus.logs.flat import Flat
from iolaus.logs.lenient import loads
from iolaus.logs.lines import MAX_LINE, Line, lines
from iolaus.logs.mapping import Record, Rule
from iolaus.logs.reader import EXCERPT_CHARS, Chunk
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.shape import Shape
from iolaus.logs.spec import TableSpec
from iolaus.logs.times import Faults, from_texts

Split = Callable[[Path, str], Iterator[Line]]  # a file's path and name -> the text of its objects

CHUNK_ROWS = 16_384
MAX_UNKNOWN = 1_000  # key names remembered besides the table's: keys may be random
CHUNK_BYTES = 16 * 2**20  # of JSON text; as Python objects about 2 to 5 times as much


class JsonlReader:
    """One file of JSON objects, one a line; or in an array, with `split=elements`.

    Without a shape, keys are the contract's columns; unknown ones are ignored but remembered.
    """

    first_number = 1

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        assume_utc: bool = False,
        rules: Mapping[str, Rule] | None = None,
        shape: Shape | None = None,
        split: Split = lines,
    ) -> None:
        """path: the file; name: how errors and rejects call it.

        rules: columns that the mapping takes from elsewhere. shape: a known format's other names.
        """
        self._path, self._name, self._assume_utc = path, name, assume_utc
        self._rules = rules or {}
        self._find = {column: rule.finder() for column, rule in self._rules.items()}
        self._shape, self._split = shape, split
        self._columns: set[str] = set()
        self._flat: Flat | None = None

    def columns(self) -> frozenset[str]:
        return frozenset(self._columns)

    def count(self) -> None:
        return None

    def check(self, spec: TableSpec) -> None:
        """The first bytes can be read (and decompressed)."""
        next(iter(self._split(self._path, self._name)), None)

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        for group in grouped(self._split(self._path, self._name)):
            yield self._chunk(group, spec, columns)

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        wanted, found = set(rows), dict[int, str | None]()
        for line in self._split(self._path, self._name):
            if line.number in wanted:
                found[line.number] = self._prompt(line)
                if len(found) == len(wanted):
                    break
        return found

    def _prompt(self, line: Line) -> str | None:
        record = parsed(line)
        if isinstance(record, Fault):
            return None
        row = self._row(record, frozenset(("prompt",)))
        find = self._find.get("prompt")
        text = find(record) if find else None if isinstance(row, Fault) else row.get("prompt")
        return text[:EXCERPT_CHARS] if isinstance(text, str) else None

    def _row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        return record if self._shape is None else self._shape.row(record, wanted)

    def _chunk(self, group: list[Line], spec: TableSpec, columns: tuple[str, ...]) -> Chunk:
        plain = self._shape is None and not self._find
        if plain and (flat := self._flat_of(spec)).is_tried:
            found = flat.read([line.text for line in group])
            if found is not None:
                return self._flat_chunk(group, found, spec, columns)
        rows = objects(group) if plain else None
        if rows is not None:
            numbers, lost = [line.number for line in group], list[tuple[int, Fault]]()
            keys = set[str]().union(*rows)
        else:
            rows, numbers, lost, keys = self._one_by_one(group, columns)
        if plain and flat.is_tried:
            flat.learn(rows)
        self._remember(frozenset(keys), spec)
        there = tuple(name for name in columns if name in keys or name in self._find)
        values = dict(zip(there, transposed(rows, there), strict=True))
        faults: Faults = {}
        arrays = [
            self._column(values.get(n), len(rows), spec.schema.field(n), faults) for n in columns
        ]
        return Chunk(_batch(arrays, spec, columns), np.array(numbers, np.int64), faults, lost)

    def _flat_of(self, spec: TableSpec) -> Flat:
        if self._flat is None:
            self._flat = Flat(spec.schema)
        return self._flat

    def _flat_chunk(
        self,
        group: list[Line],
        found: Mapping[str, pa.Array],
        spec: TableSpec,
        columns: tuple[str, ...],
    ) -> Chunk:
        """What Arrow read, of which the times are texts still."""
        self._remember(frozenset(found), spec)
        faults: Faults = {}
        arrays = []
        for field in (spec.schema.field(name) for name in columns):
            array = found.get(field.name)
            if array is None:
                array = pa.nulls(len(group), field.type)
            elif pa.types.is_timestamp(field.type):
                array, bad = from_texts(array, field.name, assume_utc=self._assume_utc)
                for row, fault in bad.items():
                    faults.setdefault(row, fault)
            arrays.append(array)
        numbers = np.array([line.number for line in group], np.int64)
        return Chunk(_batch(arrays, spec, columns), numbers, faults)

    def _one_by_one(
        self, group: list[Line], columns: tuple[str, ...]
    ) -> tuple[list[Record], list[int], list[tuple[int, Fault]], set[str]]:
        """Rows with their numbers, lines that are none, and the keys of all rows."""
        rows: list[Record] = []
        numbers: list[int] = []
        lost: list[tuple[int, Fault]] = []
        keys: set[str] = set()
        wanted = frozenset(columns) - frozenset(self._rules)
        for line in group:
            record = parsed(line)
            row = record if isinstance(record, Fault) else self._row(record, wanted)
            if isinstance(record, Fault) or isinstance(row, Fault):
                lost.append((line.number, row))  # type: ignore[arg-type]  # a Fault if record is one
                continue
            keys.update(row)
            # The record itself goes at once: objects that live long keep the garbage collector busy
            # (two fifths of the time).
            rows.append(self._mapped(record, row, columns) if self._find else row)
            numbers.append(line.number)
        return rows, numbers, lost, keys

    def _mapped(self, record: Record, row: Record, columns: tuple[str, ...]) -> Record:
        """The row's columns, those of the mapping from where it says."""
        mapped = {name: find(record) for name, find in self._find.items() if name in columns}
        return {name: row[name] for name in columns if name in row} | mapped

    def _remember(self, keys: frozenset[str], spec: TableSpec) -> None:
        known = (keys | frozenset(self._rules)) & frozenset(spec.schema.names)
        room = MAX_UNKNOWN - len(self._columns - known)
        self._columns |= known | set(sorted(keys - known - self._columns)[: max(room, 0)])

    def _column(
        self, values: Sequence[Any] | None, rows: int, field: pa.Field, faults: Faults
    ) -> pa.Array:
        """One column, strictly typed; cells that do not fit become faults and nulls."""
        if values is None:
            return pa.nulls(rows, field.type)
        how = Written(assume_utc=self._assume_utc, rule=self._rules.get(field.name))
        array, found = column(values, field, how)
        for row, fault in found.items():
            faults.setdefault(row, fault)
        return array


def _batch(arrays: list[pa.Array], spec: TableSpec, columns: tuple[str, ...]) -> pa.RecordBatch:
    schema = pa.schema([spec.schema.field(name) for name in columns])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def objects(group: list[Line]) -> list[Record] | None:
    """The lines' objects where every line is one; else None, and each must be looked at."""
    try:
        rows = [orjson.loads(line.text) for line in group]
    except orjson.JSONDecodeError:  # also the empty text of a line that is too long
        return None
    return rows if all(type(row) is dict for row in rows) else None


def transposed(rows: list[Record], columns: tuple[str, ...]) -> Sequence[Sequence[Any]]:
    """The values of each of these columns, null where a row lacks it.

    Each row is laid over a row of nulls, which puts these columns first and in order: twice as fast
    as to ask each row for each column.
    """
    if not rows:
        return [()] * len(columns)
    laid = map(dict.fromkeys(columns).__or__, rows)
    return [
        values
        for values, _ in zip(zip(*map(dict.values, laid), strict=False), columns, strict=False)
    ]


def grouped(source: Iterator[Line], most: float = CHUNK_ROWS) -> Iterator[list[Line]]:
    """Lines in groups of at most so many rows and about CHUNK_BYTES bytes."""
    group: list[Line] = []
    size = 0
    for line in source:
        group.append(line)
        size += len(line.text)
        if len(group) >= most or size >= CHUNK_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def parsed(line: Line) -> Record | Fault:
    """The line's object, or why it is none."""
    if line.too_long:
        return Fault(Cause.LONG_LINE, f"more than {MAX_LINE:,} bytes")
    try:
        row = loads(line.text)
    except orjson.JSONDecodeError as error:
        return _why_not(line.text, error)
    return row if isinstance(row, dict) else Fault(Cause.NOT_OBJECT, type(row).__name__)


def _why_not(text: bytes, error: orjson.JSONDecodeError) -> Fault:
    """Not the text itself: it may hold a prompt, and prompts stay inside this room."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as bad:
        return Fault(Cause.UTF8, f"byte 0x{text[bad.start]:02x} at byte {bad.start} of the line")
    return Fault(Cause.JSON, f"{error.msg} (at character {error.pos} of {len(text):,} bytes)")
