"""`iolaus map`: a mapping file for a log, proposed from a sample of it."""

from pathlib import Path
from typing import Annotated

import typer

from iolaus.core.errors import ConfigError
from iolaus.logs.mapping import save
from iolaus.logs.propose import propose


def map_log(
    log: Annotated[Path, typer.Argument(help="Log directory (docs/reading-logs.md).")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it there, such as LOG/mapping.toml.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="One whose [csv] options are needed to read.")
    ] = None,
) -> None:
    """Propose which field of a log is which column, from a sample; say what is uncertain."""
    if out is not None and out.exists():
        raise ConfigError(
            "there is such a file already.",
            where=str(out),
            next_step="Name another, or remove it: a proposal never replaces a checked mapping.",
        )
    text = propose(log, mapping)
    if out is None:
        typer.echo(text, nl=False)
    else:
        save(text, out)
        typer.echo(f"Check each line of {out} before you use it.")
