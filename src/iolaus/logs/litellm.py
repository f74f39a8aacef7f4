"""LiteLLM: StandardLoggingPayload (what its callbacks get), and rows of LiteLLM_SpendLogs.

Source of the shapes: LiteLLM documentation, "StandardLoggingPayload Specification", its
schema.prisma, and records of a proxy of version 1.106. Texts are there only if the proxy stores
them (`store_prompts_in_spend_logs`, `turn_off_message_logging`).
"""

from typing import Any

from iolaus.logs import messages
from iolaus.logs.langfuse import whole
from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import (
    client_address,
    either,
    in_utc,
    named,
    not_an_exchange,
    present,
    within,
)

NOT_CHAT = (
    "embedding",
    "image",
    "transcription",
    "speech",
    "rerank",
    "moderation",
    "file",
    "batch",
    "fine_tun",
    "vector_store",
    "video",
    "ocr",
    "list_",
    "mcp_tool",
    "container",
)
# Only so that the words above need not be looked for.
CHAT = frozenset(("completion", "acompletion", "responses", "aresponses", "anthropic_messages"))
NOBODY = ("", "default_user_id", "None")  # what LiteLLM writes for keys that belong to no user
REDACTED = "redacted-by-litellm"


def matches_payload(record: Record) -> bool:
    """A StandardLoggingPayload."""
    keys = {"call_type", "startTime", "model_parameters", "prompt_tokens"}
    return keys <= record.keys() or {"call_type", "hidden_params", "startTime"} <= record.keys()


def matches_spend_log(record: Record) -> bool:
    """A row of the table LiteLLM_SpendLogs."""
    return {"request_id", "call_type", "spend", "startTime"} <= record.keys()


class Payload:
    """Who calls is the key's user; a key that has none stands for itself."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        odd = _not_chat(record)
        if odd is not None:
            return odd
        metadata = within(record.get("metadata"))
        settings = messages.request_settings(record.get("model_parameters"))
        failed = record.get("status") == "failure"
        row = settings | {
            "exchange_id": named(either(record.get("litellm_call_id"), record.get("id"))),
            "ts": record.get("startTime"),
            "account_id": _account(
                metadata.get("user_api_key_user_id"), metadata.get("user_api_key_hash")
            ),
            "organization_id": _organization(
                metadata.get("user_api_key_org_id"), metadata.get("user_api_key_team_id")
            ),
            "api_key_id": named(metadata.get("user_api_key_hash")),
            "conversation_id": named(record.get("session_id")),
            "model": _model(record),
            "status": _status(failed, record.get("error_information")),
            "client_ip": client_address(
                either(record.get("requester_ip_address"), metadata.get("requester_ip_address"))
            ),
            "user_agent": _agent(record, metadata),
            "stream": either(record.get("stream"), settings.get("stream")),
        }
        row |= _tokens(record, metadata.get("usage_object"), failed=failed)
        return present(row | _texts(record, wanted))


class SpendLog:
    """Who calls is the row's user; a key that has none stands for itself. Times are UTC.

    session_id is no conversation: LiteLLM makes one up for every call that brings none.
    """

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        odd = _not_chat(record)
        if odd is not None:
            return odd
        metadata = within(unpacked(record.get("metadata")))
        usage = either(metadata.get("usage_object"), metadata.get("additional_usage_values"))
        failed = either(record.get("status"), metadata.get("status")) == "failure"
        request = unpacked(record.get("proxy_server_request"))
        request = either(within(request).get("body"), request)
        settings = messages.request_settings(request)
        row = settings | {
            "exchange_id": named(either(record.get("litellm_call_id"), record.get("request_id"))),
            "ts": in_utc(record.get("startTime")),
            "account_id": _account(record.get("user"), record.get("api_key")),
            "organization_id": _organization(
                either(record.get("organization_id"), metadata.get("user_api_key_org_id")),
                either(record.get("team_id"), metadata.get("user_api_key_team_id")),
            ),
            "api_key_id": named(record.get("api_key")),
            "model": _model(record),
            "status": _status(failed, metadata.get("error_information")),
            "client_ip": client_address(named(record.get("requester_ip_address"))),
            "user_agent": _agent(record, metadata),
        }
        row |= _tokens(record, usage, failed=failed)
        given = unpacked(record.get("messages"))  # of realtime calls alone; others have the request
        return present(row | _texts(record | {"messages": given or request}, wanted))


def _not_chat(record: Record) -> Fault | None:
    kind = record.get("call_type")
    if type(kind) is str and kind not in CHAT and any(word in kind for word in NOT_CHAT):
        return not_an_exchange("call_type", kind)
    return None


def _account(user: Any, key: Any) -> Any:
    return named(key) if user is None or user in NOBODY else named(user)


def _organization(organization: Any, team: Any) -> Any:
    return named(organization) if organization not in (None, "") else named(team)


def _model(record: Record) -> Any:
    """As requested: the public name of a model group, else what was called."""
    return named(record.get("model_group")) or named(record.get("model"))


def _status(failed: bool, error: Any) -> int | None:
    """LiteLLM writes an HTTP status for failures only, as text."""
    if not failed:
        return 200
    code = within(error).get("error_code")
    return int(code) if type(code) is str and code.isdecimal() and len(code) == 3 else None


def _agent(record: Record, metadata: Record) -> Any:
    """The user agent, or the longest request tag that repeats it."""
    given = either(record.get("user_agent"), metadata.get("user_agent"))
    if given is not None:
        return named(given)
    tags = unpacked(record.get("request_tags"))
    if type(tags) is not list:
        return None
    found = [t for t in tags if type(t) is str and t.startswith("User-Agent: ")]
    return max(found, key=len).removeprefix("User-Agent: ") if found else None


def _tokens(record: Record, usage: Any, *, failed: bool) -> Record:
    """Counts. A failed call has 0 for all of them, which is not a measurement."""
    if failed and not record.get("total_tokens"):
        return {}
    usage = within(usage)
    return {
        "input_tokens": whole(record.get("prompt_tokens")),
        "output_tokens": whole(record.get("completion_tokens")),
        "cached_input_tokens": whole(
            either(
                within(usage.get("prompt_tokens_details")).get("cached_tokens"),
                usage.get("cache_read_input_tokens"),
            )
        ),
        "reasoning_tokens": whole(
            within(usage.get("completion_tokens_details")).get("reasoning_tokens")
        ),
    }


def _texts(record: Record, wanted: frozenset[str]) -> Record:
    """Null where the proxy stores or redacts no text: an empty object, or its word for it."""
    row = messages.texts(record.get("messages"), record.get("response"), wanted)
    return {name: None if text in ("", REDACTED) else text for name, text in row.items()}
