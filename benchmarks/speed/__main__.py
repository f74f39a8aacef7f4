"""python -m benchmarks.speed --work DIR [--size NAME ...] [--worst CASE ...] | --page

--size without a name: no world. --corpora: the text kernel, on real prompts.
"""

import argparse
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, freeze, frozen
from benchmarks.harness.measure import Usage, size_of
from benchmarks.harness.page import Result, rewrite
from benchmarks.harness.tables import NOT_YET, provenance, table
from benchmarks.speed import text
from benchmarks.speed.worst import CASES, Worst
from benchmarks.speed.worst import measure as worst

RESULTS: Final = Path(__file__).with_name("results")
PAGE: Final = origin.ROOT / "docs" / "speed.md"
SEED: Final = 21
MEMORY, THREADS = "8GB", 2
SCAN: Final = ("--memory", MEMORY, "--threads", str(THREADS))
PER_ACCOUNT: Final = 1_152  # exchanges of a campaign's account: 28.8 million by 25,000
# Exchanges, accounts, campaign accounts; gigabytes of disk and minutes, as measured before.
SIZES: Final = {
    "3M": (3_000_000, 10_000, 250, 1, 3),
    "30M": (30_000_000, 100_000, 2_500, 5, 15),
    "300M": (300_000_000, 1_000_000, 25_000, 20, 19),
}


@dataclass(frozen=True)
class Cell:
    """One world without text: written, merely read, scanned."""

    size: str

    @property
    def name(self) -> str:
        return f"scan-{self.size}"

    def parameters(self) -> dict[str, Any]:
        exchanges, accounts, members, *_ = SIZES[self.size]
        return {
            "exchanges": exchanges, "accounts": accounts, "campaign_accounts": members,
            "seed": SEED, "memory": MEMORY, "threads": THREADS,
        }  # fmt: skip


def main() -> None:
    """Measure what is not frozen for the last commit of the package, then write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("--work", type=Path, help="for worlds and outputs, removed afterwards")
    parser.add_argument("--size", nargs="*", choices=SIZES, default=["3M"])
    parser.add_argument("--worst", nargs="+", choices=CASES, default=[], help="of each size")
    parser.add_argument("--corpora", type=Path, help="measure the text kernel on these prompts")
    parser.add_argument("--page", action="store_true", help="only write docs/speed.md's tables")
    options = parser.parse_args()
    if not options.page:
        if not options.work:
            parser.error("--work is needed, or --page alone")
        if options.corpora and not text.others_there():
            parser.error("--corpora compares with others; first: pip install datasketch rensa")
        bench = Bench.at(options.work, None, RESULTS)
        for cell in map(Cell, options.size):
            if not frozen(bench, cell):
                *_, disk, minutes = SIZES[cell.size]
                print(f"{cell.name}: about {minutes} minutes and {disk} GB of disk")
                freeze(bench, cell, partial(measure, bench, cell))
            cases = [Worst(cell.size, case, cell.parameters()) for case in options.worst]
            missing = [case for case in cases if not frozen(bench, case)]
            world = bench.work / f"{cell.name}-worst"
            if missing:
                write_world(bench, cell, world)
            for case in missing:
                print(case.name)
                freeze(bench, case, partial(worst, bench, case, world, SCAN))
            shutil.rmtree(world, ignore_errors=True)
        if options.corpora:
            prompts = Bench.at(options.work, options.corpora, RESULTS)
            freeze(prompts, text.Text(), partial(text.measure, prompts))
    rewrite(PAGE, TABLES, RESULTS)


def write_world(bench: Bench, cell: Cell, world: Path) -> Usage:
    """Simulate the cell's world."""
    exchanges, accounts, members, *_ = SIZES[cell.size]
    shutil.rmtree(world, ignore_errors=True)
    return bench.call(
        f"{world.name}-simulate", "simulate", "long", "--metadata-only", "--seed", str(SEED),
        "--accounts", str(accounts), "--campaign-accounts", str(members), "--exchanges",
        str(exchanges), "--strength", f"per_account={PER_ACCOUNT}", "--out", str(world),
    )  # fmt: skip


def measure(bench: Bench, cell: Cell) -> dict[str, Any]:
    """Write the world, read it, scan it, score it; what each took."""
    world, out = bench.work / cell.name, bench.work / f"{cell.name}-out"
    shutil.rmtree(out, ignore_errors=True)
    written = write_world(bench, cell, world)
    read = bench.asked("benchmarks.speed.read", str(world / "log"))
    scanned = bench.call(
        f"{cell.name}-scan", "scan", str(world / "log"), "--out", str(out), *SCAN
    )  # fmt: skip
    judged = bench.asked("benchmarks.main_job.judge", str(world / "truth"), str(out))
    found = {
        "simulate": asdict(written), "log_bytes": size_of(world / "log"), "read": read,
        "scan": asdict(scanned), "timings_s": judged["run"]["timings_s"], "score": judged["score"],
    }  # fmt: skip
    for directory in (world, out):
        shutil.rmtree(directory)
    return found


