"""Nasty texts, and what text_features says of them; run by itself it prints that as JSON.

With NUMBA_DISABLE_JIT=1 the kernels run as plain Python, where numpy checks every index.
"""

import json
import random
import sys

import numpy as np
import pyarrow as pa

from iolaus.signals.text import text_features

FRAGMENTS = [
    b"",
    b"\x00",
    b"\xff",
    b"\xe2\x80",
    b"\xe2",
    b"\xf0\x9f\x98\x80",
    b"\xf0\x9f",
    b"\xc3",
    b"\x80",
    b"`",
    b"``",
    b"```",
    b"````",
    b'"',
    b"'",
    b"\xe2\x80\x9c",
    b"\xe2\x80\x9d",
    b"\xc2\xab",
    b"\xe3\x80\x8c",
    b"\xe3\x80\x8d",
    b"\xe2\x80\x8b",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b" ",
    b"\n",
    b". ",
    b"/",
    b"~/",
    b"\\\\",
    b"://",
    b"@",
    b"_",
    b"a_b",
    b"x.y",
    b"Word",
    b"word",
    b"camelCase",
    b"1,2.3",
    b"9",
    b"C3PO",
    "\u4e00\u6b65".encode(),
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22".encode(),
    "\u041f\u0440\u0438\u0432\u0435\u0442".encode(),
    "\u00c9t\u00e9".encode(),
    b"{};()=<>",
    b"step by step",
    b"toolformer",
    b"w" * 70,
    b"\x7f",
    b"'s",
    b"-",
    b"\t",
    b"\r\n",
]


def texts() -> list[bytes]:
    """Each fragment alone, and 300 random runs of them."""
    rng = random.Random(3)
    runs = [b"".join(rng.choices(FRAGMENTS, k=rng.randrange(1, 40))) for _ in range(300)]
    return FRAGMENTS + runs


def as_array(raw: list[bytes]) -> pa.Array:
    """A string array over the bytes as they are, valid UTF-8 or not."""
    offsets = np.cumsum([0, *map(len, raw)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(raw))]
    return pa.Array.from_buffers(pa.string(), len(raw), buffers)


def features(raw: list[bytes]) -> list[dict[str, object]]:
    """Rows of text_features, without a system prompt."""
    return text_features(as_array(raw), pa.nulls(len(raw), pa.string())).to_pylist()


if __name__ == "__main__":
    json.dump(features(texts()), sys.stdout)
