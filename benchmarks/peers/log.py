"""A log directory as peers read it: named columns, whatever is missing filled with null."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.tables import ACCOUNTS, EXCHANGES

TABLES: Final = {"exchanges": EXCHANGES, "accounts": ACCOUNTS}


class NotApplicable(Exception):
    """The log does not have what this peer looks at; the message says what."""


class Log:
    """The Parquet files of one log directory. Nothing is kept between two reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = sorted((path / "exchanges").glob("*.parquet"))
        if not self.files:
            raise InputError(
                "no exchanges/*.parquet.", where=str(path), next_step="Give a Parquet log."
            )

    def _paths(self, table: str) -> list[Path]:
        if table == "exchanges":
            return self.files
        path = self.path / f"{table}.parquet"
        return [path] if path.exists() else []

    def read(self, table: str, *columns: str) -> pa.Table:
        """Columns in the contract's types, rows with an account only, in the order of the files."""
        schema = pa.schema([TABLES[table].field(name) for name in ("account_id", *columns)])
        parts = [_read(path, schema) for path in self._paths(table)]
        whole = pa.concat_tables(parts) if parts else schema.empty_table()
        return whole.filter(pc.is_valid(whole["account_id"]))

    def measured(self, column: str) -> bool:
        """Whether 'table.column' has a value anywhere."""
        table, name = column.split(".")
        for path in self._paths(table):
            if name in pq.read_schema(path).names:
                values = pq.read_table(path, columns=[name])[name]
                if values.null_count < len(values):
                    return True
        return False

    def accounts(self) -> list[str]:
        """Every account that sent something, sorted."""
        names: list[str] = pc.unique(self.read("exchanges")["account_id"]).to_pylist()
        return sorted(names)


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    have = set(pq.read_schema(path).names)
    if "account_id" not in have:
        raise InputError("column 'account_id' is missing.", where=str(path))
    found = pq.read_table(path, columns=[name for name in schema.names if name in have])
    columns = [
        found[field.name].cast(field.type)
        if field.name in have
        else pa.nulls(found.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
