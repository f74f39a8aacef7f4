"""JSON values against the type of their column: strict, for a wrong type is a wrong mapping."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.times import Faults


def cells(values: Sequence[Any], field: pa.Field) -> tuple[pa.Array, Faults]:
    """Values -> one column; those that do not fit become nulls and faults. Not for times."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= _python_types(field.type):
        try:
            return pa.array(values, field.type), {}
        except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
            pass  # an integer too large for the column, or a lone surrogate: find it below
    judge: Callable[[Any], Fault | None] = partial(cell_fault, field)
    faults = {i: fault for i, value in enumerate(values) if (fault := judge(value)) is not None}
    kept = [None if i in faults else value for i, value in enumerate(values)]
    if pa.types.is_floating(field.type):  # Arrow takes no integer that a double must round
        kept = [None if value is None else float(value) for value in kept]
    return pa.array(kept, field.type), faults


def cell_fault(field: pa.Field, value: Any) -> Fault | None:
    """None if the value fits the column. The detail never repeats a text."""
    if value is None:
        return None
    kind = field.type
    if pa.types.is_string(kind):
        return _text_fault(field, value)
    if pa.types.is_boolean(kind):
        return None if type(value) is bool else _wrong(field, value)
    if type(value) not in (int, float):
        return _wrong(field, value)
    return _integer(field, value) if pa.types.is_integer(kind) else _double(field, value)


def _text_fault(field: pa.Field, value: Any) -> Fault | None:
    if type(value) is not str:
        return _wrong(field, value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot write
        return Fault(Cause.UTF8, field.name)
    return None


def _integer(field: pa.Field, value: int | float) -> Fault | None:
    info = np.iinfo(field.type.to_pandas_dtype())
    if not info.min <= value <= info.max:
        return Fault(Cause.NUMBER_RANGE, f"{field.name}: {value}")
    if type(value) is float:
        return Fault(Cause.NOT_INTEGER, f"{field.name}: {value}")
    return None


def _double(field: pa.Field, value: int | float) -> Fault | None:
    try:
        float(value)
    except OverflowError:  # an integer beyond 1.8e308
        return Fault(Cause.NUMBER_RANGE, f"{field.name}: beyond 1.8e308")
    return None


def _wrong(field: pa.Field, value: Any) -> Fault:
    names = {str: "text", bool: "true or false", dict: "an object", list: "a list"}
    found = names.get(type(value), "a number")
    return Fault(Cause.WRONG_TYPE, f"{field.name}: {found} instead of {field.type}")


def _python_types(kind: pa.DataType) -> set[type]:
    if pa.types.is_string(kind):
        return {str}
    if pa.types.is_boolean(kind):
        return {bool}
    return {int} if pa.types.is_integer(kind) else {int, float}
