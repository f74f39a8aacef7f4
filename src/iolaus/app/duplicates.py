"""Exchanges that stand more than once in a log that is no store: the first of an id stays."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from iolaus.app.state import ReadFile, State
from iolaus.engine import Engine
from iolaus.logs import Cause, Rejects

TWICE: Final = pa.schema([pa.field("exchange_hash", pa.int64())])


def parts_of(state: State, file: ReadFile, day: date) -> list[Path]:
    """The files of one file's features of a day."""
    return sorted(state.features(file.key).glob(f"day={day.isoformat()}.*.parquet"))


def all_parts(state: State, files: Iterable[ReadFile]) -> list[Path]:
    return [path for file in files for day in file.days for path in parts_of(state, file, day)]


def ids_twice(
    engine: Engine, state: State, files: Mapping[str, ReadFile], fresh: Mapping[str, ReadFile]
) -> pa.Table:
    """The ids (exchange_hash) that stand twice or more, and perhaps some that did.

    Of files that were read before, what stands twice among them is known; so those of the new files
    are looked up in them: eight bytes of every exchange are read. Kept as the scratch
    table `twice`.
    """
    known = state.table("twice")
    engine.register("known_twice", known if known is not None else TWICE.empty_table())
    parts = ["SELECT exchange_hash FROM known_twice"]
    new = all_parts(state, fresh.values())
    old = all_parts(state, [file for name, file in files.items() if name not in fresh])
    if new:
        engine.attach_files("new_features", new)
        parts.append(
            "SELECT exchange_hash FROM new_features GROUP BY exchange_hash HAVING count(*) > 1"
        )
    if new and old:
        engine.attach_files("old_features", old)
        parts.append(
            "SELECT exchange_hash FROM old_features SEMI JOIN new_features USING (exchange_hash)"
        )
    engine.scratch("twice", f"SELECT DISTINCT exchange_hash FROM ({' UNION ALL '.join(parts)})")
    return engine.fetch("SELECT exchange_hash FROM twice ORDER BY exchange_hash").cast(TWICE)


def duplicates(
    engine: Engine, state: State, files: Mapping[str, ReadFile]
) -> tuple[list[tuple[int, int, date]], Rejects]:
    """Of exchanges of one id the first stays, by name of file and row; the others are rejected.

    In: twice. Returns them as (source_file, source_row, day).
    """
    rejects = Rejects(engine.stages.table("rejects_twice").path)
    found: list[tuple[int, int, date]] = []
    with rejects:
        if engine.fetch("SELECT count(*) AS n FROM twice")["n"][0].as_py():
            names = {file.number: file.name for file in files.values()}
            for row in _later(engine, state, files):
                cause = Cause.DUPLICATE_EXCHANGE
                rejects.add(names[row["source_file"]], row["source_row"], cause, was_kept=True)
                found.append((row["source_file"], row["source_row"], row["day"]))
    return found, rejects


def _later(engine: Engine, state: State, files: Mapping[str, ReadFile]) -> list[dict[str, Any]]:
    """Rows with an id that a row before them has, in the log's order."""
    engine.attach_files("all_features", all_parts(state, files.values()))
    numbers = [file.number for _, file in sorted(files.items())]
    order = {"source_file": numbers, "place": list(range(len(numbers)))}
    engine.register("file_order", pa.table({k: pa.array(v, pa.int32()) for k, v in order.items()}))
    rows: list[dict[str, Any]] = engine.fetch(
        """
        SELECT source_file, source_row, CAST(ts AS DATE) AS day
        FROM all_features SEMI JOIN twice USING (exchange_hash) JOIN file_order USING (source_file)
        QUALIFY row_number() OVER (PARTITION BY exchange_hash ORDER BY place, source_row) > 1
        ORDER BY place, source_row
        """
    ).to_pylist()
    return rows


def without(
    engine: Engine, day: date, digest: str, paths: tuple[Path, ...], dropped: list[list[int]]
) -> tuple[Path, ...]:
    """The day's files; a file without the rows that are dropped, if there are any."""
    if not dropped:
        return paths
    stages = engine.stages
    stages.choose("unique", day, stages.keyed("unique", day, digest[:16]))
    engine.attach_files("with_duplicates", paths)
    engine.register("dropped", pa.table({
        "source_file": pa.array([number for number, _ in dropped], pa.int32()),
        "source_row": pa.array([row for _, row in dropped], pa.int64()),
    }))  # fmt: skip
    engine.day_step(
        "unique",
        day,
        "SELECT * FROM with_duplicates ANTI JOIN dropped USING (source_file, source_row)",
    )
    return (stages.part("unique", day),)
