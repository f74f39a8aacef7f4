"""Addresses as text -> numbers, in bulk.

An address is two unsigned 64-bit numbers, `high` and `low`; of IPv4, `high` is 0 and `low` below
2^32. An IPv4 address written inside IPv6 (::ffff:192.0.2.1) is the IPv4 address.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Mask = NDArray[np.bool_]

DOT, ZERO = 46, 48  # ASCII
LONGEST_V4 = 15  # 255.255.255.255
MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96
FULL: Final = np.uint64(2**64 - 1)
# How proxies write an address and a port: 192.0.2.1:443, [2001:db8::1]:443; a zone: fe80::1%eth0.
_DRESSED: Final = re.compile(
    r"^\s*(?:\[([^]%]+)(?:%[^]]*)?\](?::\d+)?|([\d.]+):\d+|([^%\s]+)%?\S*)\s*$"
)


@dataclass(frozen=True)
class Addresses:
    """version: 4, 6, or 0 where the text is no address. All arrays have one element per text."""

    version: NDArray[np.int8]
    high: U64
    low: U64


def parse(texts: pa.Array) -> Addresses:
    """Read addresses (string array, no nulls). 1 million IPv4 take about 0.2 s, IPv6 1 s."""
    count = len(texts)
    version, high, low = (
        np.zeros(count, np.int8),
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint64),
    )
    if not count:
        return Addresses(version, high, low)
    plain = _plain_v4(texts, low)
    version[plain] = 4
    rest = np.flatnonzero(~plain)
    if rest.size:
        words = texts.take(pa.array(rest)).to_pylist()
        kinds, numbers = _sixes(words)
        version[rest], high[rest], low[rest] = kinds, numbers[:, 0], numbers[:, 1]
    return Addresses(version, high, low)


def _plain_v4(texts: pa.Array, low: U64) -> Mask:
    """Fill in the texts that are four numbers of 0 to 255 without leading zeros; which ones are.

    Works on the text's bytes at once: three dots cut each text into four runs of 1 to 3 digits.
    """
    texts = texts.cast(pa.large_string())
    _, buffer, content = texts.buffers()
    bounds = np.frombuffer(buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(content or b"", np.uint8)[bounds[0] : bounds[-1]]
    bounds = bounds - bounds[0]
    dots = np.flatnonzero(data == DOT)
    strange = np.flatnonzero((data != DOT) & ((data < ZERO) | (data > ZERO + 9)))
    first_dot = np.searchsorted(dots, bounds)
    fine: Mask = np.diff(first_dot) == 3
    fine &= np.diff(np.searchsorted(strange, bounds)) == 0
    rows = np.flatnonzero(fine)
    cuts = np.column_stack(
        [bounds[rows] - 1, *(dots[first_dot[rows] + i] for i in range(3)), bounds[rows + 1]]
    )
    value, good = _octets(data, cuts)
    low[rows[good]] = value[good]
    fine[rows[~good]] = False
    return fine


def _octets(data: NDArray[np.uint8], cuts: NDArray[np.int64]) -> tuple[U64, Mask]:
    """cuts: five positions per text, before, between and after its four runs of digits."""
    value, good = np.zeros(len(cuts), np.uint64), np.ones(len(cuts), np.bool_)
    digits = np.concatenate([np.zeros(3, np.uint16), data.astype(np.uint16) - np.uint16(ZERO)])
    for i in range(4):
        length, end = cuts[:, i + 1] - cuts[:, i] - 1, cuts[:, i + 1] + 3  # 3: the padding's
        tens = np.where(length > 1, digits[end - 2], 0)
        hundreds = np.where(length > 2, digits[end - 3], 0)
        octet = digits[end - 1] + 10 * tens + 100 * hundreds
        leading = np.where(length == 3, hundreds == 0, (length == 2) & (tens == 0))
        good &= (length >= 1) & (length <= 3) & ~leading & (octet <= 255)
        value = value << np.uint64(8) | octet.astype(np.uint64)
    return value, good


def _sixes(words: Sequence[str]) -> tuple[NDArray[np.int8], U64]:
    """IPv6, and what only looks odd: versions and (n, 2) numbers."""
    try:
        packed = b"".join(map(partial(socket.inet_pton, socket.AF_INET6), words))
        known = np.ones(len(words), np.bool_)
    except (OSError, ValueError, UnicodeError):
        each = [_packed(word) for word in words]
        known = np.asarray([one is not None for one in each], np.bool_)
        packed = b"".join(one or bytes(16) for one in each)
    raw = np.frombuffer(packed, np.uint8).reshape(-1, 16)
    numbers = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2)
    mapped = (raw[:, :12] == np.frombuffer(MAPPED, np.uint8)).all(axis=1)
    numbers[mapped, 1] &= np.uint64(2**32 - 1)
    version = np.where(mapped, 4, 6).astype(np.int8)
    version[~known] = 0
    return version, numbers


def _packed(word: str) -> bytes | None:
    """16 bytes of one address in any of the accepted forms; None if it is none."""
    match = _DRESSED.match(word)
    if match is None:
        return None
    bare = match[1] or match[2] or match[3]
    try:
        if ":" in bare:
            return socket.inet_pton(socket.AF_INET6, bare)
        return MAPPED + socket.inet_pton(socket.AF_INET, bare)
    except (OSError, ValueError, UnicodeError):
        return None


@dataclass(frozen=True)
class Blocks:
    """Ranges of one version, both ends included. row: int64, which text each came from."""

    first_high: U64
    first_low: U64
    last_high: U64
    last_low: U64
    row: NDArray[np.int64]


def blocks_of_cidr(texts: pa.Array) -> tuple[dict[int, Blocks], NDArray[np.int64]]:
    """Addresses and ADDRESS/LENGTH (string array, no nulls) -> blocks by version, and bad rows.

    Bits below the length are passed over: 192.0.2.7/24 is 192.0.2.0/24.
    """
    parts = pc.split_pattern(pc.utf8_trim_whitespace(texts), "/", max_splits=1)
    at = parse(pc.list_element(parts, 0))
    sized = pc.greater(pc.list_value_length(parts), 1).to_numpy(zero_copy_only=False)
    length = _lengths(parts, sized, at.version)
    good = (at.version > 0) & (length >= 0)
    found = {}
    for version in (4, 6):
        rows = np.flatnonzero(good & (at.version == version))
        free_high, free_low = free_bits(length[rows], version)
        high, low = at.high[rows], at.low[rows]
        found[version] = Blocks(
            high & ~free_high, low & ~free_low, high | free_high, low | free_low, rows
        )
    return found, np.flatnonzero(~good)


def _lengths(parts: pa.Array, sized: Mask, version: NDArray[np.int8]) -> NDArray[np.int64]:
    """Length of each prefix; -1 where it is none."""
    most = np.where(version == 4, 32, 128).astype(np.int64)
    length = most.copy()
    if sized.any():
        words = pc.list_element(parts.filter(pa.array(sized)), 1).to_pylist()
        length[sized] = [
            int(w) if w.isascii() and w.isdigit() and len(w) < 4 else -1 for w in words
        ]
    # ::ffff:192.0.2.0/120 has become IPv4, whose length is 96 less.
    colon = pc.match_substring(pc.list_element(parts, 0), ":").to_numpy(zero_copy_only=False)
    length[sized & colon & (version == 4)] -= 96
    return np.where(length <= most, length, -1)


def free_bits(length: NDArray[np.int64], version: int) -> tuple[U64, U64]:
    """The bits below a prefix, all set."""
    free = (32 if version == 4 else 128) - length
    return _ones(free - 64), _ones(np.minimum(free, 64))


def _ones(count: NDArray[np.int64]) -> U64:
    """The lowest `count` bits set: 0 below 1, all at 64."""
    shift = np.clip(64 - count, 0, 63).astype(np.uint64)
    return np.where(count > 0, FULL >> shift, np.uint64(0))


def blocks_of_ends(first: pa.Array, last: pa.Array) -> tuple[dict[int, Blocks], NDArray[np.int64]]:
    """First and last addresses (text, or whole numbers below 2^32 as IPv4) -> blocks, bad rows."""
    a, b = parse(_dotted(first)), parse(_dotted(last))
    ordered = (a.high < b.high) | ((a.high == b.high) & (a.low <= b.low))
    good = (a.version > 0) & (a.version == b.version) & ordered
    found = {}
    for version in (4, 6):
        rows = np.flatnonzero(good & (a.version == version))
        found[version] = Blocks(a.high[rows], a.low[rows], b.high[rows], b.low[rows], rows)
    return found, np.flatnonzero(~good)


def _dotted(texts: pa.Array) -> pa.Array:
    """Whole numbers (IP2Location writes 16777216 for 1.0.0.0) as address text; the rest as is."""
    texts = pc.utf8_trim_whitespace(texts)
    whole = pc.match_substring_regex(texts, r"^\d{1,39}$")
    if not pc.any(whole).as_py():
        return texts
    numbers = [int(word) for word in texts.filter(whole).to_pylist()]
    return pc.replace_with_mask(
        texts, whole, pa.array([_number_text(n) for n in numbers], texts.type)
    )


def _number_text(number: int) -> str:
    if number < 2**32:
        return socket.inet_ntop(socket.AF_INET, number.to_bytes(4, "big"))
    if number < 2**128:
        return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))
    return "no address"
