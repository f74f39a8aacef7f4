"""A span or log record of a model call -> a row of the contract."""

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final

import pyarrow as pa

from iolaus.core.tables import EXCHANGES, TEXT_COLUMNS
from iolaus.logs.otlp import names
from iolaus.logs.otlp.items import Attributes, Item
from iolaus.logs.otlp.texts import Texts, loaded, texts_of
from iolaus.logs.rejects import Cause, Fault

Row = dict[str, Any]
Finder = Callable[[Attributes], Any]

WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
CODE_IN_MESSAGE: Final = re.compile(r"\b(?:Error code|status(?: code)?)[: ]+([45][0-9]{2})\b", re.I)
BOOLEANS: Final = {"true": True, "false": False}
MICRO: Final = 1_000  # nanoseconds
OK: Final = 200


def exchange_of(item: Item, finders: Mapping[str, Finder], *, texts: bool = True) -> Row | Fault:
    """The row, with `ts` in microseconds, and only the columns that are known; or why it is none.

    finders: for columns that the log's mapping names, where to find them in the attributes (of the
    span over those of its resource). texts: false leaves prompts and responses unread.
    Values that cannot be of their column's type stay as they came: the typed column rejects them.
    """
    if (why := why_no_exchange(item)) is not None:
        return why
    attributes = item.attributes
    row: Row = {"exchange_id": item.key or attributes.get(names.RESPONSE_ID)}
    if item.time:
        row["ts"] = item.time // MICRO
    for column, candidates in names.CALLER.items():
        value = _first(attributes, candidates)
        row[column] = value if value is not None else _first(item.resource, candidates)
    for column, candidates in names.CALL.items():
        row[column] = _first(attributes, candidates)
    _parameters(row, attributes)
    row["client_ip"] = _address(row["client_ip"])
    row["status"] = status_of(item)
    _uncounted(row)
    row["choice_count"] = _choices(row["choice_count"], attributes)
    row["stream"] = _streamed(row["stream"], item)
    if texts:
        fill(row, texts_of(item))
    row = {name: typed(value, FIELDS[name]) for name, value in row.items() if value is not None}
    if finders:
        merged = {**item.resource, **attributes}
        row |= {column: find(merged) for column, find in finders.items()}
    return row


FIELDS: Final[dict[str, pa.Field]] = {field.name: field for field in EXCHANGES}


def fill(row: Row, texts: Texts) -> None:
    """Add what these texts know and the row does not."""
    found = (*texts[:3], texts.tools)
    for column, value in zip((*TEXT_COLUMNS, "tool_count"), found, strict=True):
        if value is not None and row.get(column) is None:
            row[column] = value


def why_no_exchange(item: Item) -> Fault | None:
    """None for a model call: a span, or the one event that describes a whole call."""
    if not item.is_span and item.name != names.DETAILS_EVENT:
        return Fault(Cause.NOT_EXCHANGE, f"log record {item.name or 'without a name'}")
    attributes = item.attributes
    operation = attributes.get(names.OPERATION) or _first(attributes, names.KIND)
    if isinstance(operation, str):
        if operation.lower() in names.NOT_EXCHANGES:
            return Fault(Cause.NOT_EXCHANGE, operation)
        return None
    if _first(attributes, names.PROVIDER) is None or "gen_ai.tool.name" in attributes:
        return Fault(Cause.NOT_EXCHANGE, f"span {item.name}")
    if _first(attributes, names.CALL["model"]) is None:
        return Fault(Cause.NOT_EXCHANGE, f"span {item.name}: no model")
    return None


def status_of(item: Item) -> int | None:
    """HTTP status: as recorded; else from the error's name or message; 200 if nothing failed.

    None if the call failed and nothing says with which status.
    """
    for name in names.STATUS:
        value = typed(item.attributes.get(name), FIELDS["status"])
        if type(value) is int and value >= 100:  # some write 0 for "none"
            return value
    error = item.attributes.get(names.ERROR_TYPE)
    if error is None and not item.failed:
        return OK
    for told in (str(error), item.message):
        if re.fullmatch(r"[45][0-9]{2}", told):
            return int(told)
        if (status := names.ERROR_STATUS.get(told.rpartition(".")[2])) is not None:
            return status
        if found := CODE_IN_MESSAGE.search(told[:1_000]):
            return int(found[1])
    return None


def typed(value: Any, field: pa.Field) -> Any:
    """Text of numbers and booleans, whole floats, and lone identifiers that are numbers.

    Anything else stays as it is, so that the column names it as a wrong type.
    """
    kind = field.type
    if isinstance(value, str):
        return value if pa.types.is_string(kind) else _from_text(value, kind)
    if pa.types.is_string(kind) and type(value) is int:
        return str(value)  # an account number
    if pa.types.is_integer(kind) and type(value) is float and value.is_integer():
        return int(value)
    return value


def _from_text(text: str, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return BOOLEANS.get(text.lower(), text)
    if pa.types.is_integer(kind) and WHOLE.fullmatch(text):
        return int(text)
    if pa.types.is_floating(kind) and NUMBER.fullmatch(text):
        return float(text)
    return text


def _first(attributes: Attributes, candidates: tuple[str, ...]) -> Any:
    """The first that is there and neither null nor empty."""
    for name in candidates:
        value = attributes.get(name)
        if value is not None and value != "":
            return value
    return None


def _parameters(row: Row, attributes: Attributes) -> None:
    """OpenInference's one JSON text of request parameters, for columns that are still null."""
    given = loaded(attributes.get(names.PARAMETERS))
    if not isinstance(given, dict):
        return
    for column, candidates in names.PARAMETER_NAMES.items():
        if row[column] is None:
            row[column] = _first(given, candidates)


def _uncounted(row: Row) -> None:
    """A failed call with 0 input tokens: nobody counted them (LiteLLM writes 0): null."""
    if row["status"] != OK and row["input_tokens"] in (0, "0"):
        row["input_tokens"] = None
        if row["output_tokens"] in (0, "0"):
            row["output_tokens"] = None


def _address(value: Any) -> str | None:
    """IP address text; `client.address` may also be a host name or a socket, which is none."""
    try:
        return str(ip_address(value.strip())) if isinstance(value, str) else None
    except ValueError:
        return None


def _choices(asked: Any, attributes: Attributes) -> Any:
    """As asked; else one finish reason came back per choice."""
    reasons = attributes.get(names.FINISH_REASONS)
    if asked is not None or not isinstance(reasons, list) or not reasons:
        return asked
    return len(reasons)


def _streamed(told: Any, item: Item) -> Any:
    """As recorded; else chunks show that it was. No sign of chunks shows nothing."""
    if told is not None:
        return told
    if names.FIRST_CHUNK in item.attributes:
        return True
    return True if any(name in names.CHUNK_EVENTS for name, _ in item.events) else None
