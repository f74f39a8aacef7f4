"""Runs named SQL steps out of core: DuckDB is the reference engine, Spark for larger logs."""

from typing import Final

from iolaus.core.errors import ConfigError
from iolaus.engine.duck import DuckEngine
from iolaus.engine.engine import Engine
from iolaus.engine.sharing import shared_out
from iolaus.engine.stages import Stages, Table
from iolaus.engine.tables_on_disk import discard, move, rows_in_order

__all__ = [
    "ENGINES", "DuckEngine", "Engine", "Stages", "Table", "discard", "move", "open_engine",
    "rows_in_order", "shared_out",
]  # fmt: skip

ENGINES: Final = ("duckdb", "spark")
_OF_SPARK: Final = ("pyspark", "py4j", "sqlglot")


def open_engine(
    name: str, stages: Stages, *, memory: str, threads: int, master: str | None = None
) -> Engine:
    """An engine of ENGINES. master: of Spark (see engine.spark).

    Raises ConfigError: an unknown engine, one that is not installed or does not start.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine '{name}'.", next_step=f"Use {' or '.join(ENGINES)}.")
    if name == "spark":
        return _spark(stages, memory=memory, threads=threads, master=master)
    if master is not None:
        raise ConfigError(
            "a master is for Spark.", where="--master", next_step="Add --engine spark."
        )
    return DuckEngine(stages, memory=memory, threads=threads)


def _spark(stages: Stages, *, memory: str, threads: int, master: str | None) -> Engine:
    try:
        from iolaus.engine.spark import SparkEngine
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _OF_SPARK:
            raise
        raise ConfigError(
            f"Spark is not installed ({error.name} is missing).",
            where="--engine spark",
            next_step="pip install 'iolaus[spark]', and Java 17 or 21 (docs/spark.md).",
        ) from error
    return SparkEngine(stages, memory=memory, threads=threads, master=master)
