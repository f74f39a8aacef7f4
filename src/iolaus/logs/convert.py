"""Cells as a source writes them -> one typed column; what cannot be one becomes a fault.

Three ways to write a cell: as the contract has it (JSON), as text (CSV, and JSON with
`type = "text"`), or as a number where the contract has text (`type = "integer"`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from iolaus.logs.cells import cells
from iolaus.logs.mapping import COUNT_UNITS, TIME_UNITS, Rule
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.times import Faults, from_values

BOOLEANS: Final = {
    "true": True,
    "false": False,
    "t": True,
    "f": False,
    "yes": True,
    "no": False,
    "1": True,
    "0": False,
}
WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
EPOCH = re.compile(r"[0-9]{9,19}(?:\.[0-9]{1,9})?")  # 9 digits of seconds: from 1973 on
LONGEST_TIME = 64  # characters; RFC 3339 needs 35 at most


@dataclass(frozen=True)
class Written:
    """How the cells of a column are written. text: everything is text, and empty text is null."""

    text: bool = False
    assume_utc: bool = False
    rule: Rule | None = None


def column(values: Sequence[Any], field: pa.Field, how: Written) -> tuple[pa.Array, Faults]:
    """Values of one column -> array of the field's type, and the faults of its rows."""
    rule, text = how.rule, how.text
    text = text or (rule is not None and rule.kind == "text")
    if text and "" in values:
        values = [None if value == "" else value for value in values]
    if rule is not None and (rule.values is not None or rule.nulls):
        values = [_meant(value, rule) for value in values]
    if pa.types.is_timestamp(field.type):
        return _times(values, field.name, how, text=text)
    if pa.types.is_string(field.type):
        return cells(values if rule is None else _names(values, rule), field)
    if text:
        return _from_text(values, field, rule)
    if pa.types.is_boolean(field.type) and rule is not None and rule.kind == "integer":
        values = [{0: False, 1: True}.get(v, v) if type(v) is int else v for v in values]
    return cells(_scaled(values, rule), field)


def _meant(value: Any, rule: Rule) -> Any:
    """After `null` and `values`. A value that `values` does not list stays as it is."""
    if value is None or any(value == null and type(value) is type(null) for null in rule.nulls):
        return None
    if rule.values is None or type(value) in (dict, list):
        return value
    key = str(value).lower() if type(value) is bool else str(value)
    return rule.values.get(key, rule.values.get("*", value))


def _names(values: Sequence[Any], rule: Rule) -> Sequence[Any]:
    """Identifiers that the source writes as numbers, as text."""
    kinds = {"integer": (int,), "number": (int, float), "boolean": (bool,)}.get(rule.kind or "", ())
    if not kinds:
        return values
    return [str(value) if type(value) in kinds else value for value in values]


def _scaled(values: Sequence[Any], rule: Rule | None) -> Sequence[Any]:
    """Counts in thousands -> in ones; a whole float stays one that says so."""
    factor = COUNT_UNITS.get(rule.unit or "", 1) if rule is not None else 1
    if factor == 1:
        return values
    return [_times_factor(value, factor) for value in values]


def _times_factor(value: Any, factor: int) -> Any:
    if type(value) is float:
        scaled = round(value * factor, 6)
        return int(scaled) if scaled.is_integer() else scaled
    return value * factor if type(value) is int else value


def _from_text(
    values: Sequence[Any], field: pa.Field, rule: Rule | None
) -> tuple[pa.Array, Faults]:
    """Texts -> numbers or booleans. Arrow's parser first; one by one only if it refuses one."""
    whole = pa.types.is_integer(field.type)
    scaled = rule is not None and COUNT_UNITS.get(rule.unit or "", 1) != 1
    if not pa.types.is_boolean(field.type) and not scaled:
        try:
            return pc.cast(pa.array(values, pa.string()), field.type), {}
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            pass
    parsed = [_parsed(value, field, whole=whole and not scaled) for value in values]
    return cells(_scaled(parsed, rule), field)


def _parsed(value: Any, field: pa.Field, *, whole: bool) -> Any:
    """A text's number or boolean; the text itself if it is none, which `cells` then rejects."""
    if type(value) is not str:
        return value
    text = value.strip()
    if pa.types.is_boolean(field.type):
        return BOOLEANS.get(text.lower(), value)
    if WHOLE.fullmatch(text):
        return int(text)
    if NUMBER.fullmatch(text):
        number = float(text)
        return int(number) if whole and number.is_integer() and abs(number) < 2**53 else number
    return value


def _times(
    values: Sequence[Any], name: str, how: Written, *, text: bool
) -> tuple[pa.Array, Faults]:
    rule = how.rule
    if rule is not None and rule.pattern is not None:
        values = [_by_pattern(value, rule, how.assume_utc) for value in values]
    elif rule is not None and rule.unit is not None:
        values = [_in_unit(value, TIME_UNITS[rule.unit], name, text=text) for value in values]
    elif text:
        values = [_epoch(value) for value in values]
    zone = None if rule is None else rule.zone
    if zone is not None and zone is not UTC:
        values = [_placed(value, rule) for value in values]
    values = [_short(value) for value in values] if text else values
    faults = {i: value for i, value in enumerate(values) if type(value) is Fault}
    if faults:
        values = [None if type(value) is Fault else value for value in values]
    array, more = from_values(values, name, assume_utc=how.assume_utc or zone is UTC)
    return array, more | faults


def _short(value: Any) -> Any:
    """A long text is no time; do not let it into the reject's detail: it may be a prompt."""
    return "(a long text)" if type(value) is str and len(value) > LONGEST_TIME else value


def _epoch(value: Any) -> Any:
    """A text of digits alone is an epoch number, read by its size as numbers are (times.py)."""
    if type(value) is str and EPOCH.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


def _in_unit(value: Any, micros: float, name: str, *, text: bool) -> Any:
    """An epoch number of this unit -> ISO text, which has one reading; others stay as they are.

    A number outside the years 1 to 9999 becomes a fault: as a number it would be read in the unit
    that its size suggests.
    """
    if text and type(value) is str and NUMBER.fullmatch(value.strip()):
        digits = value.strip()
        value = int(digits) if WHOLE.fullmatch(digits) else float(digits)
    if type(value) not in (int, float):
        return value
    try:
        seconds, rest = divmod(_micros(value, micros), 1_000_000)
        time = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    except (ValueError, OverflowError, OSError):
        return Fault(Cause.TIME_RANGE, f"{name}: {value}")
    return time.isoformat()


def _micros(value: int | float, micros: float) -> int:
    if type(value) is int:
        return value // 1_000 if micros < 1 else value * int(micros)
    return round(value * micros)


def _by_pattern(value: Any, rule: Rule, assume_utc: bool) -> Any:
    if type(value) is not str:
        return value
    try:
        time = datetime.strptime(value.strip(), rule.pattern or "")
    except ValueError:
        return value
    zone = rule.zone or (UTC if assume_utc else None)
    return (time if time.tzinfo is not None else time.replace(tzinfo=zone)).isoformat()


def _placed(value: Any, rule: Rule | None) -> Any:
    """A text without a zone in the rule's zone."""
    if type(value) is not str or rule is None:
        return value
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        return value
    return value if time.tzinfo is not None else time.replace(tzinfo=rule.zone).isoformat()
