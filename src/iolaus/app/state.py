"""A state directory: what `scan --since-last` keeps, so that a new day costs a day.

    STATE/state.json        the files that were read, and what each day's parts were made from
    STATE/accounts-KEY.parquet  the numbers that those parts call accounts by
    STATE/twice-KEY.parquet   ids of exchanges that stand more than once (exchange_hash)
    STATE/features/KEY/     the features of one file of the log, by day (no text)
    STATE/NAME/             the parts of a daily table, one file per day (signals.parts)
    STATE/lock              held while a run uses the directory

Everything beside state.json is named by what it was made from. So a run that was killed leaves
nothing that another could mistake for its own, and what still fits is used. Whatever state.json
does not name is removed when a run has written it.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.core.files import write_table, write_text
from iolaus.signals import Earlier, Keys

FORMAT: Final = 1  # of state.json
LEDGER: Final = "state.json"
LOCK: Final = "lock"
_LISTS: Final = ("columns", "replaced", "parts")  # of ReadFile


@dataclass(frozen=True)
class ReadFile:
    """One exchange file that was read.

    size in bytes, changed (time of change in microseconds): by which it is known again. number:
    what its rows have as source_file. days: accepted exchanges per day. rejects: rows by cause.
    filled: what enrichment filled. key: the directory of its features; empty in a store, where the
    file itself is read. replaced: names of files that were merged into it (iolaus compact). parts:
    the digests of what it was made of, where it still holds that and nothing else.
    """

    name: str
    size: int
    changed: int
    sha256: str
    number: int
    format: str = ""
    columns: tuple[str, ...] = ()
    days: Mapping[date, int] = field(default_factory=dict)
    rejects: Mapping[str, int] = field(default_factory=dict)
    filled: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    replaced: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def content(self) -> tuple[str, ...]:
        """Digests that stay what they are when files of a day are merged."""
        return self.parts or (self.sha256,)

    def as_dict(self) -> dict[str, Any]:
        days = {day.isoformat(): rows for day, rows in self.days.items()}
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return plain | {"days": days} | lists

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> "ReadFile":
        days = {date.fromisoformat(day): rows for day, rows in said["days"].items()}
        lists = {name: tuple(said.get(name, ())) for name in _LISTS}
        return cls(**{**said, "days": days, **lists})


@dataclass(frozen=True)
class Ledger:
    """What state.json says.

    meaning: all that changes what rows mean (release, settings, model). columns: the SELECT list of
    a store. exchanges: of each day. keys: what its parts were made from. tables: names of files.
    """

    meaning: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, ReadFile] = field(default_factory=dict)
    columns: str | None = None
    exchanges: Mapping[date, int] = field(default_factory=dict)
    keys: Mapping[date, Keys] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        said = {
            "format": FORMAT,
            "meaning": self.meaning,
            "columns": self.columns,
            "tables": self.tables,
            "files": [file.as_dict() for _, file in sorted(self.files.items())],
            "days": {
                day.isoformat(): [self.exchanges[day], *keys]
                for day, keys in sorted(self.keys.items())
            },
        }
        return json.dumps(said) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Ledger":
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise ValueError(f"it is of format {said['format']}, and this release reads {FORMAT}")
        files = [ReadFile.from_dict(one) for one in said["files"]]
        days = {date.fromisoformat(day): rest for day, rest in said["days"].items()}
        return cls(
            meaning=said["meaning"],
            files={file.name: file for file in files},
            columns=said["columns"],
            exchanges={day: rows for day, (rows, *_) in days.items()},
            keys={day: Keys(*keys) for day, (_, *keys) in days.items()},
            tables=said["tables"],
        )


@dataclass(frozen=True)
class State:
    """A directory and what an earlier run left there. kept: whether later runs shall find it."""

    directory: Path
    ledger: Ledger = Ledger()
    kept: bool = False

    def features(self, key: str) -> Path:
        """The directory of one file's features."""
        return self.directory / "features" / key

    @property
    def earlier(self) -> Earlier | None:
        if not self.ledger.keys:
            return None
        return Earlier(self.ledger.keys, self.directory / self.ledger.tables["accounts"])

    def table(self, name: str) -> pa.Table | None:
        """What the earlier run kept under a name."""
        file = self.ledger.tables.get(name)
        return pq.read_table(self.directory / file) if file else None

    def save(self, ledger: Ledger, tables: Mapping[str, pa.Table], parts: Set[Path]) -> None:
        """Replace what is kept. Then remove all that is neither named by the ledger nor among
        `parts`."""
        files = {}
        for name, rows in tables.items():
            files[name] = f"{name}-{_digest(rows)}.parquet"
            if not (self.directory / files[name]).exists():
                write_table(rows, self.directory / files[name])
        said = replace(ledger, tables=files)
        write_text(said.as_text(), self.directory / LEDGER)
        wanted = {self.directory / name for name in (LEDGER, LOCK, *files.values())}
        wanted |= set(parts) | {self.features(file.key) for file in said.files.values()}
        self._sweep(wanted)

    def _sweep(self, wanted: Set[Path]) -> None:
        folders = [path for path in self.directory.iterdir() if path.is_dir()]
        for path in [*self.directory.iterdir(), *(p for f in folders for p in f.iterdir())]:
            if path in wanted or path in folders:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _digest(rows: pa.Table) -> str:
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, rows.schema) as stream:
        stream.write_table(rows.combine_chunks())
    return hashlib.sha256(written.getvalue()).hexdigest()[:16]


@contextmanager
def open_state(directory: Path) -> Iterator[State]:
    """Hold a state directory, made if it is not there, as long as the block runs.

    Raises InputError where it is something else, cannot be understood, or is in use.
    """
    if directory.exists():
        _refuse_other(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        yield State(directory, _ledger(directory / LEDGER), kept=True)


def _refuse_other(directory: Path) -> None:
    """What is not named by the ledger is removed, so a wrong directory must not be taken."""
    if not directory.is_dir() or (
        any(directory.iterdir()) and not any((directory / name).exists() for name in (LOCK, LEDGER))
    ):
        raise InputError(
            "this is no state directory, and is not empty.",
            where=str(directory),
            next_step="Give --since-last the directory of the last run, or a new one.",
        )


def _ledger(path: Path) -> Ledger:
    if not path.exists():
        return Ledger()
    try:
        return Ledger.from_text(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the state cannot be used: {error}.",
            where=str(path),
            next_step="Remove the state directory; the next run reads the whole log.",
        ) from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """A killed process lets go of the lock."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                "another run uses this state.",
                where=str(directory),
                next_step="Wait until it has ended, or give each its own directory.",
            ) from error
        yield
    finally:
        os.close(descriptor)
