"""`iolaus map LOG`: a mapping file proposed from a sample, with what is uncertain said beside it.

A proposal is a start for a person, not a guess that a run would take: it is printed, never applied.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa

from iolaus.logs.delimited import CsvReader
from iolaus.logs.find import Found, find
from iolaus.logs.formats import BY_NAME, CSV_SUFFIXES, KNOWN, Format, split_of
from iolaus.logs.jsonl import parsed
from iolaus.logs.mapping import LogMapping, Record, load
from iolaus.logs.parquet import ParquetReader
from iolaus.logs.rejects import Fault
from iolaus.logs.sample import Field, fields_of
from iolaus.logs.spec import EXCHANGES

SAMPLE = 2_000  # records of one file
MOST_FILES = 3
OTHERS_SHOWN = 3
SURE = 60  # of a name's score: the name itself, not only its ending
SHORT = 3  # letters of a name that may stand at the end of any word

# Names that systems give to a column, the likeliest first; compared without case and separators.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "exchange_id": (
        *("exchange_id", "request_id", "x_request_id", "call_id", "log_id", "event_id"),
        *("correlation_id", "message_id", "uuid", "id", "trace_id"),
    ),
    "ts": (
        *("ts", "timestamp", "request_time", "start_time", "started_at", "received_at"),
        *("created_at", "event_time", "datetime", "time", "created", "date"),
    ),
    "account_id": (
        *("account_id", "billing_account", "customer_id", "tenant_id", "enduser_id", "user_id"),
        *("account", "customer", "tenant", "consumer_id", "client_id", "consumer", "user", "uid"),
    ),
    "model": (
        *("model", "requested_model", "model_id", "model_name", "engine", "deployment_name"),
        "deployment",
    ),
    "organization_id": (
        *("organization_id", "organisation_id", "org_id", "organization", "organisation", "org"),
        *("company_id", "workspace_id", "team_id"),
    ),
    "api_key_id": (
        *("api_key_id", "api_key_hash", "key_id", "api_key", "apikey", "token_id", "credential_id"),
    ),
    "channel": ("channel", "surface", "origin", "product"),
    "conversation_id": ("conversation_id", "session_id", "thread_id", "chat_id"),
    "status": ("status_code", "http_status", "response_code", "response_status", "status", "code"),
    "client_ip": (
        *("client_ip", "ip_address", "remote_addr", "remote_ip", "source_ip", "client_address"),
        *("caller_ip_address", "x_forwarded_for", "ip"),
    ),
    "asn": ("asn", "as_number", "autonomous_system_number"),
    "country": ("country", "country_code", "geo_country", "ip_country"),
    "tls_fingerprint": ("tls_fingerprint", "ja4", "ja4_fingerprint", "ja3", "ja3_fingerprint"),
    "user_agent": ("user_agent", "http_user_agent", "useragent", "agent", "ua"),
    "input_tokens": (
        *("input_tokens", "prompt_tokens", "tokens_in", "tokens_input", "input_token_count"),
        "prompt_token_count",
    ),
    "cached_input_tokens": (
        *("cached_input_tokens", "cached_tokens", "cache_read_input_tokens", "cache_read_tokens"),
    ),
    "output_tokens": (
        *("output_tokens", "completion_tokens", "tokens_out", "tokens_output"),
        *("output_token_count", "completion_token_count", "candidates_token_count"),
    ),
    "reasoning_tokens": ("reasoning_tokens", "thinking_tokens", "thoughts_token_count"),
    "max_output_tokens": ("max_output_tokens", "max_tokens", "max_completion_tokens"),
    "temperature": ("temperature",),
    "choice_count": ("choice_count", "candidate_count", "n"),
    "stream": ("stream", "is_stream", "streaming", "streamed"),
    "tool_count": ("tool_count", "tools_count", "num_tools"),
    "system_prompt": ("system_prompt", "system_message", "instructions", "system"),
    "prompt": ("prompt", "user_message", "input_text", "question", "query", "input"),
    "response": ("response", "completion", "output_text", "answer", "output", "reply"),
}
# Shapes that tell a column without its name, where only one field has them.
TELLING: Final = {
    "client_ip": "address",
    "model": "model",
    "tls_fingerprint": "ja4",
    "user_agent": "agent",
}
TIMES = ("time", "epoch s", "epoch ms", "epoch us", "epoch ns")


@dataclass(frozen=True)
class Choice:
    """A field for a column. sure: name and values fit. others: what else would."""

    field: Field
    sure: bool
    others: tuple[Field, ...]


def propose(root: Path, mapping: Path | None = None) -> str:
    """TOML for the exchanges of this log directory. Raises InputError as opening the log does.

    mapping: one that there is already, whose [csv] options are needed to read the files.
    """
    found = find(root)
    chosen = mapping or found.mapping
    known = load(chosen) if chosen is not None else LogMapping()
    kind, count, fields = _sampled(found, known)
    where = found.exchanges[0].relative_to(root).as_posix()
    head = [f"# Proposed from {count:,} records of {where}. Check each line before you use it."]
    if isinstance(kind, Format):
        return "\n".join([*head, *_for_known(kind, fields, count), ""])
    choices = _choices(fields)
    lines = [_line(name, choices.get(name), fields, count, kind) for name in EXCHANGES.schema.names]
    used = {choice.field.path for choice in choices.values()}
    left = [f.path for f in fields if f.path not in used and f.filled]
    tail = [f"# Not used: {', '.join(map(_shown, left[:40]))}."] if left else []
    return "\n".join([*head, *_options(known), "[exchanges]", *filter(None, lines), *tail, ""])


def _sampled(found: Found, mapping: LogMapping) -> tuple[Format | str, int, list[Field]]:
    """The format of the first file, and the fields of the first files of its kind."""
    kind: Format | str = ""
    records: list[Record] = []
    for path in found.exchanges[:MOST_FILES]:
        here, some = _records(path, path.relative_to(found.root).as_posix(), mapping)
        kind = kind or here
        if here == kind:
            records += some
    return kind, *fields_of(iter(records))


def _records(path: Path, name: str, mapping: LogMapping) -> tuple[Format | str, list[Record]]:
    if path.name.endswith(".parquet"):
        return "parquet", ParquetReader(path, name).head(SAMPLE)
    if path.name.endswith(CSV_SUFFIXES):
        reader = CsvReader(path, name, table=EXCHANGES.name, mapping=mapping)
        return "csv", reader.head(SAMPLE)
    lines = islice(split_of(path, name)(path, name), SAMPLE)
    records = [r for line in lines if not isinstance(r := parsed(line), Fault)]
    named = BY_NAME.get(mapping.format or "")
    matching = [f for f in KNOWN if records and f.matches(records[0])]
    return named or (matching[0] if len(matching) == 1 else "jsonl"), records


def _for_known(kind: Format, fields: list[Field], count: int) -> Iterator[str]:
    """A known format needs no mapping; who calls may stand elsewhere than it usually does."""
    yield f"# It is {kind.title}: every column that it has is read from where it stands there."
    yield f"format = {_quoted(kind.name)}"
    yield "[exchanges]"
    yield "# Name what differs, above all who calls, for example (docs/reading-logs.md):"
    likely = _ranked("account_id", fields)[: OTHERS_SHOWN + 2]
    for _, _, field in likely:
        yield f"# account_id = {_quoted(field.path)}  # {_facts(field, count)}"
    if not likely:
        yield '# account_id = "path.to.the.customer"'


def _options(mapping: LogMapping) -> Iterator[str]:
    csv = mapping.csv
    given = [("delimiter", csv.delimiter), ("encoding", csv.encoding), ("quote", csv.quote)]
    defaults = {"encoding": "utf-8", "quote": '"', "delimiter": None}
    lines = [f"{k} = {_quoted(v)}" for k, v in given if v is not None and v != defaults[k]]
    if csv.header is not None:
        lines.append(f"header = [{', '.join(map(_quoted, csv.header))}]")
    return iter(["[csv]", *lines] if lines else [])


def _choices(fields: list[Field]) -> dict[str, Choice]:
    """Best field of each column; each field serves one column, the better fit goes first."""
    offers = [
        (score, by_name, order, column, field)
        for order, column in enumerate(NAMES)
        for score, by_name, field in _ranked(column, fields)
    ]
    taken: dict[str, Choice] = {}
    used: set[str] = set()
    for _, by_name, _, column, field in sorted(offers, key=lambda o: (-o[0], o[2])):
        if column in taken or field.path in used:
            continue
        rivals = [f for _, _, f in _ranked(column, fields) if f is not field]
        free = tuple(f for f in rivals if f.path not in used)
        taken[column] = Choice(field, by_name and not free, free[:OTHERS_SHOWN])
        used.add(field.path)
    return taken


def _ranked(column: str, fields: list[Field]) -> list[tuple[int, bool, Field]]:
    """(score, whether the name says so, field) of those whose values fit, the best first."""
    fitting = [field for field in fields if field.filled and _fits(column, field)]
    named = [(s, s >= SURE, f) for f in fitting if (s := _name_score(column, f.path))]
    shape = TELLING.get(column)
    if not named and (shape is not None or column == "ts"):
        told = [f for f in fitting if shape is None or f.mostly(shape)]
        named = [(1, False, f) for f in told] if len(told) == 1 else []
    return sorted(named, key=lambda item: -item[0])


def _name_score(column: str, path: str) -> int:
    """100 for the likeliest name alone, less for rarer ones, inside objects, and as an ending."""
    words = _plain(path)
    last = _plain(path.rsplit(".", 1)[-1])
    for rank, name in enumerate(NAMES[column]):
        plain = name.replace("_", "")
        if words == plain:
            return 100 - rank
        if last == plain:
            return 80 - rank - path.count(".")
    ends = [rank for rank, name in enumerate(NAMES[column]) if _ends(last, name)]
    return 40 - ends[0] if ends else 0


def _ends(last: str, name: str) -> bool:
    """'billeduserid' ends like 'user_id'; 'grid' is not taken to end like 'id'."""
    return len(name) > SHORT and last.endswith(name.replace("_", ""))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _fits(column: str, field: Field) -> bool:
    kind = EXCHANGES.schema.field(column).type
    if pa.types.is_timestamp(kind):
        return any(field.mostly(shape) for shape in TIMES)
    if pa.types.is_boolean(kind):
        return any(field.mostly(s) for s in ("boolean", "boolean text"))
    if pa.types.is_integer(kind):
        return field.mostly("whole") or field.mostly("whole text")
    if pa.types.is_floating(kind):
        return field.mostly("number") or field.mostly("number text")
    shape = TELLING.get(column)
    if shape == "address":
        return field.mostly("address")
    if column in ("system_prompt", "prompt", "response"):
        return field.mostly("text")
    return not field.mostly("long") and (field.mostly("text") or field.mostly("whole"))


def _line(
    column: str, choice: Choice | None, fields: list[Field], count: int, kind: Format | str
) -> str:
    if choice is None:
        if column not in EXCHANGES.required:
            return ""
        could = [f.path for f in fields if f.filled and _fits(column, f)][:OTHERS_SHOWN]
        values = (
            f"the values of {', '.join(map(_shown, could))} would fit" if could else "none fits"
        )
        return f'# {column} = "?"  # required: name a field; {values}'
    field = choice.field
    notes = [_facts(field, count)]
    entry = _entry(column, field, kind, notes)
    if not choice.sure:
        rivals = choice.others or tuple(_fitting(column, fields, besides=field))
        also = ", ".join(_shown(other.path) for other in rivals)
        notes.append(f"unsure: it could be {also}" if also else "unsure: see what it holds")
    return f"{column} = {entry}  # {'; '.join(notes)}"


def _fitting(column: str, fields: list[Field], besides: Field | None = None) -> list[Field]:
    """The first fields whose values fit a required column, whatever their names."""
    if column not in EXCHANGES.required:
        return []
    fitting = [f for f in fields if f.filled and f is not besides and _fits(column, f)]
    return fitting[:OTHERS_SHOWN]


def _entry(column: str, field: Field, kind: Format | str, notes: list[str]) -> str:
    """The source, and how it is written if that is not as the contract has it."""
    target = EXCHANGES.schema.field(column).type
    extra = []
    if pa.types.is_timestamp(target):
        unit = next((s.split()[1] for s in TIMES[1:] if field.mostly(s)), None)
        if unit is not None:
            extra.append(f'unit = "{unit}"')
            if kind == "jsonl" and field.mostly("number text"):
                extra.append('type = "text"')
        elif not field.mostly("zoned"):
            extra.append('zone = "UTC"')
            notes.append("unsure: its times have no zone; is it UTC?")
    elif kind != "csv":
        extra += _kind_of(target, field)
    source = _quoted(field.path)
    return f"{{ from = {source}, {', '.join(extra)} }}" if extra else source


def _kind_of(target: pa.DataType, field: Field) -> list[str]:
    as_text: tuple[Callable[[pa.DataType], bool], str]
    for as_text in (
        (pa.types.is_integer, "whole text"),
        (pa.types.is_floating, "number text"),
        (pa.types.is_boolean, "boolean text"),
    ):
        if as_text[0](target) and field.mostly(as_text[1]):
            return ['type = "text"']
    if pa.types.is_string(target) and field.mostly("whole"):
        return ['type = "integer"']
    return []


def _facts(field: Field, count: int) -> str:
    share = f"{100 * field.filled // max(count, 1)} % filled"
    return f"{share}, {len(field.different):,} different"


def _shown(path: str) -> str:
    """A field's name inside a comment: one line, printable."""
    return path if path.isprintable() and len(path) <= 80 else ascii(path)[1:81]


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a part of TOML's, DEL excepted."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007F")