def ordinary(found: list[Result]) -> list[Result]:
    """The worlds as they were written, by size."""
    worlds = [r for r in found if "scan" in r and "case" not in r["parameters"]]
    return sorted(worlds, key=lambda r: r["parameters"]["exchanges"])


def scans(found: list[Result]) -> str:
    """One row per size."""
    rows = []
    for r in ordinary(found):
        n, written, scan = r["parameters"]["exchanges"], r["simulate"], r["scan"]
        bare = r["read"]["seconds"]
        rows.append([
            f"{n:,}", f"{r['parameters']['accounts']:,}", f"{r['log_bytes'] / n:.1f}",
            f"{n / written['wall_s']:,.0f} ({n / written['cpu_s']:,.0f})",
            f"{written['peak_rss'] / 1e9:.1f}", f"{bare:.1f}",
            f"{scan['wall_s']:.0f} ({scan['cpu_s']:.0f})", f"{scan['wall_s'] / bare:.0f}",
            f"{scan['peak_rss'] / 1e9:.1f}",
        ])  # fmt: skip
    if not rows:
        return NOT_YET
    return table(
        ["exchanges", "accounts", "bytes each", "written per s (per CPU s)", "GB of memory",
         "bare read, s", "scan, s (CPU s)", "scan / bare read", "GB of memory"], rows,
    )  # fmt: skip


def stages(found: list[Result]) -> str:
    """Seconds of each part of the scan, by size."""
    rows = []
    for r in ordinary(found):
        timings = r["timings_s"]
        rows.append([f"{r['parameters']['exchanges']:,}", *(f"{s:.1f}" for s in timings.values())])
    names = list(ordinary(found)[0]["timings_s"]) if rows else []
    return table(["exchanges", *names], rows) if rows else NOT_YET


def cases(found: list[Result]) -> str:
    """Each worst case beside the ordinary world of its size."""
    usual = {r["parameters"]["exchanges"]: r for r in ordinary(found)}
    rows = []
    for r in sorted((r for r in found if "case" in r["parameters"]), key=lambda r: r["cell"]):
        n = r["parameters"]["exchanges"]
        scan, before = r["scan"], usual[n]["scan"] if n in usual else None
        times = f"{scan['cpu_s'] / before['cpu_s']:.1f}" if before else NOT_YET
        rows.append([
            r["parameters"]["case"].replace("_", " "), f"{n:,}",
            f"{scan['wall_s']:.0f} ({scan['cpu_s']:.0f})", times, f"{scan['peak_rss'] / 1e9:.1f}",
            f"{r['rows']['token_days']:,}",
        ])  # fmt: skip
    head_ = ["case", "exchanges", "scan, s (CPU s)", "CPU time of the ordinary world, times",
             "GB of memory", "rows of token_days"]  # fmt: skip
    return table(head_, rows) if rows else NOT_YET


def quality(found: list[Result]) -> str:
    """What the scans found."""
    rows = []
    for r in ordinary(found):
        score = r["score"]
        shown = [score["recall"], score["precision"], score["false_positives"]]
        raised = str(score["campaigns_raised"])
        counted = [f"{one['hits']:,} of {one['of']:,}" for one in shown]
        rows.append([f"{r['parameters']['exchanges']:,}", *counted, raised])
    head_ = ["exchanges", "campaign's accounts named", "of the named, the campaign's",
             "honest accounts called", "campaigns raised"]  # fmt: skip
    return table(head_, rows) if rows else NOT_YET


def texts(found: list[Result]) -> str:
    """Prompts per second of one core, ours and others'."""
    rates = next((r["rates"] for r in found if "rates" in r), None)
    if rates is None:
        return NOT_YET
    rows = [
        [f"`{name}`", text.DOES[name], f"{rate:,.0f}", f"{rates[text.OURS] / rate:.1f}"]
        for name, rate in rates.items()
    ]
    return table(["what", "does", "prompts a second and core", "ours is faster by"], rows)


TABLES: Final = {
    "scans": scans,
    "stages": stages,
    "worst": cases,
    "found": quality,
    "texts": texts,
    "provenance": provenance,
}

if __name__ == "__main__":
    main()
