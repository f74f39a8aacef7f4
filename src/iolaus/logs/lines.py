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
from iolaus.logs.remote import arrow_file

MAX_LINE = 64 * 2**20  # bytes; a request of 64 MB is longer than any context window
BLOCK = 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Source(Protocol):
    """What readers need of an open file."""

    def read(self, size: int, /) -> bytes: ...


class Line(NamedTuple):
    """One line, without its newline. number: from 0, with blank lines. text: empty if too long."""

    number: int
    text: bytes
    too_long: bool


def lines(path: Path, name: str) -> Iterator[Line]:
    """All lines of a file that are not blank. name: how errors call the file."""
    return (line for line in every_line(path, name) if line.too_long or line.text.strip())


def every_line(path: Path, name: str) -> Iterator[Line]:
    """All lines of a file, blank ones too (they count inside quotes of a CSV file)."""
    with opened(path, name) as source:
        yield from _split(source)


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
            yield Line(number, b"" if part_too_long else text, part_too_long)
            number += 1
        if not skipping:
            held += parts[-1]
        if len(held) > MAX_LINE:
            skipping = True
            held.clear()
    if skipping:
        yield Line(number, b"", True)
    elif held:
        yield Line(number, bytes(held), False)


@contextmanager
def opened(path: Path, name: str) -> Iterator[Source]:
    """The file's bytes, decompressed as they are read. InputError if it cannot be read to its end.

    name: how errors call the file.
    """
    try:
        with _plain_or_packed(path) as source:
            yield source
    except (OSError, EOFError, zlib.error) as error:
        raise _not_readable(name, error) from error


@contextmanager
def _plain_or_packed(path: Path) -> Iterator[Source]:
    if path.suffix == ".gz":
        with path.open("rb") as raw, gzip.open(raw, "rb") as file:
            yield file
    elif path.suffix == ".zst":
        with arrow_file(path) as raw, pa.CompressedInputStream(raw, "zstd") as file:
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
