"""An engine that runs each SQL text on DuckDB and, the first time it meets it, on Spark as well.

Both get the same input rows, and the results must be the same: columns, types, rows, and order
where the SQL asks for one. So whatever a pipeline runs is compared, step by step, as it runs.
"""

import re
from collections import Counter
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from iolaus.engine import DuckEngine, Table
from iolaus.engine.spark import SparkEngine

DAY_OF = re.compile("_[0-9]{8}|DATE '[0-9]{4}-[0-9-]*'")  # names and limits of a day
CLOSE = 1e-12  # relative: sums of doubles depend on their order


class Twin(DuckEngine):
    """compared: how many texts were, by the method that ran them. wrong: which differ, and how."""

    def __init__(self, stages, *, spark: SparkEngine, **options):
        super().__init__(stages, **options)
        self.spark = spark
        self.compared: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._met: set[str] = set()

    def step(self, name, sql, parameters=None) -> Table:
        if not self.stages.done(name):
            self._compare("step", sql, parameters)
        return super().step(name, sql, parameters)

    def day_step(self, name: str, day: date, sql, parameters=None) -> None:
        if not self.stages.part(name, day).exists():
            self._compare("day_step", sql, parameters)
        super().day_step(name, day, sql, parameters)

    def scratch(self, name, sql, parameters=None) -> None:
        self._compare("scratch", sql, parameters)
        super().scratch(name, sql, parameters)

    def repeated(self, name, table, column) -> None:
        super().repeated(name, table, column)
        self.spark.register(table, super().fetch(f"FROM {table}"))
        self.spark.repeated(name, table, column)
        same(super().fetch(f"FROM {name}"), self.spark.fetch(f"SELECT * FROM {name}"))
        self.compared["repeated"] += 1

    def view(self, name, sql) -> None:
        self._compare("view", sql, None)
        super().view(name, sql)

    def fetch(self, sql, parameters=None) -> pa.Table:
        self._compare("fetch", sql, parameters)
        return super().fetch(sql, parameters)

    def attach_files(self, name, files, columns: str = "*") -> None:
        super().attach_files(name, files, columns)
        if columns != "*":
            self.spark.attach_files(f"{name}_of_spark", files, columns)
            same(super().fetch(f"FROM {name}"), self.spark.fetch(f"SELECT * FROM {name}_of_spark"))
            self.compared["attach_files"] += 1

    @contextmanager
    def hands(self, need, pieces):
        """One: Spark runs each text between two of DuckDB's."""
        yield [self]

    def _compare(self, method: str, sql: str, parameters) -> None:
        flags = [v for v in (parameters or {}).values() if isinstance(v, bool)]
        text = f"{DAY_OF.sub('', sql)} {flags}"
        if text in self._met:
            return
        self._met.add(text)
        for table in tables_of(sql):
            self.spark.register(table, super().fetch(f"FROM {table}"))
        ours = self._as_written(sql, parameters)
        try:
            same(ours, self.spark.fetch(sql, parameters), ordered_by(sql))
        except Exception as error:  # the next texts are compared as well: all gaps at once
            self.wrong.append(f"{method} {parameters}: {error}\n{sql}")
        self.compared[method] += 1

    def _as_written(self, sql: str, parameters) -> pa.Table:
        """Through a file, as every stage goes. DuckDB's wide sums are as Spark's narrow ones."""
        path = Path(self.stages.directory) / "compared.parquet"
        path.unlink(missing_ok=True)
        rows = super().fetch(sql, parameters)
        wide = {f.name for f in rows.schema if pa.types.is_decimal(f.type) and f.type.scale == 0}
        fields = [f.with_type(pa.int64()) if f.name in wide else f for f in rows.schema]
        pq.write_table(rows.cast(pa.schema(fields)), path)
        return pq.read_table(path)


def tables_of(sql: str) -> list[str]:
    tree = sqlglot.parse_one(sql, read="duckdb")
    made = {cte.alias for cte in tree.find_all(exp.CTE)}
    return sorted({table.name for table in tree.find_all(exp.Table)} - made - {""})


def ordered_by(sql: str) -> list[str]:
    order = sqlglot.parse_one(sql, read="duckdb").args.get("order")
    return [key.this.name for key in order.expressions] if order else []


def same(ours: pa.Table, theirs: pa.Table, order: list[str] = ()) -> None:
    assert ours.column_names == theirs.column_names
    kinds = [[kind_of(field.type) for field in table.schema] for table in (ours, theirs)]
    assert kinds[0] == kinds[1]
    assert ours.num_rows == theirs.num_rows
    for key in (key for key in order if key in ours.column_names):
        close(ours[key].to_pylist(), theirs[key].to_pylist())
    rows = [in_order(table) for table in (ours, theirs)]
    for name in ours.column_names:
        close(*(table[name].to_pylist() for table in rows))


def kind_of(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {kind_of(kind.value_type)}"
    return str(kind)


def in_order(table: pa.Table) -> pa.Table:
    """Sorted by all columns; doubles last, for they may differ in their last digits."""
    names = sorted(
        table.column_names, key=lambda n: pa.types.is_floating(table.schema.field(n).type)
    )
    rows = list(zip(*(map(repr, table[name].to_pylist()) for name in names), strict=True))
    return table.take(pa.array(sorted(range(len(rows)), key=rows.__getitem__), pa.int64()))


def close(ours: list, theirs: list) -> None:
    if any(isinstance(one, float) for one in [*ours, *theirs]):
        given = [
            np.asarray([np.nan if v is None else v for v in part], float) for part in (ours, theirs)
        ]
        np.testing.assert_allclose(given[1], given[0], rtol=CLOSE, atol=0)
        assert [v is None for v in ours] == [v is None for v in theirs]
    else:
        assert theirs == ours
