"""DuckDB's SQL, in which every step is written, spelt for Spark.

sqlglot does most of it. Here stands what it does not know or would spell with another meaning; each
rule says in what the two engines differ. What neither knows fails in Spark by its name.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final

import sqlglot
from sqlglot import exp

MINUTES_A_DAY: Final = 24 * 60
ColumnsOf = Callable[[str], Sequence[str]]  # table -> its columns

# What engine.duck defines as macros, and functions that Spark does not have or means otherwise.
_ENDS = (
    "concat(CASE WHEN startswith(:ip, '::') THEN '0' ELSE '' END, :ip, "
    "CASE WHEN endswith(:ip, '::') THEN '0' ELSE '' END)"
)
TEMPLATES: Final = {
    "text_hash": ("t", "CAST(conv(substr(md5(:t), 1, 15), 16, 10) AS BIGINT)"),
    "time_text": ("t", "concat(CAST(:t AS STRING), '+00')"),
    "network_of": (
        "ip",
        "CASE WHEN contains(:ip, '::') THEN substring_index(replace("
        f"{_ENDS}, '::', concat(':', repeat('0:', 8 - "
        f"(length({_ENDS}) - length(replace({_ENDS}, ':', '')))))), ':', 3) "
        "WHEN contains(:ip, ':') THEN substring_index(:ip, ':', 3) "
        "ELSE substring_index(:ip, '.', 3) END",
    ),
    "epoch_us": ("t", "unix_micros(:t)"),
    # Seconds with their fraction; Spark's unix_timestamp cuts it off.
    "epoch": ("t", "CAST(unix_micros(:t) AS DOUBLE) / CAST(1000000 AS DOUBLE)"),
    "list_sort": ("l", "array_sort(:l)"),
}


def spark_sql(sql: str, parameters: Mapping[str, object], columns_of: ColumnsOf) -> str:
    """The same query for Spark, with the parameters' values in it.

    columns_of: asked where a query says COLUMNS(*), which Spark does not know.
    """
    tree = _translated(sql).copy()
    for node in list(tree.find_all(exp.Parameter, exp.Placeholder)):
        node.replace(_literal(parameters[node.name]))
    for node in list(tree.find_all(exp.Columns)):
        _expand(node, columns_of)
    return tree.sql(dialect="spark")


@lru_cache(maxsize=256)
def _translated(sql: str) -> exp.Expr:
    """The query's tree after all rules; parameters stand as they were."""
    root = exp.Subquery(
        this=sqlglot.parse_one(sql, read="duckdb")
    )  # so that no rule meets the root
    for node in reversed(list(root.walk(bfs=True))):  # inner ones first
        for kind, rule in RULES.items():
            if isinstance(node, kind):
                rule(node)
                break
    query: exp.Expr = root.this.pop()
    return query


def _made(name: str, argument: exp.Expr) -> exp.Expr:
    parameter, text = TEMPLATES[name]
    template = sqlglot.parse_one(text, read="spark")
    return exp.replace_placeholders(template, **{parameter: argument.copy()})


def _function(node: exp.Anonymous) -> None:
    if node.name.lower() in TEMPLATES:
        node.replace(exp.Paren(this=_made(node.name.lower(), node.expressions[0])))


def _epoch(node: exp.Expr) -> None:
    node.replace(exp.Paren(this=_made("epoch", node.this)))


def _double(node: exp.Expr) -> exp.Expr:
    return exp.cast(exp.Paren(this=node.copy()), "double")


def _divide(node: exp.Div) -> None:
    """DuckDB divides as doubles; Spark divides decimals as decimals, and 0.1 is one."""
    node.replace(exp.Div(this=_double(node.this), expression=_double(node.expression)))


def _exclusive_or(node: exp.BitwiseXor) -> None:
    """A function in DuckDB, an operator that binds less than & in Spark."""
    node.replace(exp.Paren(this=node.copy()))


def _utc(node: exp.Cast) -> None:
    """A time without a zone is in UTC, as the session is; Spark has few functions of such times."""
    if node.to.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ):
        node.set("to", exp.DataType.build("timestamptz"))


def _rank(node: exp.Window) -> None:
    """Places are 64-bit numbers in DuckDB, 32-bit ones in Spark."""
    if isinstance(node.this, exp.RowNumber | exp.Rank | exp.DenseRank):
        node.replace(exp.cast(node.copy(), "bigint"))


def _first_by(node: exp.Expr) -> None:
    """arg_min(x, y) passes over rows whose x is null; Spark's min_by does not."""
    known = exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null()))
    made = exp.Anonymous(this="min_by", expressions=[node.this.copy(), node.expression.copy()])
    if isinstance(node.parent, exp.Filter):
        where = node.parent.expression.this
        node.parent.expression.set("this", exp.and_(where.copy(), known))
        node.replace(made)
    else:
        node.replace(exp.Filter(this=made, expression=exp.Where(this=known)))


def _difference(node: exp.DateDiff) -> None:
    """DuckDB counts the boundaries of the unit between two instants; Spark counts whole units."""
    if node.text("unit").upper() != "HOUR":
        return  # days between dates are the same for both
    hours = "(unix_micros(:later) DIV 3600000000 - unix_micros(:earlier) DIV 3600000000)"
    template = sqlglot.parse_one(hours, read="spark")
    node.replace(
        exp.replace_placeholders(template, later=node.this.copy(), earlier=node.expression.copy())
    )


