"""Who may write into a store: one ingest at a time, and one change at a time.

    STORE/.ingest/lock    held by an ingest as long as it runs: no second one
    STORE/.write-lock     held while files change: by each commit of an ingest (some seconds), by
                          `iolaus compact` and by `iolaus privacy erase`, `expire` and `rename`
    STORE/.read-lock      shared by scans and exports as long as they run; held alone while erase,
                          expire or rename changes what they read, and for the moment in which
                          merged files take the place of others

The system lets go of all when a process ends, however it ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from iolaus.core.errors import InputError
from iolaus.logs.ingest import switch

WRITE_LOCK: Final = ".write-lock"
READ_LOCK: Final = ".read-lock"
PAUSE_SECONDS: Final = 0.1
_SOMEBODY: Final = "another process"
WAIT_SECONDS: Final = 60.0  # the longest commit on a slow disk, several times over


@contextmanager
def writing(store: Path, who: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Be the only one who changes the store's files. who: what others are told while they wait.

    What a killed merging left is finished or removed first. Raises InputError where somebody else
    has been changing them all the time.
    """
    if not store.is_dir():
        raise InputError(
            "there is no such store.",
            where=str(store),
            next_step="Point at the directory that iolaus ingest writes to.",
        )
    with _held(store / WRITE_LOCK, who, wait_seconds, "Try again when it is done."):
        if switch.is_pending(store):
            with without_readers(store):
                switch.finish(store)
        switch.clear(store)
        yield


@contextmanager
def changing(store: Path, who: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """As `writing`, for changes to rows that are there: no scan reads them meanwhile.

    Raises InputError where somebody else has been writing or reading all the time.
    """
    with (
        writing(store, who, wait_seconds=wait_seconds),
        without_readers(store, wait_seconds=wait_seconds),
    ):
        yield


@contextmanager
def ingesting(folder: Path, who: str) -> Iterator[None]:
    """Be the only ingest into the store. folder: STORE/.ingest."""
    with _held(folder / "lock", who, 0.0, "Stop it, or give each ingest a store of its own."):
        yield


@contextmanager
def reading(store: Path, who: str) -> Iterator[None]:
    """No file of the store is replaced by a merged one meanwhile. Nothing to hold where `store` is
    none that an ingest wrote, or where we may neither open nor make its lock.

    Raises InputError where a merging was stopped in the middle and we may not finish it.
    """
    descriptor = _opened_to_read(store)
    if descriptor is None:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)  # waits for a moment
        while switch.is_pending(store):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            _finish(store, who)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def without_readers(store: Path, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """No scan reads the store. Raises InputError where one does all the time."""
    with _held(store / READ_LOCK, "", wait_seconds, "Try again when it has ended.", "a scan reads"):
        yield


def allow_readers(store: Path) -> None:
    """Make the lock of readers, so that those who may not write into the store can hold it."""
    os.close(os.open(store / READ_LOCK, os.O_RDWR | os.O_CREAT, 0o644))


def _opened_to_read(store: Path) -> int | None:
    if not (store / switch.PLAN.parent).is_dir():
        return None
    for flags in (os.O_RDONLY, os.O_RDWR | os.O_CREAT):
        try:
            return os.open(store / READ_LOCK, flags, 0o644)
        except OSError:
            continue
    return None


def _finish(store: Path, who: str) -> None:
    try:
        with writing(store, who):
            pass
    except OSError as error:
        raise InputError(
            f"a merging of its files was stopped in the middle ({error.strerror}).",
            where=str(store),
            next_step="Have `iolaus compact` finish it, run by whoever may write there.",
        ) from error


@contextmanager
def _held(
    path: Path, who: str, wait_seconds: float, next_step: str, does: str = ""
) -> Iterator[None]:
    """does: what others do who hold it, where they cannot leave their names in it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600 if who else 0o644)
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
                f"{does or f'{holder or _SOMEBODY} writes into'} this store.",
                where=str(path.parent.parent if path.name == "lock" else path.parent),
                next_step=next_step,
            )
        if who:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{who} (process {os.getpid()})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
