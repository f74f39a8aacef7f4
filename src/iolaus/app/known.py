"""known.parquet: known campaigns as one file, one row per campaign."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.campaigns.known import CAMPAIGNS, MARKS, MEMBERS, Known, known
from iolaus.core.errors import InputError
from iolaus.core.files import write_table


def _rows_of(schema: pa.Schema) -> pa.DataType:
    """A campaign's rows of another table, without its id."""
    return pa.list_(pa.struct([field for field in schema if field.name != "campaign_id"]))


FILE = pa.schema([*CAMPAIGNS, ("members", _rows_of(MEMBERS)), ("marks", _rows_of(MARKS))])


def write_known(memory: Known, path: Path) -> None:
    """Write one file, whole or not at all; the same content gives the same bytes."""
    columns = {
        **{name: memory.campaigns[name] for name in CAMPAIGNS.names},
        "members": _folded(memory.members, memory.campaigns),
        "marks": _folded(memory.marks, memory.campaigns),
    }
    write_table(pa.table(columns, schema=FILE), path)


def read_known(path: Path | None) -> Known:
    """Read what an earlier run wrote; None: nothing is known.

    Raises InputError where the file cannot be read or is another kind of table.
    """
    if path is None:
        return Known.nothing()
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"cannot be read: {str(error).splitlines()[0]}.",
            where=str(path),
            next_step="Give the known.parquet that an earlier scan or replay wrote.",
        ) from error
    if not table.schema.equals(FILE):
        raise InputError(
            "is no table of known campaigns of this version.",
            where=str(path),
            next_step="Give the known.parquet that an earlier scan or replay wrote.",
        )
    return known(
        table.select(CAMPAIGNS.names).to_pylist(),
        _unfolded(table, "members", MEMBERS).to_pylist(),
        _unfolded(table, "marks", MARKS),
    )


def digest(memory: Known) -> str:
    """What is known, as a short text: runs with another memory share no stages."""
    rows = [t.to_pylist() for t in (memory.campaigns, memory.members, memory.marks)]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _folded(rows: pa.Table, campaigns: pa.Table) -> pa.Array:
    """Rows with campaign_id to one list per campaign."""
    place = {name: i for i, name in enumerate(campaigns["campaign_id"].to_pylist())}
    number = np.asarray([place[name] for name in rows["campaign_id"].to_pylist()], dtype=np.int64)
    rows = rows.take(np.argsort(number, kind="stable")).drop_columns(["campaign_id"])
    sizes = np.bincount(number, minlength=len(place))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    struct = rows.to_struct_array().combine_chunks()
    return pa.ListArray.from_arrays(pa.array(offsets), struct)


def _unfolded(table: pa.Table, name: str, schema: pa.Schema) -> pa.Table:
    lists = table[name].combine_chunks()
    flat = pa.table(dict(zip(_names(schema), lists.flatten().flatten(), strict=True)))
    owner = table["campaign_id"].take(lists.value_parent_indices())
    return flat.add_column(0, schema.field("campaign_id"), owner).select(schema.names).cast(schema)


def _names(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if name != "campaign_id"]
