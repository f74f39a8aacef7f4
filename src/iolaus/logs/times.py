"""Times of any accepted form -> timestamp[us, UTC]; a cell that cannot be one becomes a fault.

Accepted: ISO 8601 text with `Z` or an offset, and epoch numbers, whose unit follows from size:

    below 1e11 seconds (to the year 5138), below 1e14 milliseconds, below 1e17 microseconds,
    else nanoseconds

so that every instant from 2015 to 2100 has one reading in each unit (2015 is 1.42e9 s).
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iolaus.core.tables import TS
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.spec import MICROS

SECONDS_BELOW, MILLIS_BELOW, MICROS_BELOW = 10**11, 10**14, 10**17
INT64_MAX = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Faults = dict[int, Fault]  # row of the batch -> why it is rejected


def from_values(
    values: Sequence[Any], column: str, *, assume_utc: bool = False
) -> tuple[pa.Array, Faults]:
    """Python values (JSON) -> times. Null stays null."""
    if set(map(type, values)) <= {str, type(None)}:
        return from_texts(pa.array(values, pa.string()), column, assume_utc=assume_utc)
    return _one_by_one(values, column, assume_utc=assume_utc)


def from_texts(
    texts: pa.Array, column: str, *, assume_utc: bool = False
) -> tuple[pa.Array, Faults]:
    """ISO 8601 texts -> times. Arrow's parser first; row by row only if it refuses one."""
    try:
        return texts.cast(TS), {}
    except pa.ArrowInvalid:
        return _one_by_one([_text(value) for value in texts], column, assume_utc=assume_utc)


def from_epochs(numbers: pa.Array, column: str) -> tuple[pa.Array, Faults]:
    """Integer or float epoch numbers -> times."""
    return _one_by_one(numbers.to_pylist(), column, assume_utc=True)


def from_timestamps(times: pa.Array, column: str) -> tuple[pa.Array, Faults]:
    """Arrow timestamps of any unit, with a zone or taken as UTC -> times. Finer units are cut."""
    times = pc.cast(times, pa.timestamp(times.type.unit, tz="UTC"))
    if times.type.unit in ("us", "ns"):
        return pc.cast(times, TS, safe=False), {}
    limit = INT64_MAX // (MICROS if times.type.unit == "s" else 1_000)  # else us would overflow
    counts = times.cast(pa.int64())
    over = pc.or_(pc.greater(counts, limit), pc.less(counts, -limit))
    if not pc.any(over).as_py():
        return pc.cast(times, TS), {}
    rows = np.flatnonzero(over.fill_null(False).to_numpy(zero_copy_only=False))
    faults = {int(i): Fault(Cause.TIME_RANGE, f"{column}: {counts[int(i)]}") for i in rows}
    return pc.cast(pc.if_else(over, pa.scalar(None, times.type), times), TS), faults


def _text(value: pa.Scalar) -> str | bytes | None:
    """The text; its bytes if they are not UTF-8."""
    try:
        return str(value.as_py()) if value.is_valid else None
    except UnicodeDecodeError:
        return bytes(value.as_buffer())


def _one_by_one(values: Sequence[Any], column: str, *, assume_utc: bool) -> tuple[pa.Array, Faults]:
    micros: list[int | None] = []
    faults: Faults = {}
    for i, value in enumerate(values):
        found = None if value is None or value == "" else _micros(value, assume_utc)
        if isinstance(found, Cause):
            faults[i] = Fault(found, f"{column}: {value!r}")
            found = None
        micros.append(found)
    return pa.array(micros, pa.int64()).cast(TS), faults


def _micros(value: Any, assume_utc: bool) -> int | Cause:
    if type(value) is str:
        return _iso(value, assume_utc)
    if type(value) is int or type(value) is float:
        return _epoch(value)
    return Cause.UTF8 if type(value) is bytes else Cause.WRONG_TYPE


def _iso(text: str, assume_utc: bool) -> int | Cause:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return Cause.TIME_UNREADABLE
    if time.tzinfo is None:
        if not assume_utc:
            return Cause.TIME_ZONE
        time = time.replace(tzinfo=UTC)
    return (time - EPOCH) // timedelta(microseconds=1)


def _epoch(number: int | float) -> int | Cause:
    if not math.isfinite(number):
        return Cause.TIME_UNREADABLE
    size = abs(number)
    if size < SECONDS_BELOW:
        micros = number * MICROS
    elif size < MILLIS_BELOW:
        micros = number * 1_000
    elif size < MICROS_BELOW:
        micros = number
    else:
        micros = number // 1_000
    return round(micros) if abs(micros) <= INT64_MAX else Cause.TIME_RANGE
