"""A closed segment -> Parquet files by day, and the messages that came apart joined to their spans.

    1  read the segment's frames, and what the last one carried over
    2  put rows of one call together, and messages into the rows of their spans
    3  what may still be completed by the next segment is carried over, once
    4  write LOG/exchanges/day=YYYY-MM-DD/otlp-NUMBER.parquet, LOG/rejects/otlp-NUMBER.parquet
    5  add to the counts, and only then delete the segment

Killed anywhere, the next start does it again from the same input, to the same files: nothing is
lost, and nothing is there twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa

from iolaus.core.files import aside
from iolaus.core.tables import EXCHANGES, REJECTS
from iolaus.logs.durable import sync, sync_folder, write
from iolaus.logs.otlp.exchange import Row, fill
from iolaus.logs.otlp.texts import of_messages
from iolaus.logs.receiver.spool import frames, is_damaged, number_of

COUNTS: Final = "counts.json"
DAY_MICROS: Final = 86_400 * 1_000_000
ROW_GROUP: Final = 65_536


@dataclass
class Call:
    """One exchange. of_span: its row is a span's, not only an event's. again: was carried over."""

    row: Row
    of_span: bool
    again: bool = False


@dataclass
class Batch:
    """What one segment holds. messages: [the span's key, time, event, body, was carried over]."""

    calls: list[Call] = field(default_factory=list)
    messages: list[list[Any]] = field(default_factory=list)
    bad: list[list[str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Sealer:
    """Seals the segments of one log, in their order. One thread at a time."""

    def __init__(self, log: Path, spool: Path) -> None:
        self._log, self._spool = log, spool

    def seal(self, segment: Path, *, last: bool = False) -> int:
        """Store a closed segment; returns its size in bytes. last: carry nothing over."""
        number, size = number_of(segment), segment.stat().st_size
        before = self._carried(number - 1)
        if self.counts().get("sealed", 0) < number:
            batch = _read([*(_load(before) if before.exists() else []), *_frames_of(segment)])
            self._store(number, batch, last=last)
        if is_damaged(segment):
            segment.replace(segment.with_suffix(".damaged"))  # for whoever can still read it
        else:
            segment.unlink()
        before.unlink(missing_ok=True)
        sync_folder(self._spool)
        return size

    def _store(self, number: int, batch: Batch, *, last: bool) -> None:
        """Steps 2 to 5. Files of a killed attempt are replaced, or go: at a receiver's end nothing
        waits for the next segment, and when that is done again some rows may."""
        done, carried = _joined(batch, last=last)
        self._write_json(self._carried(number), [carried] if carried else [])
        exchanges, name = self._log / "exchanges", f"otlp-{number:012}.parquet"
        days = {exchanges / f"day={day}" / name: rows for day, rows in _by_day(done).items()}
        for path, rows in sorted(days.items()):
            write(pa.Table.from_pylist(rows, schema=EXCHANGES), path, row_group_size=ROW_GROUP)
        for path in set(exchanges.glob(f"day=*/{name}")) - days.keys():
            path.unlink()
        self._reject(number, batch)
        self._count(number, batch, stored=len(done))

    def clean(self) -> None:
        """Remove what a kill left behind: half-written files, and what was carried over already."""
        for path in (*self._log.glob("*/**/.otlp-*.tmp"), *self._spool.glob("*.tmp")):
            path.unlink()
        sealed = self.counts().get("sealed", 0)
        for path in self._spool.glob("*.carried"):
            if int(path.stem) < sealed:
                path.unlink()

    def has_carried(self) -> bool:
        """Does anything wait for the next segment?"""
        path = self._carried(self.counts().get("sealed", 0))
        return path.exists() and path.stat().st_size > len(b"[]")

    def counts(self) -> dict[str, int]:
        """Since the log began: sealed (the last segment), stored, ignored, merged, and rejects."""
        path = self._spool / COUNTS
        found: dict[str, int] = orjson.loads(path.read_bytes()) if path.exists() else {}
        return found

    def _carried(self, number: int) -> Path:
        return self._spool / f"{number:012}.carried"

    def _reject(self, number: int, batch: Batch) -> None:
        if not batch.bad:
            return
        name = f"otlp-{number:012}"
        rows = [{"file": name, "row": None, "cause": c, "detail": d} for c, d in batch.bad]
        table = pa.Table.from_pylist(rows, schema=REJECTS)
        write(table, self._log / "rejects" / f"{name}.parquet")

    def _count(self, number: int, batch: Batch, *, stored: int) -> None:
        """Adds this segment, whose files all stand, to the counts."""
        counts = Counter(self.counts())
        counts += batch.counts + Counter(f"rejected: {cause}" for cause, _ in batch.bad)
        counts["stored"] += stored
        counts["sealed"] = number
        self._write_json(self._spool / COUNTS, dict(sorted(counts.items())))

    def _write_json(self, path: Path, value: Any) -> None:
        with aside(path) as temporary:
            temporary.write_bytes(orjson.dumps(value))
            sync(temporary)
        sync_folder(path.parent)


def _frames_of(segment: Path) -> Iterator[dict[str, Any]]:
    for data in frames(segment):
        yield orjson.loads(data)


def _load(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return found


def _read(parts: Iterable[dict[str, Any]]) -> Batch:
    """All frames as one batch; the carried one says so."""
    batch = Batch()
    for part in parts:
        again = bool(part.get("carried"))
        for row, of_span in zip(part["rows"], part["of_span"], strict=True):
            batch.calls.append(Call(row, of_span, again))
        batch.messages += [[*message[:4], again] for message in part["messages"]]
        batch.bad += part.get("bad", [])
        if part.get("ignored"):
            batch.counts["ignored"] += part["ignored"]
    return batch


def _joined(batch: Batch, *, last: bool) -> tuple[list[Row], dict[str, Any] | None]:
    """Rows that are complete, and what is carried over (None if nothing is)."""
    calls = _merged(batch)
    texts: dict[str, list[list[Any]]] = {}
    for message in batch.messages:
        texts.setdefault(message[0], []).append(message)
    # Only where texts come apart from their spans at all is it worth waiting for any.
    apart = bool(texts) or not all(call.of_span for call in calls.values())
    for key in calls.keys() & texts.keys():
        told = sorted(texts.pop(key), key=lambda message: message[1])
        fill(calls[key].row, of_messages((event, body) for _, _, event, body, _ in told))
    waits = {
        key
        for key, call in calls.items()
        if apart and not last and not call.again and not (call.of_span and "prompt" in call.row)
    }
    left = [message for several in texts.values() for message in several]
    orphans = [message for message in left if message[4] or last]
    if orphans:
        batch.counts["ignored"] += len(orphans)
    kept = [message[:4] for message in left if not (message[4] or last)]
    done = [call.row for key, call in calls.items() if key not in waits]
    if not waits and not kept:
        return done, None
    held = [calls[key] for key in sorted(waits)]
    carried = {
        "carried": True,
        "rows": [call.row for call in held],
        "of_span": [call.of_span for call in held],
        "messages": kept,
    }
    return done, carried


def _merged(batch: Batch) -> dict[str, Call]:
    """Calls by exchange_id: a span and its event are one; an export that was sent again is none."""
    calls: dict[str, Call] = {}
    for call in batch.calls:
        name = call.row["exchange_id"]
        other = calls.get(name)
        if other is None:
            calls[name] = call
            continue
        batch.counts["merged"] += 1
        if call.of_span and not other.of_span:  # a span's start is when the request arrived
            other.row["ts"], other.of_span = call.row["ts"], True
        other.row |= {key: value for key, value in call.row.items() if key not in other.row}
        other.again = other.again or call.again
    return calls


def _by_day(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows by UTC day, each day's by time."""
    days: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["ts"], row["exchange_id"])):
        start = datetime.fromtimestamp(row["ts"] // DAY_MICROS * 86_400, UTC)
        days.setdefault(start.strftime("%Y-%m-%d"), []).append(row)
    return days
