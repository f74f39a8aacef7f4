"""A process of its own: official clients, instrumented, exporting OTLP.

    python -m tests.producers.instrumented KIND PROTOCOL ENDPOINT UPSTREAM CONTENT

KIND: openai-v2 (OpenTelemetry's own instrumentation), traceloop (OpenLLMetry's, of openai and
anthropic), openinference (Arize's, of both). PROTOCOL: grpc or http. CONTENT: none, or where the
text goes: span (attributes), events (one log record a call), old-events (one a message; versions of
before 2026). Prints the number of calls made.

A process, for instrumentation patches the client's classes and the SDK's providers are global.
"""

import os
import sys
from typing import Any

CONTENT = {
    "none": {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"},
    "old-events": {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"},
    "events": {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY",
    },
    "span": {
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    },
}


def main(kind: str, protocol: str, endpoint: str, upstream: str, content: str) -> None:
    os.environ.update(CONTENT[content])  # before the imports: some read it once
    os.environ["TRACELOOP_TRACE_CONTENT"] = str(content != "none").lower()
    import anthropic
    import openai
    from opentelemetry import trace
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from tests.producers.traffic import anthropic_calls, openai_calls

    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        spans = OTLPSpanExporter(endpoint=endpoint, insecure=True)
        logs = OTLPLogExporter(endpoint=endpoint, insecure=True)
    else:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        spans = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", compression=Compression.Gzip)
        logs = OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", compression=Compression.Gzip)
    resource = Resource.create({"service.name": "gateway", "user.id": "acct-otel"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    _instrument(kind, tracers, loggers)
    client = openai.OpenAI(base_url=f"{upstream}/v1", api_key="sk-none", max_retries=0)
    with trace.get_tracer("app", tracer_provider=tracers).start_as_current_span("GET /chat"):
        sent = openai_calls(client)
    if kind != "openai-v2":
        sent += anthropic_calls(
            anthropic.Anthropic(base_url=upstream, api_key="sk-none", max_retries=0)
        )
    tracers.shutdown()
    loggers.shutdown()
    sys.stdout.write(f"{sent}\n")


def _instrument(kind: str, tracers: Any, loggers: Any) -> None:
    providers = {"tracer_provider": tracers, "logger_provider": loggers}
    try:  # before SDK 1.38, events had a provider of their own
        from opentelemetry.sdk._events import EventLoggerProvider

        providers["event_logger_provider"] = EventLoggerProvider(loggers)
    except ImportError:
        pass
    if kind == "openai-v2":
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        OpenAIInstrumentor().instrument(**providers)
        return
    if kind == "openinference":  # Arize's; by hand, for its recording
        from openinference.instrumentation.anthropic import AnthropicInstrumentor as Arize
        from openinference.instrumentation.openai import OpenAIInstrumentor as ArizeOpenAI

        ArizeOpenAI().instrument(tracer_provider=tracers)
        Arize().instrument(tracer_provider=tracers)
        return
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Traceloop

    Traceloop().instrument(**providers)
    AnthropicInstrumentor().instrument(**providers)


if __name__ == "__main__":
    main(*sys.argv[1:])
