"""Every table that rooms meet in: names, columns, types, units.

The input and output tables repeat the data contract (docs/data-contract.md), whose names and
types are fixed. The tables between rooms are ours: a room knows another's table, never its code.

Hashes are 64-bit, stored as signed `int64` (Spark has no unsigned integers).
Times are `timestamp[us, UTC]`. Null means "not measured"; 0 means "measured as 0".
"""

from typing import Final

import pyarrow as pa

TS: Final = pa.timestamp("us", tz="UTC")


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


# --- in: the log directory --------------------------------------------------------------------

EXCHANGES: Final = _schema(
    exchange_id=pa.string(),
    ts=TS,  # when the request arrived
    account_id=pa.string(),
    organization_id=pa.string(),  # the organisation that the account openly belongs to
    api_key_id=pa.string(),
    channel=pa.string(),  # first_party_api, web_app, cloud_marketplace, aggregator
    conversation_id=pa.string(),
    model=pa.string(),
    status=pa.int32(),  # HTTP status
    client_ip=pa.string(),
    asn=pa.int64(),
    country=pa.string(),  # ISO 3166-1 alpha-2 of client_ip
    tls_fingerprint=pa.string(),  # JA4
    user_agent=pa.string(),
    input_tokens=pa.int64(),
    cached_input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    reasoning_tokens=pa.int64(),
    max_output_tokens=pa.int64(),
    temperature=pa.float64(),
    choice_count=pa.int32(),  # completions requested (n)
    stream=pa.bool_(),
    tool_count=pa.int32(),  # tools offered
    system_prompt=pa.string(),
    prompt=pa.string(),  # last user message
    response=pa.string(),
)
REQUIRED_EXCHANGE_COLUMNS: Final = ("exchange_id", "ts", "account_id", "model")
TEXT_COLUMNS: Final = ("system_prompt", "prompt", "response")  # never leave logs and signals

ACCOUNTS: Final = _schema(
    account_id=pa.string(),
    created_at=TS,
    organization_id=pa.string(),
    email_domain=pa.string(),
    email_hash=pa.string(),
    payment_fingerprint=pa.string(),
    billing_country=pa.string(),
    signup_ip=pa.string(),
    device_fingerprint=pa.string(),
    plan=pa.string(),  # free, pay_as_you_go, subscription, enterprise
    verification=pa.string(),  # none, email, phone, payment, identity, contract
    program=pa.string(),  # null, education, startup, security_research
    legal_name=pa.string(),
)
RELEASES: Final = _schema(model=pa.string(), released_at=TS)
ENFORCEMENT: Final = _schema(
    account_id=pa.string(),
    at=TS,
    action=pa.string(),  # ban, throttle, step_up
)

# --- between rooms ----------------------------------------------------------------------------

# Where a row stands in the source, so that an excerpt or a piece of evidence can be found again.
SOURCE: Final = _schema(
    source_file=pa.int32(),  # index into the log's sorted list of exchange files
    source_row=pa.int64(),  # 0-based row (Parquet) or line (JSONL) in that file
)

# One row per rejected input row.
REJECTS: Final = _schema(
    file=pa.string(),  # path relative to the log directory
    row=pa.int64(),  # 0-based row (Parquet) or 1-based line (JSONL); null if the whole file
    cause=pa.string(),  # a short fixed phrase, counted in the run's summary
    detail=pa.string(),  # what was found, at most 200 characters, printable
)

# What the text kernel says of one exchange. Null where there was no text.
TEXT_FEATURES: Final = _schema(
    prompt_hash=pa.int64(),  # exact prompt
    prompt_chars=pa.int32(),  # UTF-8 bytes of the prompt
    prompt_words=pa.int32(),
    skeleton=pa.int64(),  # hash of the prompt with its slots masked
    system_hash=pa.int64(),  # exact system prompt
    system_skeleton=pa.int64(),
    phrases=pa.list_(pa.int64()),  # bottom-k sketch of word shingles of both texts, at most 24
    capability=pa.string(),  # the one that fits best, see CAPABILITIES
    capability_bits=pa.int32(),  # bit i set: CAPABILITIES[i] is present
    # 128 signs of a random projection of the prompt's words, 64 a column (bit set: +1); null where
    # the prompt has too few words
    content_low=pa.int64(),
    content_high=pa.int64(),
)

