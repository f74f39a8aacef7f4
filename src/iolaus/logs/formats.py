"""Which format a file is in: by its suffix, its first JSON object, or as the mapping says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from iolaus.core.errors import ConfigError, InputError
from iolaus.logs import azure, bedrock, cloudflare, envoy, langfuse, litellm, otlp
from iolaus.logs.delimited import CsvReader
from iolaus.logs.elements import ENVELOPES, elements
from iolaus.logs.hints import did_you_mean, found_columns
from iolaus.logs.jsonl import JsonlReader, Split, parsed
from iolaus.logs.lines import BLOCK, BYTE_ORDER_MARK, Line, lines, opened
from iolaus.logs.mapping import LogMapping, Record
from iolaus.logs.otlp import packed
from iolaus.logs.parquet import ParquetReader
from iolaus.logs.reader import Reader
from iolaus.logs.rejects import Fault
from iolaus.logs.shape import Shape
from iolaus.logs.spec import EXCHANGES, TableSpec

PACKINGS: Final = ("", ".gz", ".zst")
CSV_SUFFIXES: Final = tuple(s + p for s in (".csv", ".tsv") for p in PACKINGS)
LINE_SUFFIXES: Final = tuple(s + p for s in (".jsonl", ".ndjson", ".log") for p in PACKINGS)
JSON_SUFFIXES: Final = tuple(".json" + p for p in PACKINGS)
SUFFIXES: Final = (".parquet", *LINE_SUFFIXES, *JSON_SUFFIXES, *CSV_SUFFIXES)
LOOKED_AT = 50  # objects, until one is found that is JSON


@dataclass(frozen=True)
class Format:
    """One known JSON format. matches: is this record one of it?

    shape: None for OTLP, whose records hold many exchanges each, and which has a reader of its own.
    """

    name: str
    title: str
    matches: Callable[[Record], bool]
    shape: Callable[[], Shape] | None


KNOWN: Final = (
    Format("otlp", "OpenTelemetry OTLP JSON", otlp.matches, None),
    Format("bedrock", "Amazon Bedrock ModelInvocationLog", bedrock.matches, bedrock.Bedrock),
    Format("langfuse", "Langfuse observations", langfuse.matches, langfuse.Langfuse),
    Format(
        "litellm",
        "LiteLLM StandardLoggingPayload",
        litellm.matches_payload,
        litellm.Payload,
    ),
    Format(
        "litellm_spend_logs",
        "LiteLLM_SpendLogs",
        litellm.matches_spend_log,
        litellm.SpendLog,
    ),
    Format("envoy", "Envoy access log", envoy.matches, envoy.Envoy),
    Format(
        "azure_api_management",
        "Azure API Management",
        azure.matches,
        azure.AzureApiManagement,
    ),
    Format(
        "cloudflare_ai_gateway",
        "Cloudflare AI Gateway",
        cloudflare.matches,
        cloudflare.Cloudflare,
    ),
)
BY_NAME: Final = {known.name: known for known in KNOWN}
NAMES: Final = ("parquet", "csv", "jsonl", *BY_NAME)


def open_file(
    path: Path,
    name: str,
    spec: TableSpec,
    mapping: LogMapping,
    *,
    assume_utc: bool,
    split: Split | None = None,
) -> tuple[str, Reader]:
    """The format's name and a reader of the file. name: how errors and rejects call the file.

    split: which of a JSON file's lines are read; by default all.
    Raises InputError if the format cannot be told, ConfigError if the mapping names an unknown one.
    """
    assume_utc = assume_utc or mapping.assume_utc
    rules = mapping.rules(spec.name)
    given = _given(mapping)
    if path.name.endswith(".parquet"):
        return "parquet", ParquetReader(path, name, rules=rules, assume_utc=assume_utc)
    if path.name.endswith(CSV_SUFFIXES) or given == "csv":
        reader = CsvReader(path, name, table=spec.name, mapping=mapping, assume_utc=assume_utc)
        return "csv", reader
    split = split or split_of(path, name)
    known = _known(path, name, spec, mapping, split)
    if known is not None and known.shape is None:
        return known.name, otlp.OtlpReader(path, name, rules=rules, split=split)
    shape = None if known is None or known.shape is None else known.shape()
    json = JsonlReader(path, name, assume_utc=assume_utc, rules=rules, shape=shape, split=split)
    return ("jsonl" if known is None else known.name), json


def _given(mapping: LogMapping) -> str | None:
    if mapping.format is None or mapping.format in NAMES:
        return mapping.format
    raise ConfigError(
        f"the format '{mapping.format}' is unknown.{did_you_mean(mapping.format, NAMES)}",
        where=str(mapping.path),
        next_step=f"Known are {', '.join(NAMES)}.",
    )


def _known(
    path: Path, name: str, spec: TableSpec, mapping: LogMapping, split: Split
) -> Format | None:
    """The known format of a JSON file of exchanges; None for the contract's own names."""
    if spec is not EXCHANGES:
        return None
    if mapping.format is not None:
        return BY_NAME.get(mapping.format)
    record = next(first_records(path, name, split), None)
    if record is None or "exchange_id" in record:
        return None
    found = [known for known in KNOWN if known.matches(record)]
    if len(found) > 1:
        names = " and ".join(known.name for known in found)
        raise InputError(
            f"the first record looks like {names}.",
            where=name,
            next_step=f'Write format = "{found[0].name}" (or the other) in mapping.toml.',
        )
    if not found and not _own(record) and not mapping.rules(spec.name):
        raise InputError(
            "the format cannot be told from the first record.",
            where=name,
            next_step='Write format = "..." in mapping.toml, let `iolaus map LOG` propose a mapping'
            f", or move the file away if it is no log. {found_columns(record, 'The record has')}",
        )
    return found[0] if found else None


def _own(record: Record) -> bool:
    """Are these the contract's own names? (Some other formats have an account_id, too.)"""
    return "account_id" in record or {"ts", "model"} <= record.keys()


def first_records(path: Path, name: str, split: Split) -> Iterator[Record]:
    """The first objects of a file that are JSON, at most LOOKED_AT of them."""
    for line in islice(split(path, name), LOOKED_AT):
        record = parsed(line)
        if not isinstance(record, Fault):
            yield record


def split_of(path: Path, name: str) -> Split:
    """Lines, or (in .json files) an array, an envelope, or objects written over several lines."""
    if packed.is_packed(path):
        return packed.messages
    if not path.name.endswith(JSON_SUFFIXES):
        return lines
    first = _first_line(path, name)
    record = parsed(Line(0, first, False)) if first else None
    if not isinstance(record, dict):
        return elements
    arrays = (record.get(key.decode()) for key in ENVELOPES)
    wrapped = any(type(a) is list and a and type(a[0]) is dict for a in arrays)
    return elements if wrapped and not any(f.matches(record) for f in KNOWN) else lines


def _first_line(path: Path, name: str) -> bytes:
    """The first line that is not blank, if it ends within the first block; else nothing.

    An array of many gigabytes may stand on one line: it must not be read to find that out.
    """
    with opened(path, name) as source:
        head = source.read(BLOCK).removeprefix(BYTE_ORDER_MARK).lstrip()
        whole = len(head) < BLOCK and not source.read(1)
    line, end, _ = head.partition(b"\n")
    return line if end or whole else b""
