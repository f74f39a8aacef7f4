"""python -m benchmarks.enrichment --corpora DIR [--work DIR] | --page"""

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, freeze
from benchmarks.harness.page import Result, rewrite
from benchmarks.harness.tables import NOT_YET, provenance, table

RESULTS = Path(__file__).with_name("results")
PAGE = origin.ROOT / "docs" / "enrichment.md"
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Cell:
    """One run."""

    seed: int

    @property
    def name(self) -> str:
        return f"addresses-{self.seed}"

    def parameters(self) -> dict[str, Any]:
        return {"seed": self.seed}


def main() -> None:
    """Measure what is not frozen for the last commit of the package, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.enrichment")
    parser.add_argument("--corpora", type=Path, help="has netintel/ (docs/worlds.md)")
    parser.add_argument("--work", type=Path, default=Path("/tmp/iolaus-benchmarks"))
    parser.add_argument("--page", action="store_true", help="only write docs/enrichment.md's table")
    options = parser.parse_args()
    if not options.page:
        if not options.corpora:
            parser.error("--corpora is needed, or --page alone")
        work(Bench.at(options.work, options.corpora, RESULTS))
    rewrite(PAGE, {"speed": speed, "provenance": provenance}, RESULTS)


def work(bench: Bench) -> None:
    """Run and freeze; about 20 s a cell."""
    netintel = str(bench.corpora and bench.corpora / "netintel")

    def measured(seed: int) -> dict[str, Any]:
        return {"measured": bench.asked("benchmarks.enrichment.work", netintel, str(seed))}

    for cell in map(Cell, SEEDS):
        freeze(bench, cell, partial(measured, cell.seed))


WHAT = {
    "v4_each_1_times_per_s": "IPv4, every exchange from another address",
    "v4_each_10_times_per_s": "IPv4, ten exchanges from each address",
    "v6_each_1_times_per_s": "IPv6, every exchange from another address",
    "v6_each_10_times_per_s": "IPv6, ten exchanges from each address",
    "plain_loop_per_s": "for comparison: `ipaddress` and `bisect`, country alone, one by one",
}


def speed(found: list[Result]) -> str:
    """Exchanges per CPU second, least and most over the runs; and the time to compile."""
    if not found:
        return NOT_YET
    measured = [result["measured"] for result in found]
    rows = [[what, span([m[name] for m in measured], ",")] for name, what in WHAT.items()]
    first, seconds = measured[0], span([m["compile_s"] for m in measured], "")
    said = (
        f"Compiling {first['entries']:,} entries ({first['segments']['v4']:,} segments of IPv4, "
        f"{first['segments']['v6']:,} of IPv6) takes {seconds} CPU seconds."
    )
    return f"{table(['exchanges enriched per CPU second, one thread', 'rate'], rows)}\n\n{said}"


def span(values: list[float], form: str) -> str:
    low, high = min(values), max(values)
    return f"{low:{form}}" if low == high else f"{low:{form}} to {high:{form}}"


if __name__ == "__main__":
    main()
