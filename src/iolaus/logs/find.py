"""Which files of a directory make up the log."""

import os
from dataclasses import dataclass
from pathlib import Path

from iolaus.core.errors import InputError
from iolaus.core.store import MARKER
from iolaus.logs.formats import SUFFIXES
from iolaus.logs.mapping import FILE
from iolaus.logs.remote import Remote, located

OTHER_TABLES = ("accounts", "releases", "enforcement")
LAYOUT = "A log is LOG/exchanges/*.parquet, *.jsonl, *.json or *.csv (see docs/reading-logs.md)."


@dataclass(frozen=True)
class Found:
    """Paths of a log. others: by table name. ignored: names under exchanges/ of no known format.

    mapping: its mapping file, if it has one.
    """

    root: Path
    exchanges: tuple[Path, ...]
    others: dict[str, Path]
    ignored: tuple[str, ...]
    mapping: Path | None = None


def find(root: Path, *, empty_ok: bool = False) -> Found:
    """List the log's files, sorted by name. Raises InputError if there are no exchanges.

    root: a directory, or a place in an object store (remote.py).
    empty_ok: a log that waits for its first file is one.
    """
    root = located(root)
    _require_directory(root, f"Check the path. {LAYOUT}")
    exchanges = root / "exchanges"
    waits = empty_ok and not exchanges.exists()
    if not waits:
        _require_directory(exchanges, _layout_hint(root))
    there = [] if waits else _walk(exchanges)
    files = sorted(there, key=lambda path: path.relative_to(root).as_posix())
    known = tuple(path for path in files if path.name.endswith(SUFFIXES))
    ignored = tuple(p.relative_to(root).as_posix() for p in files if p not in set(known))
    if not known and not empty_ok:
        holds = f"It holds {', '.join(ignored[:5])}." if ignored else "It is empty."
        raise InputError(
            f"there is no exchange file. {holds}",
            where=str(exchanges),
            next_step="Put *.parquet, *.jsonl, *.json or *.csv there (or .gz, .zst).",
        )
    beside = _beside(root)
    others = {table: path for table in OTHER_TABLES if (path := _one_file(root, table, beside))}
    return Found(root, known, others, ignored, beside.get(FILE))


def _beside(root: Path) -> dict[str, Path]:
    """The files of the log directory itself, by name."""
    try:
        found = {path.name: path for path in root.iterdir() if path.is_file()}
    except OSError as error:
        raise _not_listed(error) from error
    if isinstance(root, Remote) and MARKER in found:
        raise InputError(
            "a store is read from a disk, not from an object store.",
            where=str(root),
            next_step="Copy it to a disk, or scan the log that it was made of.",
        )
    return found


def _require_directory(path: Path, next_step: str) -> None:
    if not path.exists():
        raise InputError("there is no such directory.", where=str(path), next_step=next_step)
    if not path.is_dir():
        raise InputError("this is a file, not a directory.", where=str(path), next_step=next_step)


def _layout_hint(root: Path) -> str:
    """People point at the exchanges directory itself, or put its files one level too high."""
    if root.name == "exchanges":
        return f"Point at its parent directory instead. {LAYOUT}"
    if any(path.name.endswith(SUFFIXES) for path in root.iterdir()):
        return f"Move the files of exchanges into {root / 'exchanges'}. {LAYOUT}"
    return LAYOUT


def _walk(directory: Path) -> list[Path]:
    """All files below, hidden ones and Spark's (_SUCCESS, .crc) left out."""
    if isinstance(directory, Remote):
        within = [(path, path.relative_to(directory).parts) for path in directory.files()]
        return [path for path, parts in within if not any(p.startswith((".", "_")) for p in parts)]
    found: list[Path] = []
    visited: set[str] = set()  # a link to a parent must not list everything again
    for folder, folders, names in os.walk(directory, onerror=_raise_not_listed, followlinks=True):
        if (real := os.path.realpath(folder)) in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        found += [Path(folder, name) for name in names if not name.startswith((".", "_"))]
    return found


def _not_listed(error: OSError) -> InputError:
    return InputError(
        f"cannot list this directory: {error.strerror}.",
        where=str(error.filename),
        next_step="Give the user who runs iolaus read access to it.",
    )


def _raise_not_listed(error: OSError) -> None:
    raise _not_listed(error) from error


def _one_file(root: Path, table: str, beside: dict[str, Path]) -> Path | None:
    there = [path for suffix in SUFFIXES if (path := beside.get(f"{table}{suffix}"))]
    if len(there) > 1:
        raise InputError(
            f"there are two files of {table}: {', '.join(path.name for path in there)}.",
            where=str(root),
            next_step="Keep one of them.",
        )
    return there[0] if there else None
