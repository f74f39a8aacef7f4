"""One export request: decoded, turned into rows, checked, put on the disk, and then answered."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

import orjson
import pyarrow as pa

from iolaus.core.errors import InputError
from iolaus.logs import lenient
from iolaus.logs.checks import keep_valid
from iolaus.logs.mapping import Rule
from iolaus.logs.otlp.gather import gather
from iolaus.logs.otlp.items import RECORDS, SPANS, Found, Item, items_of, mended
from iolaus.logs.otlp.protobuf import items_of_logs, items_of_traces
from iolaus.logs.otlp.reader import chunk_of
from iolaus.logs.receiver.answers import MAX_BODY, Accepted, Busy, Invalid, TooLarge
from iolaus.logs.rejects import Cause, printable
from iolaus.logs.spec import EXCHANGES

COLUMNS: Final = tuple(EXCHANGES.schema.names)
SHOWN_CAUSES: Final = 3
SLOTS: Final = 2  # exports decoded at once: Python runs one at a time anyway, and each may take
# 20 MiB of protobuf as about 10 times as many bytes of objects: 2 * 200 = 400 MiB
SLOT_SECONDS: Final = 10.0  # how long an export waits for its turn before it is refused
HELD_BYTES: Final = 128 * 2**20  # of bodies that are read but not yet decoded

TRACES, LOGS = "traces", "logs"
DECODERS: Final = {TRACES: items_of_traces, LOGS: items_of_logs}
LISTS: Final = {TRACES: SPANS[0], LOGS: RECORDS[0]}


class Store(Protocol):
    """Where accepted frames go: spool.Spool."""

    def append(self, data: bytes) -> None:
        """Returns when the data is durable; raises Busy if it cannot be now."""


class Gate:
    """Bounds what is in memory at once: bytes of bodies, and exports being decoded."""

    def __init__(self, held: int = HELD_BYTES, slots: int = SLOTS, wait: float = SLOT_SECONDS):
        self._room, self._lock = held, threading.Lock()
        self._slots, self._wait = threading.BoundedSemaphore(slots), wait

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """While a body of `size` bytes is in memory. Raises Busy if there is no room for it."""
        with self._lock:
            if size > self._room:
                raise Busy("too many exports at once")
            self._room -= size
        try:
            yield
        finally:
            with self._lock:
                self._room += size

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """While an export is decoded and checked. Raises Busy if none of the slots comes free."""
        if not self._slots.acquire(timeout=self._wait):
            raise Busy("too many exports at once")
        try:
            yield
        finally:
            self._slots.release()


class Acceptor:
    """Takes exports of both protocols. Safe for many threads."""

    def __init__(self, store: Store, rules: Mapping[str, Rule] | None = None) -> None:
        """rules: columns that the mapping takes from attributes of its choice."""
        self._store, self._rules = store, dict(rules or {})
        self._finders = {column: rule.finder() for column, rule in self._rules.items()}
        self._lock = threading.Lock()
        self.gate = Gate()
        self.counts: Counter[str] = Counter()  # of exports, by outcome

    def protobuf(self, signal: str, data: bytes) -> Accepted:
        """signal: TRACES or LOGS. Raises Busy, Invalid or TooLarge."""
        return self._take(signal, data, self._from_protobuf)

    def json(self, signal: str, data: bytes) -> Accepted:
        """The same for OTLP JSON."""
        return self._take(signal, data, self._from_json)

    def count(self, outcome: str) -> None:
        """Count an export: "accepted", or why it was refused. For the servers, as they answer."""
        with self._lock:
            self.counts[outcome] += 1

    def _take(self, signal: str, data: bytes, decode: Any) -> Accepted:
        if len(data) > MAX_BODY:
            raise TooLarge(f"more than {MAX_BODY:,} bytes")
        with self.gate.decoding():
            frame, answer = self._frame(decode(signal, data))
        if frame is not None:
            self._store.append(frame)
        return answer

    def _from_protobuf(self, signal: str, data: bytes) -> list[Found]:
        try:
            return list(DECODERS[signal](data))
        except InputError as error:
            raise Invalid(str(error)) from error

    def _from_json(self, signal: str, data: bytes) -> list[Found]:
        try:
            document = lenient.loads(mended(data))
        except orjson.JSONDecodeError as error:
            raise Invalid(f"this is not JSON: {error.msg}") from error
        if not isinstance(document, dict) or not isinstance(document.get(LISTS[signal], []), list):
            raise Invalid(f"this is no export request: no list in '{LISTS[signal]}'")
        return list(items_of(document)) if LISTS[signal] in document else []

    def _frame(self, found: list[Found]) -> tuple[bytes | None, Accepted]:
        """The frame to store (None for an empty export), and the answer once it is stored."""
        if not found:
            return None, Accepted()
        gathered = gather(enumerate(found), self._finders, texts=True, limit=len(found))
        chunk = chunk_of(gathered, COLUMNS, self._rules)
        rows = _rows(keep_valid(chunk, EXCHANGES))
        of_spans = {i for i, item in enumerate(found) if isinstance(item, Item) and item.is_span}
        lost = [fault for _, fault in gathered.lost]
        ignored = sum(fault.cause == Cause.NOT_EXCHANGE for fault in lost)
        bad = [f for f in lost if f.cause != Cause.NOT_EXCHANGE] + list(chunk.faults.values())
        frame = {
            "rows": rows,
            "of_span": [int(number) in of_spans for number in chunk.rows],
            "messages": [[k, *m[1:]] for k, ms in gathered.waiting.items() for m in ms],
            "ignored": ignored,
            "bad": [[fault.cause, printable(fault.detail)] for fault in bad],
        }
        return orjson.dumps(frame), _answer(Counter(str(fault.cause) for fault in bad))


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows without their nulls, with `ts` as microseconds."""
    index = batch.schema.get_field_index("ts")
    plain = batch.set_column(index, "ts", batch.column(index).cast(pa.int64()))
    return [{k: v for k, v in row.items() if v is not None} for row in plain.to_pylist()]


def _answer(causes: Counter[str]) -> Accepted:
    """Tells the sender what its operator must change; causes alone, never contents."""
    if not causes:
        return Accepted()
    shown = ", ".join(f"{cause}: {count:,}" for cause, count in causes.most_common(SHOWN_CAUSES))
    return Accepted(causes.total(), f"not stored: {shown} (docs/logs/opentelemetry.md)")
