"""OTLP as protobuf, through the official messages of opentelemetry-proto (extra `iolaus[otlp]`).

Protobuf refuses a whole request if one text in it is not UTF-8 (some senders do not look) or one
value is nested too deep. A request holds the calls of many, so it is then read a second time:
without the values that cannot be read (wire.py), and with bytes in place of texts, which on the
wire are the same.
"""

import base64
import math
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from iolaus.core.errors import InputError
from iolaus.logs.otlp.items import ERROR, LARGEST_TIME, MAX_DEPTH, Attributes, Item
from iolaus.logs.otlp.wire import BrokenWire, Plan, readable_parts

NO_ID = (b"", bytes(8), bytes(16))


def items_of_traces(data: bytes) -> Iterator[Item]:
    """The spans of a serialised ExportTraceServiceRequest. Raises InputError if it is none."""
    for group in _parsed(ExportTraceServiceRequest, data).resource_spans:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield _span(span, resource)


def items_of_logs(data: bytes) -> Iterator[Item]:
    """The records of a serialised ExportLogsServiceRequest. Raises InputError if it is none."""
    for group in _parsed(ExportLogsServiceRequest, data).resource_logs:
        resource = _attributes(group.resource.attributes)
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield _record(record, resource)


def _parsed(message: Any, data: bytes) -> Any:
    name = message.DESCRIPTOR.full_name
    try:
        return message.FromString(data)
    except DecodeError:
        pass  # perhaps for one value alone
    try:
        return _class(name).FromString(readable_parts(data, PLANS[message]))
    except (DecodeError, BrokenWire) as error:
        raise InputError(
            f"this is no {message.DESCRIPTOR.name} in protobuf.",
            next_step="Send spans to /v1/traces and log records to /v1/logs.",
        ) from error


def _in_bytes(*messages: Any) -> DescriptorPool:
    """The messages' files, and those that they import, with bytes in place of texts."""
    pool, added = DescriptorPool(), set[str]()

    def add(file: FileDescriptor) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for needed in file.dependencies:
            add(needed)
        copy = FileDescriptorProto()
        file.CopyToProto(copy)
        for message in copy.message_type:
            _to_bytes(message)
        pool.Add(copy)

    for message in messages:
        add(message.DESCRIPTOR.file)
    return pool


def _to_bytes(message: DescriptorProto) -> None:
    for field in message.field:
        if field.type == FieldDescriptorProto.TYPE_STRING:
            field.type = FieldDescriptorProto.TYPE_BYTES
    for inner in message.nested_type:
        _to_bytes(inner)


IN_BYTES: Final = _in_bytes(ExportTraceServiceRequest, ExportLogsServiceRequest)


def _class(name: str) -> Any:
    return GetMessageClass(IN_BYTES.FindMessageTypeByName(name))


def _can_be(name: str) -> Callable[[bytes], bool]:
    message = _class(f"opentelemetry.proto.{name}")

    def can_be(data: bytes) -> bool:
        try:
            message.FromString(data)
        except DecodeError:
            return False
        return True

    return can_be


_PAIR, _VALUE = _can_be("common.v1.KeyValue"), _can_be("common.v1.AnyValue")
# By field number, as in opentelemetry-proto: resources, their scopes, and what those hold.
_EVENT: Plan = {3: _PAIR}
_SPAN: Plan = {9: _PAIR, 11: _EVENT, 13: _can_be("trace.v1.Span.Link")}
_RECORD: Plan = {5: _VALUE, 6: _PAIR}
_RESOURCE: Plan = {1: _PAIR}
_SCOPE: Plan = {3: _PAIR}
PLANS: Final[dict[Any, Plan]] = {
    ExportTraceServiceRequest: {1: {1: _RESOURCE, 2: {1: _SCOPE, 2: _SPAN}}},
    ExportLogsServiceRequest: {1: {1: _RESOURCE, 2: {1: _SCOPE, 2: _RECORD}}},
}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _span(span: Any, resource: Attributes) -> Item:
    return Item(
        True,
        _text(span.name),
        _id(span.trace_id),
        _id(span.span_id),
        min(span.start_time_unix_nano, LARGEST_TIME),
        _attributes(span.attributes),
        resource,
        [(_text(event.name), _attributes(event.attributes)) for event in span.events],
        span.status.code == ERROR,
        _text(span.status.message),
        None,
    )


def _record(record: Any, resource: Attributes) -> Item:
    attributes = _attributes(record.attributes)
    name = _text(record.event_name) or attributes.get("event.name") or ""
    return Item(
        False,
        name if isinstance(name, str) else "",
        _id(record.trace_id),
        _id(record.span_id),
        min(record.time_unix_nano or record.observed_time_unix_nano, LARGEST_TIME),
        attributes,
        resource,
        [],
        False,
        "",
        _value(record.body, 0),
    )


def _attributes(pairs: Any, depth: int = 0) -> Attributes:
    return {_text(pair.key): _value(pair.value, depth) for pair in pairs}


def _value(value: AnyValue, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return _text(value.string_value)
    if kind == "array_value":
        deep = depth >= MAX_DEPTH
        return None if deep else [_value(v, depth + 1) for v in value.array_value.values]
    if kind == "kvlist_value":
        return None if depth >= MAX_DEPTH else _attributes(value.kvlist_value.values, depth + 1)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    if kind == "double_value":
        return value.double_value if math.isfinite(value.double_value) else None
    return getattr(value, kind) if kind in ("bool_value", "int_value") else None


def _id(data: bytes) -> str:
    return "" if data in NO_ID else data.hex()
