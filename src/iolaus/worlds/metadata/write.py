"""Days as Parquet files, two at a time; a day's memory is its keys and one batch of rows.

Rows are in the order of a store's files: by account id, then by time.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.files import aside
from iolaus.worlds.metadata.encode import SCHEMA, TEXT_HIDDEN, Encoder
from iolaus.worlds.metadata.moments import Habits, Queued, day_keys
from iolaus.worlds.metadata.rows import Room, fill
from iolaus.worlds.metadata.tables import Dictionaries, Tables
from iolaus.worlds.metadata.volumes import Counts
from iolaus.worlds.model import DAY
from iolaus.worlds.setting import FIRST_DAY, Progress, micros, without

BATCH: Final = 1 << 19  # rows of a row group: about 200 MB of columns and Arrow arrays
LARGEST_DICTIONARY: Final = 16 << 20  # bytes; BATCH different ids of 20 bytes are 10 MB
# Sorted or numbered values: differences. Hashes that hardly ever come again: as they are.
ENCODINGS: Final = {
    "exchange_id": "DELTA_BYTE_ARRAY", "ts": "DELTA_BINARY_PACKED", "prompt_hash": "PLAIN",
    "skeleton": "PLAIN", "input_tokens": "DELTA_BINARY_PACKED",
    "output_tokens": "DELTA_BINARY_PACKED",
}  # fmt: skip
RANDOM: Final = ("prompt_hash", "ts")  # nothing to compress


@dataclass(frozen=True)
class Scene:
    """All that days are written from."""

    tables: Tables
    dictionaries: Dictionaries
    habits: Habits
    counts: Counts
    queued: Queued
    span: float  # seconds
    seed: int
    hidden: tuple[str, ...]


def hidden_columns(hidden: tuple[str, ...]) -> tuple[str, ...]:
    """A family's hidden columns, with what stands here in place of text."""
    return (*hidden, *(TEXT_HIDDEN if "prompt" in hidden else ()))


def write_days(scene: Scene, folder: Path, threads: int, tell: Progress) -> int:
    """Write one file per UTC day that has exchanges; returns how many exchanges there are.

    What a file holds does not depend on `threads`.
    """
    days = int(scene.span // DAY)
    local = scene.counts.astype(np.int64).sum(axis=1)
    room = int(local.sum()) + len(scene.queued.at) + 1  # numbers of a day's ids start apart
    pool, rows = ThreadPoolExecutor(threads), 0
    try:
        jobs = [pool.submit(_day, scene, day, folder, day * room) for day in range(days)]
        for done, job in enumerate(jobs):
            rows += job.result()
            tell("write", done + 1, days)
    finally:
        pool.shutdown(cancel_futures=True)  # where a day fails or the user stops: not all the rest
    return rows


def _day(scene: Scene, day: int, folder: Path, first: int) -> int:
    keys = day_keys(scene.habits, scene.counts, day, scene.span, scene.seed)
    own, queued = scene.queued.day(day, scene.habits.rank)
    if len(own):
        keys = np.concatenate([keys, own])
        keys.sort()
    if not len(keys):
        return 0
    sums = scene.counts[: day + 1].sum(axis=0, dtype=np.int64)
    size = min(BATCH, len(keys))
    room, encoder = Room.of(size), Encoder(scene.tables, scene.dictionaries, scene.seed, size)
    date = FIRST_DAY + timedelta(days=day)
    with aside(folder / f"day={date.date().isoformat()}.parquet") as path, _writer(path) as writer:
        next_ = 0
        for low in range(0, len(keys), size):
            part = keys[low : low + size]
            next_ = fill(
                room, part, scene.tables, sums, (queued.item, queued.failed), next_, day, scene.seed
            )
            batch = encoder.batch(room, len(part), first + low, micros(date))
            table = without(pa.Table.from_batches([batch]), scene.hidden)
            writer.write_table(table, row_group_size=len(part))
    return len(keys)


def _writer(path: Path) -> Any:
    named = [f.name for f in SCHEMA if f.name not in ENCODINGS and f.type != pa.bool_()]
    named = [f"{n}.list.element" if n == "phrases" else n for n in named]
    return pq.ParquetWriter(
        path, _stored(), store_schema=False, compression={
            (f"{n}.list.element" if n == "phrases" else n): "NONE" if n in RANDOM else "ZSTD"
            for n in SCHEMA.names
        },
        compression_level={n: 1 for n in SCHEMA.names if n not in RANDOM and n != "phrases"},
        use_dictionary=named, column_encoding=ENCODINGS,
        dictionary_pagesize_limit=LARGEST_DICTIONARY, write_statistics=["ts"],
    )  # fmt: skip


def _stored() -> pa.Schema:
    """The batches' types: strings as codes into a dictionary. Readers see plain strings."""
    coded = pa.dictionary(pa.int32(), pa.string())
    folded = {f.name for f in SCHEMA if pa.types.is_string(f.type)} - {"exchange_id"}
    return pa.schema([pa.field(f.name, coded if f.name in folded else f.type) for f in SCHEMA])
