"""Envoy's access log in JSON: metadata only. Keys are the operator's choice; known are the defaults
of Envoy Gateway and Istio, the names of the operators that log them, and Envoy AI Gateway's.

Source of the shape: Envoy documentation, "Access logging"; Envoy Gateway and Envoy AI Gateway
documentation. A key may be written with '-' or '_' and in any case; '-' as a value means null.
"""

from itertools import chain
from typing import Any

from iolaus.logs.langfuse import whole
from iolaus.logs.mapping import Record
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import client_address, present

MAX_KEYS = 300  # of one entry: more is no access log
KEYS: dict[str, tuple[str, ...]] = {
    "exchange_id": ("x_request_id", "request_id", "stream_id"),
    "ts": ("start_time", "timestamp", "time"),
    "account_id": (
        "account_id",
        "x_account_id",
        "user_id",
        "x_user_id",
        "x_tenant_id",
        "tenant_id",
        "consumer",
        "jwt_sub",
    ),
    "organization_id": ("organization_id", "x_organization_id", "org_id"),
    "api_key_id": ("api_key_id", "x_api_key_id"),
    "conversation_id": ("session_id", "session.id", "x_session_id"),
    "model": (
        "gen_ai.request.model",
        "genai_model_name",
        "x_ai_eg_model",
        "llm_model",
        "model",
        "request.model",
    ),
    "status": ("response_code", "status", "status_code", "responsecode"),
    "user_agent": ("user_agent", "useragent", "user_agent.original"),
    "tls_fingerprint": (
        "tls_ja4_fingerprint",
        "ja4",
        "ja4_fingerprint",
        "tls_ja3_fingerprint",
        "ja3",
        "ja3_fingerprint",
    ),
    "country": ("country", "x_geo_country", "geo_country"),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "genai_tokens_input",
        "llm_input_token",
        "llm_input_tokens",
    ),
    "cached_input_tokens": (
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "llm_cached_input_token",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "genai_tokens_output",
        "llm_output_token",
        "llm_output_tokens",
    ),
}
TRUSTED = ("x_envoy_external_address",)  # the client as Envoy itself trusts it to be
FORWARDED = ("x_forwarded_for", "xff")
PEER = ("downstream_remote_address", "remote_address", "client_address", "client_ip")
MARKS = frozenset(
    (
        "response_flags",
        "upstream_host",
        "upstream_cluster",
        "downstream_remote_address",
        "authority",
    )
)


# Keys that are looked for and written like this already, as most are.
PLAIN = frozenset((*chain(*KEYS.values()), *TRUSTED, *FORWARDED, *PEER, *MARKS))


def matches(record: Record) -> bool:
    """By a start, a response code and something that only a proxy knows."""
    if len(record) > MAX_KEYS:
        return False
    keys = _plain(record).keys()
    return "start_time" in keys and "response_code" in keys and bool(MARKS & keys)


class Envoy:
    """Who calls is a header or claim that the operator logs; Envoy itself knows no accounts."""

    def row(self, record: Record, wanted: frozenset[str]) -> Record | Fault:
        given = _plain(record)
        row: Record = {}
        for column in wanted & KEYS.keys():
            for key in KEYS[column]:
                if key in given:
                    row[column] = given[key]
                    break
        for name in ("status", "input_tokens", "cached_input_tokens", "output_tokens"):
            if name in row:
                row[name] = whole(row[name])
        if row.get("status") == 0:
            row["status"] = None  # Envoy's way to write that there was no response
        if "client_ip" in wanted:
            row["client_ip"] = _any(given, TRUSTED) or client_address(
                _any(given, FORWARDED), _any(given, PEER)
            )
        return present(row)


def _plain(record: Record) -> Record:
    """Keys in lower case with '_' for '-', without ':' in front; null values left out."""
    return {
        (key if key in PLAIN else key.lower().replace("-", "_").lstrip(":")): value
        for key, value in record.items()
        if value is not None and value != "-" and value != ""
    }


def _any(given: Record, keys: tuple[str, ...]) -> Any:
    return next((given[key] for key in keys if key in given), None)
