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
MANY: Final = 1_000  # more than any column has names


def exchange_of(item: Item, finders: Mapping[str, Finder], *, texts: bool = True) -> Row | Fault:
    """The row, with `ts` in microseconds, and only the columns that are known; or why it is none.

    finders: for columns that the log's mapping names, where to find them in the attributes (of the
    span over those of its resource). texts: false leaves prompts and responses unread.
    Values that cannot be of their column's type stay as they came: the typed column rejects them.
    But what callers fill in as they like is null then: they could lose their rows by it.
    """
    if (why := why_no_exchange(item)) is not None:
        return why
    attributes = item.attributes
    row: Row = {"exchange_id": item.key or attributes.get(names.RESPONSE_ID)}
    if item.time:
        row["ts"] = item.time // MICRO
    row |= _named(item.resource, CALLER_INDEX) | _named(attributes, INDEX)
    _parameters(row, attributes)
    row["client_ip"] = _address(row.get("client_ip"))
    row["status"] = status_of(item)
    _uncounted(row)
    row["choice_count"] = _choices(row.get("choice_count"), attributes)
    row["stream"] = _streamed(row.get("stream"), item)
    if texts:
        fill(row, texts_of(item))
    row = {name: typed(value, KINDS[name]) for name, value in row.items() if value is not None}
    for name in CHOSEN & row.keys():
        if not _fits(row[name], name):
            del row[name]
    if finders:
        merged = {**item.resource, **attributes}
        row |= {column: find(merged) for column, find in finders.items()}
    return row


def _index(*tables: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, int]]:
    """Attribute name -> its column, and its place among that column's names."""
    named = (pair for table in tables for pair in table.items())
    return {name: (column, n) for column, several in named for n, name in enumerate(several)}


CALLER_INDEX: Final = _index(names.CALLER)
INDEX: Final = _index(names.CALLER, names.CALL)


def _named(attributes: Attributes, index: dict[str, tuple[str, int]]) -> Row:
    """Columns from the attributes of those names: of several, the one that is first in the table.

    A span has about 20 attributes, and there are 60 names to look for.
    """
    row: Row = {}
    places: dict[str, int] = {}
    for name, value in attributes.items():
        found = index.get(name)
        if found is None or value is None or value == "":
            continue
        column, place = found
        if place < places.get(column, MANY):
            row[column], places[column] = value, place
    return row


def _kind(kind: pa.DataType) -> type:
    if pa.types.is_boolean(kind):
        return bool
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return int
    return float if pa.types.is_floating(kind) else str


CHOSEN: Final = frozenset(
    ("max_output_tokens", "temperature", "choice_count", "stream", "conversation_id", "user_agent")
)
LARGEST: Final = {"max_output_tokens": 2**63 - 1, "choice_count": 2**31 - 1}  # of int64, of int32
KINDS: Final[dict[str, type]] = {field.name: _kind(field.type) for field in EXCHANGES}


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
        value = typed(item.attributes.get(name), int)
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


def typed(value: Any, kind: type) -> Any:
    """Text of numbers and booleans, whole floats, and identifiers that are numbers, as `kind`.

    Anything else stays as it is, so that the column names it as a wrong type.
    """
    found = type(value)
    if found is kind:
        return value
    if found is str:
        return _from_text(value, kind)
    if kind is str and found is int:
        return str(value)  # an account number
    return int(value) if kind is int and found is float and value.is_integer() else value


def _fits(value: Any, name: str) -> bool:
    """Is this a value that the column takes?"""
    if name in LARGEST:
        return type(value) is int and 0 <= value <= LARGEST[name]
    if name == "temperature":
        return type(value) is float or (type(value) is int and abs(value) < 2**53)
    return type(value) is KINDS[name]


def _from_text(text: str, kind: type) -> Any:
    if kind is bool:
        return BOOLEANS.get(text.lower(), text)
    if kind is int and WHOLE.fullmatch(text):
        return int(text)
    return float(text) if kind is float and NUMBER.fullmatch(text) else text


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
        if row.get(column) is None:
            row[column] = _first(given, candidates)
    asked = given.get("model")
    if isinstance(asked, str) and asked and names.REQUEST_MODEL not in attributes:
        row["model"] = asked


def _uncounted(row: Row) -> None:
    """A failed call with 0 input tokens: nobody counted them (LiteLLM writes 0): null."""
    if row["status"] != OK and row.get("input_tokens") in (0, "0"):
        row["input_tokens"] = None
        if row.get("output_tokens") in (0, "0"):
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
