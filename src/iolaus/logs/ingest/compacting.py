"""A day's files as one: an ingest that follows a log makes hundreds a day.

Nothing changes but the number of files: the same rows in the same order as one commit would have
written them, the same sealed texts. Files of a commit that is not in state.json are left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from iolaus.core.errors import InputError
from iolaus.core.files import aside
from iolaus.logs.durable import sync_folder
from iolaus.logs.ingest import state
from iolaus.logs.ingest.lock import allow_readers, without_readers, writing
from iolaus.logs.ingest.merge import join_files, merge_sorted
from iolaus.logs.ingest.switch import WORK, note_on, switch
from iolaus.logs.ingest.write import PREFIX, number_of
from iolaus.logs.privacy.store import EXCHANGES_DIR, TEXTS_DIR, day_files, days

MOST_FILES: Final = 256  # open at once; systems allow 1,024 and more
WHO: Final = "iolaus compact"


@dataclass
class Compacted:
    """Days whose files were merged; files there were, and files there are."""

    days: int = 0
    before: int = 0
    after: int = 0


def compact(store: Path, before: date, say: Callable[[date, int], None]) -> Compacted:
    """Merge the files of each day before `before`. say: told of each day, with its files.

    Safe to kill and repeat. Raises InputError for what is no store of an ingest, or where a scan
    reads it all the time.
    """
    if state.load(store) is None:
        raise InputError(
            "this is no store that iolaus ingest wrote.",
            where=str(store),
            next_step="Point at the directory given to its --to.",
        )
    done = Compacted()
    allow_readers(store)
    for part in (EXCHANGES_DIR, TEXTS_DIR):
        for day, folder in days(store, part):
            merged = _merge(store, part, folder) if day < before else 0
            if merged and part == EXCHANGES_DIR:
                say(day, merged)
                done.days, done.before = done.days + 1, done.before + merged
                done.after += 1
    return done


def _merge(store: Path, part: str, folder: Path) -> int:
    """Make one file of a day's; how many there were, 0 where there is nothing to be done."""
    count = 0
    while True:
        with writing(store, WHO):
            files = _committed(store, folder)[:MOST_FILES]
            if len(files) < 2:
                return count
            _merge_files(store, part, files)
            count += len(files) - (count > 0)  # the first of a later round is what we made


def _merge_files(store: Path, part: str, files: Sequence[Path]) -> None:
    new = store / WORK / files[-1].name
    with without_readers(store):
        pass  # one that runs is told of before the work, not after it
    with aside(new) as temporary:  # which says what to do where the disk is full
        (merge_sorted if part == EXCHANGES_DIR else join_files)(files, temporary)
    sync_folder(new.parent)
    note = note_on(files, new) if part == EXCHANGES_DIR else None
    with without_readers(store):
        switch(store, files, new, note)


def _committed(store: Path, folder: Path) -> list[Path]:
    """Files that count, in the order of their commits."""
    known = state.load(store)
    last = known.batch if known is not None else -1
    there = day_files(folder) if folder.is_dir() else []
    ours = [path for path in there if path.name.startswith(PREFIX)]
    return [path for path in ours if number_of(path) <= last]
