"""What a collector's file exporter writes with `compression: zstd`: no lines, but packed messages.

Each is preceded by its length in four bytes, and packed by itself. Source: file_writer.go of
opentelemetry-collector-contrib's fileexporter (big-endian, unsigned).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from iolaus.core.errors import InputError
from iolaus.logs import lines as lines_module
from iolaus.logs.lines import Line, opened

LENGTH: Final = struct.Struct(">I")
ZSTD: Final = b"\x28\xb5\x2f\xfd"  # how every zstd frame begins
OBJECT: Final = (b"{", b"[", b" ")


def is_packed(path: Path) -> bool:
    """Does the file begin with a length and a zstd frame? No, if it cannot be read at all."""
    try:
        with path.open("rb") as file:
            head = file.read(LENGTH.size + len(ZSTD))
    except OSError:
        return False
    return head[LENGTH.size :] == ZSTD


def messages(path: Path, name: str) -> Iterator[Line]:
    """The JSON text of each message, numbered from 0. name: how errors call the file.

    One that cannot be unpacked, or is too long when it is, counts as too long a line. Raises
    InputError if the file ends inside a message, or if the messages are protobuf.
    """
    number = 0
    with opened(path, name) as source:
        while head := source.read(LENGTH.size):
            size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
            data = source.read(size) if 0 < size <= lines_module.MAX_LINE else b""
            if not data or len(data) != size:
                raise _cut_off(name, number)
            text = _unpacked(data)
            if number == 0 and text is not None and not text.startswith(OBJECT):
                raise _protobuf(name)
            yield Line(number, text or b"", text is None)
            number += 1


def _unpacked(data: bytes) -> bytes | None:
    """None if it is no zstd, or holds more than MAX_LINE bytes."""
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            text = bytes(stream.read(lines_module.MAX_LINE + 1))
    except OSError:
        return None
    return text if len(text) <= lines_module.MAX_LINE else None


def _cut_off(name: str, number: int) -> InputError:
    return InputError(
        f"the file ends inside its message {number + 1:,}, or that is damaged.",
        where=name,
        next_step="It may be half copied or still being written. Copy it again, or move it away.",
    )


def _protobuf(name: str) -> InputError:
    return InputError(
        "the messages are protobuf, which this file does not tell apart (spans, or log records?).",
        where=name,
        next_step="Set `format: json` in the collector's file exporter, or send to "
        "`iolaus receive`.",
    )
