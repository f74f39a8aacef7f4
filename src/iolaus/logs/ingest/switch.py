"""Many files of a store for one that holds the same, so that no kill leaves both or neither.

1. The new file is written in STORE/.ingest/merging: no part of the store.
2. STORE/.ingest/merging.json says what takes the place of what. From here on it is done.
3. The new file gets its name, those that it replaces go, the day's note says what it is made of;
   then merging.json goes. A run that was killed in between is finished by whoever looks next
   (lock.py), before anything else: readers and writers never see rows twice.

The note, .merged.json in the day's directory, lets `scan --since-last` know that a day is what it
was. It goes with its day.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from iolaus.core.files import aside
from iolaus.logs.durable import sync, sync_folder

WORK: Final = Path(".ingest") / "merging"
PLAN: Final = Path(".ingest") / "merging.json"
NOTE: Final = ".merged.json"


@dataclass(frozen=True)
class Note:
    """What a merged file stands for.

    file: its name. sha256: its digest when it was written; of another content, `parts` say nothing.
    names: of all files that it replaced. parts: digests of the files that it was made of, in order
    of their names.
    """

    file: str
    sha256: str
    names: tuple[str, ...]
    parts: tuple[str, ...]


def note_of(path: Path) -> Note | None:
    """The note on a file of a store, if it is a merged one."""
    note = path.with_name(NOTE)
    if not note.exists():
        return None
    said = json.loads(note.read_text(encoding="utf-8"))
    found = Note(said["file"], said["sha256"], tuple(said["names"]), tuple(said["parts"]))
    return found if found.file == path.name else None


def note_on(files: Sequence[Path], new: Path) -> Note:
    """What will be said of `new`, which takes the place of these files of a day (in order) under
    the name of the last. Those that were merged before are told by what they were made of."""
    names: list[str] = []
    parts: list[str] = []
    for path in files:
        digest, before = digest_of(path), note_of(path)
        names += [path.name] if before is None else before.names
        same = before is not None and before.sha256 == digest
        parts += before.parts if before is not None and same else [digest]
    return Note(files[-1].name, digest_of(new), tuple(dict.fromkeys(names)), tuple(parts))


def switch(store: Path, files: Sequence[Path], new: Path, note: Note | None) -> None:
    """Steps 2 and 3. files: of one directory; new: in WORK, on the disk already. Whoever calls it
    holds the store's lock of writers and that of readers."""
    plan = {
        "folder": files[0].parent.relative_to(store).as_posix(),
        "new": new.name,
        "file": files[-1].name,
        "replaced": [path.name for path in files[:-1]],
        "note": None if note is None else asdict(note),
    }
    _write(json.dumps(plan), store / PLAN)
    finish(store)


def is_pending(store: Path) -> bool:
    """Whether a merging was stopped between its steps 2 and 3."""
    return (store / PLAN).exists()


def finish(store: Path) -> None:
    """Carry out what merging.json says, if it is there. Every step may be repeated."""
    if not is_pending(store):
        return
    plan = json.loads((store / PLAN).read_text(encoding="utf-8"))
    folder, new = store / plan["folder"], store / WORK / plan["new"]
    if new.exists():  # else it has its name already
        new.replace(folder / plan["file"])
    if plan["note"] is not None:
        _write(json.dumps(plan["note"]), folder / NOTE)
    sync_folder(folder)
    for name in plan["replaced"]:
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)
    (store / PLAN).unlink()
    sync_folder((store / PLAN).parent)


def clear(store: Path) -> None:
    """Remove files that a killed merging wrote before its step 2: they may hold rows of an account
    that is erased next."""
    if (store / WORK).exists():
        shutil.rmtree(store / WORK)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(text: str, path: Path) -> None:
    with aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        sync(temporary)
    sync_folder(path.parent)
