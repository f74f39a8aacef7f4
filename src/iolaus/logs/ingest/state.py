"""What an ingest knows between two runs: STORE/.ingest/state.json, replaced by every commit.

batch      number of the last commit; files of a higher number are no part of the store
lines      file of lines -> how far it was read (tail.py)
whole      digest of a file of another kind -> how many of its chunks were read, and whether all
seen_as    name -> size, time and digest of a file that was read whole
tables     accounts, releases, enforcement -> digest of what was merged into the store's
counts     rows: read == stored + rejected + duplicates, at every moment
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from iolaus.core.errors import InputError
from iolaus.core.files import aside
from iolaus.logs.durable import sync, sync_folder
from iolaus.logs.ingest.tail import Place

FOLDER: Final = ".ingest"  # in the store; names that start with a dot are no part of the log
FILE: Final = "state.json"
VERSION: Final = 1
MOST_DISPLACED: Final = 1_000  # files of lines that another took the name of; 300 B each


@dataclass(frozen=True)
class Whole:
    """A file that is read from its beginning to its end. by: the version of iolaus that cut it
    into chunks; another one begins again."""

    chunks: int
    done: bool
    by: str


@dataclass
class State:
    """See above. displaced: places in files that were renamed, so that they are known again."""

    batch: int = 0
    lines: dict[str, Place] = field(default_factory=dict)
    displaced: list[Place] = field(default_factory=list)
    whole: dict[str, Whole] = field(default_factory=dict)
    seen_as: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    read: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # by cause
    rejected_of_tables: dict[str, int] = field(default_factory=dict)
    pseudonyms: list[str] = field(default_factory=list)

    def at(self, name: str, place: Place) -> None:
        """A file of lines was read up to there."""
        before = self.lines.get(name)
        if before is not None and before.head != place.head and before.offset:
            self.displaced = [*self.displaced, before][-MOST_DISPLACED:]
        self.lines[name] = place

    def check(self) -> None:
        """Every row is stored, rejected or there already. Anything else is a bug of ours."""
        told = self.stored + self.duplicates + sum(self.rejected.values())
        if self.read != told:
            raise AssertionError(f"{self.read} rows read, {told} accounted for")


def load(store: Path) -> State | None:
    """The state of a store that an ingest wrote; None where there is none. Raises InputError."""
    path = store / FOLDER / FILE
    if not path.exists():
        return None
    try:
        said = orjson.loads(path.read_bytes())
        if said.pop("version") != VERSION:
            raise ValueError("another version of iolaus wrote it")
        return _state(said)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"it cannot be read: {error}.",
            where=str(path),
            next_step="Restore it from a backup of the store, or ingest into a new store.",
        ) from error


def save(state: State, store: Path) -> None:
    """The commit: what was written before it counts from now on. On the disk when it returns."""
    state.check()
    path = store / FOLDER / FILE
    with aside(path) as temporary:
        temporary.write_bytes(orjson.dumps({"version": VERSION, **asdict(state)}))
        sync(temporary)
    sync_folder(path.parent)


def _state(said: dict[str, Any]) -> State:
    state = State(**said)
    state.lines = {name: Place(**place) for name, place in said["lines"].items()}
    state.displaced = [Place(**place) for place in said["displaced"]]
    state.whole = {digest: Whole(**whole) for digest, whole in said["whole"].items()}
    state.seen_as = {name: tuple(seen) for name, seen in said["seen_as"].items()}
    return state
