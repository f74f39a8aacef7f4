"""python -m benchmarks.quality --corpora DIR --work DIR [--part PART ...] [--try] | --page"""

import argparse
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.bench import Bench, frozen
from benchmarks.harness.world import warm_up
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .measure import Outcome, measure
from .page import PAGE, PICTURES, RESULTS, write_page
from .plan import JUDGED_SEEDS, PARTS, Cell, cells, chosen, forecast_scan_s, forecast_world_s, jobs

console = Console()
DEVELOPMENT = 1  # the first seed of --try


def main() -> None:
    """Measure what is not frozen yet, then write the page from what is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality")
    parser.add_argument("--corpora", type=Path, help="real prompts and rates (docs/worlds.md)")
    parser.add_argument("--work", type=Path, help="for worlds and outputs; kept between runs")
    parser.add_argument("--part", nargs="+", default=[], choices=PARTS, help="all by default")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="beginnings of names")
    parser.add_argument("--seeds", type=int, metavar="FIRST", help="other seeds; nothing is frozen")
    parser.add_argument("--each", type=int, default=3, help="worlds of each family, with --seeds")
    parser.add_argument("--try", action="store_true", dest="tiny", help="tiny worlds; not frozen")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at a time")
    parser.add_argument("--page", action="store_true", help="only write docs/quality.md")
    options = parser.parse_args()
    if options.page:
        write_page()
        return
    if not options.work:
        parser.error("--work is needed, or --page alone")
    trying = options.tiny or options.seeds is not None
    first = DEVELOPMENT if options.seeds is None else options.seeds
    seeds = (first, first) if trying else JUDGED_SEEDS
    every = cells(seeds, tiny=options.tiny, each=options.each) if trying else cells()
    found = chosen(every, options.part, options.only)
    if not found:
        parser.error("no cell has such a name")
    if not trying and not options.corpora:
        parser.error("--corpora is needed: frozen results are made from real prompts")
    bench = Bench.at(options.work, options.corpora, RESULTS)
    tried = bench.work / "tried" / bench.commit[:12]
    bench = replace(bench, results=tried / "results") if trying else bench
    announce(bench, found, options.jobs)
    broken = work(bench, found, options.jobs)
    if trying:
        write_page(bench.results, tried / "quality.md", tried / "pictures" / "quality", model=PAGE)
        console.print(f"Nothing is frozen; see {tried / 'quality.md'}")
    else:
        write_page(RESULTS, PAGE, PICTURES)
    if broken:
        raise SystemExit(f"{len(broken)} cells failed: {', '.join(broken)}. The others stand.")


def announce(bench: Bench, found: list[Cell], side_by_side: int) -> None:
    """What it will cost, before it starts."""
    table = Table("part", "cells", "to do", "minutes", title="Forecast")
    seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
    left: dict[str, int] = dict.fromkeys(PARTS, 0)
    for job in jobs(found):
        to_do = [cell for cell in job if not frozen(bench, cell)]
        for cell in to_do:
            left[cell.part] += 1
            seconds[cell.part] += cell.forecast_s
        if to_do:
            seconds[to_do[0].part] += forecast_world_s(job[0].world)
            if {cell.part for cell in to_do} != {"peers"}:
                seconds[to_do[0].part] += forecast_scan_s(job[0].world)
    for part in PARTS:
        cost = f"{seconds[part] / side_by_side / 60:.0f}"
        table.add_row(part, f"{sum(c.part == part for c in found)}", f"{left[part]}", cost)
    console.print(table)
    total, dearest = (
        sum(seconds.values()) / side_by_side / 60,
        max(c.world.exchanges for c in found),
    )
    console.print(
        f"{sum(left.values())} of {len(found)} cells to measure at {bench.commit[:12]}, "
        f"{side_by_side} worlds at a time: about {total:.0f} minutes; worlds of up to "
        f"{dearest:,} exchanges are removed from {bench.work} when their cells stand."
    )


def work(bench: Bench, found: list[Cell], side_by_side: int) -> list[str]:
    """Every world's cells; a cell that stands is frozen at once. Returns the cells that failed."""
    todo = [job for job in jobs(found) if not all(frozen(bench, cell) for cell in job)]
    columns = (TextColumn("{task.description:<56}"), BarColumn(), MofNCompleteColumn())
    broken: list[str] = []
    with (
        Progress(*columns, TimeElapsedColumn(), console=console) as progress,
        ThreadPoolExecutor(side_by_side) as pool,
    ):
        if todo:
            task = progress.add_task("warm-up", total=len(todo))
            warm_up(bench)
        running: set[Future[Outcome]] = set()
        while todo or running:
            while todo and len(running) < side_by_side:
                job = todo.pop(0)

                def say(step: str, name: str = job[0].world.name) -> None:
                    progress.update(task, description=f"{name}: {step}")

                running.add(pool.submit(measure, bench, job, say))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for outcome in (future.result() for future in done):
                if outcome.frozen:
                    progress.print(f"frozen: {', '.join(outcome.frozen)}")
                for name, error in outcome.failed.items():
                    progress.print(
                        f"{name} failed: {type(error).__name__}: {error}", style="red", markup=False
                    )
                broken += outcome.failed
                progress.advance(task)
    return broken


if __name__ == "__main__":
    main()
