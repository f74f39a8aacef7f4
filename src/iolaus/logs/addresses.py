"""One spelling per address, so that every later step may compare and cut addresses as text.

IPv6 as RFC 5952 writes it (lower case, no leading zeros, the longest run of zeros as '::'); IPv4 as
four decimal numbers, also where it was written inside IPv6 (::ffff:192.0.2.1). Ports, brackets,
zones and blanks around an address are taken off. What is no address stays as it was.
"""

import socket
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iolaus.logs.enrichment.addresses import Addresses, parse

COLUMNS: Final = frozenset({"client_ip", "signup_ip"})
# Four numbers: either the one spelling of an IPv4 address already, or (256, 01) no address at all.
_FOUR_NUMBERS: Final = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"


def with_one_spelling(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its addresses in one spelling each."""
    for name in COLUMNS.intersection(batch.schema.names):
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, batch.schema.field(name), one_spelling(batch[name]))
    return batch


def one_spelling(texts: pa.Array) -> pa.Array:
    """Addresses (string array, nulls stay) in one spelling each. Plain IPv4 costs a look alone."""
    if pc.all(pc.match_substring_regex(texts, _FOUR_NUMBERS)).as_py() is not False:
        return texts
    folded = texts.dictionary_encode()
    words = folded.dictionary
    other = pc.invert(pc.match_substring_regex(words, _FOUR_NUMBERS))
    spelled = _spelled(words.filter(other))
    return pc.replace_with_mask(words, other, spelled).take(folded.indices)


def _spelled(words: pa.Array) -> pa.Array:
    found = parse(words)
    raw = _packed(found)
    given = words.to_pylist()
    texts = [
        _text(version, raw[16 * i : 16 * i + 16]) if version else given[i]
        for i, version in enumerate(found.version.tolist())
    ]
    return pa.array(texts, pa.string())


def _packed(found: Addresses) -> bytes:
    """16 bytes each, in network order."""
    return np.column_stack([found.high, found.low]).astype(">u8").tobytes()


def _text(version: int, raw: bytes) -> str:
    if version == 4:
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)
