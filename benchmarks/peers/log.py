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
        parts = [self.part(path, table, *columns) for path in self._paths(table)]
        return pa.concat_tables(parts) if parts else _schema(table, columns).empty_table()

    def part(self, path: Path, table: str, *columns: str) -> pa.Table:
        """The same of one file, for what is too much to be held at once."""
        rows = _read(path, _schema(table, columns))
        return rows.filter(pc.is_valid(rows["account_id"]))

    def measured(self, column: str) -> bool:
        """Whether 'table.column' has a value anywhere."""
        table, name = column.split(".")
        for path in self._paths(table):
            if name in pq.read_schema(path).names:
                values = pq.read_table(path, columns=[name])[name]
                if values.null_count < len(values):
                    return True
        return False

    def organisations(self) -> dict[str, str]:
        """The organisation that an account openly belongs to, where it names one."""
        table = self.read("accounts", "organization_id")
        table = table.filter(pc.is_valid(table["organization_id"]))
        names = table["organization_id"].to_pylist()
        return dict(zip(table["account_id"].to_pylist(), names, strict=True))


def _schema(table: str, columns: tuple[str, ...]) -> pa.Schema:
    return pa.schema([TABLES[table].field(name) for name in ("account_id", *columns)])


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
