"""Frames on disk before they are acknowledged: what the receiver has accepted outlives any kill.

A segment is a file of frames, each a length, a checksum and the data. `append` returns once its
frame is on the disk; frames that come together share one fsync (group commit: whoever finds nobody
writing writes for all who wait). A segment that is closed is turned into Parquet (seal.py) and then
deleted. A frame cut off by a kill was never acknowledged and is passed over.
"""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from iolaus.logs.durable import sync_folder
from iolaus.logs.receiver.answers import Busy

HEADER: Final = struct.Struct("<4sIII")  # mark, length, checksum of the data, of these three
MARK: Final = b"IOL1"
SUFFIX: Final = ".frames"
MAX_FRAME: Final = 256 * 2**20  # an export of 20 MiB, as JSON of its rows, and room to spare


@dataclass
class _Ticket:
    data: bytes
    done: bool = False
    error: Exception | None = None


class Spool:
    """The segments of one receiver. Safe for many threads; one process at a time (run.py locks)."""

    def __init__(self, folder: Path, *, first: int, segment_bytes: int, backlog_bytes: int) -> None:
        """first: number of the next segment. segment_bytes: a segment is full at this size.

        backlog_bytes: with so much waiting to be sealed, nothing more is accepted.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._next = folder, first
        self._segment_bytes, self._backlog_bytes = segment_bytes, backlog_bytes
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._writing = self._ended = False
        self._file: FileIO | None = None
        self._size = 0
        self._sealing_bytes = sum(path.stat().st_size for path in segments(folder))

    def append(self, data: bytes) -> None:
        """Returns when the data is on the disk. Raises Busy if it cannot be now."""
        ticket = _Ticket(data)
        with self._changed:
            if self._sealing_bytes + self._size + len(data) > self._backlog_bytes:
                raise Busy("more is waiting to be stored than --backlog allows")
            self._waiting.append(ticket)
            while not ticket.done and self._writing:
                self._changed.wait()
            if ticket.done:
                return self._outcome(ticket)
            if self._ended:
                raise Busy("the receiver is stopping")
            self._writing = True
            batch, self._waiting = self._waiting, []
        self._write(batch)
        return self._outcome(ticket)

    def close_segment(self, *, even_empty: bool = False) -> None:
        """Let the open segment be sealed. even_empty: start one first if there is none."""
        with self._changed:
            while self._writing:
                self._changed.wait()
            if even_empty:
                self._open()
            self._close()

    def end(self) -> None:
        """Take nothing more: what comes now is another receiver's, or is sent again."""
        with self._changed:
            self._ended = True

    def sealed(self, size: int) -> None:
        """A segment of `size` bytes is stored and deleted: there is room again."""
        with self._changed:
            self._sealing_bytes -= size

    @property
    def is_full(self) -> bool:
        """True when the open segment should be closed."""
        return self._size >= self._segment_bytes

    def _write(self, batch: list[_Ticket]) -> None:
        error: Exception | None = None
        try:
            with self._changed:
                file = self._open()
            data = memoryview(b"".join(_frame(ticket.data) for ticket in batch))
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
            self._size = file.tell()
        except Exception as failed:  # a full disk, say: after it, this file cannot be trusted
            error = failed
        with self._changed:
            for ticket in batch:
                ticket.done, ticket.error = True, error
            self._writing = False
            if error is not None:
                self._close()
            self._changed.notify_all()

    def _open(self) -> FileIO:
        """The open segment. Under the lock, so that `closed` never takes a new one for a closed."""
        if self._file is None:
            path = self._folder / f"{self._next:012}{SUFFIX}"
            self._file = path.open("xb", buffering=0)
            self._next += 1
            sync_folder(self._folder)
        return self._file

    def _close(self) -> None:
        if self._file is None:
            return
        with suppress(OSError):  # what was acknowledged is on the disk; what was refused goes
            self._file.truncate(self._size)
        with suppress(OSError):
            self._file.close()
        size = self._size
        with suppress(OSError):  # where it could not be cut, it is larger
            size = Path(self._file.name).stat().st_size
        self._sealing_bytes += size
        self._file, self._size = None, 0

    @staticmethod
    def _outcome(ticket: _Ticket) -> None:
        if ticket.error is not None:
            why = getattr(ticket.error, "strerror", None) or type(ticket.error).__name__
            raise Busy(f"the disk does not take it: {why}")

    def closed(self) -> list[Path]:
        """Segments that wait to be sealed, oldest first."""
        with self._changed:  # by number: one that is opened from here on is not among them
            end = self._next if self._file is None else number_of(Path(self._file.name))
        return [path for path in segments(self._folder) if number_of(path) < end]


def _frame(data: bytes) -> bytes:
    size, check = len(data), zlib.crc32(data)
    own = zlib.crc32(MARK + struct.pack("<II", size, check))
    return HEADER.pack(MARK, size, check, own) + data


def segments(folder: Path) -> list[Path]:
    """The segments in a folder, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def number_of(segment: Path) -> int:
    """Its number, which rises by one from segment to segment."""
    return int(segment.name.removesuffix(SUFFIX))


def frames(segment: Path) -> Iterator[bytes]:
    """The whole frames of a segment, up to the first that is not whole."""
    with segment.open("rb") as file:
        while len(header := file.read(HEADER.size)) == HEADER.size:
            mark, size, check, own = HEADER.unpack(header)
            if mark != MARK or own != zlib.crc32(header[:12]) or size > MAX_FRAME:
                return
            data = file.read(size)
            if len(data) != size or zlib.crc32(data) != check:
                return
            yield data


def is_damaged(segment: Path) -> bool:
    """Is there a frame that is neither whole nor merely cut off at the end of the file?"""
    size = segment.stat().st_size
    with segment.open("rb") as file:
        while len(header := file.read(HEADER.size)) == HEADER.size:
            mark, length, check, own = HEADER.unpack(header)
            if mark != MARK or own != zlib.crc32(header[:12]) or length > MAX_FRAME:
                return True
            if file.tell() + length > size:
                return False
            if zlib.crc32(file.read(length)) != check:
                return True
    return False
