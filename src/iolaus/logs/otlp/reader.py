"""OTLP JSON files, as a collector's file exporter writes them: one export request a line.

A row's number is that of its span or log record in the file, not of its line: a line holds a whole
batch of them. A line that cannot be read counts as one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from iolaus.core.tables import TEXT_COLUMNS
from iolaus.logs.convert import Written, column
from iolaus.logs.jsonl import Split, grouped, parsed
from iolaus.logs.lines import Line, lines
from iolaus.logs.mapping import Rule
from iolaus.logs.otlp.exchange import Row
from iolaus.logs.otlp.gather import Gathered, Message, gather, orphans
from iolaus.logs.otlp.items import RECORDS, SPANS, Found, items_of, mended
from iolaus.logs.reader import EXCERPT_CHARS, Chunk
from iolaus.logs.rejects import Cause, Fault
from iolaus.logs.spec import EXCHANGES, TableSpec
from iolaus.logs.times import Faults

TEXT_BASED: Final = frozenset((*TEXT_COLUMNS, "tool_count"))


def matches(record: dict[str, Any]) -> bool:
    """Is this object an OTLP export request of spans or of log records?"""
    return isinstance(record.get(SPANS[0]), list) or isinstance(record.get(RECORDS[0]), list)


class OtlpReader:
    """One file of OTLP JSON lines: spans, log records, or both.

    Messages that come as log records of their own are joined with their span where both are within
    16 MB of each other in the same file (jsonl.CHUNK_BYTES).
    """

    first_number = 1

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        rules: Mapping[str, Rule] | None = None,
        split: Split = lines,
    ) -> None:
        """path: the file; name: how errors and rejects call it; split: into export requests.

        rules: columns that the mapping takes from attributes of its choice (of the span, else of
        its resource).
        """
        self._path, self._name, self._split = path, name, split
        self._rules = dict(rules or {})
        self._finders = {column: rule.finder() for column, rule in self._rules.items()}
        self._columns: set[str] = set()

    def columns(self) -> frozenset[str]:
        return frozenset(self._columns)

    def count(self) -> None:
        return None

    def check(self, spec: TableSpec) -> None:
        """The first bytes can be read (and decompressed)."""
        next(iter(self._split(self._path, self._name)), None)

    def chunks(self, spec: TableSpec, columns: tuple[str, ...]) -> Iterator[Chunk]:
        for gathered in self._gathered(texts=not TEXT_BASED.isdisjoint(columns)):
            self._columns.update(*(row.keys() for _, row in gathered.rows))
            yield chunk_of(gathered, columns, self._rules)

    def prompts(self, rows: Sequence[int]) -> dict[int, str | None]:
        wanted, found = set(rows), dict[int, str | None]()
        for gathered in self._gathered(texts=True):
            for number, row in gathered.rows:
                if number in wanted:
                    text = row.get("prompt")
                    found[number] = text[:EXCERPT_CHARS] if isinstance(text, str) else None
            if len(found) == len(wanted):
                break
        return found

    def _gathered(self, *, texts: bool) -> Iterator[Gathered]:
        waiting: dict[str, list[Message]] = {}
        numbers = count()
        for group in grouped(self._split(self._path, self._name), most=inf):
            # One after another: items that live long keep the garbage collector busy.
            numbered = ((next(numbers), item) for item in _items(group))
            gathered = gather(numbered, self._finders, texts=texts, waiting=waiting)
            waiting = gathered.waiting
            yield gathered
        if waiting:
            yield Gathered(lost=orphans(waiting))


def chunk_of(gathered: Gathered, columns: tuple[str, ...], rules: Mapping[str, Rule]) -> Chunk:
    """Typed columns of the rows, as core EXCHANGES; cells that do not fit are faults."""
    rows = [row for _, row in gathered.rows]
    faults: Faults = {}
    arrays = []
    for name in columns:
        array, found = _column(rows, EXCHANGES.schema.field(name), rules.get(name))
        arrays.append(array)
        for row, fault in found.items():
            faults.setdefault(row, fault)
    schema = pa.schema([EXCHANGES.schema.field(name) for name in columns])
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    numbers = np.array([number for number, _ in gathered.rows], dtype=np.int64)
    return Chunk(batch, numbers, faults, gathered.lost)


def _column(rows: list[Row], field: pa.Field, rule: Rule | None) -> tuple[pa.Array, Faults]:
    values = [row.get(field.name) for row in rows]
    if rule is None and pa.types.is_timestamp(field.type):
        return pa.array(values, pa.int64()).cast(field.type), {}  # microseconds (exchange.py)
    return column(values, field, Written(rule=rule))


def _items(group: list[Line]) -> Iterator[Found]:
    """The spans and records of these lines; a line that cannot be read is one fault."""
    for line in group:
        document = parsed(line)
        if isinstance(document, Fault) and document.cause == Cause.UTF8:
            document = parsed(line._replace(text=mended(line.text)))
        if isinstance(document, Fault):
            yield Fault(document.cause, f"line {line.number + 1}: {document.detail}")
        else:
            yield from items_of(document)
