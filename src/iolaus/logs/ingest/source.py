"""What a log has that the store has not: pieces of some thousand rows, and the place after each.

Two kinds of files:

- **Lines** (.jsonl, .ndjson, .log, not packed): may grow; read on from the last whole line. A file
  that was renamed or copied is known by its content; one whose beginning changed is new.
- **Whole files** (Parquet, CSV, .json, packed ones, OTLP): known by SHA-256, read once. While
  following, those that are not Parquet are taken when they have not changed for SETTLE_SECONDS; a
  Parquet file is whole when it has its footer.

What is read twice all the same adds nothing: exchange ids are known (seen.py).
"""

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus import __version__
from iolaus.core.errors import InputError
from iolaus.logs.addresses import with_one_spelling
from iolaus.logs.checks import keep_valid
from iolaus.logs.find import find
from iolaus.logs.formats import open_file
from iolaus.logs.ingest.state import State, Whole
from iolaus.logs.ingest.tail import (
    ENDS,
    Block,
    Place,
    blocks,
    digest_of,
    is_continued,
    waiting_bytes,
)
from iolaus.logs.jsonl import JsonlReader
from iolaus.logs.mapping import LogMapping
from iolaus.logs.otlp.packed import is_packed
from iolaus.logs.reader import Chunk, Reader
from iolaus.logs.spec import EXCHANGES

GROWING: Final = (".jsonl", ".ndjson", ".log")
SETTLE_SECONDS: Final = 10.0
COLUMNS: Final = tuple(EXCHANGES.schema.names)  # all: what a scan of the source would reject, too

Mark = Callable[[State], None]  # how the state changes once a piece's rows are in the store
Bad = tuple[int | None, str, str]  # row as people number it, cause, detail
Stat = tuple[int, int]  # size, time of the last change in nanoseconds


@dataclass
class Piece:
    """Valid rows of one file, where each stands in it, and those that are rejected.

    mark: None where the state has no place between this piece and the next.
    """

    name: str
    batch: pa.RecordBatch | None = None
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    bad: list[Bad] = field(default_factory=list)
    mark: Mark | None = None


