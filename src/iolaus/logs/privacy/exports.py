"""All that is held on an account, written out for the person whose account it is.

Accounts are named as the store has them; `pseudonyms.candidates` gives all names of a raw one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iolaus.core.errors import InputError
from iolaus.logs.privacy.access import AccessLog, Asking
from iolaus.logs.privacy.keys import Keys
from iolaus.logs.privacy.store import (
    ACCOUNT_TABLES,
    ALIASES_FILE,
    EXCHANGES_DIR,
    KNOWN_FILE,
    RESULT_TABLES,
    TEXTS_DIR,
    required,
    rows_of,
)
from iolaus.logs.privacy.text import unseal


def export_accounts(
    store: Path,
    accounts: Sequence[str],
    out: Path,
    *,
    keys: Keys | None,
    access: AccessLog,
    asking: Asking,
    results: Sequence[Path] = (),
) -> dict[str, int]:
    """Write all that the store and these results hold on accounts, as JSON lines in `out`.

    accounts, enforcement, aliases, exchanges, texts, members, detections, known .jsonl, each where
    there is something. Returns rows by file. Raises InputError where `out` is not empty or lies in
    the store.
    """
    if (out.exists() and any(out.iterdir())) or store.resolve() in out.resolve().parents:
        raise InputError(
            "an export needs an empty directory outside the store.",
            where=str(out),
            next_step="Choose another directory for --out.",
        )
    access.append(asking, "export", {"accounts": list(accounts)})
    wanted, counts = pa.array(accounts, pa.string()), dict[str, int]()

    def write(name: str, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            out.mkdir(parents=True, exist_ok=True)
            with (out / f"{name}.jsonl").open("ab") as file:
                file.writelines(orjson.dumps(row, default=_plain) + b"\n" for row in rows)
            counts[name] = counts.get(name, 0) + len(rows)

    for name in ACCOUNT_TABLES:
        write(name, _of(store / f"{name}.parquet", wanted))
    write("aliases", _aliases(store / ALIASES_FILE, wanted))
    for table in rows_of(store, EXCHANGES_DIR, wanted):
        write("exchanges", table.to_pylist())
    for table in rows_of(store, TEXTS_DIR, wanted):
        write("texts", list(unseal(table, required(keys))))
    for directory in results:
        for name in RESULT_TABLES:
            rows = _of(directory / f"{name}.parquet", wanted)
            write(name, [{"results": directory.name, **row} for row in rows])
        rows = _known(directory / KNOWN_FILE, frozenset(accounts))
        write("known", [{"results": directory.name, **row} for row in rows])
    return counts


def _aliases(path: Path, wanted: pa.Array) -> list[dict[str, Any]]:
    """Which pseudonyms are noted as one account's."""
    if not path.exists():
        return []
    table = pq.read_table(path)
    named = pc.or_(pc.is_in(table["old"], wanted), pc.is_in(table["new"], wanted))
    rows: list[dict[str, Any]] = table.filter(named).to_pylist()
    return rows


def _known(path: Path, accounts: frozenset[str]) -> list[dict[str, Any]]:
    """The accounts as members of known campaigns, which stand in a list of each campaign's row."""
    if not path.exists():
        return []
    return [
        {"campaign_id": row["campaign_id"], **member}
        for row in pq.read_table(path, columns=["campaign_id", "members"]).to_pylist()
        for member in row["members"] or ()
        if member["account_id"] in accounts
    ]


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else str(value)


def _of(path: Path, wanted: pa.Array) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    table = pq.read_table(path)
    rows: list[dict[str, Any]] = table.filter(pc.is_in(table["account_id"], wanted)).to_pylist()
    return rows
