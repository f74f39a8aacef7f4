"""Protobuf's wire format, as far as it takes to leave a broken part out of an export request.

Parsers refuse a request as a whole, for example if a value in it is nested more than 100 messages
deep. Whoever calls a model chooses what is in its own span, and must not cost others theirs: the
parts that cannot be read are left out, and the rest is put together again. Source: protobuf.dev,
"Encoding".
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

VARINT, I64, LEN, I32 = 0, 1, 2, 5
FIXED: Final = {I64: 8, I32: 4}  # bytes
LONGEST_VARINT: Final = 10  # bytes: 64 bits in sevens

# By field number: a message's plan, or how to tell whether a part can be read.
Plan = Mapping[int, "Plan | Callable[[bytes], bool]"]


class BrokenWire(ValueError):
    """The bytes are no sequence of fields."""


def readable_parts(data: bytes, plan: Plan) -> bytes:
    """The message without those parts of the plan that cannot be read.

    Raises BrokenWire if the message itself, or one that holds planned parts, is no protobuf.
    """
    out = bytearray()
    for number, start, body, end in _fields(data):
        inner = plan.get(number)
        if inner is None or body < 0:
            out += data[start:end]
            continue
        part = data[body:end]
        if callable(inner):
            if inner(part):
                out += data[start:end]
            continue
        part = readable_parts(part, inner)
        out += _varint(number << 3 | LEN) + _varint(len(part)) + part
    return bytes(out)


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(field number, where it starts, where its bytes start or -1 if it has no length, its end)."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _read_varint(data, at)
        number, kind, body = tag >> 3, tag & 7, -1
        if kind == VARINT:
            _, at = _read_varint(data, at)
        elif kind == LEN:
            size, body = _read_varint(data, at)
            at = body + size
        elif kind in FIXED:
            at += FIXED[kind]
        else:
            raise BrokenWire(f"wire type {kind}")
        if at > len(data) or number == 0:
            raise BrokenWire("a field that ends behind its message")
        yield number, start, body, at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(LONGEST_VARINT):
        if at + n >= len(data):
            raise BrokenWire("a number that ends behind its message")
        value |= (data[at + n] & 0x7F) << 7 * n
        if data[at + n] < 0x80:
            return value, at + n + 1
    raise BrokenWire("a number of more than 64 bits")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
