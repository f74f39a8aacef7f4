"""python -m benchmarks.ingest [--work DIR] | --page"""

import argparse
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, freeze
from benchmarks.harness.page import Result, rewrite
from benchmarks.harness.tables import NOT_YET, provenance, table
from benchmarks.ingest.speed import KINDS, ROWS

RESULTS = Path(__file__).with_name("results")
PAGE = origin.ROOT / "docs" / "ingest.md"
TITLES = {
    "jsonl": "JSON lines, prompt and system prompt",
    "jsonl_memory": "the same, `--memory 256MB`",
    "jsonl_responses": "the same, and a response of 400 characters",
    "jsonl_pseudonyms": 'prompt and system prompt, `[privacy]` with `text = "drop"`',
    "jsonl_sealed": 'the same, `text = "encrypt"`',
    "parquet": "Parquet, prompt and system prompt",
}


@dataclass(frozen=True)
class Cell:
    """One kind of log."""

    kind: str

    @property
    def name(self) -> str:
        return self.kind

    def parameters(self) -> dict[str, Any]:
        return {"kind": self.kind, "rows": ROWS, "given": list(KINDS[self.kind])}


def main() -> None:
    """Measure what is not frozen for the last commit of the package, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--work", type=Path, default=Path("/tmp/iolaus-benchmarks"))
    parser.add_argument("--page", action="store_true", help="only write docs/ingest.md")
    options = parser.parse_args()
    if not options.page:
        work(Bench.at(options.work, None, RESULTS))
    rewrite(PAGE, {"speed": speed, "provenance": provenance}, RESULTS)


def work(bench: Bench) -> None:
    """Run and freeze; about 30 s a kind on an idle machine."""
    for kind in KINDS:
        cell = Cell(kind)
        freeze(bench, cell, partial(asked, bench, cell))


def asked(bench: Bench, cell: Cell) -> dict[str, Any]:
    """What one ingest took, in a directory of its own."""
    folder = bench.work / "ingest" / cell.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = bench.asked("benchmarks.ingest.speed", cell.kind, str(folder))
    shutil.rmtree(folder)
    return {"measured": found}


def speed(found: list[Result]) -> str:
    """Rows per CPU second, the share of the one thread that cannot be divided, and memory."""
    measured = {result["parameters"]["kind"]: result["measured"] for result in found}
    rows = [
        [
            said,
            f"{m['bytes'] / m['rows']:,.0f}",
            f"{m['rows'] / m['cpu_s']:,.0f}",
            f"{two_cores(m):,.0f}",
            f"{m['rows'] / m['wall_s']:,.0f} (load {m['load']})",
            f"{m['peak_rss'] / 1e6:,.0f}",
            f"{m['store_bytes'] / m['rows']:,.0f}",
        ]
        for kind, said in TITLES.items()
        if (m := measured.get(kind))
    ]
    head = [
        "log",
        "bytes a row",
        "rows per CPU second",
        "on two free cores, at most",
        "rows/s on this machine then",
        "peak memory, MB",
        "bytes a row stored",
    ]
    return table(head, rows) if rows else NOT_YET


def two_cores(m: dict[str, Any]) -> float:
    """Rows a second if both cores were free and neither ever waited: half of all work each, but
    the main thread's own cannot be divided."""
    return float(m["rows"] / max(m["cpu_s"] / 2, m["main_thread_s"]))


if __name__ == "__main__":
    main()
