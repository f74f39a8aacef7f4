"""Which columns of a Parquet file make one column of the contract, with or without a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from iolaus.core.errors import InputError
from iolaus.logs.columns import Convert, converter
from iolaus.logs.convert import Written, column
from iolaus.logs.hints import did_you_mean, found_columns
from iolaus.logs.mapping import Rule
from iolaus.logs.times import Faults


@dataclass(frozen=True)
class Source:
    """columns: the file's, that are read. make: a batch of them -> the contract's column."""

    columns: tuple[str, ...]
    make: Callable[[pa.RecordBatch], tuple[pa.Array, Faults]]


def sources(
    schema: pa.Schema,
    wanted: pa.Schema,
    rules: Mapping[str, Rule],
    file: str,
    *,
    assume_utc: bool,
) -> dict[str, Source]:
    """By column of the contract; those that the file lacks are left out.

    Raises InputError: a mapped column that is not there, or a type that cannot be converted.
    """
    found = {}
    for field in wanted:
        rule = rules.get(field.name)
        if rule is not None:
            found[field.name] = _mapped(schema, field, rule, file, assume_utc=assume_utc)
        elif field.name in schema.names:
            plain = Rule(field.name, (field.name,))
            found[field.name] = _mapped(schema, field, plain, file, assume_utc=assume_utc)
    return found


def _mapped(
    schema: pa.Schema, field: pa.Field, rule: Rule, file: str, *, assume_utc: bool
) -> Source:
    if not rule.sources:
        constant = pa.scalar(rule.constant, field.type)
        return Source((), lambda batch: (pa.repeat(constant, batch.num_rows), {}))
    places = [place for name in rule.sources if (place := _locate(schema, name)) is not None]
    if not places:
        raise _not_there(schema, rule, file)
    columns = tuple(dict.fromkeys(path[0] for path, _ in places))
    if rule.kind or rule.unit or rule.pattern or rule.zone or rule.values is not None or rule.nulls:
        how = Written(assume_utc=assume_utc, rule=rule)
        return Source(columns, lambda batch: _one_by_one(batch, places, field, how))
    ways = [
        (path, converter(pa.field(field.name, kind), field, file, assume_utc=assume_utc))
        for path, kind in places
    ]
    return Source(columns, lambda batch: _first(batch, ways))


def _first(
    batch: pa.RecordBatch, ways: list[tuple[tuple[str, ...], Convert]]
) -> tuple[pa.Array, Faults]:
    """The first place that is not null, row by row. A cell that does not fit rejects its row."""
    arrays, faults = [], Faults()
    for path, convert in ways:
        array, found = convert(_at(batch, path))
        arrays.append(array)
        faults = found | faults
    return (arrays[0] if len(arrays) == 1 else pc.coalesce(*arrays)), faults


def _one_by_one(
    batch: pa.RecordBatch,
    places: list[tuple[tuple[str, ...], pa.DataType]],
    field: pa.Field,
    how: Written,
) -> tuple[pa.Array, Faults]:
    lists = [_at(batch, path).to_pylist() for path, _ in places]
    values = [next((v for v in cells if v is not None), None) for cells in zip(*lists, strict=True)]
    return column(values, field, how)


def _at(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    array = batch.column(path[0])
    for name in path[1:]:
        array = pc.struct_field(array, name)
    return array


def _locate(schema: pa.Schema, name: str) -> tuple[tuple[str, ...], pa.DataType] | None:
    """A column of this name, or a field of a struct column: 'customer.id'. With its type."""
    if name in schema.names:
        return (name,), schema.field(name).type
    first, *rest = name.split(".")
    if first not in schema.names:
        return None
    kind, path = schema.field(first).type, [first]
    for part in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
        path.append(part)
    return tuple(path), kind


def _not_there(schema: pa.Schema, rule: Rule, file: str) -> InputError:
    name = rule.sources[0]
    return InputError(
        f"'{name}', which the mapping gives for '{rule.column}', is no column."
        f"{did_you_mean(name, schema.names)}",
        where=file,
        next_step=f"Correct mapping.toml. {found_columns(schema.names)}",
    )
