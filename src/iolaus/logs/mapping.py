"""LOG/mapping.toml: which field of the source each column of the contract comes from.

    format = "csv"                       # only where it cannot be told from the file itself
    assume_utc = true                    # texts without a zone are UTC
    [csv]
    delimiter = ";"
    [exchanges]
    account_id = "customer.id"           # a field; dots go into objects
    client_ip = ["xff", "peer"]          # the first of these that is not null
    channel = { value = "web_app" }      # the same for every row
    ts = { from = "time", unit = "ms" }
    status = { from = "code", type = "text", null = ["-"] }
    [accounts]
    plan = { from = "tier", values = { "1" = "free", "2" = "enterprise" } }

A column that is not named here is taken from the field of the same name, or, in a known format,
from where that format has it.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import orjson
import pyarrow as pa

from iolaus.core.errors import ConfigError
from iolaus.core.files import write_text
from iolaus.logs.hints import did_you_mean
from iolaus.logs.lenient import loads
from iolaus.logs.spec import ACCOUNTS, ENFORCEMENT, EXCHANGES, RELEASES, TableSpec

FILE: Final = "mapping.toml"
KINDS: Final = ("text", "integer", "number", "boolean")
TIME_UNITS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}  # microseconds in one
COUNT_UNITS: Final = {"tokens": 1, "thousand_tokens": 1_000}
MAX_PARTS = 16  # of a dotted path
ENTRY_KEYS: Final = ("from", "value", "type", "unit", "pattern", "zone", "values", "null")
CSV_KEYS: Final = ("delimiter", "quote", "encoding", "header")
TOP_KEYS: Final = ("format", "assume_utc", "csv")
SPECS: Final = {spec.name: spec for spec in (EXCHANGES, ACCOUNTS, RELEASES, ENFORCEMENT)}

Record = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """Where one column comes from, and how its cells are written there.

    sources: fields, the first that is not null counts; empty if `constant` is given.
    kind: how the source writes it (text, integer, number, boolean) if not as the contract does.
    unit: of epoch times or of tokens. pattern: strptime's, for other times. zone: of times without
    one. values: what stands there -> what is meant ('*' for all others). nulls: what means null.
    """

    column: str
    sources: tuple[str, ...] = ()
    constant: Any = None
    kind: str | None = None
    unit: str | None = None
    pattern: str | None = None
    zone: timezone | None = None
    values: Mapping[str, Any] | None = None
    nulls: tuple[Any, ...] = ()

    def finder(self) -> Callable[[Record], Any]:
        """A function from a record (nested dicts and lists) to the value; null if there is none."""
        if not self.sources:
            return lambda record: self.constant
        paths = [tuple(source.split(".")) for source in self.sources]
        if len(paths) == 1 and len(paths[0]) == 1:
            name = self.sources[0]
            return lambda record: record.get(name)
        return lambda record: first(record, paths)

    @property
    def plain(self) -> bool:
        """Only another name: nothing is converted."""
        changes = (self.kind, self.unit, self.pattern, self.zone, self.values)
        return len(self.sources) == 1 and not self.nulls and all(c is None for c in changes)


@dataclass(frozen=True)
class CsvOptions:
    """How a CSV file is written. header: the column names, if the file itself has no such line."""

    delimiter: str | None = None
    quote: str = '"'
    encoding: str = "utf-8"
    header: tuple[str, ...] | None = None


@dataclass(frozen=True)
class LogMapping:
    """A whole mapping file; the empty one maps every column to the field of its name."""

    path: Path | None = None
    format: str | None = None
    assume_utc: bool = False
    csv: CsvOptions = CsvOptions()
    tables: Mapping[str, Mapping[str, Rule]] = field(default_factory=lambda: MappingProxyType({}))

    def rules(self, table: str) -> Mapping[str, Rule]:
        """Of one table (exchanges, accounts, releases, enforcement), by column."""
        return self.tables.get(table, MappingProxyType({}))


def first(record: Any, paths: list[tuple[str, ...]]) -> Any:
    """The first value at one of these paths that is not null."""
    for path in paths:
        value = dig(record, path)
        if value is not None:
            return value
    return None


def dig(value: Any, path: tuple[str, ...]) -> Any:
    """The value at a path. A key may itself hold dots: the longest that is there is taken.

    A text that holds a JSON object, as databases and some services write them, is looked into.
    """
    if not path:
        return value
    if type(value) is str:
        value = unpacked(value)
    if type(value) is dict:
        for cut in range(len(path), 0, -1):
            key = path[0] if cut == 1 else ".".join(path[:cut])
            if key in value:
                return dig(value[key], path[cut:])
        return None
    if type(value) is list and re.fullmatch(r"-?[0-9]{1,6}", path[0]):
        index = int(path[0])
        return dig(value[index], path[1:]) if -len(value) <= index < len(value) else None
    return None


def unpacked(value: Any) -> Any:
    """A text that holds a JSON object or list -> that; everything else as it is."""
    if type(value) is not str or value[:1] not in ("{", "["):
        return value
    try:
        return loads(value)
    except orjson.JSONDecodeError:
        return value


def load(path: Path) -> LogMapping:
    """Read a mapping file. Raises ConfigError that names the key and the next step."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"this is not TOML: {error}.",
            where=str(path),
            next_step="See docs/reading-logs.md, or let `iolaus map LOG` write one.",
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    return _Parser(str(path)).mapping(path, given)


