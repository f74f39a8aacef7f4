"""An ingest: from a log directory into a store, commit by commit.

    1  pieces of new rows (source.py) become rows with features, several at a time
    2  what has gathered to `batch_bytes`, or waited long enough, is one commit:
       a  rows whose exchange_id the store has, or an earlier row of the batch, are duplicates
       b  day files, sealed texts, rejects, ids and aliases are written under the commit's number
       c  state.json says that the commit stands, and how far each file was read
    3  killed before 2c, the next start removes that number's files and reads the rows again

So every row of the source is stored, rejected or a duplicate, once: read == stored + rejected +
duplicates in every state.json.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.errors import InputError
from iolaus.core.store import is_store, mark_store
from iolaus.core.tables import REJECTS
from iolaus.logs.durable import sync_folder
from iolaus.logs.find import find
from iolaus.logs.ingest import seen, small, state, write
from iolaus.logs.ingest.begin import refuse, refuse_other_pseudonyms, refuse_without_state
from iolaus.logs.ingest.lock import allow_readers, ingesting, writing
from iolaus.logs.ingest.pending import Pending, by_time, places
from iolaus.logs.ingest.source import Piece, Source
from iolaus.logs.ingest.write import Protection
from iolaus.logs.mapping import LogMapping, load
from iolaus.logs.privacy.store import ERASED_FILE
from iolaus.logs.remote import located

MOST_ROWS: Final = 1 << 20  # of a commit; its hashes and order take 60 B a row besides
MOST_BAD: Final = 1 << 17  # rejected rows of a commit; as Python objects 300 B each: 40 MB
WHO: Final = "iolaus ingest"
PATIENCE_SECONDS: Final = 3_600.0  # an erasure may rewrite every file of a large store

Transform = Callable[[pa.RecordBatch], pa.RecordBatch]


class Ingest:
    """Between `with` and its end the only ingest into the store. Everything is committed by `look`
    as it gathers, and the rest by `commit`."""

    def __init__(
        self,
        root: Path,
        store: Path,
        transform: Transform,
        *,
        tables: small.Change,
        protection: Protection | None,
        mapping: Path | None = None,
        assume_utc: bool = False,
        follow: bool = False,
        batch_bytes: int,
        threads: int,
        say: Callable[[str], None],
    ) -> None:
        """transform: valid exchanges (core EXCHANGES) -> rows to be stored: without the texts that
        are not needed any more, with exchange_hash and TEXT_FEATURES. It is called by `threads`
        threads. tables: what of the small tables is stored.

        batch_bytes: of rows held before they are written. Raises InputError, ConfigError.
        """
        self._store = store
        self._transform, self._change, self._protection = transform, tables, protection
        self._batch_bytes, self._threads, self._say = batch_bytes, threads, say
        root = self._root = located(root)
        refuse(root, store)
        found = find(root, empty_ok=follow)
        chosen = mapping or found.mapping
        rules = load(chosen) if chosen is not None else LogMapping()
        self._follow = follow
        self._source = Source(root, rules, assume_utc=assume_utc, follow=follow, say=say)
        self._tables = small.SmallTables(rules, assume_utc=assume_utc, wait=say if follow else None)
        self._pending = Pending()
        self._generation = (0, 0)
        self._trouble = ""  # what was said last of a log that cannot be listed
        self._open = ExitStack()
        self.state = state.State()

    def __enter__(self) -> Self:
        folder = self._store / state.FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opening:
            opening.enter_context(ingesting(folder, WHO))
            with writing(self._store, WHO, wait_seconds=PATIENCE_SECONDS):
                self._recover(folder)
            self._pool = opening.enter_context(ThreadPoolExecutor(self._threads))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def look(self, now: float, stop: Event, tell: Callable[[int], None]) -> None:
        """Read what is new, and commit whenever enough has gathered. now: a clock's seconds.

        Ends early once `stop` is set. What was read of a file that then fails is committed. While
        following, a log that cannot be listed just now is said, and looked at the next time.
        """
        if not self.waits:
            self._generation = self._erasures()
        try:
            self._merge_tables()
            for piece, batch in self._transformed(self._source.pieces(self.state, now), stop):
                self._pending.add(piece, batch)
                if piece.mark is not None:
                    piece.mark(self.state)
                if self._full() and not self.commit():
                    return
                tell(self.state.read + self._pending.count + len(self._pending.bad))
            self._trouble = ""
        except InputError as error:
            self.commit()
            if not self._follow:
                raise
            if str(error) != self._trouble:
                self._say(f"left until the next look: {error}")
            self._trouble = str(error)

    def commit(self) -> bool:
        """Store what is held, if anything is. False: it was given up, to be read again."""
        held = self._pending
        if held.between or not (held.batches or held.bad or held.marked):
            return True
        with writing(self._store, WHO, wait_seconds=PATIENCE_SECONDS):
            if self._generation != self._erasures():
                self._say("an account was erased meanwhile: what is not stored yet is read again")
                self._reload()
                return False
            self._write(held)
        self._pending = Pending()
        self._seen.merge()
        return True

    @property
    def waits(self) -> bool:
        """Is anything held that is not in the store yet?"""
        return bool(self._pending.batches or self._pending.bad)

    def unfinished(self) -> dict[str, int]:
        """Files whose last line is not whole, with its bytes so far."""
        return self._source.unfinished()

    def _recover(self, folder: Path) -> None:
        """Begin a store, or go on with one: what no commit stands for is removed."""
        before = state.load(self._store)
        if before is None:
            refuse_without_state(self._store)
            self.state = state.State(pseudonyms=self._purposes())
            state.save(self.state, self._store)
        else:
            self.state = before
            refuse_other_pseudonyms(self._store, before, self._purposes())
        if not is_store(self._store):
            mark_store(self._store)
            sync_folder(self._store)
        allow_readers(self._store)
        removed = write.remove_after(self._store, self.state.batch)
        for path in folder.glob(".*.tmp"):
            path.unlink()
        self._seen = seen.Seen(folder / seen.FOLDER, until=self.state.batch)
        if removed:
            self._say("an earlier run was stopped in the middle of a commit: going on from there")

    def _transformed(
        self, pieces: Iterator[Piece], stop: Event
    ) -> Iterator[tuple[Piece, pa.RecordBatch | None]]:
        """Pieces in their order, with features; at most `threads` + 1 are held."""
        waiting: deque[tuple[Piece, Future[pa.RecordBatch] | None]] = deque()
        try:
            for piece in pieces:
                batch, piece.batch = piece.batch, None
                has_rows = batch is not None and batch.num_rows
                made = self._pool.submit(self._transform, batch) if has_rows else None
                waiting.append((piece, made))
                if len(waiting) > self._threads:
                    yield _result(waiting.popleft())
                if stop.is_set() and piece.mark is not None:
                    break
        except InputError as error:  # the pieces before it are good
            while waiting:
                yield _result(waiting.popleft())
            raise error
        while waiting:
            yield _result(waiting.popleft())

    def _full(self) -> bool:
        held = self._pending
        large = held.bytes >= self._batch_bytes or held.count >= MOST_ROWS
        return (large or len(held.bad) >= MOST_BAD) and not held.between

    def _write(self, held: Pending) -> None:
        """2a to 2c. The state in memory is ahead of the one on disk until `save`."""
        now, number = self.state, self.state.batch + 1
        rejected = Counter(cause for _, (_, cause, _) in held.bad)
        if held.batches:
            rows = pa.Table.from_batches(held.batches).combine_chunks()
            held.batches.clear()  # they are half of the memory
            hashes = rows["exchange_hash"].to_numpy()
            new = self._new(hashes)
            duplicates = places(held, np.flatnonzero(~new))
            met = write.write_days(
                self._store, number, rows, by_time(rows, new), self._protection, self._pool
            )
            self._seen.add(number, hashes[new])
            write.join_aliases(self._store, met)
        else:
            duplicates = REJECTS.empty_table()
        bad = [(name, (row, cause, self._detail(said))) for name, (row, cause, said) in held.bad]
        write.write_rejects(self._store, number, bad, duplicates)
        now.read += held.count + len(held.bad)
        now.stored += held.count - duplicates.num_rows
        now.duplicates += duplicates.num_rows
        now.rejected = dict(Counter(now.rejected) + rejected)
        now.batch = number
        state.save(now, self._store)

    def _new(self, hashes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The first row of each exchange that the store has not."""
        _, first = np.unique(hashes, return_index=True)
        new = np.zeros(len(hashes), np.bool_)
        new[first] = True
        return new & ~self._seen.among(hashes)

    def _merge_tables(self) -> None:
        """Accounts, releases and enforcement that have changed; each is a commit of its own."""
        found = find(self._root, empty_ok=self._follow)
        for table in self._tables.changed(found, self.state.tables):
            if not self.commit():
                return
            with writing(self._store, WHO, wait_seconds=PATIENCE_SECONDS):
                self._write_table(table)

    def _write_table(self, table: small.SmallTable) -> None:
        number = self.state.batch + 1
        bad = table.rejects.table(1_000).to_pylist()
        told = [(r["file"], (r["row"], r["cause"], self._detail(r["detail"]))) for r in bad]
        write.write_rejects(self._store, number, told, REJECTS.empty_table())
        met = small.merge(self._store, table, self._change, self._protection)
        write.join_aliases(self._store, met)
        self.state.tables[table.name] = table.digest
        self.state.rejected_of_tables = dict(
            Counter(self.state.rejected_of_tables) + Counter(table.rejects.counts)
        )
        self.state.batch = number
        state.save(self.state, self._store)

    def _reload(self) -> None:
        """Forget what is held, and how far it had been read."""
        before = state.load(self._store)
        if before is not None:
            self.state = before
        self._pending = Pending()
        self._source.forget()
        self._tables.forget()

    def _erasures(self) -> tuple[int, int]:
        """Changes whenever an account has been erased from the store."""
        path = self._store / ERASED_FILE
        if not path.exists():
            return (0, 0)
        found = path.stat()
        return (found.st_size, found.st_mtime_ns)

    def _detail(self, detail: str) -> str:
        """Details repeat what stood in the row; under [privacy] that may be a name."""
        return detail if self._protection is None else ""

    def _purposes(self) -> list[str]:
        return sorted(self._protection.purposes) if self._protection is not None else []


def _result(
    waiting: tuple[Piece, Future[pa.RecordBatch] | None],
) -> tuple[Piece, pa.RecordBatch | None]:
    piece, made = waiting
    return piece, made.result() if made is not None else None
