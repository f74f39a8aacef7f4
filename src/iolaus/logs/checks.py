"""Row checks on a typed batch, vectorised: Python only looks at rows that fail."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from iolaus.logs.reader import Chunk
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.spec import LATEST, TableSpec
from iolaus.logs.times import Faults

Mask = NDArray[np.bool_]


def keep_valid(chunk: Chunk, spec: TableSpec) -> pa.RecordBatch:
    """The chunk's valid rows; the others are added to `chunk.faults`, each with its first cause.

    Null text and null numbers are valid except in required columns.
    """
    for name, column in zip(chunk.batch.schema.names, chunk.batch.columns, strict=True):
        for row, fault in _faults(name, column, spec):
            chunk.faults.setdefault(row, fault)
    if not chunk.faults:
        return chunk.batch
    keep = np.ones(chunk.batch.num_rows, dtype=np.bool_)
    keep[list(chunk.faults)] = False
    chunk.rows = chunk.rows[keep]
    return chunk.batch.filter(pa.array(keep))


def _faults(name: str, column: pa.Array, spec: TableSpec) -> Iterator[tuple[int, Fault]]:
    kind = column.type
    if pa.types.is_string(kind):
        yield from invalid_utf8(name, column).items()
    elif pa.types.is_timestamp(kind):
        yield from _outside(name, column, spec.earliest, LATEST, Cause.TIME_RANGE)
    elif pa.types.is_floating(kind):
        yield from _where(name, column, pc.invert(pc.is_finite(column)), Cause.NUMBER_RANGE)
    elif pa.types.is_integer(kind):
        cause = Cause.NEGATIVE_TOKENS if name.endswith("_tokens") else Cause.NUMBER_RANGE
        yield from _outside(name, column, 0, None, cause)
    if name in spec.required:
        missing = _missing(column)
        if missing is not None:
            yield from ((int(i), Fault(Cause(f"missing {name}"), "")) for i in missing)


def _missing(column: pa.Array) -> NDArray[np.intp] | None:
    """Rows that are null or, in text, empty. None if there is none."""
    empty = column.is_null()
    if pa.types.is_string(column.type):
        empty = pc.or_kleene(empty, pc.equal(pc.binary_length(column), 0))
    elif column.null_count == 0:
        return None
    if not pc.any(empty).as_py():
        return None
    return np.flatnonzero(empty.fill_null(False).to_numpy(zero_copy_only=False))


def _outside(
    name: str, column: pa.Array, low: int, end: int | None, cause: Cause
) -> Iterator[tuple[int, Fault]]:
    """Rows below `low`, or at `end` or above."""
    numbers = column.cast(pa.int64())
    span = pc.min_max(numbers)
    lowest, highest = span["min"].as_py(), span["max"].as_py()
    if lowest is None or (lowest >= low and (end is None or highest < end)):
        return
    bad = pc.less(numbers, low)
    if end is not None:
        bad = pc.or_(bad, pc.greater_equal(numbers, end))
    yield from _where(name, column, bad, cause)


def _where(name: str, column: pa.Array, bad: pa.Array, cause: Cause) -> Iterator[tuple[int, Fault]]:
    if not pc.any(bad).as_py():
        return
    for i in np.flatnonzero(bad.fill_null(False).to_numpy(zero_copy_only=False)):
        value = column[int(i)].cast(pa.string())  # in Python, years past 9999 would fail
        yield int(i), Fault(cause, f"{name}: {value}")


def invalid_utf8(name: str, column: pa.Array) -> Faults:
    """Rows whose bytes are not UTF-8. Arrow does not look when it reads; `validate` does.

    A bad batch is halved until single rows are left: log2(65,536) = 16 looks per bad row, and
    no other row's text is copied.
    """
    faults: Faults = {}
    _halve(column, 0, lambda row: faults.update({row: Fault(Cause.UTF8, name)}))
    return faults


def _halve(column: pa.Array, start: int, found: Callable[[int], None]) -> None:
    try:
        column.validate(full=True)
        return
    except pa.ArrowInvalid:
        if len(column) == 1:
            found(start)
            return
    middle = len(column) // 2
    _halve(column.slice(0, middle), start, found)
    _halve(column.slice(middle), start + middle, found)
