"""Rows -> typed tables, for the tests of this room."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pyarrow as pa

from iolaus.core.tables import EXCHANGES

Row = dict[str, Any]


def typed(rows: list[Row], all_columns: Collection[str] = ()) -> pa.Table:
    """Rows -> a table with the contract's types; text may be given as bytes to be invalid UTF-8."""
    names = [name for name in EXCHANGES.names if any(name in r for r in [*rows, all_columns])]
    return pa.table({name: _array([row.get(name) for row in rows], name) for name in names})


def _array(values: list[Any], name: str) -> pa.Array:
    kind = EXCHANGES.field(name).type
    if name == "ts":
        values = [datetime.fromisoformat(v) if isinstance(v, str) else v for v in values]
    if pa.types.is_string(kind):
        raw = [v.encode() if isinstance(v, str) else v for v in values]
        return pa.array(raw, pa.binary()).view(pa.string())
    return pa.array(values, kind)