CAPABILITIES: Final = (
    "agentic_reasoning",
    "software_engineering",
    "long_horizon_planning",
    "tool_use",
    "chain_of_thought",  # asks that the reasoning itself be written out
    "grading",  # rubric grading, reward modelling
    "data_analysis",
    "vision",
    "ordinary",
)

# One row per accepted exchange: no text, all that later stages need.
FEATURES: Final = pa.schema(
    [
        pa.field("exchange_hash", pa.int64()),
        *(EXCHANGES.field(n) for n in EXCHANGES.names if n not in ("exchange_id", *TEXT_COLUMNS)),
        *TEXT_FEATURES,
        *SOURCE,
    ]
)

# Families of evidence: six of shared tokens, and what accounts ask about.
TOKEN_FAMILIES: Final = ("money", "device", "network", "registration", "wording", "tempo")
FAMILIES: Final = (*TOKEN_FAMILIES, "content")
TOKEN_KINDS: Final = (  # by the alphabet
    "after_ban", "burst", "client_software", "device", "email", "ip_day", "network_day", "payment",
    "phrase", "pivot", "signup_day", "signup_hour", "signup_ip", "skeleton", "system_prompt",
    "system_skeleton",
)  # fmt: skip

# --- out: iolaus scan -------------------------------------------------------------------------

VERDICTS: Final = (
    "distillation",
    "resale",
    "shared_organisation",
    "shared_software",
    "evaluation",
    "undetermined",
)
ELEMENTS: Final = ("coordination", "deception", "harvest")

CAMPAIGNS: Final = _schema(
    campaign_id=pa.string(),
    verdict=pa.string(),
    p_value=pa.float64(),
    q_value=pa.float64(),
    accounts=pa.int64(),
    exchanges=pa.int64(),
    input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    first_seen=TS,
    last_seen=TS,
    capabilities=pa.list_(pa.struct([("capability", pa.string()), ("share", pa.float64())])),
    models=pa.list_(pa.string()),
    summary=pa.string(),
)
MEMBERS: Final = _schema(
    campaign_id=pa.string(),
    account_id=pa.string(),
    probability=pa.float64(),  # 0 to 1
    exchanges=pa.int64(),
    first_linked_by=pa.string(),
)
EVIDENCE: Final = _schema(
    campaign_id=pa.string(),
    detector=pa.string(),
    element=pa.string(),
    statistic=pa.string(),
    value=pa.float64(),
    null_description=pa.string(),
    p_value=pa.float64(),
    weight_bits=pa.float64(),  # log2 likelihood ratio
    detail=pa.string(),
)
DETECTIONS: Final = _schema(
    account_id=pa.string(),
    campaign_id=pa.string(),
    verdict=pa.string(),
    detected_at=TS,
)

# --- what the report draws besides the three above -------------------------------------------

# Exchanges per campaign and UTC day; campaign_id null: all accounts outside any campaign.
TIMELINE: Final = _schema(campaign_id=pa.string(), day=pa.date32(), exchanges=pa.int64())
# The strongest links inside a cluster (a sample, at most some hundreds per cluster).
TIES: Final = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("account_a", pa.string()),
        pa.field("account_b", pa.string()),
        pa.field("bits", pa.float64()),
        *(pa.field(family, pa.float64()) for family in FAMILIES),  # bits by family, 0 if none
    ]
)
# Null draws of a test, to be drawn beside its value.
NULLS: Final = _schema(
    campaign_id=pa.string(),
    detector=pa.string(),
    value=pa.float64(),
    draws=pa.list_(pa.float64()),
)
# Prompts shown to the analyst: hostile text, to be escaped wherever it is shown.
EXCERPTS: Final = _schema(
    campaign_id=pa.string(), account_id=pa.string(), ts=TS, model=pa.string(), text=pa.string()
)
# What was not measured, and why. campaign_id null: in the whole run.
UNMEASURED: Final = _schema(campaign_id=pa.string(), detector=pa.string(), why=pa.string())
