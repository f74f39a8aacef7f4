"""A batch of rows as Arrow columns: codes and small dictionaries, and no Python string per row.

A dictionary holds what its row group uses, because Parquet stores it with each row group.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.core.hashing import mix64
from iolaus.core.tables import EXCHANGES, TEXT_COLUMNS, TEXT_FEATURES
from iolaus.worlds.metadata import columns as c
from iolaus.worlds.metadata.draws import mix
from iolaus.worlds.metadata.rows import Room
from iolaus.worlds.metadata.tables import (
    CAPABILITY_NAMES,
    CHANNEL_NAMES,
    COUNTRY_NAMES,
    Dictionaries,
    Tables,
    account_numbers,
)  # fmt: skip
from iolaus.worlds.model import Ints

LEFT_OUT: Final = ("content_low", "content_high")  # signs of words: there are no words
SCHEMA: Final = pa.schema(
    [
        *(f for f in EXCHANGES if f.name not in TEXT_COLUMNS),
        *(f for f in TEXT_FEATURES if f.name not in LEFT_OUT),
    ]
)
TEXT_HIDDEN: Final = tuple(f.name for f in TEXT_FEATURES if f.name not in LEFT_OUT)
_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DIGITS = 12  # of an exchange's number: 10^12 exchanges


class Encoder:
    """Scratch and dictionaries of one thread. `seed` makes the ids."""

    def __init__(self, tables: Tables, dictionaries: Dictionaries, seed: int, rows: int) -> None:
        self._known, self._seed = dictionaries, seed
        self._accounts = account_numbers(len(tables.ints), seed)
        largest = max(len(tables.ints), len(dictionaries.ips), dictionaries.keys)
        self._place = np.full(largest, -1, dtype=np.int32)
        size = 1 << int(np.ceil(np.log2(2 * max(rows, 2))))  # at most half full
        self._hashed = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int32)

    def batch(self, room: Room, count: int, first: int, midnight: int) -> pa.RecordBatch:
        """The room's first `count` rows. first: how many exchanges the log has before them."""
        rows, d = room.columns[:, :count], self._known
        columns = {
            "exchange_id": numbered("x_", first, count),
            "ts": pa.array(rows[c.TS] + midnight).view(SCHEMA.field("ts").type),
            "model": _coded(d.model_of[rows[c.TIER], rows[c.RELEASE]], d.models),
            "status": _int32(rows[c.STATUS]),
        }
        columns |= self._who(rows) | self._where(rows) | self._sizes(rows)
        columns |= self._said(rows) | _phrases(room, count)
        return pa.RecordBatch.from_arrays([columns[n] for n in SCHEMA.names], SCHEMA.names)

    def _who(self, rows: Ints) -> dict[str, pa.Array]:
        accounts, used = self._dense(rows[c.ACCOUNT])
        keys, held = self._dense(rows[c.KEY])
        talks, met = self._sparse(rows[c.CONVERSATION])
        return {
            "account_id": _coded(accounts, hexed("acct_", self._accounts[used])),
            "api_key_id": _coded(keys, hexed("key_", mix64(held, self._seed + 12))),
            "conversation_id": _coded(talks, hexed("conv_", met)),
            "organization_id": _coded(_narrow(rows[c.ORGANIZATION]), self._known.organizations),
            "channel": _coded(_narrow(rows[c.CHANNEL]), CHANNEL_NAMES),
        }

    def _where(self, rows: Ints) -> dict[str, pa.Array]:
        d, client = self._known, rows[c.CLIENT]
        codes, used = self._dense(rows[c.IP])
        return {
            "client_ip": _coded(codes, ip_texts(d.ips[used])),
            "asn": pa.array(rows[c.ASN]),
            "country": _coded(_narrow(rows[c.PLACE]), COUNTRY_NAMES),
            "user_agent": _coded(d.agent_of[client], d.agents),
            "tls_fingerprint": _coded(d.ja4_of[client], d.ja4s),
        }

    def _sizes(self, rows: Ints) -> dict[str, pa.Array]:
        limit, degrees = rows[c.LIMIT], rows[c.DEGREES]
        return {
            "input_tokens": pa.array(rows[c.INPUT]),
            "cached_input_tokens": pa.array(rows[c.CACHED]),
            "output_tokens": pa.array(rows[c.OUTPUT]),
            "reasoning_tokens": pa.array(rows[c.REASONING]),
            "max_output_tokens": pa.array(limit, mask=limit < 0),
            "temperature": pa.array(degrees / c.HUNDREDTHS, mask=degrees < 0),
            "choice_count": _int32(rows[c.CHOICES]),
            "stream": pa.array(rows[c.STREAM] != 0),
            "tool_count": _int32(rows[c.TOOLS]),
        }

    def _said(self, rows: Ints) -> dict[str, pa.Array]:
        absent = rows[c.SYSTEM] < 0
        return {
            "prompt_hash": pa.array(rows[c.PROMPT]),
            "prompt_chars": _int32(rows[c.CHARS]),
            "prompt_words": _int32(rows[c.WORDS]),
            "skeleton": pa.array(rows[c.SKELETON]),
            "system_hash": pa.array(rows[c.SYSTEM_HASH], mask=absent),
            "system_skeleton": pa.array(rows[c.SYSTEM_MASKED], mask=absent),
            "capability": _coded(_narrow(rows[c.CAPABILITY]), CAPABILITY_NAMES),
            "capability_bits": _int32(rows[c.CAPABILITY_BITS]),
        }

    def _dense(self, values: Ints) -> tuple[NDArray[np.int32], Ints]:
        """Codes in the order in which values come (-1 stays), and each code's value."""
        codes, used = np.empty(len(values), np.int32), np.empty(len(values), np.int64)
        return codes, used[: _dense(values, self._place, codes, used)]

    def _sparse(self, values: Ints) -> tuple[NDArray[np.int32], Ints]:
        """The same for hashes, of which 0 means none."""
        codes, used = np.empty(len(values), np.int32), np.empty(len(values), np.int64)
        keys, places = self._hashed
        keys[:] = 0
        return codes, used[: _sparse(values, keys, places, codes, used)]


