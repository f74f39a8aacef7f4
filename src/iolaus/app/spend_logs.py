"""`iolaus spend-logs`: LiteLLM_SpendLogs out of PostgreSQL into a log directory."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from iolaus.core.errors import ConfigError
from iolaus.logs.spend_logs import TABLE, snapshot

DAY = "%Y-%m-%d"


def spend_logs(
    to: Annotated[Path, typer.Option("--to", help="Log directory, for one file a day.")],
    url: Annotated[
        str,
        typer.Option(
            "--url",
            envvar="IOLAUS_DATABASE_URL",
            show_envvar=True,
            help="postgresql://USER:PASSWORD@HOST/DATABASE; a command line shows it to others.",
        ),
    ] = "",
    since: Annotated[
        datetime | None, typer.Option("--since", formats=[DAY], help="First day, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=[DAY], help="Day after the last.")
    ] = None,
    table: Annotated[str, typer.Option("--table", help="With its schema, if not public.")] = TABLE,
) -> None:
    """Copy LiteLLM's spend logs from PostgreSQL into a log (docs/logs/litellm.md)."""
    if not url:
        raise ConfigError(
            "no database is named.",
            next_step="Set IOLAUS_DATABASE_URL=postgresql://USER:PASSWORD@HOST/DATABASE.",
        )
    copied = snapshot(url, to, since=_day(since), until=_day(until), table=table)
    days = "1 day" if len(copied) == 1 else f"{len(copied):,} days"
    typer.echo(f"{sum(copied.values()):,} rows of {days} are in {to / 'exchanges'}.")


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
