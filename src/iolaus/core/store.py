"""The marker of a log that iolaus wrote itself: checked rows, features in place of text.

Such a store has the layout of any log. Its marker says that every row was checked when it was
written and that no exchange stands twice, so a scan reads the files as they are.
"""

import json
from pathlib import Path

from iolaus.core.errors import InputError
from iolaus.core.files import write_text

MARKER = "iolaus-store.json"
VERSION = 1


def mark_store(root: Path) -> None:
    """Declare a log directory a store; to be called when all its files stand."""
    write_text(json.dumps({"format": "iolaus-store", "version": VERSION}) + "\n", root / MARKER)


def is_store(root: Path) -> bool:
    """Whether the directory is a store. Raises InputError for a marker that is not understood."""
    path = root / MARKER
    if not path.exists():
        return False
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        version = said["version"] if said["format"] == "iolaus-store" else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the store's marker cannot be read: {error}.",
            where=str(path),
            next_step="Remove it to have the files read and checked as any log.",
        ) from error
    if version != VERSION:
        raise InputError(
            f"the store is of version {version}; this release reads version {VERSION}.",
            where=str(path),
            next_step="Write the store again with this release.",
        )
    return True
