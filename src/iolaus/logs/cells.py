"""One JSON value against the type of its column: strict, for a wrong type is a wrong mapping."""

from typing import Any

import numpy as np
import pyarrow as pa

from iolaus.logs.rejects import Cause, Fault


def cell_fault(field: pa.Field, value: Any) -> Fault | None:
    """None if the value fits the column. The detail never repeats a text."""
    if value is None:
        return None
    kind = field.type
    if pa.types.is_string(kind):
        return None if type(value) is str else _wrong(field, value)
    if pa.types.is_boolean(kind):
        return None if type(value) is bool else _wrong(field, value)
    if type(value) not in (int, float):
        return _wrong(field, value)
    return _integer(field, value) if pa.types.is_integer(kind) else None


def _integer(field: pa.Field, value: int | float) -> Fault | None:
    info = np.iinfo(field.type.to_pandas_dtype())
    if not info.min <= value <= info.max:
        return Fault(Cause.NUMBER_RANGE, f"{field.name}: {value}")
    if type(value) is float:
        return Fault(Cause.NOT_INTEGER, f"{field.name}: {value}")
    return None


def _wrong(field: pa.Field, value: Any) -> Fault:
    names = {str: "text", bool: "true or false", dict: "an object", list: "a list"}
    found = names.get(type(value), "a number")
    return Fault(Cause.WRONG_TYPE, f"{field.name}: {found} instead of {field.type}")
