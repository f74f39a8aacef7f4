"""The log's exchanges as features by UTC day: files that are new are read, the others are known.

A store's files are features already. Any other file's features are kept in a directory of the
state, one or more files per day, so that neither its text nor rows of other days are read again.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus import signals
from iolaus.app.duplicates import TWICE, duplicates, ids_twice, parts_of, without
from iolaus.app.progress import Reporter
from iolaus.app.source import Source
from iolaus.app.state import ReadFile, State
from iolaus.core.errors import InputError
from iolaus.core.files import aside, write_text
from iolaus.core.tables import EXCHANGES, FEATURES, REJECTS
from iolaus.engine import Engine
from iolaus.logs import LogFile, Rejects
from iolaus.logs.enrichment import Tally, enrich
from iolaus.logs.ingest import note_of
from iolaus.signals import Day, DayFiles

READ = "_read.json"  # in a file's directory of features: what ReadFile says of it
REJECTED = "_rejects.parquet"


@dataclass(frozen=True)
class Intake:
    """Every exchange file of the log, and its days. columns: of a store, the SELECT list that reads
    it; None for other logs. duplicates: rejected rows, as an exchange of their id was there. twice:
    the ids of those (exchange_hash)."""

    files: Mapping[str, ReadFile]
    days: tuple[Day, ...]
    columns: str | None
    duplicates: Rejects
    twice: pa.Table

    @property
    def names(self) -> dict[int, str]:
        """Which file each source_file is."""
        return {file.number: file.name for file in self.files.values()}

    @property
    def formats(self) -> dict[str, int]:
        """Exchange files by format."""
        found = [file.format for file in self.files.values()]
        return {name: found.count(name) for name in sorted(set(found))}

    @property
    def missing_columns(self) -> list[str]:
        """Columns of the contract that no file has."""
        there = {name for file in self.files.values() for name in file.columns}
        return sorted(set(EXCHANGES.names) - there)

    @property
    def filled(self) -> dict[str, Any]:
        """What enrichment filled, over all files."""
        total = Tally().as_dict()
        for file in self.files.values():
            total = _added(total, file.filled)
        return total


def take_in(source: Source, engine: Engine, state: State, threads: int, report: Reporter) -> Intake:
    """Read the fresh files, and tell the log's days."""
    if source.log.is_store:
        return _stored(source, engine, state)
    return _read(source, engine, state, threads, report)


def attach_features(intake: Intake, engine: Engine, *, whole: bool) -> None:
    """Let SQL use all exchanges by the name `features`: those of all days, or those whose files are
    still there. whole: raise InputError where files are gone."""
    files = sorted({file for day in intake.days for file in day.files})
    there = [file for file in files if file.exists()]
    if whole and len(there) < len(files):
        gone = next(file for file in files if not file.exists())
        raise InputError(
            "known campaigns are looked for in every exchange of the log, and "
            f"{len(files) - len(there):,} of its files are gone.",
            where=str(gone),
            next_step="Put them back, or leave out --known.",
        )
    if there:
        engine.attach_files("features", there, intake.columns or "*")
    else:
        engine.register("features", FEATURES.empty_table())


# --- a store ----------------------------------------------------------------------------------


def _stored(source: Source, engine: Engine, state: State) -> Intake:
    columns = state.ledger.columns if source.known else None
    fresh = dict(source.fresh)
    if fresh:
        told = source.log.store_sql
        if columns is not None and told != columns:
            raise InputError(
                "the store's new files have other columns than those before.",
                where=str(source.path / min(fresh)),
                next_step="Write the store with one release, and scan it with a new state.",
            )
        columns = told
        fresh = _with_days(source, engine, fresh)
    files = dict(source.known) | fresh
    days = []
    for day in sorted({day for file in files.values() for day in file.days}):
        chosen = _files_of(day, files, source, state)
        rows = sum(file.days[day] for file in chosen)
        paths = tuple(source.path / file.name for file in chosen)
        digest = _digest(source, [part for file in chosen for part in file.content])
        days.append(Day(day, rows, digest, paths, columns or "*"))
    return Intake(files, tuple(days), columns, Rejects(), TWICE.empty_table())


