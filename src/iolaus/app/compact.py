"""iolaus compact: the files of a store's past days, one a day."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from iolaus.core.errors import ConfigError
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
        _day(before) if before is not None else datetime.now(UTC).date(),
        lambda day, files: _say(f"day {day}: {files:,} files are one"),
    )
    _say(f"{store}: {done.before:,} files of {done.days:,} days are {done.after:,} now.")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"'{text}' is no day.", where="--before", next_step="Write 2026-05-01."
        ) from None


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