class Source:
    """A log directory that may grow. follow: what cannot be read yet is said and waited for."""

    def __init__(
        self,
        root: Path,
        mapping: LogMapping,
        *,
        assume_utc: bool,
        follow: bool,
        say: Callable[[str], None],
    ) -> None:
        self._root, self._mapping, self._assume_utc = root, mapping, assume_utc
        self._follow, self._say = follow, say
        self._looked: dict[str, Stat] = {}  # nothing more to be read as long as it is so
        self._since: dict[str, tuple[Stat, float]] = {}
        self._ignored: frozenset[str] = frozenset()
        self._unfinished: dict[str, int] = {}
        self._heads: dict[int, dict[str, list[Place]]] = {}  # size of the head, its digest

    def pieces(self, state: State, now: float) -> Iterator[Piece]:
        """Everything that is new. now: a clock's seconds, which decide what has settled.

        Raises InputError for a file that cannot be read, unless following.
        """
        found = find(self._root, empty_ok=self._follow)
        self._tell_ignored(found.ignored)
        self._heads = _by_head(state)
        for path in found.exchanges:
            name = path.relative_to(self._root).as_posix()
            stat = _stat(path)
            if stat is None or self._looked.get(name) == stat:
                continue
            try:
                yield from self._file(path, name, stat, state, now)
            except FileNotFoundError:
                continue  # gone since it was listed
            except (InputError, OSError) as error:
                told = error if isinstance(error, InputError) else _unreadable(name, error)
                if not self._follow:
                    raise told from error
                self._looked[name] = stat
                self._say(f"left until it changes: {told}")

    def forget(self) -> None:
        """Look at every file again: the state is an earlier one than was thought."""
        self._looked.clear()

    def unfinished(self) -> dict[str, int]:
        """Files of lines whose last line was not whole when they were looked at, with its bytes."""
        return {name: size for name, size in self._unfinished.items() if size}

    def _file(self, path: Path, name: str, stat: Stat, state: State, now: float) -> Iterator[Piece]:
        if path.name.endswith(GROWING) and not is_packed(path):
            whole = yield from self._lines(path, name, state)
            if not whole:
                self._looked[name] = stat
                return
        settled = path.name.endswith(".parquet") or self._settled(name, stat, now)
        if settled or not self._follow:
            yield from self._whole(path, name, stat, state)
            self._looked[name] = stat

    def _lines(self, path: Path, name: str, state: State) -> Generator[Piece, None, bool]:
        """The lines that are new. True where the file is of a format that is only read whole."""
        place, known = self._place(path, name, state)
        if not known and place.offset:
            yield Piece(name, mark=_at(name, place))
        block = Block()
        with path.open("rb") as file:
            found = blocks(file, place)
            first = next(found, None)
            self._unfinished[name] = waiting_bytes(path, place) if first is None else 0
            if first is None:
                return False
            reader = self._open(path, name, block)
            if not isinstance(reader, JsonlReader):
                return True
            for block.lines, after in chain([first], found):
                last = Piece(name)
                for chunk in reader.chunks(EXCHANGES, COLUMNS):
                    if last.batch is not None:
                        yield last
                    last = _piece(name, chunk, reader.first_number)
                last.mark = _at(name, after)
                yield last
            self._unfinished[name] = waiting_bytes(path, after)
        return False

    def _whole(self, path: Path, name: str, stat: Stat, state: State) -> Iterator[Piece]:
        seen = state.seen_as.get(name)
        if seen is not None and seen[:2] == stat:
            return
        digest = _digest(path)
        before = state.whole.get(digest)
        if before is not None and before.done:
            yield Piece(name, mark=_seen(name, stat, digest))
            return
        reader = self._open(path, name, None)
        reader.check(EXCHANGES)
        start = before.chunks if before is not None and before.by == __version__ else 0
        number = 0
        for number, chunk in enumerate(reader.chunks(EXCHANGES, COLUMNS), 1):
            if number > start:
                piece = _piece(name, chunk, reader.first_number)
                piece.mark = _read(digest, Whole(number, False, __version__))
                yield piece
        if _stat(path) == stat:  # else it is another file now, of which the next look will tell
            yield Piece(name, mark=_read(digest, Whole(number, True, __version__)))
            yield Piece(name, mark=_seen(name, stat, digest))

    def _place(self, path: Path, name: str, state: State) -> tuple[Place, bool]:
        """How far this file was read, under this name (True) or another; the beginning if never."""
        own = state.lines.get(name)
        if own is not None and is_continued(path, own, wholly=False):
            return own, True
        with path.open("rb") as file:
            head = file.read(ENDS)
        alike = [
            place
            for size, places in self._heads.items()
            for place in places.get(digest_of(head[:size]), ())
            if is_continued(path, place, wholly=True)
        ]
        return max(alike, key=lambda place: place.offset, default=Place()), False

    def _open(self, path: Path, name: str, block: Block | None) -> Reader:
        _, reader = open_file(
            path, name, EXCHANGES, self._mapping, assume_utc=self._assume_utc, split=block
        )
        return reader

    def _settled(self, name: str, stat: Stat, now: float) -> bool:
        before, since = self._since.get(name, (None, now))
        if before != stat:
            self._since[name] = (stat, now)
            return False
        return now - since >= SETTLE_SECONDS

    def _tell_ignored(self, ignored: tuple[str, ...]) -> None:
        new = sorted(frozenset(ignored) - self._ignored)
        if new:
            shown = ", ".join(new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
            self._say(f"of no known format, not read: {shown}")
        self._ignored |= frozenset(new)


def _by_head(state: State) -> dict[int, dict[str, list[Place]]]:
    """The places of all files, so that a new name is compared with few of them."""
    found: dict[int, dict[str, list[Place]]] = {}
    for place in (*state.lines.values(), *state.displaced):
        if place.offset:
            found.setdefault(place.head_bytes, {}).setdefault(place.head, []).append(place)
    return found


def _piece(name: str, chunk: Chunk, first_number: int) -> Piece:
    rows = chunk.rows
    batch = with_one_spelling(keep_valid(chunk, EXCHANGES))
    bad = [(int(rows[i]), fault) for i, fault in chunk.faults.items()] + chunk.lost
    told = [(row + first_number, str(fault.cause), fault.detail) for row, fault in sorted(bad)]
    return Piece(name, batch, chunk.rows + first_number, list(told))


def _unreadable(name: str, error: OSError) -> InputError:
    return InputError(
        f"cannot be read: {error.strerror or error}.",
        where=name,
        next_step="Give the user who runs iolaus read access to it, or move it away.",
    )


def _at(name: str, place: Place) -> Mark:
    return lambda state: state.at(name, place)


def _read(digest: str, whole: Whole) -> Mark:
    return lambda state: state.whole.update({digest: whole})


def _seen(name: str, stat: Stat, digest: str) -> Mark:
    return lambda state: state.seen_as.update({name: (*stat, digest)})


def _stat(path: Path) -> Stat | None:
    """None where the file is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
