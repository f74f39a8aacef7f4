"""The worst that a log can do to a scan: the same exchanges with one column turned against it.

one_address    everyone behind one address
one_skeleton   one skeleton shared by all
half           one account with half of the log, from one address
addresses      one account with a third of the log, at everybody's addresses: each is a token
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.harness.bench import Bench

from iolaus.core.store import mark_store

SMALL: Final = ("accounts.parquet", "releases.parquet", "enforcement.parquet")
COUNTED: Final = ("token_days", "shared_prompts")  # tables whose rows say how much work there was
TOKENS: Final = ("network_days", "software_days", "wording_days")
ADDRESS, SKELETON = "198.51.100.7", 7  # an address of RFC 5737, and any skeleton

Change = Callable[[pa.Table, str], pa.Table]  # one day's exchanges, and the account to choose


def one_address(rows: pa.Table, account: str) -> pa.Table:
    return _put(rows, "client_ip", pa.scalar(ADDRESS), np.ones(rows.num_rows, dtype=bool))


def one_skeleton(rows: pa.Table, account: str) -> pa.Table:
    everywhere = np.ones(rows.num_rows, dtype=bool)
    return _put(rows, "skeleton", pa.scalar(SKELETON, pa.int64()), everywhere)


def half(rows: pa.Table, account: str) -> pa.Table:
    every_second = np.arange(rows.num_rows) % 2 == 0
    rows = _put(rows, "client_ip", pa.scalar(ADDRESS), every_second)
    return _put(rows, "account_id", pa.scalar(account), every_second)


def addresses(rows: pa.Table, account: str) -> pa.Table:
    return _put(rows, "account_id", pa.scalar(account), np.arange(rows.num_rows) % 3 == 0)


CASES: Final[dict[str, Change]] = {
    "one_address": one_address,
    "one_skeleton": one_skeleton,
    "half": half,
    "addresses": addresses,
}


def _put(rows: pa.Table, name: str, value: pa.Scalar, where: np.ndarray) -> pa.Table:
    place = rows.schema.get_field_index(name)
    changed = pc.if_else(pa.array(where), value, rows[name])
    return rows.set_column(place, rows.schema.field(place), changed)


def turned(log: Path, to: Path, case: str) -> None:
    """A store like the one at `log`, with a case's change; day by day, in the memory of a day."""
    (to / "exchanges").mkdir(parents=True)
    for name in SMALL:
        shutil.copy(log / name, to / name)
    files = sorted((log / "exchanges").glob("*.parquet"))
    account = pq.read_table(files[0], columns=["account_id"])["account_id"][0].as_py()
    for file in files:
        rows = CASES[case](pq.read_table(file), account)
        pq.write_table(rows, to / "exchanges" / file.name, compression="zstd")
    mark_store(to)


def rows_of(stages: Path) -> dict[str, int]:
    """How many rows some tables of a scan had, from its kept stages."""
    tables = {name: _files_of(stages, name) for name in COUNTED}
    tables |= {file.stem: [file] for file in stages.glob("links_of_*.parquet")}
    return {
        name: sum(pq.read_metadata(file).num_rows for file in files)
        for name, files in tables.items()
    }


def _files_of(stages: Path, name: str) -> list[Path]:
    """A table's file; the tokens of large days stand in several."""
    whole = stages / f"{name}.parquet"
    if whole.exists() or name != "token_days":
        return [whole]
    daily = [file for table in TOKENS for file in sorted((stages / table).glob("*.parquet"))]
    return [stages / "made_tokens.parquet", *daily]


@dataclass(frozen=True)
class Worst:
    """One case, made from the world of a size that was written before."""

    size: str
    case: str
    given: dict[str, Any]  # the parameters of the world

    @property
    def name(self) -> str:
        return f"worst-{self.case}-{self.size}"

    def parameters(self) -> dict[str, Any]:
        return {**self.given, "case": self.case}


def measure(bench: Bench, cell: Worst, world: Path, scan: tuple[str, ...]) -> dict[str, Any]:
    """Turn the world's log, scan it, count. `scan`: options of `iolaus scan`."""
    log, out = bench.work / cell.name, bench.work / f"{cell.name}-out"
    for directory in (log, out):
        shutil.rmtree(directory, ignore_errors=True)
    turned(world / "log", log, cell.case)
    scanned = bench.call(f"{cell.name}-scan", "scan", str(log), "--out", str(out), "--keep-stages",
                         *scan)  # fmt: skip
    found = {"scan": asdict(scanned), "rows": rows_of(out / "stages")}
    for directory in (log, out):
        shutil.rmtree(directory)
    return found