def save(text: str, path: Path) -> None:
    """Write a mapping file, after checking that it can be read back."""
    _Parser(str(path)).mapping(path, tomllib.loads(text))
    write_text(text, path)


class _Parser:
    """Checks every key, so that a misspelt one is an error and not a silent null column."""

    def __init__(self, where: str) -> None:
        self._where = where

    def mapping(self, path: Path, given: Record) -> LogMapping:
        self._known(given, (*TOP_KEYS, *SPECS), "")
        tables = {
            name: MappingProxyType(self._table(SPECS[name], self._of(given, name, dict)))
            for name in SPECS
            if name in given
        }
        return LogMapping(
            path,
            self._of(given, "format", str),
            bool(self._of(given, "assume_utc", bool)),
            self._csv(self._of(given, "csv", dict) or {}),
            MappingProxyType(tables),
        )

    def _csv(self, given: Record) -> CsvOptions:
        self._known(given, CSV_KEYS, "csv.")
        delimiter, quote = self._of(given, "delimiter", str), self._of(given, "quote", str)
        for name, text in (("delimiter", delimiter), ("quote", quote)):
            if text is not None and (len(text) != 1 or text in "\r\n"):
                raise self._error(f"csv.{name} must be one character", f'Write {name} = ";".')
        encoding = self._of(given, "encoding", str) or "utf-8"
        try:
            same = "a,\n".encode(encoding) == b"a,\n"
        except LookupError:
            same = False
        if not same:
            raise self._error(
                f"csv.encoding '{encoding}' is none that can be read",
                "Use utf-8, latin-1 or cp1252, or convert the file with iconv.",
            )
        header = self._of(given, "header", list)
        if header is not None and not all(type(name) is str for name in header):
            raise self._error("csv.header must be a list of names", 'Write header = ["a", "b"].')
        names = None if header is None else tuple(header)
        return CsvOptions(delimiter, quote or '"', encoding, names)

    def _table(self, spec: TableSpec, given: Record) -> dict[str, Rule]:
        self._known(given, spec.schema.names, f"{spec.name}.")
        return {
            name: self._rule(spec.schema.field(name), f"{spec.name}.{name}", entry)
            for name, entry in given.items()
        }

    def _rule(self, column: pa.Field, key: str, entry: Any) -> Rule:
        if not isinstance(entry, dict):
            return Rule(column.name, self._sources(entry, key))
        self._known(entry, ENTRY_KEYS, f"{key}.")
        if ("from" in entry) == ("value" in entry):
            raise self._error(
                f"'{key}' needs either 'from' or 'value'",
                'Write { from = "field" }, or { value = "the same for every row" }.',
            )
        if "value" in entry:
            return Rule(column.name, (), self._constant(column, key, entry["value"]))
        values, nulls = self._of(entry, "values", dict), self._of(entry, "null", list)
        return Rule(
            column.name,
            self._sources(entry["from"], key),
            kind=self._one_of(entry, "type", KINDS, key),
            unit=self._unit(column, key, entry),
            pattern=self._time_only(column, key, entry, "pattern"),
            zone=self._zone(column, key, entry),
            values=None if values is None else MappingProxyType(values),
            nulls=tuple(nulls or ()),
        )

    def _sources(self, entry: Any, key: str) -> tuple[str, ...]:
        names = entry if isinstance(entry, list) else [entry]
        if not names or not all(
            type(n) is str and 0 < n.count(".") + 1 <= MAX_PARTS for n in names
        ):
            raise self._error(f"'{key}' must name a field, or a list of them", f'{key} = "field"')
        return tuple(names)

    def _constant(self, column: pa.Field, key: str, value: Any) -> Any:
        kinds = {pa.string(): str, pa.bool_(): bool}
        wanted = kinds.get(column.type, int if pa.types.is_integer(column.type) else float)
        if pa.types.is_timestamp(column.type):
            raise self._error(f"'{key}' is a time and no constant", "Name the field with the time.")
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise self._error(f"'{key}.value' must be {column.type}", "Correct the value.")
        return value

    def _unit(self, column: pa.Field, key: str, entry: Record) -> str | None:
        if pa.types.is_timestamp(column.type):
            return self._one_of(entry, "unit", tuple(TIME_UNITS), key)
        if column.name.endswith("_tokens"):
            return self._one_of(entry, "unit", tuple(COUNT_UNITS), key)
        if "unit" in entry:
            raise self._error(f"'{key}' has no unit", "Leave 'unit' out.")
        return None

    def _time_only(self, column: pa.Field, key: str, entry: Record, name: str) -> str | None:
        text: str | None = self._of(entry, name, str)
        if text is not None and not pa.types.is_timestamp(column.type):
            raise self._error(f"'{key}' is no time", f"Leave '{name}' out.")
        return text

    def _zone(self, column: pa.Field, key: str, entry: Record) -> timezone | None:
        text = self._time_only(column, key, entry, "zone")
        if text is None or text == "UTC":
            return None if text is None else UTC
        match = re.fullmatch(r"([+-])([01][0-9]):([0-5][0-9])", text)
        if match is None:
            raise self._error(f"'{key}.zone' is '{text}'", 'Write "UTC" or an offset as "+02:00".')
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(offset if match[1] == "+" else -offset)

    def _one_of(self, entry: Record, name: str, known: tuple[str, ...], key: str) -> str | None:
        text: str | None = self._of(entry, name, str)
        if text is not None and text not in known:
            raise self._error(f"'{key}.{name}' is '{text}'", f"It can be {', '.join(known)}.")
        return text

    def _of(self, given: Record, name: str, kind: type) -> Any:
        value = given.get(name)
        if value is not None and type(value) is not kind:
            names = {str: "a text", bool: "true or false", list: "a list", dict: "a table"}
            raise self._error(f"'{name}' must be {names[kind]}", "Correct it.")
        return value

    def _known(self, given: Record, names: Any, prefix: str) -> None:
        for name in given:
            if name not in names:
                hint = did_you_mean(name, names)
                raise self._error(
                    f"'{prefix}{name}' is unknown", f"Known are {', '.join(names)}.", hint
                )

    def _error(self, what: str, next_step: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{what}.{hint}", where=self._where, next_step=next_step)