def _bucket(node: exp.DateBin) -> None:
    """time_bucket of so many minutes, from midnight UTC."""
    width = node.this
    minutes = int(width.name) if width.text("unit").upper().startswith("MINUTE") else 0
    if not minutes or MINUTES_A_DAY % minutes:
        raise NotImplementedError(
            f"time_bucket of {width.sql()}: no whole part of a day in minutes"
        )
    text = (
        f"timestamp_micros((unix_micros(:t) DIV {minutes * 60_000_000}) * {minutes * 60_000_000})"
    )
    template = sqlglot.parse_one(text, read="spark")
    node.replace(exp.replace_placeholders(template, t=node.expression.copy()))


def _list(node: exp.ArrayAgg) -> None:
    """list(x ORDER BY y): Spark's collect_list has no order, so sort structs of (y, x)."""
    inner = node.this
    distinct = inner.find(exp.Distinct)
    order = inner if isinstance(inner, exp.Order) else None
    if distinct is not None:
        value = distinct.expressions[0].copy()
        made = exp.Anonymous(this="collect_set", expressions=[value])
        node.replace(exp.Anonymous(this="array_sort", expressions=[made]) if order else made)
    elif order is not None:
        node.replace(_sorted_list(order))


def _sorted_list(order: exp.Order) -> exp.Expr:
    fields: list[exp.Expr] = []
    for i, key in enumerate(order.expressions):
        value = exp.Paren(this=key.this.copy())
        signed = exp.Neg(this=value) if key.args.get("desc") else value
        fields += [exp.Literal.string(f"k{i}"), signed]
    fields += [exp.Literal.string("v"), order.this.copy()]
    structs = exp.Anonymous(
        this="collect_list", expressions=[exp.Anonymous(this="named_struct", expressions=fields)]
    )
    template = sqlglot.parse_one("transform(array_sort(:structs), s -> s.v)", read="spark")
    return exp.replace_placeholders(template, structs=structs)


def _unnested(node: exp.Select) -> None:
    """Several unnest() side by side run in step; Spark allows one such function a SELECT."""
    found = [one for one in node.selects if isinstance(one.unalias(), exp.Explode | exp.Unnest)]
    if len(found) < 2:
        return
    lists = [_argument(one.unalias()) for one in found]
    zipped = exp.Anonymous(this="arrays_zip", expressions=lists)
    rows = exp.Aliases(
        this=exp.Anonymous(this="inline", expressions=[zipped]),
        expressions=[exp.to_identifier(one.alias) for one in found],
    )
    kept = [one for one in node.selects if one not in found]
    node.set("expressions", [*kept, rows])


def _half_join(node: exp.Join) -> None:
    """x SEMI JOIN y USING (k) leaves x as it is; in Spark k would come first in SELECT *."""
    select, keys = node.parent, node.args.get("using")
    if node.kind not in ("SEMI", "ANTI") or not keys or not isinstance(select, exp.Select):
        return
    if select.args["joins"][0] is not node:
        return  # several tables on the left: which one has the key is not known here
    left = _named(select.args["from_"].this, "left_side")
    right = _named(node.this, "right_side")
    pairs = [
        exp.EQ(this=exp.column(key.name, left), expression=exp.column(key.name, right))
        for key in keys
    ]
    node.set("using", None)
    node.set("on", exp.and_(*pairs))


def _named(table: exp.Expr, name: str) -> str:
    if not table.alias_or_name:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    return str(table.alias_or_name)


def _argument(unnest: exp.Expr) -> exp.Expr:
    lists: exp.Expr = unnest.expressions[0] if isinstance(unnest, exp.Unnest) else unnest.this
    return lists.copy()


def _expand(node: exp.Columns, columns_of: ColumnsOf) -> None:
    """sum(COLUMNS(* EXCLUDE (a, b))): the function of each other column of the one table."""
    select = node.find_ancestor(exp.Select)
    call = node.parent
    if select is None or call is None or call.parent is not select or select.args.get("joins"):
        raise NotImplementedError("COLUMNS(*) but for one function over one table")
    star = node.this
    left_out = {one.name for one in star.args.get("except_") or star.args.get("except") or []}
    table = next(select.find_all(exp.Table)).name
    made = [
        exp.alias_(type(call)(this=exp.column(name)), name)
        for name in columns_of(table)
        if name not in left_out
    ]
    others = [one for one in select.selects if one is not call]
    select.set("expressions", [*others, *made])


def _literal(value: object) -> exp.Expr:
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return exp.cast(exp.Literal.string(text), "timestamptz")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, list | tuple):
        return exp.Tuple(expressions=[_literal(one) for one in value])
    return exp.convert(value)


RULES: Final[Mapping[type[exp.Expr], Callable[[Any], None]]] = {
    exp.Anonymous: _function,
    exp.TimeToUnix: _epoch,
    exp.Div: _divide,
    exp.BitwiseXor: _exclusive_or,
    exp.Cast: _utc,
    exp.Window: _rank,
    exp.ArgMin: _first_by,
    exp.DateDiff: _difference,
    exp.DateBin: _bucket,
    exp.ArrayAgg: _list,
    exp.Join: _half_join,
    exp.Select: _unnested,
}