def _narrow(values: Ints) -> NDArray[np.int32]:
    return values.astype(np.int32)


def _int32(values: Ints) -> pa.Array:
    return pa.array(_narrow(values))


def _phrases(room: Room, count: int) -> dict[str, pa.Array]:
    ends = room.phrase_ends[: count + 1]
    values = pa.array(room.phrases[: ends[-1]])
    return {"phrases": pa.ListArray.from_arrays(pa.array(ends), values)}


def _coded(codes: NDArray[np.int32], words: pa.Array) -> pa.DictionaryArray:
    absent = codes < 0
    if len(words) == 0:  # nobody has one
        return pa.nulls(len(codes), pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=absent), words)


@kernel
def _dense(
    values: Ints, place: NDArray[np.int32], codes: NDArray[np.int32], used: Ints
) -> int:  # fmt: skip
    size = 0
    for r in range(len(values)):
        value = values[r]
        if value < 0:
            codes[r] = -1
            continue
        if place[value] < 0:
            place[value] = size
            used[size] = value
            size += 1
        codes[r] = place[value]
    for n in range(size):
        place[used[n]] = -1  # clean for the next column
    return size


@kernel
def _sparse(
    values: Ints, keys: Ints, places: NDArray[np.int32], codes: NDArray[np.int32], used: Ints
) -> int:
    size, mask = 0, np.uint64(len(keys) - 1)
    for r in range(len(values)):
        value = values[r]
        if value == 0:
            codes[r] = -1
            continue
        at = mix(np.uint64(value)) & mask
        while keys[at] != 0 and keys[at] != value:
            at = (at + np.uint64(1)) & mask
        if keys[at] == 0:
            keys[at], places[at], used[size] = value, size, value
            size += 1
        codes[r] = places[at]
    return size


def _fixed(rows: NDArray[np.uint8]) -> pa.Array:
    """Strings of equal length from a matrix of their bytes."""
    count, width = rows.shape
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(rows))


def hexed(prefix: str, values: Ints) -> pa.Array:
    """prefix + 16 hexadecimal digits of each value."""
    rows = np.empty((len(values), len(prefix) + 16), dtype=np.uint8)
    rows[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    data = np.ascontiguousarray(values).astype(">i8").view(np.uint8).reshape(-1, 8)
    rows[:, len(prefix) :: 2] = _HEX[data >> 4]
    rows[:, len(prefix) + 1 :: 2] = _HEX[data & 15]
    return _fixed(rows)


def numbered(prefix: str, first: int, count: int) -> pa.Array:
    """prefix + the numbers from `first` on in _DIGITS digits: ids that store in two bytes."""
    rows = np.empty((count, len(prefix) + _DIGITS), dtype=np.uint8)
    rows[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    _digits(rows, len(prefix), first)
    return _fixed(rows)


@kernel
def _digits(rows: NDArray[np.uint8], begin: int, first: int) -> None:
    for r in range(rows.shape[0]):
        left = first + r
        for place in range(rows.shape[1] - 1, begin - 1, -1):
            rows[r, place] = 48 + left % 10
            left //= 10


def ip_texts(ips: NDArray[np.uint32]) -> pa.Array:
    """IPv4 addresses in dotted form."""
    data = np.empty(len(ips) * 15, dtype=np.uint8)  # 255.255.255.255
    ends = np.zeros(len(ips) + 1, dtype=np.int32)
    size = _dotted(ips, data, ends)
    return pa.StringArray.from_buffers(
        len(ips), pa.py_buffer(ends), pa.py_buffer(data[:size].copy())
    )


@kernel
def _dotted(ips: NDArray[np.uint32], data: NDArray[np.uint8], ends: NDArray[np.int32]) -> int:
    size = 0
    for n in range(len(ips)):
        for shift in (24, 16, 8, 0):
            part = (np.int64(ips[n]) >> shift) & 255
            if part >= 100:
                data[size] = 48 + part // 100
                size += 1
            if part >= 10:
                data[size] = 48 + part // 10 % 10
                size += 1
            data[size] = 48 + part % 10
            size += 1
            if shift:
                data[size] = 46
                size += 1
        ends[n + 1] = size
    return size
