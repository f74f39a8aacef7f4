"""The source's small tables into the store's: accounts, releases, enforcement.

They are merged, not replaced: several sources may feed one store, and a source's table may grow. Of
an account the row that came last stands. Merging the same table again changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.logs.durable import write
from iolaus.logs.find import Found
from iolaus.logs.ingest.write import Protection
from iolaus.logs.log import Log, LogFile
from iolaus.logs.mapping import LogMapping
from iolaus.logs.privacy.pseudonyms import ALIASES
from iolaus.logs.rejects import Rejects

# Columns that tell two rows apart.
KEYS: Final = {
    "accounts": ("account_id",),
    "releases": ("model", "released_at"),
    "enforcement": ("account_id", "at", "action"),
}

Change = Callable[[str, pa.Table], pa.Table]  # name, table -> what of it is stored


@dataclass(frozen=True)
class SmallTable:
    """One that the store has not seen as it is now. rejects: of it alone."""

    name: str
    digest: str
    table: pa.Table
    rejects: Rejects


class SmallTables:
    """The small tables of one source. wait: told of one that cannot be read yet (None: raise)."""

    def __init__(
        self,
        mapping: LogMapping | None,
        *,
        assume_utc: bool,
        wait: Callable[[str], None] | None = None,
    ) -> None:
        self._mapping, self._assume_utc, self._wait = mapping, assume_utc, wait
        self._looked: dict[str, tuple[int, int]] = {}

    def changed(self, found: Found, known: dict[str, str]) -> Iterator[SmallTable]:
        """Those whose digest is not the `known` one. Raises InputError if one cannot be read."""
        for name, path in sorted(found.others.items()):
            stat = path.stat()
            seen = (stat.st_size, stat.st_mtime_ns)
            if self._looked.get(name) == seen:
                continue
            digest = LogFile(path, path.name, stat.st_size).digest()
            if known.get(name) != digest and (table := self._read(found, name, digest)) is not None:
                yield table
            self._looked[name] = seen

    def _read(self, found: Found, name: str, digest: str) -> SmallTable | None:
        rejects = Rejects()
        alone = Found(found.root, (), {name: found.others[name]}, (), None)
        try:
            log = Log(alone, rejects, assume_utc=self._assume_utc, mapping=self._mapping)
            return SmallTable(name, digest, getattr(log, name)(), rejects)
        except InputError as error:
            if self._wait is None:
                raise
            self._wait(f"left until it changes: {error}")
            return None

    def forget(self) -> None:
        """Look at every one again."""
        self._looked.clear()


def merge(
    store: Path, small: SmallTable, change: Change, protection: Protection | None
) -> pa.Table:
    """Put the table's rows into the store's. On the disk when it returns; may be repeated.

    Returns the aliases met (privacy).
    """
    path = store / f"{small.name}.parquet"
    tables = [change(small.name, small.table)]
    protector = protection.protector() if protection is not None else None
    if protector is not None:
        tables = [protector.table(tables[0])]
    if path.exists():
        tables.insert(0, pq.read_table(path))
    joined = pa.concat_tables(tables, promote_options="default").combine_chunks()
    keys = list(zip(*(joined[name].to_pylist() for name in KEYS[small.name]), strict=True))
    last = {key: row for row, key in enumerate(keys)}  # in the order in which each came first
    rows = list(last.values())
    write(joined.take(pa.array(rows, pa.int64())), path)
    return ALIASES.empty_table() if protector is None else protector.aliases()
