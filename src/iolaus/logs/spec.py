"""Which tables a log directory holds, and what a row of each needs in order to be used."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from iolaus.core import tables

MICROS: Final = 1_000_000  # microseconds per second
LATEST: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * MICROS  # excluded

# A request to a model API before 2015, or an account before 1990: a broken clock or a wrong unit.
EARLIEST_REQUEST: Final = int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()) * MICROS
EARLIEST_ACCOUNT: Final = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * MICROS


@dataclass(frozen=True)
class TableSpec:
    """One table of the log: its columns, those that no row may lack, its earliest time (us)."""

    name: str
    schema: pa.Schema
    required: tuple[str, ...]
    earliest: int

    def ordered(self, columns: frozenset[str]) -> tuple[str, ...]:
        """The given columns, in the schema's order."""
        return tuple(name for name in self.schema.names if name in columns)


EXCHANGES: Final = TableSpec(
    "exchanges", tables.EXCHANGES, tables.REQUIRED_EXCHANGE_COLUMNS, EARLIEST_REQUEST
)
ACCOUNTS: Final = TableSpec("accounts", tables.ACCOUNTS, ("account_id",), EARLIEST_ACCOUNT)
RELEASES: Final = TableSpec("releases", tables.RELEASES, ("model", "released_at"), EARLIEST_ACCOUNT)
ENFORCEMENT: Final = TableSpec(
    "enforcement", tables.ENFORCEMENT, ("account_id", "at", "action"), EARLIEST_ACCOUNT
)
