"""JSON lines, plain, .gz or .zst: a broken line costs one line, memory is bounded by a limit."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from iolaus.logs.cells import cell_fault
from iolaus.logs.lines import MAX_LINE, Line, lines
from iolaus.logs.reader import EXCERPT_CHARS, Chunk
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.spec import TableSpec
from iolaus.logs.times import Faults, from_values

CHUNK_ROWS = 16_384
MAX_UNKNOWN = 1_000  # key names remembered besides the table's: keys may be random
CHUNK_BYTES = 16 * 2**20  # of JSON text; as Python objects about 2 to 5 times as much


class JsonlReader:
    """One file of JSON objects, one a line. Unknown keys are ignored but remembered."""

    first_number = 1

    def __init__(self, path: Path, name: str, *, assume_utc: bool = False) -> None:
        """path: the file; name: how errors and rejects call it."""
        self._path, self._name, self._assume_utc = path, name, assume_utc
        self._columns: set[str] = set()

    def columns(self) -> frozenset[str]:
        return frozenset(self._columns)

    def count(self) -> None:
        return None

    def check(self, spec: TableSpec) -> None:
        """The first bytes can be read (and decompressed)."""
        next(iter(lines(self._path, self._name)), None)

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        for group in _grouped(lines(self._path, self._name)):
            yield self._chunk(group, spec, columns)

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        wanted, found = set(rows), dict[int, str | None]()
        for line in lines(self._path, self._name):
            if line.number in wanted:
                row = _parse(line)
                text = None if isinstance(row, Fault) else row.get("prompt")
                found[line.number] = text[:EXCERPT_CHARS] if isinstance(text, str) else None
                if len(found) == len(wanted):
                    break
        return found

    def _chunk(self, group: list[Line], spec: TableSpec, columns: tuple[str, ...]) -> Chunk:
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        lost: list[tuple[int, Fault]] = []
        for line in group:
            row = _parse(line)
            if isinstance(row, Fault):
                lost.append((line.number, row))
            else:
                rows.append(row)
                numbers.append(line.number)
        self._remember(frozenset().union(*rows), spec)
        faults: Faults = {}
        arrays = [self._column(rows, spec.schema.field(name), faults) for name in columns]
        schema = pa.schema([spec.schema.field(name) for name in columns])
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        return Chunk(batch, np.array(numbers, dtype=np.int64), faults, lost)

    def _remember(self, keys: frozenset[str], spec: TableSpec) -> None:
        known = keys & frozenset(spec.schema.names)
        room = MAX_UNKNOWN - len(self._columns - known)
        self._columns |= known | set(sorted(keys - known - self._columns)[: max(room, 0)])

    def _column(self, rows: list[dict[str, Any]], field: pa.Field, faults: Faults) -> pa.Array:
        """One column of the rows, strictly typed; cells that do not fit become faults and nulls."""
        name = field.name
        values = [row.get(name) for row in rows]
        if pa.types.is_timestamp(field.type):
            array, found = from_values(values, name, assume_utc=self._assume_utc)
        else:
            array, found = _plain(values, field)
        for row, fault in found.items():
            faults.setdefault(row, fault)
        return array


def _grouped(source: Iterator[Line]) -> Iterator[list[Line]]:
    """Lines in groups of at most CHUNK_ROWS rows and about CHUNK_BYTES bytes."""
    group: list[Line] = []
    size = 0
    for line in source:
        group.append(line)
        size += len(line.text)
        if len(group) >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _parse(line: Line) -> dict[str, Any] | Fault:
    if line.too_long:
        return Fault(Cause.LONG_LINE, f"more than {MAX_LINE:,} bytes")
    try:
        row = orjson.loads(line.text)
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


def _plain(values: list[Any], field: pa.Field) -> tuple[pa.Array, Faults]:
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= _python_types(field.type):
        try:
            return pa.array(values, field.type), {}
        except (pa.ArrowInvalid, OverflowError):
            pass  # an integer too large for the column: find it below
    judge: Callable[[Any], Fault | None] = partial(cell_fault, field)
    faults = {i: fault for i, value in enumerate(values) if (fault := judge(value)) is not None}
    kept = [None if i in faults else value for i, value in enumerate(values)]
    return pa.array(kept, field.type), faults


def _python_types(kind: pa.DataType) -> set[type]:
    if pa.types.is_string(kind):
        return {str}
    if pa.types.is_boolean(kind):
        return {bool}
    return {int} if pa.types.is_integer(kind) else {int, float}
