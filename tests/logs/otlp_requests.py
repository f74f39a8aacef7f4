"""Export requests for tests: spans of given attributes, as OTLP JSON and as protobuf."""

from typing import Any

import orjson

Json = dict[str, Any]


def attribute(name: str, value: Any) -> Json:
    """One key and its AnyValue."""
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    shown = str(value) if type(value) is int else value
    return {"key": name, "value": {kinds[type(value)]: shown}}


def span(number: int = 1, *, events: Any = (), status: Any = None, **more: Any) -> Json:
    """A chat span of account a, with more attributes (`__`: a dot; None takes one away)."""
    given = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "enduser.id": "a"}
    given |= {name.replace("__", "."): value for name, value in more.items()}
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": "chat m",
        "kind": 3,
        "startTimeUnixNano": "1780000000123456789",
        "attributes": [attribute(n, v) for n, v in given.items() if v is not None],
        "events": list(events),
        "status": status or {},
    }


def spans(*several: Json, resource: Json | None = None) -> Json:
    """An export request of spans."""
    attributes = [attribute(name, value) for name, value in (resource or {}).items()]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(several)}]}
        ]
    }


def records(*several: Json) -> Json:
    """An export request of log records."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(several)}]}]}


def message(number: int, event: str, text: str) -> Json:
    """A log record that holds one message of the call of that span."""
    body = {"kvlistValue": {"values": [attribute("content", text)]}}
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "timeUnixNano": "1780000000123456999",
        "eventName": event,
        "body": body,
    }


def protobuf(request: Json) -> bytes:
    """The same request, serialised."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    traces = "resourceSpans" in request
    wanted = ExportTraceServiceRequest() if traces else ExportLogsServiceRequest()
    data: bytes = ParseDict(_base64(request), wanted).SerializeToString()
    return data


def json(request: Json) -> bytes:
    """The same request, as OTLP JSON."""
    return orjson.dumps(request)


def _base64(value: Any) -> Any:
    """Protobuf's own JSON has ids in base64; OTLP's has them in hexadecimal."""
    import base64

    if isinstance(value, list):
        return [_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in ("traceId", "spanId")
        else _base64(item)
        for key, item in value.items()
    }
