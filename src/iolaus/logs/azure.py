"""Azure API Management's log of language models (GatewayLlmLogs), joined to its gateway log.

Source of the shape: Azure Monitor reference, tables ApiManagementGatewayLlmLog and
ApiManagementGatewayLogs; "Log token usage, prompts, and completions for LLM APIs". The first knows
model, tokens and texts, the second who called from where: docs/logs/azure-api-management.md has the
query that joins them. Records of a diagnostic setting, with their `properties`, are read as well.
"""

from typing import Any

from iolaus.logs import messages
from iolaus.logs.langfuse import whole
from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import client_address, named, not_an_exchange, present

MARKS = frozenset(("modelname", "prompttokens", "completiontokens", "deploymentname"))


def matches(record: Record) -> bool:
    """By the diagnostic category, or by the table's columns."""
    if record.get("category") in ("GatewayLlmLogs", "GatewayLogs"):
        return True
    keys = frozenset(_lower(record))
    return "correlationid" in keys and len(keys & MARKS) >= 2


class AzureApiManagement:
    """Who calls is the API Management subscription, the key that a customer calls with."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        if record.get("category") == "GatewayLogs":
            return not_an_exchange("category", "GatewayLogs")
        given = _lower(record) | _lower(unpacked(record.get("properties")))
        if whole(given.get("sequencenumber")) not in (None, 0):
            return not_an_exchange("SequenceNumber", str(given["sequencenumber"])[:20])
        headers = _lower(unpacked(given.get("requestheaders")))
        row = {
            "exchange_id": named(given.get("correlationid")),
            "ts": given.get("timegenerated", given.get("time")),
            "account_id": named(given.get("apimsubscriptionid", given.get("subscriptionid"))),
            "organization_id": named(given.get("userid")),
            "api_key_id": named(given.get("apimsubscriptionid")),
            "model": named(given.get("modelname")) or named(given.get("deploymentname")),
            "status": whole(given.get("responsecode")),
            "client_ip": client_address(None, given.get("calleripaddress")),
            "user_agent": named(headers.get("user-agent")),
            "input_tokens": whole(given.get("prompttokens")),
            "output_tokens": whole(given.get("completiontokens")),
            "stream": _boolean(given.get("isstreamcompletion")),
        }
        row |= messages.texts(given.get("requestmessages"), given.get("responsemessages"), wanted)
        return present(row)


def _lower(value: Any) -> Record:
    """Keys in lower case: tables write CorrelationId, diagnostic settings correlationId."""
    return {key.lower(): item for key, item in value.items()} if type(value) is dict else {}


def _boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if type(value) is str else value
