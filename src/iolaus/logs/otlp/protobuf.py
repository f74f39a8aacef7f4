"""OTLP as protobuf, through the official messages of opentelemetry-proto (extra `iolaus[otlp]`)."""

import base64
import math
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from iolaus.core.errors import InputError
from iolaus.logs.otlp.items import ERROR, LARGEST_TIME, MAX_DEPTH, Attributes, Item

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
    try:
        return message.FromString(data)
    except (DecodeError, UnicodeDecodeError, ValueError) as error:
        name = message.DESCRIPTOR.name
        raise InputError(
            f"this is no {name} in protobuf.",
            next_step="Send spans to /v1/traces and log records to /v1/logs.",
        ) from error


def _span(span: Any, resource: Attributes) -> Item:
    return Item(
        True,
        span.name,
        _id(span.trace_id),
        _id(span.span_id),
        min(span.start_time_unix_nano, LARGEST_TIME),
        _attributes(span.attributes),
        resource,
        [(event.name, _attributes(event.attributes)) for event in span.events],
        span.status.code == ERROR,
        span.status.message,
        None,
    )


def _record(record: Any, resource: Attributes) -> Item:
    attributes = _attributes(record.attributes)
    name = record.event_name or attributes.get("event.name") or ""
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
    return {pair.key: _value(pair.value, depth) for pair in pairs}


def _value(value: AnyValue, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        deep = depth >= MAX_DEPTH
        return None if deep else [_value(v, depth + 1) for v in value.array_value.values]
    if kind == "kvlist_value":
        return None if depth >= MAX_DEPTH else _attributes(value.kvlist_value.values, depth + 1)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    if kind == "double_value":
        return value.double_value if math.isfinite(value.double_value) else None
    return getattr(value, kind) if kind in ("string_value", "bool_value", "int_value") else None


def _id(data: bytes) -> str:
    return "" if data in NO_ID else data.hex()
