"""python -m benchmarks.windows --corpora DIR [--vectors FILE] | --page"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .bench import code_digest, frozen, measure, model_vectors
from .cells import Cell, cells
from .page import write_page
from .prompts import read
from .vectors import hashed

CELL_S = {"hashed": 35, "minilm": 30, "null": 18}  # on one idle core, for the forecast alone
console = Console()


def main() -> None:
    """Measure what is not frozen yet, then write the page's tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows")
    parser.add_argument("--corpora", type=Path, help="real prompts (docs/worlds.md)")
    parser.add_argument("--vectors", type=Path, help="written by benchmarks.windows.minilm")
    parser.add_argument("--page", action="store_true", help="only write docs/windows.md's tables")
    options = parser.parse_args()
    if options.page:
        write_page()
        return
    if not options.corpora:
        parser.error("--corpora is needed, or --page alone")
    code = code_digest()
    left = [cell for cell in cells(bool(options.vectors)) if not frozen(cell, code)]
    seconds = sum(CELL_S[cell.vectors] for cell in left)
    console.print(f"{len(left)} cells to measure: about {seconds / 60:.0f} minutes on one core.")
    if left:
        work(options.corpora, options.vectors, left, code)
    write_page()


def work(corpora: Path, model: Path | None, left: list[Cell], code: str) -> None:
    """Run the cells one after the other; a cell that stands is frozen before the next begins."""
    prompts = read(corpora)
    ngrams = hashed(prompts.texts)
    sentence = model_vectors(model, prompts) if model else None
    step = TextColumn("{task.description:<40}")
    columns = (step, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("prompts", total=len(left))
        for cell in left:

            def say(step: str, name: str = cell.name) -> None:
                progress.update(task, description=f"{name}: {step}")

            path = measure(cell, prompts, ngrams, sentence, code, say)
            progress.print(f"frozen: {path.name}")
            progress.advance(task)


if __name__ == "__main__":
    main()
