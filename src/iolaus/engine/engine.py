"""What every engine does: named steps in one SQL text, from Parquet to Parquet."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from iolaus.engine.stages import Stages, Table

Parameters = Mapping[str, object]  # name -> date, aware datetime, int, float, bool, str, or a list


class Engine(Protocol):
    """SQL is written in DuckDB's dialect (docs/spark.md says what of it another engine knows); it
    names earlier tables as SQL does and parameters as $name."""

    name: str  # duckdb or spark
    stages: Stages

    def step(self, name: str, sql: str, parameters: Parameters | None = None) -> Table:
        """Run one named SELECT and keep its rows, in its order, as the table `name`; resume it when
        it stands."""

    def day_step(
        self, name: str, day: date, sql: str, parameters: Parameters | None = None
    ) -> None:
        """As `step`, for one day of a table that is kept day by day; `attach_days` joins them."""

    def attach_days(self, name: str) -> Table:
        """Let SQL use all days of a table by its name. Returns it; its path is their directory."""

    def scratch(self, name: str, sql: str, parameters: Parameters | None = None) -> None:
        """Keep rows in memory (and spill) under a name until the next call with that name."""

    def repeated(self, name: str, table: str, column: str) -> None:
        """`scratch` of the values (BIGINT) that stand more than once in a column of a table."""

    def view(self, name: str, sql: str) -> None:
        """Let SQL use a query's rows by a name, until `forget`. They may be kept, or made by each
        statement anew for the columns that it names: whichever costs this engine less."""

    def forget(self, name: str) -> None:
        """Free what `scratch` keeps, and the names of `view`."""

    def keep(self, name: str, rows: pa.Table) -> Table:
        """Keep rows that a kernel made as the table `name`."""

    def attach(self, table: Table) -> Table:
        """Let SQL use a table by its name."""

    def attach_files(self, name: str, files: Sequence[Path], columns: str = "*") -> None:
        """Let SQL use the rows of several Parquet files by a name. `columns`: a SELECT list."""

    def register(self, name: str, rows: pa.Table) -> None:
        """Let SQL use rows in memory by a name (small tables: settings, selections)."""

    def fetch(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Run a query and return its rows as Arrow."""

    def hands(self, need: int, pieces: int) -> AbstractContextManager[Sequence["Engine"]]:
        """Engines for pieces of work that do not need each other, each used by one thread at a
        time: they know this engine's tables, and the names that they make are their own. There are
        as many as pay for so many pieces and as fit into the memory, if each piece holds `need`
        bytes; this engine itself, if that is one. Until they are closed this engine is not used."""

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
