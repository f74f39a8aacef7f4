"""Spark: the same steps where a log outgrows one machine. The only module that imports pyspark.

Everything is SQL that Spark's executors run by themselves: they need no Python and nothing of
Iolaus, only the directory of the stages and the log's files under the same paths (docs/spark.md).
"""

import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq
from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from iolaus.core.errors import ConfigError, ResourceError
from iolaus.core.files import write_table
from iolaus.engine.dialect import spark_sql
from iolaus.engine.engine import Parameters
from iolaus.engine.sizes import ENGINE_SHARE, size_in_bytes
from iolaus.engine.stages import Stages, Table
from iolaus.engine.tables_on_disk import files_of, settle, spark_schema, spark_url

LEAST_HEAP: Final = 512 * 2**20  # Spark itself starts with 450 MB or more
# What a query means depends on these, so they hold whatever the cluster's own configuration says.
MEANING: Final = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, as in DuckDB
    "spark.sql.groupByAliases": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}
OUT_OF_MEMORY: Final = ("OutOfMemoryError", "SparkOutOfMemoryError", "GC overhead limit exceeded")


class SparkEngine:
    """As DuckEngine (see engine.Engine), on a Spark master.

    master: local[2], spark://HOST:7077, yarn, k8s://...; None: what Spark's own configuration says,
    or else this machine. In a process that has a Spark session already (a notebook, another
    engine) that session's cluster is used and left running. `memory` and `threads` count for a
    master on this machine alone; a cluster's are set in Spark's configuration.
    """

    name = "spark"

    def __init__(
        self,
        stages: Stages,
        *,
        master: str | None = None,
        memory: str = "4GB",
        threads: int = 2,
    ) -> None:
        heap = int(ENGINE_SHARE * size_in_bytes(memory))
        if threads < 1:
            raise ConfigError(f"threads must be 1 or more, not {threads}.")
        self.stages = stages
        self._scratch: dict[str, DataFrame] = {}
        self._registered = stages.directory / "registered"
        self._number = count()
        running = SparkSession.getActiveSession()
        self._owned = running is None
        self._session = running.newSession() if running else _started(stages, master, heap, threads)
        for name, value in MEANING.items():
            self._session.conf.set(name, value)

    def step(self, name: str, sql: str, parameters: Parameters | None = None) -> Table:
        table = self.stages.table(name)
        if not self.stages.done(name):
            self._write(sql, table.path, parameters)
        return self.attach(table)

    def day_step(
        self, name: str, day: date, sql: str, parameters: Parameters | None = None
    ) -> None:
        path = self.stages.part(name, day)
        if not path.exists():
            self._write(sql, path, parameters)

    def attach_days(self, name: str) -> Table:
        self.attach_files(name, self.stages.parts(name))
        return Table(name, self.stages.directory / name)

    def scratch(self, name: str, sql: str, parameters: Parameters | None = None) -> None:
        """Kept by the executors; what a lost one kept is computed again."""
        made = self._query(sql, parameters).persist(StorageLevel.MEMORY_AND_DISK)
        self.forget(name)
        self._scratch[name] = made
        made.createOrReplaceTempView(name)

    def repeated(self, name: str, table: str, column: str) -> None:
        self.scratch(
            name,
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL "
            f"GROUP BY {column} HAVING count(*) > 1",
        )

    def view(self, name: str, sql: str) -> None:
        """Kept, as `scratch` does: a join made anew would be shuffled anew."""
        self.scratch(name, sql)

    def forget(self, name: str) -> None:
        if name in self._scratch:
            self._scratch.pop(name).unpersist()
            self._session.catalog.dropTempView(name)

    def keep(self, name: str, rows: pa.Table) -> Table:
        table = self.stages.table(name)
        write_table(rows, table.path)
        return self.attach(table)

    def attach(self, table: Table) -> Table:
        self.attach_files(table.name, [table.path])
        return table

    def attach_files(self, name: str, files: Sequence[Path], columns: str = "*") -> None:
        """All files have the columns of the first."""
        schema = spark_schema(pq.read_schema(files_of(files[0])[0]))
        with self._readable_errors():
            rows = self._session.read.schema(schema).parquet(*map(spark_url, files))
            if columns != "*":
                rows.createOrReplaceTempView(f"{name}_files")
                rows = self._query(f"SELECT {columns} FROM {name}_files", None)
            rows.createOrReplaceTempView(name)

    def register(self, name: str, rows: pa.Table) -> None:
        """By way of a file, so that executors read it as they read everything."""
        path = self._registered / f"{name}_{next(self._number)}.parquet"
        write_table(rows, path)
        self.attach_files(name, [path])

    def fetch(self, sql: str, parameters: Parameters | None = None) -> pa.Table:
        with self._readable_errors():
            rows: pa.Table = self._query(sql, parameters).toArrow()
            return rows

    @contextmanager
    def hands(self, need: int, pieces: int) -> Iterator[Sequence["SparkEngine"]]:
        """One: a statement is shared out by Spark itself."""
        yield [self]

    def _query(self, sql: str, parameters: Parameters | None) -> DataFrame:
        with self._readable_errors():
            return self._session.sql(spark_sql(sql, parameters or {}, self._columns_of))

    def _columns_of(self, table: str) -> list[str]:
        return list(self._session.table(table).columns)

    def _write(self, sql: str, path: Path, parameters: Parameters | None) -> None:
        """Write aside, then rename, as core.files.aside; Spark writes a directory of files."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        rows = self._query(sql, parameters)
        try:
            with self._readable_errors():
                rows.write.mode("overwrite").parquet(spark_url(temporary))
            settle(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def _readable_errors(self) -> Iterator[None]:
        try:
            yield
        except (PySparkException, Py4JError) as error:
            text = str(error)
            if any(word in text for word in OUT_OF_MEMORY):
                raise ResourceError(
                    "Spark ran out of memory in this step.",
                    next_step="Raise --memory (a cluster: spark.executor.memory), or lower "
                    "--threads; finished stages are kept.",
                ) from error
            if "No space left" in text:
                raise ResourceError(
                    "no space left on a disk while a step was spilling or writing.",
                    where=str(self.stages.directory),
                    next_step="Free some (a cluster: spark.local.dir), or point --out at a larger "
                    "disk; finished stages are kept.",
                ) from error
            if "ConnectionRefused" in text or "Answer from Java side is empty" in text:
                raise ResourceError(
                    "Spark's process has ended.",
                    next_step="Look at its own messages; finished stages are kept.",
                ) from error
            raise

    def close(self) -> None:
        for name in list(self._scratch):
            self.forget(name)
        shutil.rmtree(self._registered, ignore_errors=True)
        if self._owned:
            self._session.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _started(stages: Stages, master: str | None, heap: int, threads: int) -> SparkSession:
    builder: Any = SparkSession.builder.appName("iolaus")
    settings = {
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.maxResultSize": "0",  # what is fetched is bounded by the steps that ask
    }
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local[") or master == "local":
            settings |= _of_this_machine(stages, heap, threads)
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        with warnings.catch_warnings():  # of a pandas that is there and is not used
            warnings.simplefilter("ignore", FutureWarning)
            session: SparkSession = builder.getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise _not_started(master, error) from error
    return session


def _of_this_machine(stages: Stages, heap: int, threads: int) -> dict[str, str]:
    if heap < LEAST_HEAP:
        raise ConfigError(
            "Spark does not start with so little memory.",
            where="--memory",
            # 512 MB / 0.6 = 853 MB
            next_step="Give it 1GB or more, or use --engine duckdb.",
        )
    return {
        "spark.driver.memory": f"{heap // 2**20}m",
        "spark.driver.host": "localhost",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str((stages.directory / "spill").resolve()),
        "spark.sql.shuffle.partitions": str(2 * threads),
        "spark.ui.enabled": "false",
    }


def _not_started(master: str | None, error: Exception) -> ConfigError:
    text = str(error)
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        return ConfigError(
            "Spark did not start: there is no Java.",
            where="--engine spark",
            next_step="Install Java 17 or 21, or set JAVA_HOME.",
        )
    causes = [line for line in text.splitlines() if "Exception: " in line]
    cause = causes[0].strip()[:200] if causes else "see its messages above"
    return ConfigError(
        f"Spark did not start on {master or 'its configured master'}: {cause}.",
        where="--master",
        next_step="Write local[2], spark://HOST:7077, yarn or k8s://URL (docs/spark.md).",
    )
