"""One span or log record, whichever way it came: OTLP JSON here, protobuf in protobuf.py.

Every span and record of a request comes out as an `Item` or as a `Fault`: whoever counts what
comes out has counted everything. Source: opentelemetry-proto 1.x, docs/specification.md ("JSON
Protobuf Encoding"): ids are hexadecimal, 64-bit numbers are text or numbers, unknown keys are
passed over.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from iolaus.logs.rejects import Cause, Fault

MAX_DEPTH: Final = 64  # of nested values; protobuf's own parsers stop at 100 messages, 2 a level
HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]*")
ERROR: Final = 2  # STATUS_CODE_ERROR
SPANS: Final = ("resourceSpans", "scopeSpans", "spans")
RECORDS: Final = ("resourceLogs", "scopeLogs", "logRecords")
OTHER_SIGNALS: Final = ("resourceMetrics", "resourceProfiles")
LARGEST_TIME: Final = 2**63 - 1  # nanoseconds; protobuf has 64 unsigned bits, arrow 63

Attributes = dict[str, Any]


class Item(NamedTuple):
    """A span, or a log record (`is_span` false).

    name: of the span, or the record's event name. trace_id, span_id: lower-case hexadecimal, or
    empty. time: nanoseconds since 1970 (a span's start). events: (name, attributes) inside a span.
    failed, message: a span's status. body: a record's.
    """

    is_span: bool
    name: str
    trace_id: str
    span_id: str
    time: int
    attributes: Attributes
    resource: Attributes
    events: list[tuple[str, Attributes]]
    failed: bool
    message: str
    body: Any

    @property
    def key(self) -> str:
        """Names the span that this is, or belongs to; empty if there is none."""
        return f"{self.trace_id}-{self.span_id}" if self.trace_id and self.span_id else ""


class Malformed(ValueError):
    """A value is not what OTLP JSON has in that place. The text names the place."""


Found = Item | Fault
Build = Callable[[dict[str, Any], Attributes], Item]


def items_of(document: Any) -> Iterator[Found]:
    """All spans and log records of one parsed export request (traces or logs)."""
    if not isinstance(document, dict):
        yield Fault(Cause.NOT_OBJECT, type(document).__name__)
        return
    known = False
    for names, build in ((SPANS, _span), (RECORDS, _record)):
        if names[0] in document:
            known = True
            yield from _walk(document, names, build)
    if not known:
        yield Fault(Cause.NOT_EXCHANGE, f"no {SPANS[0]} and no {RECORDS[0]}: {_signal(document)}")


def mended(data: bytes) -> bytes:
    """UTF-8, with U+FFFD for what is none.

    A request holds the calls of many: one client's broken text must not cost the others' rows.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode("utf-8")
    return data


def _signal(document: dict[str, Any]) -> str:
    return next((name for name in OTHER_SIGNALS if name in document), "not OTLP")


def _walk(document: dict[str, Any], names: tuple[str, str, str], build: Build) -> Iterator[Found]:
    """A malformed resource or scope is one fault, and so is each malformed span or record."""
    for of_resource in _each(document, names[0]):
        if isinstance(of_resource, Fault):
            yield of_resource
            continue
        try:
            resource = _attributes(_object(of_resource, "resource"))
        except Malformed as error:
            yield Fault(Cause.WRONG_TYPE, str(error))
            continue
        for scope in _each(of_resource, names[1]):
            raws = [scope] if isinstance(scope, Fault) else _each(scope, names[2])
            for raw in raws:
                yield raw if isinstance(raw, Fault) else _built(build, raw, resource)


def _each(raw: dict[str, Any], name: str) -> Iterator[dict[str, Any] | Fault]:
    """The objects of a list; a fault for each that is none, or for the list itself."""
    try:
        values = _list(raw, name)
    except Malformed as error:
        yield Fault(Cause.WRONG_TYPE, str(error))
        return
    for value in values:
        yield (
            value if isinstance(value, dict) else Fault(Cause.WRONG_TYPE, f"{name}: not an object")
        )


def _built(build: Build, raw: dict[str, Any], resource: Attributes) -> Found:
    try:
        return build(raw, resource)
    except Malformed as error:
        return Fault(Cause.WRONG_TYPE, str(error))


def _span(raw: dict[str, Any], resource: Attributes) -> Item:
    status = _object(raw, "status")
    events = [_mapping(event, "events") for event in _list(raw, "events")]
    return Item(
        True,
        _text(raw, "name"),
        _id(raw, "traceId"),
        _id(raw, "spanId"),
        _time(raw, "startTimeUnixNano"),
        _attributes(raw),
        resource,
        [(_text(event, "name"), _attributes(event)) for event in events],
        status.get("code") in (ERROR, "STATUS_CODE_ERROR"),
        _text(status, "message"),
        None,
    )


def _record(raw: dict[str, Any], resource: Attributes) -> Item:
    attributes = _attributes(raw)
    name = _text(raw, "eventName") or attributes.get("event.name") or ""
    return Item(
        False,
        name if isinstance(name, str) else "",
        _id(raw, "traceId"),
        _id(raw, "spanId"),
        _time(raw, "timeUnixNano") or _time(raw, "observedTimeUnixNano"),
        attributes,
        resource,
        [],
        False,
        "",
        value_of(raw.get("body")),
    )


def value_of(raw: Any, depth: int = 0) -> Any:
    """An AnyValue -> text, bool, int, float, list, dict or None. Bytes become base64 text.

    What is nested more than MAX_DEPTH deep is None: a caller could lose its whole row by it else.
    """
    if raw is None or raw == {}:
        return None
    if depth > MAX_DEPTH:
        return None
    if not isinstance(raw, dict) or len(raw) != 1:
        raise Malformed("value: not one typed value")
    kind, value = next(iter(raw.items()))
    if kind in ("stringValue", "boolValue"):
        if type(value) is not (str if kind == "stringValue" else bool):
            raise Malformed(f"{kind}: {type(value).__name__}")
        return value
    if kind == "arrayValue":
        return [value_of(v, depth + 1) for v in _list(_mapping(value, kind), "values")]
    if kind == "kvlistValue":
        return _attributes(_mapping(value, kind), "values", depth + 1)
    return _number_or_bytes(kind, value)


def _number_or_bytes(kind: str, value: Any) -> Any:
    try:
        if kind == "intValue" and type(value) in (int, str):
            return _whole(value)
        if kind == "doubleValue" and type(value) in (int, float, str):
            number = float(value)
            return number if math.isfinite(number) else None  # NaN: measured as nothing
        if kind == "bytesValue" and type(value) is str:
            return base64.b64encode(base64.b64decode(value, validate=True)).decode("ascii")
    except (ValueError, OverflowError, binascii.Error) as error:
        raise Malformed(f"{kind}: not readable") from error
    raise Malformed(f"{kind[:40]}: {type(value).__name__}")


def _whole(value: int | str) -> int:
    """64-bit integers are decimal text in protobuf's JSON; the length is bounded before parsing."""
    if isinstance(value, str) and len(value) > 20:
        raise ValueError
    number = int(value)
    if not -(2**63) <= number < 2**64:
        raise ValueError
    return number


def _attributes(raw: dict[str, Any], name: str = "attributes", depth: int = 0) -> Attributes:
    """A list of key and value -> dict; of a repeated key the last counts."""
    found: Attributes = {}
    for pair in _list(raw, name):
        key = _mapping(pair, name).get("key")
        if type(key) is not str:
            raise Malformed(f"{name}: a key that is no text")
        value = pair.get("value")
        if (
            type(value) is dict
            and type(text := value.get("stringValue")) is str
            and len(value) == 1
        ):
            found[key] = text  # most are: spare them the call
        else:
            found[key] = value_of(value, depth)
    return found


def _list(raw: dict[str, Any], name: str) -> list[Any]:
    value = raw.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{name}: not a list")
    return value


def _object(raw: dict[str, Any], name: str) -> dict[str, Any]:
    value = raw.get(name)
    return {} if value is None else _mapping(value, name)


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{name}: not an object")
    return value


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name}: not a text")
    return value


def _id(raw: dict[str, Any], name: str) -> str:
    """Hexadecimal, lower case; all zeros mean none."""
    text = _text(raw, name)
    if HEXADECIMAL.fullmatch(text) is None or len(text) > 32:
        raise Malformed(f"{name}: not hexadecimal")
    return text.lower() if text.strip("0") else ""


def _time(raw: dict[str, Any], name: str) -> int:
    value = raw.get(name)
    if value is None:
        return 0
    try:
        number = _whole(value) if type(value) in (int, str) else -1
    except ValueError:
        number = -1
    if number < 0:
        raise Malformed(f"{name}: not a time")
    return min(number, LARGEST_TIME)
