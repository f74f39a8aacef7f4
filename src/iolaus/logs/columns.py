"""Types found in Parquet files -> the table's types, where nothing is lost; else InputError."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iolaus.core.errors import InputError
from iolaus.logs import times
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.times import Faults

Convert = Callable[[pa.Array], tuple[pa.Array, Faults]]

EXACT_IN_DOUBLE = 2**53  # integers below it have one double each


def converter(found: pa.Field, wanted: pa.Field, file: str, *, assume_utc: bool) -> Convert:
    """How to turn this column of `file` into the wanted type. InputError if there is no way."""
    kind = found.type
    if pa.types.is_dictionary(kind):
        # Batches come unfolded (sizes.py), so that parts with different dictionaries can be joined.
        return converter(found.with_type(kind.value_type), wanted, file, assume_utc=assume_utc)
    if kind == wanted.type:
        return lambda array: (array, {})
    if pa.types.is_null(kind):
        return lambda array: (pa.nulls(len(array), wanted.type), {})
    convert = _convert(kind, wanted, file, assume_utc=assume_utc)
    if convert is None:
        raise InputError(
            f"the column '{wanted.name}' is {kind}, but {wanted.type} is expected.",
            where=file,
            next_step=f"Convert it when writing the log, for example CAST({wanted.name} AS "
            f"{_sql_type(wanted.type)}).",
        )
    return convert


def _convert(kind: pa.DataType, wanted: pa.Field, file: str, *, assume_utc: bool) -> Convert | None:
    name, target = wanted.name, wanted.type
    if pa.types.is_timestamp(target):
        return _time_converter(kind, name, file, assume_utc=assume_utc)
    if pa.types.is_string(target) and _is_text(kind):
        return lambda array: (_to_text(array), {})
    if pa.types.is_integer(target) and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return lambda array: to_integers(array, target, name)
    if pa.types.is_floating(target) and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return lambda array: (pc.cast(array, target, safe=False), {})
    return None


def _time_converter(kind: pa.DataType, name: str, file: str, *, assume_utc: bool) -> Convert | None:
    if pa.types.is_timestamp(kind):
        if kind.tz is None and not assume_utc:
            raise InputError(
                f"the column '{name}' has times without a time zone ({kind}).",
                where=file,
                next_step="If they are UTC, set assume_utc = true under [scan] in --config FILE; "
                "otherwise write them with a zone.",
            )
        return lambda array: times.from_timestamps(array, name)
    if _is_text(kind):
        return lambda array: times.from_texts(_to_text(array), name, assume_utc=assume_utc)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return lambda array: times.from_epochs(array, name)
    return None


def _is_text(kind: pa.DataType) -> bool:
    """Text, or bytes: old writers leave text unmarked. Bytes that are not UTF-8 are found later."""
    is_view = str(kind) in ("string_view", "binary_view")
    return bool(
        is_view
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def _to_text(array: pa.Array) -> pa.Array:
    """As string; bytes are taken as they are, for `checks.invalid_utf8` names the bad rows."""
    return pc.cast(array, pa.string(), safe=False)


def to_integers(array: pa.Array, target: pa.DataType, name: str) -> tuple[pa.Array, Faults]:
    """Numbers -> integers. NaN is null (a data frame's way to write one); the rest must fit."""
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    try:
        return pc.cast(array, target), {}
    except pa.ArrowInvalid:
        return _integers_one_by_one(array, target, name)


def _integers_one_by_one(
    array: pa.Array, target: pa.DataType, name: str
) -> tuple[pa.Array, Faults]:
    info = np.iinfo(target.to_pandas_dtype())
    values: list[int | None] = []
    faults: Faults = {}
    for i, value in enumerate(array.to_pylist()):
        cause = None if value is None else _integer_fault(value, int(info.min), int(info.max))
        if cause is not None:
            faults[i] = Fault(cause, f"{name}: {value}")
        values.append(None if value is None or cause is not None else int(value))
    return pa.array(values, target), faults


def _integer_fault(value: int | float, low: int, high: int) -> Cause | None:
    if not low <= value <= high:  # infinities too
        return Cause.NUMBER_RANGE
    if isinstance(value, float) and (not value.is_integer() or abs(value) > EXACT_IN_DOUBLE):
        return Cause.NOT_INTEGER
    return None


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    names = {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE"}
    return names.get(str(kind), "BOOLEAN")
