"""What long work tells while it runs. The rooms call a function; only here is a terminal known."""

import sys
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Reporter(Protocol):
    """Told what is being done, how much of it is done, and how much there is (0: unknown)."""

    def __call__(self, step: str, done: int, total: int) -> None: ...


def silent(step: str, done: int, total: int) -> None:
    """For tests and for use as a library."""


def say(text: str) -> None:
    """One line on the error stream, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class TerminalReporter:
    """One line per step, on the standard error stream."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, int] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            unit = _UNITS.get(step, "")
            self._tasks[step] = self._progress.add_task(step, total=total or None, unit=unit)
        self._progress.update(
            self._tasks[step],  # type: ignore[arg-type]
            completed=done,
            total=total or None,
        )

    def say(self, text: str) -> None:
        """One plain line among the progress lines."""
        self._progress.console.print(text, highlight=False, markup=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


_UNITS = {
    "digest": "files",
    "read": "exchanges",
    "ingest": "exchanges",
    "days": "days",
    "embed": "prompts",
    "link": "pairs of accounts",
    "group": "groups",
    "test": "groups",
    "test again": "groups",
    "settle": "steps",
    "replay": "days",
    "simulate": "days",
}
