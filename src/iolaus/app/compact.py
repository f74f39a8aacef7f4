"""iolaus compact: the files of a store's past days, one a day."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from iolaus.app.options import day as day_of
from iolaus.app.progress import say
from iolaus.logs.ingest import compact


def compact_store(
    store: Annotated[Path, typer.Argument(help="What iolaus ingest wrote.")],
    before: Annotated[
        str | None,
        typer.Option("--before", help="Days before this one, as 2026-05-01. Default: today (UTC)."),
    ] = None,
) -> None:
    """Merge each past day's files into one; a scan says the same before and after."""
    done = compact(
        store,
        day_of(before, "--before") if before is not None else datetime.now(UTC).date(),
        lambda day, files: say(f"day {day}: {files:,} files are one"),
    )
    say(f"{store}: {done.before:,} files of {done.days:,} days are {done.after:,} now.")
