"""python -m benchmarks.spark --work DIR [--exchanges N] | --page"""

import argparse
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, frozen, head
from benchmarks.harness.page import Result, filled, load
from benchmarks.harness.tables import NOT_YET, provenance, table

from iolaus.core.files import write_text

RESULTS: Final = Path(__file__).with_name("results")
PAGE: Final = origin.ROOT / "docs" / "spark.md"
SEED: Final = 23
PER_ACCOUNT: Final = 300  # exchanges of an account, on average
MEMORY, THREADS = "6GB", 2
PARTS: Final = ("prepare", "tokens", "investigate")  # of run.json: what runs SQL
ENGINES: Final = {
    "duckdb": ("--engine", "duckdb"),
    "spark": ("--engine", "spark", "--master", f"local[{THREADS}]"),
}


@dataclass(frozen=True)
class Cell:
    """One world without text, scanned by each engine."""

    exchanges: int

    @property
    def name(self) -> str:
        return f"scan-{self.exchanges // 1_000}K"

    def parameters(self) -> dict[str, Any]:
        return {"exchanges": self.exchanges, "seed": SEED, "memory": MEMORY, "threads": THREADS}


def main() -> None:
    """Measure what is not frozen for the last commit of the package, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark")
    parser.add_argument(
        "--work", type=Path, help="for the world and the outputs, removed at the end"
    )
    parser.add_argument("--exchanges", type=int, default=1_000_000)
    parser.add_argument("--page", action="store_true", help="only write docs/spark.md's tables")
    options = parser.parse_args()
    if not options.page:
        if not options.work:
            parser.error("--work is needed, or --page alone")
        bench, cell = Bench.at(options.work, None, RESULTS), Cell(options.exchanges)
        if not frozen(bench, cell):
            measure(bench, cell)
    write_text(filled(PAGE.read_text(encoding="utf-8"), TABLES, load(RESULTS)), PAGE)


def measure(bench: Bench, cell: Cell) -> None:
    """Write the world, scan it with each engine, compare what they found; freeze it all."""
    machine, began = origin.machine(), datetime.now(UTC)
    world, accounts = bench.work / cell.name, cell.exchanges // PER_ACCOUNT
    shutil.rmtree(world, ignore_errors=True)
    bench.call(
        f"{cell.name}-simulate", "simulate", "long", "--metadata-only", "--seed", str(SEED),
        "--accounts", str(accounts), "--campaign-accounts", str(accounts // 20), "--exchanges",
        str(cell.exchanges), "--out", str(world),
    )  # fmt: skip
    result: dict[str, Any] = head(bench, cell, began, machine)
    for engine, chosen in ENGINES.items():
        out = bench.work / f"{cell.name}-{engine}"
        shutil.rmtree(out, ignore_errors=True)
        usage = bench.call(
            f"{cell.name}-{engine}", "scan", str(world / "log"), "--out", str(out),
            "--memory", MEMORY, "--threads", str(THREADS), *chosen,
        )  # fmt: skip
        facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
        result[engine] = {"usage": asdict(usage), "timings_s": facts["timings_s"]}
    tables = [bench.work / f"{cell.name}-{engine}" / "members.parquet" for engine in ENGINES]
    result["same_members"] = members(tables[0]) == members(tables[1])
    write_text(json.dumps(result, indent=1) + "\n", bench.results / f"{cell.name}.json")
    for directory in (world, *(path.parent for path in tables)):
        shutil.rmtree(directory)


def members(path: Path) -> list[tuple[str, str]]:
    """(campaign, account) of a scan, sorted."""
    rows: pa.Table = pq.read_table(path, columns=["campaign_id", "account_id"])
    return sorted(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def engines(found: list[Result]) -> str:
    """Seconds of each part of a scan, by size and engine."""
    rows = []
    for r in sorted(found, key=lambda r: r["parameters"]["exchanges"]):
        for engine in ENGINES:
            timings, usage = r[engine]["timings_s"], r[engine]["usage"]
            rows.append([
                f"{r['parameters']['exchanges']:,}", engine,
                *(f"{timings[part]:.0f}" for part in PARTS), f"{usage['wall_s']:.0f}",
                f"{usage['peak_rss'] / 1e9:.1f}", "yes" if r["same_members"] else "no",
            ])  # fmt: skip
    names = ["exchanges", "engine", *(f"{part}, s" for part in PARTS), "whole scan, s",
             "GB of memory", "same members"]  # fmt: skip
    return table(names, rows) if rows else NOT_YET


TABLES: Final = {"engines": engines, "provenance": provenance}

if __name__ == "__main__":
    main()
