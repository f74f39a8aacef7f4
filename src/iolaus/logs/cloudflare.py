"""Cloudflare AI Gateway: log entries as its API lists them ({"result": [...]}, or one a line).

Source of the shape: Cloudflare API reference, AI Gateway logs. Logpush of the same events encrypts
metadata and bodies, so that no account is left in it; the API's entries have the metadata in clear.
Who calls is a key of that metadata, which the mapping must name.
"""

from iolaus.logs import messages
from iolaus.logs.langfuse import whole
from iolaus.logs.mapping import Record, unpacked
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import at, either, in_utc, named, present

ACCOUNT_KEYS = ("account_id", "user_id", "userId", "user", "customer_id", "tenant_id")


def matches(record: Record) -> bool:
    """By the counts of tokens and the time, as this API alone names them."""
    return {"id", "created_at", "provider", "tokens_in", "tokens_out"} <= record.keys()


class Cloudflare:
    """One log entry. Bodies are there if the export asked for them (`request`, `response`)."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        metadata = unpacked(record.get("metadata"))
        request = unpacked(either(record.get("request"), record.get("request_head")))
        row = messages.request_settings(request) | {
            "exchange_id": named(record.get("id")),
            "ts": in_utc(record.get("created_at")),
            "account_id": named(either(*(at(metadata, key) for key in ACCOUNT_KEYS))),
            "model": named(record.get("model")),
            "status": whole(record.get("status_code")),
        }
        if record.get("success") is not False:  # a failed request has 0, which nobody measured
            row["input_tokens"] = whole(record.get("tokens_in"))
            row["output_tokens"] = whole(record.get("tokens_out"))
        if "prompt" in wanted:
            row["prompt"] = _text(messages.prompt_of(request), request)
        if "system_prompt" in wanted:
            row["system_prompt"] = messages.system_of(request)
        if "response" in wanted:
            answer = unpacked(either(record.get("response"), record.get("response_head")))
            row["response"] = _text(messages.response_of(answer), answer)
        return present(row)


def _text(text: str | None, body: object) -> str | None:
    """Not a body that is cut off in the middle of its JSON: its brackets are no one's words."""
    cut = type(body) is str and body[:1] in ("{", "[")
    return None if cut else text
