"""Erasure of an account: its rows go, and the totals of campaigns and of the store stay right.

Accounts are named as the store has them; `pseudonyms.candidates` gives all names of a raw one.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.files import aside, write_table, write_text
from iolaus.logs.privacy.access import AccessLog, Asking
from iolaus.logs.privacy.store import (
    ACCOUNT_TABLES,
    ALIASES_FILE,
    ERASED,
    ERASED_FILE,
    EXCHANGES_DIR,
    KNOWN_FILE,
    RESULT_TABLES,
    TEXTS_DIR,
    day_files,
    days,
    rows_of,
)

PENDING: Final = "erasing.json"
TOKENS: Final = ("input_tokens", "output_tokens")


@dataclass(frozen=True)
class Erasure:
    """What was erased, and what must be made anew: report.html of each result is deleted, since
    it shows accounts and prompts."""

    number: int
    exchanges: int
    days: tuple[date, ...]
    reports: tuple[Path, ...]


def erase_accounts(
    store: Path,
    accounts: Sequence[str],
    *,
    access: AccessLog,
    asking: Asking,
    results: Sequence[Path] = (),
) -> Erasure:
    """Delete all rows of these accounts (one person's) from the store, their names from results.

    1. Count what they sent, by day; write it with their names into STORE/erasing.json, so that
       a killed erasure is finished by the next one.
    2. Rewrite the files that hold their rows: exchanges, texts, accounts, enforcement, aliases.
    3. In results they become 'erased-NUMBER'; rows and campaign totals stay as they are.
    4. Add the counts to STORE/erased.parquet, without names; delete erasing.json.

    The access log keeps the fact and the reason, not the names. The totals of the store are the
    exchanges' rows plus erased.parquet (`totals`).
    """
    _finish(store)
    for part in (EXCHANGES_DIR, TEXTS_DIR):  # a store that cannot be searched whole is refused
        for _, directory in days(store, part):
            day_files(directory)
    wanted = pa.array(accounts, pa.string())
    number = 1 + max(_erased(store)["erasure"].to_pylist(), default=0)
    residue = _counted(store, wanted, number)
    access.append(asking, "erase", {"erasure": number, "accounts": len(accounts)})
    pending = {
        "number": number,
        "accounts": list(accounts),
        "results": [str(directory.resolve()) for directory in results],
        "residue": [{**row, "day": row["day"] and row["day"].isoformat()} for row in residue],
    }
    write_text(json.dumps(pending), store / PENDING)
    return _finish(store) or Erasure(number, 0, (), ())


def totals(store: Path) -> dict[str, int]:
    """Exchanges and tokens that ever came into the store and have not expired, erased or not."""
    sums = {name: int(pc.sum(_erased(store)[name]).as_py() or 0) for name in ERASED.names[2:]}
    for _, directory in days(store, EXCHANGES_DIR):
        for path in day_files(directory):
            with pq.ParquetFile(path) as file:
                sums["exchanges"] += file.metadata.num_rows
                there = [name for name in TOKENS if name in file.schema_arrow.names]
                table = file.read(columns=there)
            for name in there:
                sums[name] += pc.sum(table[name]).as_py() or 0
    return sums


def _counted(store: Path, wanted: pa.Array, number: int) -> list[dict[str, Any]]:
    """ERASED rows of what these accounts sent; one without a day where they sent nothing."""
    nothing = dict.fromkeys(ERASED.names, 0) | {"erasure": number}
    counted: dict[date, dict[str, Any]] = {}
    for table in rows_of(store, EXCHANGES_DIR, wanted):
        there = [name for name in ("ts", *TOKENS) if name in table.column_names]
        for row in table.select(there).to_pylist():
            day = row["ts"].date()
            sums = counted.setdefault(day, nothing | {"day": day})
            sums["exchanges"] += 1
            for name in TOKENS:
                sums[name] += row.get(name) or 0
    return list(counted.values()) or [nothing | {"day": None}]


def _finish(store: Path) -> Erasure | None:
    """Carry out what erasing.json says; None where there is none. Every step may be repeated."""
    if not (store / PENDING).exists():
        return None
    pending = json.loads((store / PENDING).read_text(encoding="utf-8"))
    wanted, number = pa.array(pending["accounts"], pa.string()), int(pending["number"])
    for part in (EXCHANGES_DIR, TEXTS_DIR):
        for _, directory in days(store, part):
            for path in day_files(directory):
                _rewrite(path, wanted)
    for name in ACCOUNT_TABLES:
        if (store / f"{name}.parquet").exists():
            _rewrite(store / f"{name}.parquet", wanted, keep_empty=True)
    _forget_aliases(store / ALIASES_FILE, wanted)
    reports = [r for d in pending["results"] if (r := _rename(Path(d), wanted, f"erased-{number}"))]
    residue = [
        {**row, "day": row["day"] and date.fromisoformat(row["day"])} for row in pending["residue"]
    ]
    _add_residue(store, number, residue)
    (store / PENDING).unlink()
    return Erasure(
        number,
        sum(row["exchanges"] for row in residue),
        tuple(sorted(row["day"] for row in residue if row["day"])),
        tuple(reports),
    )


def _rewrite(path: Path, wanted: pa.Array, *, keep_empty: bool = False) -> None:
    """The file without these accounts' rows; row groups stay, an empty file goes."""
    with pq.ParquetFile(path) as file:
        groups = range(file.num_row_groups)
        ids = [file.read_row_group(group, columns=["account_id"])["account_id"] for group in groups]
        gone = [pc.is_in(column, wanted) for column in ids]
        if not any(pc.any(mask).as_py() for mask in gone):
            return
        left = sum(len(mask) - pc.sum(mask).as_py() for mask in gone)
        if not left and not keep_empty:
            path.unlink()
            return
        schema = file.schema_arrow
        with (
            aside(path) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd") as to,
        ):
            for group, mask in zip(groups, gone, strict=True):
                to.write_table(file.read_row_group(group).filter(pc.invert(mask)))


def _forget_aliases(path: Path, wanted: pa.Array) -> None:
    if path.exists():
        table = pq.read_table(path)
        named = pc.or_(pc.is_in(table["old"], wanted), pc.is_in(table["new"], wanted))
        if pc.any(named).as_py():
            write_table(table.filter(pc.invert(named)), path)


def _rename(out: Path, wanted: pa.Array, name: str) -> Path | None:
    """Take the accounts' names out of one directory of results; its report, if one was deleted."""
    for table_name in RESULT_TABLES:
        path = out / f"{table_name}.parquet"
        if path.exists():
            table = pq.read_table(path)
            renamed = _renamed(table["account_id"].combine_chunks(), wanted, name)
            at = table.column_names.index("account_id")
            write_table(table.set_column(at, table.schema.field(at), renamed), path)
    _rename_known(out / KNOWN_FILE, wanted, name)
    shutil.rmtree(out / "stages", ignore_errors=True)
    report = out / "report.html"
    there = report.exists()
    report.unlink(missing_ok=True)
    return report if there else None


def _renamed(ids: pa.Array, wanted: pa.Array, name: str) -> pa.Array:
    return pc.if_else(pc.is_in(ids, wanted), pa.scalar(name), ids)


def _rename_known(path: Path, wanted: pa.Array, name: str) -> None:
    """known.parquet has its members in a list of each campaign's row."""
    if not path.exists():
        return
    table = pq.read_table(path)
    field = table.schema.field("members")
    lists = table["members"].combine_chunks()
    rows = lists.to_pylist()
    names = set(wanted.to_pylist())
    for members in rows:
        for member in members or ():
            if member["account_id"] in names:
                member["account_id"] = name
    at = table.column_names.index("members")
    write_table(table.set_column(at, field, pa.array(rows, field.type)), path)


def _erased(store: Path) -> pa.Table:
    path = store / ERASED_FILE
    return pq.read_table(path) if path.exists() else ERASED.empty_table()


def _add_residue(store: Path, number: int, residue: list[dict[str, Any]]) -> None:
    before = _erased(store)
    if number not in before["erasure"].to_pylist():
        added = pa.Table.from_pylist(residue, schema=ERASED)
        write_table(pa.concat_tables([before, added]), store / ERASED_FILE)
