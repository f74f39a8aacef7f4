"""Lines of a plain, .gz or .zst file, streamed: no line longer than MAX_LINE is ever held."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from iolaus.core.errors import InputError
from iolaus.logs.hints import first_line

MAX_LINE = 64 * 2**20  # bytes; a request of 64 MB is longer than any context window
BLOCK = 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source(Protocol):
    """What `_split` needs of an open file."""

    def read(self, size: int, /) -> bytes: ...


class Line(NamedTuple):
    """A line that is not blank. number: from 0, blank lines counted. text: empty if too long."""

    number: int
    text: bytes
    too_long: bool


def lines(path: Path, name: str) -> Iterator[Line]:
    """All lines of a file that are not blank. name: how errors call the file."""
    try:
        with _opened(path) as source:
            yield from _split(source)
    except (OSError, EOFError, zlib.error) as error:
        raise _not_readable(name, error) from error


def _split(source: Source) -> Iterator[Line]:
    number, held, skipping = 0, bytearray(), False
    first = True
    while block := source.read(BLOCK):
        if first:
            block, first = block.removeprefix(BYTE_ORDER_MARK), False
        parts = block.split(b"\n")
        for part in parts[:-1]:
            if held or skipping:
                held += part
                text, part_too_long = bytes(held), skipping or len(held) > MAX_LINE
                held.clear()
                skipping = False
            else:
                text, part_too_long = part, False
            if part_too_long:
                yield Line(number, b"", True)
            elif text and not text.isspace():
                yield Line(number, text, False)
            number += 1
        if not skipping:
            held += parts[-1]
        if len(held) > MAX_LINE:
            skipping = True
            held.clear()
    if skipping:
        yield Line(number, b"", True)
    elif held and not held.isspace():
        yield Line(number, bytes(held), False)


@contextmanager
def _opened(path: Path) -> Iterator[Source]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as file:
            yield file
    elif path.suffix == ".zst":
        with pa.OSFile(str(path)) as raw, pa.CompressedInputStream(raw, "zstd") as file:
            yield file
    else:
        with path.open("rb") as file:
            yield file


def _not_readable(name: str, error: Exception) -> InputError:
    if isinstance(error, PermissionError):
        return InputError(
            "no permission to read this file.",
            where=name,
            next_step="Give the user who runs iolaus read access to it.",
        )
    return InputError(
        f"cannot be read to its end: {first_line(error)}",
        where=name,
        next_step="It may be half copied or still being written. Copy it again, or move it away.",
    )
