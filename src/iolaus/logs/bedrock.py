"""Amazon Bedrock's ModelInvocationLog 1.0, as it lies in S3 (.json.gz, JSON lines).

Source of the shape: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and
Amazon S3". Bodies over 100 KB are not in the record but in an object of their own, named by
inputBodyS3Path and outputBodyS3Path: their text counts as not measured.
"""

from typing import Any

from iolaus.logs import messages
from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import at, either, named, not_an_exchange, present, within

CHAT = ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")
NOT_CHAT = ("embed", "rerank", "image", "stable-", "sd3", "titan-image", "canvas", "reel")
ROLE = ":assumed-role/"


def matches(record: Record) -> bool:
    """By the record's own name for itself, or by the keys that every record has."""
    keys = {"modelId", "operation", "input", "output"}
    return record.get("schemaType") == "ModelInvocationLog" or keys <= record.keys()


class Bedrock:
    """Who calls is the identity's ARN, for an assumed role without its session name."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        if record.get("operation") not in (*CHAT, None):
            return not_an_exchange("operation", record.get("operation"))
        model = record.get("modelId")
        if type(model) is str and any(word in model for word in NOT_CHAT):
            return not_an_exchange("modelId", model)
        given, output = within(record.get("input")), within(record.get("output"))
        body, answer = unpacked(given.get("inputBodyJson")), unpacked(output.get("outputBodyJson"))
        usage, arn = _usage(answer), within(record.get("identity")).get("arn")
        row = {
            "exchange_id": named(record.get("requestId")),
            "ts": record.get("timestamp"),
            "account_id": _without_session(arn),
            "api_key_id": arn,
            "model": named(_model(model)),
            "status": _status(record),
            "input_tokens": either(given.get("inputTokenCount"), usage.get("inputTokens")),
            "cached_input_tokens": either(
                given.get("cacheReadInputTokenCount"),
                usage.get("cacheReadInputTokens"),
                usage.get("cacheReadInputTokenCount"),
                usage.get("cache_read_input_tokens"),
            ),
            "output_tokens": either(output.get("outputTokenCount"), usage.get("outputTokens")),
        } | messages.request_settings(body)
        operation = record.get("operation")
        row["stream"] = None if operation is None else operation.endswith("Stream")
        return present(row | messages.texts(body, answer, wanted))


def _without_session(arn: Any) -> Any:
    """'...:assumed-role/ROLE/SESSION' -> '...:assumed-role/ROLE': each session is a new name."""
    if type(arn) is not str or ROLE not in arn:
        return named(arn)
    start, _, name = arn.partition(ROLE)
    return f"{start}{ROLE}{name.split('/', 1)[0]}"


def _model(model: Any) -> Any:
    """An ARN's last part: 'arn:...:foundation-model/anthropic.x' -> 'anthropic.x'."""
    if type(model) is str and model.startswith("arn:"):
        return model.rsplit("/", 1)[-1]
    return model


def _status(record: Record) -> int | None:
    """The log has no HTTP status; a record with an error code is no success, one without is."""
    code = record.get("errorCode")
    if code is None:
        return 200 if record.get("output") is not None else None
    known = {"ThrottlingException": 429, "AccessDeniedException": 403, "ValidationException": 400}
    return known.get(code, 500) if type(code) is str else None


def _usage(body: Any) -> Record:
    """Token counts inside the answer: Converse's usage, or a stream's last event."""
    if type(body) is list:
        ends = (either(at(e, "metadata", "usage"), at(e, "usage")) for e in reversed(body[-8:]))
        return next((usage for usage in ends if type(usage) is dict), {})
    return within(within(body).get("usage"))
