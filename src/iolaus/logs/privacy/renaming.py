"""After a rotation: older pseudonyms in the store become the newest ones, file by file.

Whatever reads the store then needs to know nothing of aliases. Sealed texts keep the account name
that they are bound to; `candidates` finds them.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.files import aside, write_table
from iolaus.logs.privacy.access import AccessLog, Asking
from iolaus.logs.privacy.pseudonyms import PURPOSES, resolved, unify
from iolaus.logs.privacy.store import (
    ACCOUNT_TABLES,
    ALIASES_FILE,
    EXCHANGES_DIR,
    day_files,
    days,
)


def rename_store(store: Path, *, access: AccessLog, asking: Asking) -> int:
    """Rewrite the files that hold older pseudonyms; returns how many. Safe to kill and repeat.

    An account that stands in accounts.parquet under two names keeps the later row.
    """
    path = store / ALIASES_FILE
    aliases = pq.read_table(path) if path.exists() else None
    old = _old_names(aliases) if aliases is not None else {}
    files = [path for path in _files(store) if _holds(path, old)]
    if files and aliases is not None:
        access.append(asking, "rename", {"files": len(files), "aliases": aliases.num_rows})
        for path in files:
            _rename(path, aliases)
    if aliases is not None and (store / "accounts.parquet").exists():
        _keep_last(store / "accounts.parquet")
    return len(files)


def _files(store: Path) -> Iterator[Path]:
    for _, directory in days(store, EXCHANGES_DIR):
        yield from day_files(directory)
    for name in ACCOUNT_TABLES:
        if (store / f"{name}.parquet").exists():
            yield store / f"{name}.parquet"


def _old_names(aliases: pa.Table) -> dict[str, pa.Array]:
    """Older names by purpose."""
    found: dict[str, list[str]] = {}
    for row in resolved(aliases).to_pylist():
        found.setdefault(row["purpose"], []).append(row["old"])
    return {purpose: pa.array(names, pa.string()) for purpose, names in found.items()}


def _holds(path: Path, old: dict[str, pa.Array]) -> bool:
    """Whether any column of the file has an older name; only those columns are read."""
    with pq.ParquetFile(path) as file:
        names = [n for n in file.schema_arrow.names if PURPOSES.get(n) in old]
        for group in range(file.num_row_groups if names else 0):
            table = file.read_row_group(group, columns=names)
            for name in names:
                if pc.any(pc.is_in(table[name], old[PURPOSES[name]])).as_py():
                    return True
    return False


def _rename(path: Path, aliases: pa.Table) -> None:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        with aside(path) as new, pq.ParquetWriter(new, schema, compression="zstd") as to:
            for group in range(file.num_row_groups):
                to.write_table(unify(file.read_row_group(group), aliases))


def _keep_last(path: Path) -> None:
    """One row per account, the later one."""
    accounts = pq.read_table(path)
    last = {name: row for row, name in enumerate(accounts["account_id"].to_pylist())}
    if len(last) < accounts.num_rows:
        write_table(accounts.take(pa.array(sorted(last.values()), pa.int64())), path)
