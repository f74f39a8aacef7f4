"""Who may write into a store: one ingest at a time, and one change at a time.

    STORE/.ingest/lock    held by an ingest as long as it runs: no second one
    STORE/.write-lock     held while files change: by each commit of an ingest (some seconds), by
                          `iolaus privacy erase`, `expire` and `rename`

The system lets go of both when a process ends, however it ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from iolaus.core.errors import InputError

WRITE_LOCK: Final = ".write-lock"
PAUSE_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 60.0  # the longest commit on a slow disk, several times over


@contextmanager
def writing(store: Path, who: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Be the only one who changes the store's files. who: what others are told while they wait.

    Raises InputError where somebody else has been changing them all the time.
    """
    if not store.is_dir():
        raise InputError(
            "there is no such store.",
            where=str(store),
            next_step="Point at the directory that iolaus ingest writes to.",
        )
    with _held(store / WRITE_LOCK, who, wait_seconds, "Try again when it is done."):
        yield


@contextmanager
def ingesting(folder: Path, who: str) -> Iterator[None]:
    """Be the only ingest into the store. folder: STORE/.ingest."""
    with _held(folder / "lock", who, 0.0, "Stop it, or give each ingest a store of its own."):
        yield


@contextmanager
def _held(path: Path, who: str, wait_seconds: float, next_step: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(1 + round(wait_seconds / PAUSE_SECONDS)):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(PAUSE_SECONDS if wait_seconds else 0)
        else:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            raise InputError(
                f"{holder or 'another process'} writes into this store.",
                where=str(path.parent if path.name == WRITE_LOCK else path.parent.parent),
                next_step=next_step,
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who} (process {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