def _with_days(source: Source, engine: Engine, fresh: dict[str, ReadFile]) -> dict[str, ReadFile]:
    """How many exchanges of which days each new file of a store has."""
    found: dict[str, ReadFile] = {}
    for index, file in enumerate(source.log.files):
        if file.name not in fresh:
            continue
        found[file.name] = replace(
            fresh[file.name],
            format=source.log.format_of(index),
            columns=tuple(sorted(source.log.columns_of(index))),
            days=_days_in(file, engine),
        )
        found[file.name] = _merged(file, found[file.name])
    return found


def _days_in(file: LogFile, engine: Engine) -> dict[date, int]:
    """How many exchanges of each day: of a file of one day, as most are, Parquet's own counts."""
    engine.attach_files("arrived", [file.path], "ts")
    whole = engine.fetch(
        "SELECT CAST(min(ts) AS DATE) AS day, CAST(max(ts) AS DATE) AS last, count(*) AS n "
        "FROM arrived"
    ).to_pylist()
    if whole[0]["day"] == whole[0]["last"]:
        return {row["day"]: row["n"] for row in whole if row["n"]}
    rows = engine.fetch(
        "SELECT CAST(ts AS DATE) AS day, count(*) AS n FROM arrived GROUP BY day ORDER BY day"
    )
    return {row["day"]: row["n"] for row in rows.to_pylist()}


def _merged(file: LogFile, read: ReadFile) -> ReadFile:
    """With what a file stands for that `iolaus compact` wrote."""
    note = note_of(file.path)
    if note is None:
        return read
    folder = read.name.removesuffix(file.path.name)
    names = tuple(folder + name for name in note.names)
    return replace(read, replaced=names, parts=note.parts if note.sha256 == read.sha256 else ())


def _files_of(
    day: date, files: dict[str, ReadFile], source: Source, state: State
) -> list[ReadFile]:
    """The files that make up a day, by name. A day is what its files say; those that are gone count
    as long as nothing new came for the day, and those that were merged into another do not. Removes
    from `files` what newer ones replaced."""
    mine = [file for _, file in sorted(files.items()) if day in file.days]
    there = [file for file in mine if file.name not in source.gone]
    if len(there) == len(mine) or not any(file.name in source.fresh for file in there):
        return mine
    before = state.ledger.exchanges.get(day, 0)
    merged = {name for file in there for name in file.replaced}
    lost = sorted({file.name for file in mine} - {file.name for file in there} - merged)
    if lost and sum(file.days[day] for file in there) < before:
        raise InputError(
            f"new files came for {day}, and others of that day are gone: of its {before:,} "
            f"exchanges {sum(file.days[day] for file in there):,} are left.",
            where=str(source.path / lost[0]),
            next_step="Put them back, or begin a new state directory without them.",
        )
    for file in mine:
        if file not in there:
            rest = {d: n for d, n in file.days.items() if d != day}
            files[file.name] = replace(file, days=rest)
            if not rest:
                del files[file.name]
    return there


# --- any other log ----------------------------------------------------------------------------


def _read(source: Source, engine: Engine, state: State, threads: int, report: Reporter) -> Intake:
    fresh = {n: replace(f, key=_key(source, f)) for n, f in source.fresh.items()}
    waiting = [f for f in fresh.values() if not (state.features(f.key) / READ).exists()]
    if waiting:
        _make_features(source, state, waiting, threads, report)
    fresh = {name: _told(state, file) for name, file in fresh.items()}
    files = dict(source.known) | fresh
    if not any(file.days for file in files.values()):
        raise source.log.without_rows(_all_rejects(files.values()))
    twice = ids_twice(engine, state, files, fresh)
    dropped, rejects = duplicates(engine, state, files)
    days = []
    for day in sorted({day for file in files.values() for day in file.days}):
        mine = [file for _, file in sorted(files.items()) if day in file.days]
        left = sorted([number, row] for number, row, on in dropped if on == day)
        digest = _digest(source, [sorted(file.key for file in mine), left])
        rows = sum(file.days[day] for file in mine) - len(left)
        paths = tuple(p for f in mine for p in parts_of(state, f, day))
        days.append(Day(day, rows, digest, without(engine, day, digest, paths, left)))
    there = tuple(day for day in days if day.exchanges)
    return Intake(files, there, None, rejects, twice)


