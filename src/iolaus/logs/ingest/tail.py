"""Whole lines of a file that may still grow, from a place on; and whether a file is that file.

A line is whole when its newline is there. A last line without one is taken where it is a JSON
object already (the beginning of an object never is one), and else waits.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from iolaus.logs.jsonl import parsed
from iolaus.logs.lines import BYTE_ORDER_MARK, MAX_LINE, Line, lines
from iolaus.logs.rejects import Fault

BLOCK_BYTES: Final = 8 * 2**20  # read at once; lines of 1 KB make 8,000 rows
ENDS: Final = 4_096  # bytes of a file's beginning, and before its place, that tell it from others


@dataclass(frozen=True)
class Place:
    """How far a file of lines was read, and what was there.

    offset: bytes. line: number of the next line, from 0. crc: CRC-32 of all bytes before.
    head, tail: SHA-256 of the first `head_bytes` and of the last `tail_bytes` before the offset.
    """

    offset: int = 0
    line: int = 0
    crc: int = 0
    head: str = ""
    head_bytes: int = 0
    tail: str = ""
    tail_bytes: int = 0

    def after(self, data: bytes, line: int) -> "Place":
        """Once `data` was read as well, up to line number `line`."""
        first = data[:ENDS] if self.offset == 0 else b""
        last = data[-ENDS:]
        return Place(
            self.offset + len(data),
            line,
            zlib.crc32(data, self.crc),
            digest_of(first) if first else self.head,
            len(first) or self.head_bytes,
            digest_of(last),
            len(last),
        )


class Block:
    """As `lines`: the lines that were read last; before any, those of the whole file.

    So a reader first sees the file's beginning, which tells the format, then block after block.
    """

    def __init__(self) -> None:
        self.lines: list[Line] | None = None

    def __call__(self, path: Path, name: str) -> Iterator[Line]:
        return lines(path, name) if self.lines is None else iter(self.lines)


def blocks(file: BinaryIO, place: Place) -> Iterator[tuple[list[Line], Place]]:
    """Lines that are whole, some megabytes at a time, each time with the place after them.

    Blank lines are counted and left out. A line of more than MAX_LINE bytes is never held.
    """
    while True:
        file.seek(place.offset)
        data = file.read(BLOCK_BYTES)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) == BLOCK_BYTES:
            found = _long_line(file, data, place)
        elif end == 0:
            found = _last_line(data, place)
        else:
            found = _split(data[:end], place)
        if found is None:
            return
        yield found
        place = found[1]


def waiting_bytes(path: Path, place: Place) -> int:
    """Bytes after the place, blanks apart: of a line that is not whole yet."""
    with path.open("rb") as file:
        file.seek(place.offset)
        blank = not file.read(ENDS).strip()
    return 0 if blank else max(path.stat().st_size - place.offset, 0)


def is_continued(path: Path, place: Place, *, wholly: bool) -> bool:
    """Is this the file that was read up to the place? wholly: compare every byte before it."""
    if path.stat().st_size < place.offset:
        return False
    with path.open("rb") as file:
        if digest_of(file.read(place.head_bytes)) != place.head:
            return False
        file.seek(place.offset - place.tail_bytes)
        if digest_of(file.read(place.tail_bytes)) != place.tail:
            return False
        return not wholly or _checksum(file, place.offset) == place.crc


def _split(data: bytes, place: Place) -> tuple[list[Line], Place]:
    texts = _without_mark(data, place).split(b"\n")[:-1]
    found = [
        Line(number, text, False)
        for number, text in enumerate(texts, place.line)
        if text and not text.isspace()
    ]
    return found, place.after(data, place.line + len(texts))


def _last_line(data: bytes, place: Place) -> tuple[list[Line], Place] | None:
    """What stands after the last newline, if it is an object. Its line number is not over yet."""
    line = Line(place.line, _without_mark(data, place), False)
    if not line.text.strip() or isinstance(parsed(line), Fault):
        return None
    return [line], place.after(data, place.line)


def _long_line(file: BinaryIO, data: bytes, place: Place) -> tuple[list[Line], Place] | None:
    """One line longer than a block: whole if it is not too long, else passed over."""
    held: bytearray | None = bytearray(data)
    after, last = place.after(data, place.line), data
    while True:
        more = file.read(BLOCK_BYTES)
        end = more.find(b"\n") + 1
        part = more[:end] if end else more
        after, last = after.after(part, place.line), part
        if held is not None:
            held += part
            held = held if len(held) <= MAX_LINE + 1 else None
        if end:
            break
        if len(more) < BLOCK_BYTES:
            return _last_line(bytes(held), place) if held is not None else None
    text = b"" if held is None else _without_mark(bytes(held[:-1]), place)
    after = Place(after.offset, place.line + 1, after.crc, after.head, after.head_bytes,
                  digest_of(last[-ENDS:]), len(last[-ENDS:]))  # fmt: skip
    blank = held is not None and not text.strip()
    return [] if blank else [Line(place.line, text, held is None)], after


def _without_mark(data: bytes, place: Place) -> bytes:
    return data.removeprefix(BYTE_ORDER_MARK) if place.offset == 0 else data


def _checksum(file: BinaryIO, size: int) -> int:
    file.seek(0)
    crc = 0
    while size > 0 and (data := file.read(min(BLOCK_BYTES, size))):
        crc, size = zlib.crc32(data, crc), size - len(data)
    return crc


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
