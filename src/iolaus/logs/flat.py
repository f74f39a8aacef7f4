"""Lines that are plain objects of plain values, parsed by Arrow: no Python object per cell, and
other threads go on meanwhile.

It takes only what it understands exactly as the careful reader (jsonl.py) does: a group of lines of
which each is one object, whose keys were all met before and hold texts, numbers, true and false or
null, of one type per key. Everything else, down to a number that a column cannot hold, is left to
the careful reader, for the whole group: so it alone decides what is rejected, and why.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

MOST_MISSES: Final = 4  # groups in a row that were not plain: then it is not tried again
MOST_OTHER_KEYS: Final = 200  # that the table does not know; each is a column that is thrown away
SLACK: Final = 1  # Arrow must see a group as one block
TYPES: Final[dict[type, pa.DataType]] = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.float64(),  # a number may be whole in one row only
    float: pa.float64(),
    type(None): pa.string(),
}


class Flat:
    """Of one file and table. schema: the table's; its times are read as texts."""

    def __init__(self, schema: pa.Schema) -> None:
        self._types: dict[str, pa.DataType] = {
            field.name: pa.string() if pa.types.is_timestamp(field.type) else field.type
            for field in schema
        }
        self._keys: dict[str, pa.DataType] = {}  # met so far
        self._misses = 0

    @property
    def is_tried(self) -> bool:
        """Whether it is worth a try still."""
        return self._misses < MOST_MISSES

    def read(self, texts: Sequence[bytes]) -> dict[str, pa.Array] | None:
        """The values of each key, null where a row lacks it; None where the group is not plain.

        texts: lines without their newlines, none blank.
        """
        found = self._read(texts) if self.is_tried else None
        self._misses = 0 if found is not None else self._misses + 1
        return found

    def learn(self, rows: Sequence[dict[str, Any]]) -> None:
        """The keys of rows that the careful reader read, so that the next group may be plain."""
        for row in rows:
            for key in row.keys() - self._keys.keys():
                kind = self._types.get(key) or TYPES.get(type(row[key]))
                if kind is None or len(self._keys) - len(self._types) > MOST_OTHER_KEYS:
                    self._misses = MOST_MISSES
                    return
                self._keys[key] = kind

    def _read(self, texts: Sequence[bytes]) -> dict[str, pa.Array] | None:
        text = _one_object_a_line(texts)
        if text is None or not self._knows(texts[0]):
            return None
        schema = pa.schema(list(self._keys.items()))
        try:
            table = pj.read_json(
                pa.BufferReader(text),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + SLACK),
                parse_options=pj.ParseOptions(
                    explicit_schema=schema, unexpected_field_behavior="error"
                ),
            )
        except pa.ArrowInvalid:  # not JSON, another key or type, a number too large
            return None
        if table.num_rows != len(texts) or table.schema != schema:
            return None
        columns = {name: _one(table[name]) for name in schema.names}
        return columns if all(map(_is_finite, columns.values())) else None

    def _knows(self, line: bytes) -> bool:
        """The keys of the first row become known: it would be a pity to miss for a new one."""
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        self.learn([row])
        return self.is_tried and bool(self._keys)


def _one_object_a_line(texts: Sequence[bytes]) -> bytes | None:
    """All lines in one text, if each begins and ends with a brace; None if one does not, or it is
    not UTF-8, which Arrow's parser does not mind.

    Then no object can go on in the next line: behind '}' inside of one, '{' is an error, and no
    string holds a newline. So as many rows as lines mean one object in each line.
    """
    if {line[:1] for line in texts} != {b"{"} or {line[-1:] for line in texts} != {b"}"}:
        return None
    text = b"\n".join(texts)
    if text.count(b"\n") != len(texts) - 1:
        return None
    size = len(text).to_bytes(4, "little")
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(bytes(4) + size), pa.py_buffer(text))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return text


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _is_finite(column: pa.Array) -> bool:
    """NaN and infinities, which JSON has not, are numbers to Arrow's parser."""
    if not pa.types.is_floating(column.type):
        return True
    return pc.all(pc.is_finite(column)).as_py() is not False
