"""iolaus privacy: keys, retention, excerpts, and what a person may ask for."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from iolaus.app.options import day
from iolaus.app.settings import Privacy, load_privacy
from iolaus.core.errors import ConfigError
from iolaus.logs.ingest import changing, reading
from iolaus.logs.privacy import (
    AccessLog,
    Asking,
    Keys,
    add_key,
    candidates,
    erase_accounts,
    excerpts,
    expire,
    export_accounts,
    read_keys,
    refuse_inside,
    rename_store,
)

app = typer.Typer(
    help="Keys, retention, excerpts, and what a person may ask for (docs/privacy.md).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Store = Annotated[Path, typer.Argument(help="What iolaus ingest wrote.")]
Config = Annotated[Path, typer.Option("--config", help="TOML file with [privacy].")]
Who = Annotated[str, typer.Option("--who", help="Who asks; recorded.")]
Why = Annotated[str, typer.Option("--why", help="The reason; recorded.")]
Account = Annotated[str, typer.Argument(help="The account's id, raw or as the store has it.")]
Results = Annotated[
    list[Path] | None, typer.Option("--results", help="Directory of a scan; may be repeated.")
]


@app.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="Key file; made if it is not there.")],
) -> None:
    """Add a key: it writes from now on, and the older ones are still understood."""
    key = add_key(file)
    _print(f"{file}: '{key.name}' is the newest key. Keep a copy where the store's copies are not.")


@app.command("expire")
def expire_days(store: Store, config: Config, who: Who, why: Why = "retention") -> None:
    """Delete the days that are older than the configuration keeps."""
    privacy, now = _privacy(config), datetime.now(UTC)
    with changing(store, "iolaus privacy expire"):
        gone = expire(
            store,
            now.date(),
            keep_days=privacy.keep_days or None,
            text_days=privacy.text_days,
            access=access_log(store),
            asking=Asking(who, why, now),
        )
    _print(f"Deleted: {len(gone.exchanges)} days of exchanges, {len(gone.texts)} of texts.")


@app.command("excerpts")
def show_excerpts(
    store: Store,
    exchange: Annotated[list[str], typer.Argument(help="Ids of exchanges.")],
    config: Config,
    who: Who,
    why: Why,
    on: Annotated[list[str] | None, typer.Option("--on", help="Day, as 2026-05-01.")] = None,
) -> None:
    """Print texts as JSON lines; who asked and why is recorded first."""
    with reading(store, "iolaus privacy excerpts"):
        found = excerpts(
            store,
            exchange,
            keys=_keys(_privacy(config), store),
            access=access_log(store),
            asking=Asking(who, why, datetime.now(UTC)),
            on=[day(text, "--on") for text in on] if on else None,
        )
    for row in found:
        _print(orjson.dumps(row).decode())


@app.command("export")
def export_account(
    store: Store,
    account: Account,
    out: Annotated[Path, typer.Option("--out", help="Empty directory outside the store.")],
    config: Config,
    who: Who,
    why: Why,
    results: Results = None,
) -> None:
    """Write all that is held on an account, as JSON lines."""
    keys = _keys(_privacy(config), store)
    with reading(store, "iolaus privacy export"):
        counts = export_accounts(
            store,
            candidates(account, "account", keys),
            out,
            keys=keys,
            access=access_log(store),
            asking=Asking(who, why, datetime.now(UTC)),
            results=results or (),
        )
    rows = ", ".join(f"{number:,} {name}" for name, number in counts.items())
    _print(f"{out}: {rows or 'nothing is held on this account'}.")


@app.command("erase")
def erase_account(
    store: Store, account: Account, config: Config, who: Who, why: Why, results: Results = None
) -> None:
    """Delete an account from the store and its name from results; totals stay right."""
    names = candidates(account, "account", _keys(_privacy(config), store))
    with changing(store, "iolaus privacy erase"):
        done = erase_accounts(
            store,
            names,
            access=access_log(store),
            asking=Asking(who, why, datetime.now(UTC)),
            results=results or (),
        )
    _print(f"Erasure {done.number}: {done.exchanges:,} exchanges of {len(done.days)} days deleted.")
    for report in done.reports:
        _print(f"{report} was deleted with it: scan again to have it anew.")


@app.command("rename")
def rename(store: Store, who: Who, why: Why = "rotation") -> None:
    """After a rotation: rewrite older pseudonyms in the store to the newest ones."""
    asking = Asking(who, why, datetime.now(UTC))
    with changing(store, "iolaus privacy rename"):
        files = rename_store(store, access=access_log(store), asking=asking)
    _print(f"{files:,} files rewritten.")


@app.command("log")
def show_log(store: Store) -> None:
    """Check the access log's chain and print it as JSON lines."""
    for record in access_log(store).records():
        _print(orjson.dumps(record).decode())


def access_log(store: Path) -> AccessLog:
    """Who looked at or deleted what in this store."""
    return AccessLog(store / "access.jsonl")


def _privacy(config: Path) -> Privacy:
    privacy = load_privacy(config)
    if privacy is None:
        raise ConfigError(
            "has no [privacy].", where=str(config), next_step="See docs/privacy.md for one."
        )
    return privacy


def _keys(privacy: Privacy, store: Path) -> Keys:
    refuse_inside(privacy.keys, store)
    return read_keys(privacy.keys)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
