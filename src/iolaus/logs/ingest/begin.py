"""Where a store may begin, and where an ingest may go on with one."""

from pathlib import Path

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.store import is_store
from iolaus.logs.ingest.state import FILE, FOLDER, State
from iolaus.logs.privacy.store import EXCHANGES_DIR


def refuse(root: Path, store: Path) -> None:
    """Raise InputError where the store cannot be written without mixing it with something else."""
    if is_store(root) if root.is_dir() else False:
        raise InputError(
            "this is a store already: its texts are gone.",
            where=str(root),
            next_step="Ingest the log that it was made from.",
        )
    inner, outer = store.resolve(), root.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise InputError(
            "a store cannot lie in its log, nor a log in its store.",
            where=str(store),
            next_step="Choose another directory for --to.",
        )
    ours = (store / FOLDER).is_dir()
    if store.is_dir() and not ours and any(store.iterdir()):
        raise InputError(
            "there is something else in this directory.",
            where=str(store),
            next_step="Choose an empty directory for --to, or one that iolaus ingest wrote.",
        )


def refuse_without_state(store: Path) -> None:
    """The state is written before the first row: rows without one are not to be removed."""
    if (store / EXCHANGES_DIR).exists():
        raise InputError(
            f"{FOLDER}/{FILE} is missing: it is not known which rows count.",
            where=str(store),
            next_step="Restore it from a backup of the store, or ingest into a new store.",
        )


def refuse_other_pseudonyms(store: Path, before: State, purposes: list[str]) -> None:
    """Names under one pseudonym could not be compared with names under another, or none."""
    if before.pseudonyms != purposes:
        there = ", ".join(before.pseudonyms) or "none"
        raise ConfigError(
            f"the store was begun with other pseudonyms ({there}): its rows could not be "
            "compared with new ones.",
            where=str(store),
            next_step="Give the same [privacy] pseudonyms, or ingest into a new store.",
        )
