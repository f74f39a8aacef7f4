"""Attribute names -> columns of the contract: the current conventions first, then older ones.

Sources: OpenTelemetry's semantic conventions for generative AI (1.27 to 1.41), OpenLLMetry
(opentelemetry-semconv-ai 0.4 and 0.5), OpenInference, and what LiteLLM's own callbacks send. What
each producer really sends is recorded in tests/logs/fixtures/otlp.
"""

from typing import Final

# Who asked, and from where. Looked for on the span first, then on the resource.
CALLER: Final[dict[str, tuple[str, ...]]] = {
    # The conventions define no billing account: these are the names that producers use for one.
    # Not gen_ai.user and llm.user: that is the request's `user` field, which the caller makes up.
    "account_id": (
        "enduser.id",
        "user.id",
        "litellm.metadata.user_api_key_user_id",
        "metadata.user_api_key_user_id",
        "langfuse.user.id",
        "traceloop.association.properties.user_id",
        "enduser.pseudo.id",
    ),
    "organization_id": (
        "organization.id",
        "litellm.metadata.user_api_key_org_id",
        "metadata.user_api_key_org_id",
        "tenant.id",
    ),
    "api_key_id": ("litellm.api_key.hash", "metadata.user_api_key_hash"),
    "client_ip": (
        "client.address",
        "http.client_ip",
        "source.address",
        "metadata.requester_ip_address",
    ),
    "asn": ("client.as.number", "source.as.number"),
    "country": (
        "client.geo.country_iso_code",
        "client.geo.country.iso_code",
        "geo.country.iso_code",
    ),
    "tls_fingerprint": ("tls.client.ja4",),
    "user_agent": ("user_agent.original", "http.user_agent", "metadata.user_agent"),
}

# What was asked and what it cost. Looked for on the span, or on the log record, alone.
CALL: Final[dict[str, tuple[str, ...]]] = {
    "conversation_id": (
        "gen_ai.conversation.id",
        "session.id",
        "traceloop.association.properties.session_id",
    ),
    "model": (
        "gen_ai.request.model",
        "llm.request.model",
        "llm.model_name",
        "gen_ai.response.model",
    ),
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "cached_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "max_output_tokens": (
        "gen_ai.request.max_tokens",
        "gen_ai.request.max_completion_tokens",
        "llm.request.max_tokens",
    ),
    "temperature": ("gen_ai.request.temperature", "llm.temperature"),
    "choice_count": ("gen_ai.request.choice.count", "gen_ai.request.n"),
    "stream": (
        "gen_ai.request.stream",
        "gen_ai.is_streaming",
        "llm.is_streaming",
        "litellm.request.streaming",
    ),
}

# OpenInference keeps the request's parameters as one JSON text, with the model that was asked for:
# its llm.model_name is the response's, and missing where there was none.
REQUEST_MODEL: Final = "gen_ai.request.model"
PARAMETERS: Final = "llm.invocation_parameters"
PARAMETER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "max_output_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "temperature": ("temperature",),
    "choice_count": ("n",),
    "stream": ("stream",),
}

OPERATION: Final = "gen_ai.operation.name"
KIND: Final = ("llm.request.type", "openinference.span.kind")
PROVIDER: Final = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")

# Operations around a model call that are none: the calls inside them have spans of their own.
# Embeddings and reranking are model calls, but give no text that a student could learn from.
NOT_EXCHANGES: Final = frozenset(
    (
        *(
            "execute_tool",
            "invoke_agent",
            "create_agent",
            "invoke_workflow",
            "plan",
            "create_thread",
        ),
        *("retrieval", "retrieve", "embeddings", "embedding", "aembedding", "rerank", "arerank"),
        *(
            "create_memory_store",
            "search_memory",
            "update_memory",
            "upsert_memory",
            "delete_memory",
        ),
        *("chain", "tool", "agent", "task", "workflow", "retriever", "reranker", "guardrail"),
        *("evaluator", "prompt", "unknown"),
    )
)

STATUS: Final = (
    "http.response.status_code",
    "http.status_code",
    "litellm.provider.error.code",
    "error.code",
)
ERROR_TYPE: Final = "error.type"
# What the official openai and anthropic clients call the statuses.
ERROR_STATUS: Final = {
    "BadRequestError": 400,
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "ConflictError": 409,
    "RequestTooLargeError": 413,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "InternalServerError": 500,
    "ServiceUnavailableError": 503,
    "DeadlineExceededError": 504,
    "OverloadedError": 529,
}

FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
CHUNK_EVENTS: Final = ("gen_ai.content.completion.chunk", "llm.content.completion.chunk")

# Text, in the order of the conventions' age. Each may be a value or that value's JSON.
SYSTEM_TEXT: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOLS: Final = "gen_ai.tool.definitions"
NUMBERED_INPUT: Final = ("gen_ai.prompt.", "llm.input_messages.", "llm.prompts.")
NUMBERED_OUTPUT: Final = ("gen_ai.completion.", "llm.output_messages.", "llm.completions.")
NUMBERED_TOOLS: Final = ("llm.request.functions.", "llm.tools.")
WHOLE_INPUT: Final = ("gen_ai.prompt", "input.value")
WHOLE_OUTPUT: Final = ("gen_ai.completion", "output.value")

# Log records and span events.
DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
CONTENT_EVENTS: Final = {
    "gen_ai.content.prompt": "gen_ai.prompt",
    "gen_ai.content.completion": "gen_ai.completion",
}
EVENT_CONTENT: Final = "gen_ai.event.content"  # the body of an event, where there is no body
MESSAGE_EVENTS: Final = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "choice",
}
