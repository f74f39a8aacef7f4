"""DuckDB: the embedded reference engine. The only module that imports duckdb."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from iolaus.core.errors import ConfigError, ResourceError
from iolaus.core.files import aside, write_table
from iolaus.engine.engine import Parameters
from iolaus.engine.repeated import repeated
from iolaus.engine.sizes import engine_limit, resident, size_in_bytes
from iolaus.engine.stages import Stages, Table

CHANGE = 0.05  # of the run's memory: less is not worth a new limit

# What SQL steps may call besides standard functions; engine.dialect spells these for Spark.
MACROS = (
    # Portable 60-bit hash of a text: the first 15 hex digits of its MD5 (not for security).
    "CREATE MACRO text_hash(t) AS ('0x' || substr(md5(t), 1, 15))::BIGINT",
    # A time as text, to be hashed: '2026-05-04 10:00:00+00'.
    "CREATE MACRO time_text(t) AS t::VARCHAR",
    # An IPv6 address with the zeros that '::' stands for: a 0 before or after it where it stands at
    # an end, and then as many as the colons lack to the 8 groups.
    "CREATE MACRO ipv6_ends(ip) AS concat(CASE WHEN starts_with(ip, '::') THEN '0' ELSE '' END, ip,"
    " CASE WHEN ends_with(ip, '::') THEN '0' ELSE '' END)",
    "CREATE MACRO ipv6_groups(ip) AS replace(ipv6_ends(ip), '::', ':' || "
    "repeat('0:', 8 - (length(ipv6_ends(ip)) - length(replace(ipv6_ends(ip), ':', '')))))",
    # The network of an address as logs spells it: /24 of IPv4 ('a.b.c'), /48 of IPv6 (the first
    # three of its eight groups).
    "CREATE MACRO network_of(ip) AS CASE "
    "WHEN contains(ip, '::') THEN array_to_string(string_split(ipv6_groups(ip), ':')[1:3], ':') "
    "WHEN contains(ip, ':') THEN array_to_string(string_split(ip, ':')[1:3], ':') "
    "ELSE array_to_string(string_split(ip, '.')[1:3], '.') END",
)


class DuckEngine:
    """Runs each named step as one SQL text, from Parquet to Parquet, within a memory limit.

    `memory` is what the whole run may take (for example "4GB"); DuckDB's buffers get ENGINE_SHARE
    of it, or what Python leaves (engine.sizes), and what does not fit spills into the stage
    directory.
    """

    name = "duckdb"

    def __init__(self, stages: Stages, *, memory: str = "4GB", threads: int = 2) -> None:
        self._memory = size_in_bytes(memory)
        self._limit = engine_limit(self._memory, 0)
        if threads < 1:
            raise ConfigError(f"threads must be 1 or more, not {threads}.")
        self.stages = stages
        self._threads = threads
        self._connection = duckdb.connect(":memory:")
        self._attached = "VIEW"  # a hand's: TEMP VIEW, which no other connection sees
        self._gives_way = True
        self._turn = RLock()  # a connection serves one caller at a time
        self._views: set[str] = set()
        spill = stages.directory / "spill"
        self._set("memory_limit", f"{self._limit // 2**10}KiB")
        self._set("threads", threads)
        self._set("temp_directory", str(spill))
        self._set("TimeZone", "UTC")
        self._set("enable_progress_bar", False)
        self._set("preserve_insertion_order", False)
        for macro in MACROS:
            self._connection.execute(macro)

    def _set(self, name: str, value: str | int | bool) -> None:
        quoted = str(value).replace("'", "''")
        self._connection.execute(f"SET {name} = '{quoted}'")

    def step(self, name: str, sql: str, parameters: Parameters | None = None) -> Table:
        """Run one named step and keep its rows as the table `name`; resume it when it stands.

        `sql` is a SELECT; it names earlier tables as SQL does and parameters as $name.
        """
        table = self.stages.table(name)
        if not self.stages.done(name):
            with aside(table.path) as temporary:
                self._copy(sql, temporary, parameters)
        return self.attach(table)

    def day_step(
        self, name: str, day: date, sql: str, parameters: Parameters | None = None
    ) -> None:
        """As `step`, for one day of a table that is kept day by day; `attach_days` joins them."""
        path = self.stages.part(name, day)
        if not path.exists():
            with aside(path) as temporary:
                self._copy(sql, temporary, parameters)

    def attach_days(self, name: str) -> Table:
        """Let SQL use all days of a table by its name. Returns it; its path is their directory."""
        self.attach_files(name, self.stages.parts(name))
        return Table(name, self.stages.directory / name)

    def scratch(self, name: str, sql: str, parameters: Parameters | None = None) -> None:
        """Keep rows in memory (and spill) under a name until the next call with that name."""
        self._execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}", parameters)

    def repeated(self, name: str, table: str, column: str) -> None:
        """By a kernel: grouping 6.6 million values that mostly come once took DuckDB 1.7 CPU
        seconds, this 0.4 (by hand)."""
        rows = self.fetch(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
        found = repeated(rows[column].to_numpy())
        self.register("repeated_values", pa.table({column: found}))
        self.scratch(name, "SELECT * FROM repeated_values")
        with self._turn:
            self._connection.unregister("repeated_values")

    def view(self, name: str, sql: str) -> None:
        """Let SQL use a query's rows by a name, until `forget`.

        Each statement makes them anew: a column that it does not name is never read.
        """
        self._execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
        self._views.add(name)

    def forget(self, name: str) -> None:
        """Free what `scratch` keeps, and the names of `view`."""
        self._execute(f"DROP {'VIEW' if name in self._views else 'TABLE'} IF EXISTS {name}")
        self._views.discard(name)

    def _copy(self, sql: str, path: Path, parameters: Parameters | None) -> None:
        self._execute(
            f"COPY ({sql}) TO '{_escaped(path)}' "
            # Level 1 writes in two thirds of the usual level's time, and 3 % more bytes.
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)",
            parameters,
        )

    def keep(self, name: str, rows: pa.Table) -> Table:
        """Keep rows that a kernel made as the table `name`."""
        table = self.stages.table(name)
        write_table(rows, table.path)
        return self.attach(table)

    def attach(self, table: Table) -> Table:
        """Let SQL use a table by its name."""
        self._execute(
            f"CREATE OR REPLACE {self._attached} {table.name} AS "
            f"SELECT * FROM {_read([table.path])}"
        )
        return table

    def attach_files(self, name: str, files: Sequence[Path], columns: str = "*") -> None:
        """Let SQL use the rows of several Parquet files by a name. `columns`: a SELECT list."""
        self._execute(
            f"CREATE OR REPLACE {self._attached} {name} AS SELECT {columns} FROM {_read(files)}"
        )

    def register(self, name: str, rows: pa.Table) -> None:
        """Let SQL use rows in memory by a name (small tables: settings, selections)."""
        with self._turn:
            self._connection.register(name, rows)

    def fetch(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        """Run a query and return its rows as Arrow."""
        with self._turn, self._readable_errors():
            self._give_way()
            relation = self._connection.sql(sql, params=dict(parameters or {}))
            return relation.to_arrow_table()

    @contextmanager
    def hands(self, need: int, pieces: int) -> Iterator[Sequence["DuckEngine"]]:
        """Connections to the same database. Two statements of one thread each take three quarters
        of the time that they take one after another on two (docs/decisions/0034)."""
        self._give_way()
        count = max(1, min(self._threads, pieces, self._limit // max(need, 1)))
        if count == 1:
            yield [self]
            return
        others = [self._hand() for _ in range(count)]
        self._set("threads", self._threads - count + 1)  # those that call are threads of their own
        try:
            yield others
        finally:
            for other in others:
                other.close()
            self._set("threads", self._threads)

    def _hand(self) -> "DuckEngine":
        hand = copy.copy(self)
        hand._connection = self._connection.cursor()
        hand._attached, hand._views, hand._gives_way = "TEMP VIEW", set(), False
        hand._turn = RLock()
        hand._set("TimeZone", "UTC")  # each connection's own
        return hand

    def _execute(self, sql: str, parameters: Parameters | None = None) -> None:
        with self._turn, self._readable_errors():
            self._give_way()
            self._connection.execute(sql, dict(parameters) if parameters else None)

    def _give_way(self) -> None:
        """Set the limit to what the rest of the process leaves, where that has changed much."""
        held = resident() if self._gives_way else None
        if held is None:
            return
        own = self._connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()")
        limit = engine_limit(self._memory, held - int(own.fetchall()[0][0]))
        if abs(limit - self._limit) > CHANGE * self._memory:
            with suppress(duckdb.OutOfMemoryException):  # what it holds it cannot always spill
                self._set("memory_limit", f"{limit // 2**10}KiB")
                self._limit = limit

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise ResourceError(
                f"the memory limit is too small for this step: {str(error).splitlines()[0]}",
                next_step="Raise --memory, lower --threads, or free disk space for spilling.",
            ) from error
        except duckdb.IOException as error:
            if "No space left" not in str(error):
                raise
            raise ResourceError(
                "no space left on the disk while a step was spilling or writing.",
                where=str(self.stages.directory),
                next_step="Free some, or point --out at a larger disk; finished stages are kept.",
            ) from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _read(files: Sequence[Path]) -> str:
    """The files' own columns: a directory that is called key=value adds none."""
    listed = ", ".join(f"'{_escaped(_files_of(file))}'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _files_of(path: Path) -> Path:
    """A table that Spark wrote in several files is a directory."""
    return path / "part-*.parquet" if path.is_dir() else path


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
