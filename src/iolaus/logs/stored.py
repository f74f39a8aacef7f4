"""Files of a store (core.store): read by the engine as they are, after a look at their footers."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.tables import FEATURES, REQUIRED_EXCHANGE_COLUMNS
from iolaus.logs.enrichment import ACCOUNT_FACTS

# What stands for a column of FEATURES that the files do not have. A store without text has no place
# where a text could be read again.
INSTEAD = {"exchange_hash": "text_hash(exchange_id)"}


def features_sql(files: Sequence[Path]) -> str:
    """The SELECT list that turns a store's columns into FEATURES.

    Raises InputError where the files differ, lack a required column or have a null in one, or hold
    a column in another type than FEATURES says.
    """
    schemas = {path: _checked(path) for path in files}
    first = schemas[files[0]]
    for path, schema in schemas.items():
        if not schema.equals(first):
            names = sorted(set(schema.names) ^ set(first.names)) or ["types"]
            raise _broken(path, f"its columns differ from {files[0].name}'s ({', '.join(names)}).")
    parts = []
    for field in FEATURES:
        if field.name in first.names:
            parts.append(field.name)
        else:
            instead = INSTEAD.get(field.name, f"NULL::{_SQL[field.type]}")
            parts.append(f"{instead} AS {field.name}")
    return ", ".join(parts)


def with_facts(accounts: pa.Table, path: Path) -> pa.Table:
    """Accounts with the facts that the store's own table has beside (enrichment ACCOUNT_FACTS),
    which were told when its rows were written; unchanged where it has none."""
    there = [name for name in ACCOUNT_FACTS.names if name in pq.read_schema(path).names]
    if not there:
        return accounts
    stored = pq.read_table(path, columns=["account_id", *there], partitioning=None)
    at = pc.index_in(accounts["account_id"], stored["account_id"])
    for name in there:
        accounts = accounts.append_column(ACCOUNT_FACTS.field(name), stored[name].take(at))
    return accounts


_SQL = {
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
    pa.list_(pa.int64()): "BIGINT[]",
}


def _checked(path: Path) -> pa.Schema:
    """The columns of one file as FEATURES types them, after its footer was looked at."""
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise _broken(path, f"it is no readable Parquet file: {error}.") from error
    schema = metadata.schema.to_arrow_schema()
    for name in REQUIRED_EXCHANGE_COLUMNS:
        if name not in schema.names:
            raise _broken(path, f"column {name} is missing.")
        if _nulls(metadata, schema.names.index(name)):
            raise _broken(path, f"column {name} has nulls.")
    known = [field for field in schema if field.name in FEATURES.names]
    for field in known:
        wanted = FEATURES.field(field.name).type
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_list(plain):
            plain = pa.list_(plain.value_type)
        if plain != wanted:
            raise _broken(path, f"column {field.name} is {plain}, not {wanted}.")
    return pa.schema([FEATURES.field(field.name) for field in known])


def _nulls(metadata: pq.FileMetaData, top_level: int) -> bool:
    """Whether a column's statistics tell of a null. `top_level`: place in the schema; the required
    columns stand before any list, so it is the leaf's place too."""
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    known = (group.column(top_level).statistics for group in groups)
    return any(s is not None and s.has_null_count and s.null_count for s in known)


def _broken(path: Path, what: str) -> InputError:
    return InputError(
        f"this is no file of a store: {what}",
        where=str(path),
        next_step="Write the store again, or remove its marker to have it read as any log.",
    )
