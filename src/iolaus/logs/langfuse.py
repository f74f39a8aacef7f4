"""Langfuse observations: JSON lines of the blob storage export (snake_case, observations_v2/ or the
older observations/), and what the public API gives (camelCase, in {"data": [...]}).

Source of the shape: Langfuse documentation, "Blob Storage Export Field Reference", and the API
reference of observations. Only observations of type GENERATION are requests to a model.
"""

from typing import Any

from iolaus.logs import messages
from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import at, either, in_utc, named, not_an_exchange, present, total

TYPES = frozenset(
    (
        *("GENERATION", "SPAN", "EVENT", "AGENT", "TOOL"),
        *("CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"),
    )
)
MAX_KINDS = 100  # of usage; more is not a usage report


def matches(record: Record) -> bool:
    """By an observation's type, its trace and its start."""
    started = "startTime" in record or "start_time" in record
    traced = "traceId" in record or "trace_id" in record
    kind = record.get("type")
    return started and traced and type(kind) is str and kind in TYPES


class Langfuse:
    """Who calls is the trace's user, which the newer exports repeat on every observation."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        if record.get("type") != "GENERATION":
            return not_an_exchange("type", record.get("type"))
        settings = _settings(record)
        row = {
            "exchange_id": named(record.get("id")),
            "ts": in_utc(either(record.get("start_time"), record.get("startTime"))),
            "account_id": named(either(record.get("user_id"), record.get("userId"))),
            "conversation_id": named(either(record.get("session_id"), record.get("sessionId"))),
            "model": named(_model(record)),
        }
        row |= _tokens(record) | settings
        if "prompt" in wanted or "system_prompt" in wanted:
            body = unpacked(record.get("input"))
            row["prompt"] = _said(messages.prompt_of(body), body, record.get("input"))
            row["system_prompt"] = messages.system_of(body) if "system_prompt" in wanted else None
        if "response" in wanted:
            answer = unpacked(record.get("output"))
            row["response"] = _said(messages.response_of(answer), answer, record.get("output"))
        return present(row)


def _said(found: str | None, body: Any, written: Any) -> str | None:
    """A text that happens to be JSON, but no body of messages, was itself what was said."""
    own = type(written) is str and found is None and not messages.is_chat(body)
    return written if own else found


def _model(record: Record) -> Any:
    names = ("provided_model_name", "providedModelName", "model", "internal_model")
    return next((record[name] for name in names if record.get(name)), None)


def _settings(record: Record) -> Record:
    """Model parameters; Langfuse's clients write some of their values as text."""
    given = unpacked(either(record.get("model_parameters"), record.get("modelParameters")))
    if type(given) is dict:
        given = {name: _number(value) for name, value in given.items()}
    return messages.request_settings(given)


def _number(value: Any) -> Any:
    if type(value) is not str:
        return value
    parsed = {"true": True, "false": False, "inf": None, "none": None}.get(value.lower(), value)
    return _as_number(parsed) if type(parsed) is str else parsed


def _as_number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text[:32])
        except ValueError:
            continue
    return None


def _tokens(record: Record) -> Record:
    details = unpacked(either(record.get("usage_details"), record.get("usageDetails")))
    if type(details) is dict and details and len(details) <= MAX_KINDS:
        return _by_kind(details)
    old = record.get("usage")
    return {
        "input_tokens": either(
            at(old, "input"), at(old, "promptTokens"), record.get("promptTokens")
        ),
        "output_tokens": either(
            at(old, "output"), at(old, "completionTokens"), record.get("completionTokens")
        ),
    }


def _by_kind(details: Record) -> Record:
    """Kinds of usage are disjoint parts: those with 'input' in their name add up to the input."""
    given = {k: whole(v) for k, v in details.items() if type(k) is str}
    return {
        "input_tokens": total(*(v for k, v in given.items() if "input" in k or "prompt" in k)),
        "cached_input_tokens": total(
            *(v for k, v in given.items() if "cache" in k and "creat" not in k and "write" not in k)
        ),
        "output_tokens": total(*(v for k, v in given.items() if "output" in k or "complet" in k)),
        "reasoning_tokens": total(*(v for k, v in given.items() if "reasoning" in k)),
    }


def whole(value: Any) -> Any:
    """A count that a database wrote as text or as a float."""
    if type(value) is str and value.isdecimal() and len(value) < 19:
        return int(value)
    return int(value) if type(value) is float and value.is_integer() else value