def _make_features(
    source: Source, state: State, waiting: list[ReadFile], threads: int, report: Reporter
) -> None:
    """One pass over the files, several batches at a time; a file's directory appears when it is
    whole."""
    signals.warm_up()  # once, before several threads would compile the same kernel
    index = {file.name: place for place, file in enumerate(source.log.files)}
    by_number = {file.number: _Making(source, state, file, index[file.name]) for file in waiting}
    making = list(by_number.values())
    total, done, at = source.log.rows_estimate or 0, 0, 0
    batches = (batch for one in making for batch in one.batches())
    for batch in signals.features(batches, threads):
        if batch.num_rows == 0:
            continue
        number = batch["source_file"][0].as_py()
        while making[at].file.number != number:
            making[at].close()
            at += 1
        making[at].files.add(batch)
        done += batch.num_rows
        report("read", done, total)
    for one in making[at:]:
        one.close()


class _Making:
    """The features of one file, until they are whole."""

    def __init__(self, source: Source, state: State, file: ReadFile, index: int) -> None:
        self.file = file
        self._source, self._index = source, index
        self._directory = state.features(file.key)
        self._aside = self._directory.with_name(f".{file.key}.tmp")
        shutil.rmtree(self._aside, ignore_errors=True)
        self.files = DayFiles(self._aside)
        self._tally = Tally()
        self._rejects = Rejects(self._aside / REJECTED)

    def batches(self) -> Iterator[pa.RecordBatch]:
        self._aside.mkdir(parents=True)
        log, enrichment = self._source.log, self._source.enrichment
        found = log.batches_of(self._index, self._rejects, self.file.number)
        yield from enrich(found, enrichment, self._tally) if enrichment is not None else found

    def close(self) -> None:
        log = self._source.log
        self.files.close()
        self._rejects.close()
        said = replace(
            self.file,
            format=log.format_of(self._index),
            columns=tuple(sorted(log.columns_of(self._index))),
            days=dict(sorted(self.files.days.items())),
            rejects=self._rejects.counts,
            filled=self._tally.as_dict() if self._source.enrichment is not None else {},
        )
        write_text(json.dumps(said.as_dict()), self._aside / READ)
        shutil.rmtree(self._directory, ignore_errors=True)
        self._aside.rename(self._directory)


def _key(source: Source, file: ReadFile) -> str:
    """Of what a file's features are made: what it holds, and what its rows are called."""
    return _digest(source, [file.name, file.number, file.sha256])[:16]


def _digest(source: Source, made_from: object) -> str:
    text = json.dumps([source.meaning, made_from], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(state: State, file: ReadFile) -> ReadFile:
    """What was written when the file was read; it may have been touched since."""
    said = json.loads((state.features(file.key) / READ).read_text(encoding="utf-8"))
    return replace(ReadFile.from_dict(said), size=file.size, changed=file.changed)


# --- rejects ----------------------------------------------------------------------------------


def _all_rejects(files: Iterable[ReadFile]) -> Rejects:
    """Their counts alone."""
    total = Rejects()
    for file in files:
        for cause, rows in file.rejects.items():
            total.counts[cause] = total.counts.get(cause, 0) + rows
            total.rows_seen += rows
    return total


def write_rejects(intake: Intake, state: State, small: Path, to: Path) -> None:
    """All rejected rows: of the small tables, of each file by name, and duplicates."""
    files = [file for _, file in sorted(intake.files.items()) if file.key and file.rejects]
    parts = [small, *(state.features(file.key) / REJECTED for file in files)]
    twice = small.with_name("rejects_twice.parquet")
    with aside(to) as temporary, pq.ParquetWriter(temporary, REJECTS, compression="zstd") as writer:
        for part in [*parts, *([twice] if twice.exists() else [])]:
            for batch in pq.ParquetFile(part).iter_batches():
                writer.write_batch(batch)


def reject_counts(intake: Intake, small: Mapping[str, int]) -> dict[str, int]:
    """Rejected rows by cause."""
    total = dict(small)
    counted = [file.rejects for file in intake.files.values()]
    for found in (*counted, intake.duplicates.counts):
        for cause, rows in found.items():
            total[cause] = total.get(cause, 0) + rows
    return dict(sorted(total.items()))


def _added(total: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Sums of numbers, by name, also inside dicts."""
    result = dict(total)
    for name, value in more.items():
        before = result.get(name)
        if isinstance(value, Mapping):
            result[name] = dict(sorted(_added(before or {}, value).items()))
        else:
            result[name] = (before or 0) + value
    return result
