"""python -m benchmarks.main_job --corpora DIR --work DIR [--only NAME ...] | --page"""

import argparse
from pathlib import Path

from benchmarks.harness.bench import Bench, frozen
from benchmarks.harness.world import make_world, warm_up, world_at
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from .bench import RESULTS, measure
from .page import write_page
from .plan import BYTES_PER_EXCHANGE, Cell, chosen, forecast_world_s

console = Console()


def main() -> None:
    """Measure what is not frozen yet, or write the page from what is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.main_job")
    parser.add_argument("--corpora", type=Path, help="real prompts and rates (docs/worlds.md)")
    parser.add_argument("--work", type=Path, help="for worlds and outputs; kept between runs")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="beginnings of names")
    parser.add_argument("--worlds", action="store_true", help="make the worlds, measure nothing")
    parser.add_argument("--page", action="store_true", help="write the tables of docs/results.md")
    options = parser.parse_args()
    if options.page:
        write_page()
        return
    if not (options.corpora and options.work):
        parser.error("--corpora and --work are needed, or --page alone")
    bench, cells = Bench.at(options.work, options.corpora, RESULTS), chosen(options.only)
    if not cells:
        parser.error(f"no cell is named {' or '.join(options.only)}")
    left = [cell for cell in cells if not frozen(bench, cell)]
    announce(bench, cells, left)
    work(bench, left, worlds_only=options.worlds)


def announce(bench: Bench, cells: list[Cell], left: list[Cell]) -> None:
    """What it will cost, before it starts."""
    table = Table("cell", "accounts", "exchanges", "world, s", "cell, s", title="Forecast")
    seconds, made = 0.0, set[str]()
    for cell in cells:
        to_make = world_at(bench, cell.world).name not in made and cell in left
        to_make = to_make and not (world_at(bench, cell.world) / "made.json").exists()
        made.add(world_at(bench, cell.world).name)
        world_s = forecast_world_s(cell.world) if to_make else 0.0
        cell_s = cell.forecast_s if cell in left else 0.0
        seconds += world_s + cell_s
        said = f"{cell_s:.0f}" if cell in left else "frozen"
        table.add_row(
            cell.name,
            f"{cell.world.accounts:,}",
            f"{cell.world.exchanges:,}",
            f"{world_s:.0f}",
            said,
        )
    worlds = {cell.world for cell in left}
    disk = sum(world.exchanges for world in worlds) * BYTES_PER_EXCHANGE / 1e9
    console.print(table)
    console.print(
        f"{len(left)} of {len(cells)} cells to measure at {bench.commit[:12]}: "
        f"about {seconds / 60:.0f} minutes and up to {disk:.1f} GB of disk in {bench.work}."
    )


def work(bench: Bench, cells: list[Cell], *, worlds_only: bool) -> None:
    """Run the cells one after the other; a cell that stands is frozen before the next begins."""
    step = TextColumn("{task.description:<40}")
    columns = (step, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("warm-up", total=len(cells))
        if not worlds_only:
            warm_up(bench)
        for cell in cells:

            def say(step: str, name: str = cell.name) -> None:
                progress.update(task, description=f"{name}: {step}")

            if worlds_only:
                say("world")
                make_world(bench, cell.world)
            else:
                progress.print(f"frozen: {measure(bench, cell, say).name}")
            progress.advance(task)


if __name__ == "__main__":
    main()
