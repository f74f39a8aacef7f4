"""OpenTelemetry's GenAI conventions: OTLP JSON files, and what the live receiver decodes."""

from iolaus.logs.otlp.exchange import exchange_of
from iolaus.logs.otlp.items import Item, items_of
from iolaus.logs.otlp.reader import OtlpReader, matches

__all__ = ["Item", "OtlpReader", "exchange_of", "items_of", "matches"]
