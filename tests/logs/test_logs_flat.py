"""Lines that Arrow reads give what the careful reader gives, to the last reject and its place."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iolaus.logs import jsonl
from iolaus.logs.checks import keep_valid
from iolaus.logs.flat import MOST_MISSES, Flat
from iolaus.logs.jsonl import JsonlReader
from iolaus.logs.lines import Line
from iolaus.logs.spec import EXCHANGES

COLUMNS = tuple(EXCHANGES.schema.names)
GOOD = {
    "exchange_id": "e", "ts": "2026-03-01T12:00:00Z", "account_id": "a", "model": "m",
    "status": 200, "temperature": 0.5, "stream": True, "prompt": "p", "input_tokens": 3,
    "other": 1, "more": "x",
}  # fmt: skip


def read(lines: list[bytes], *, flat: bool, group: int = 4) -> tuple[list[Any], frozenset[str]]:
    """Rows, rejects and their places, group by group, and the columns that were met."""

    def split(path: Path, name: str) -> Iterator[Line]:
        numbered = (Line(number, text, False) for number, text in enumerate(lines))
        return (line for line in numbered if line.text.strip())

    reader = JsonlReader(Path("x"), "x", split=split)
    if not flat:
        reader._flat = Flat(EXCHANGES.schema)
        reader._flat._misses = MOST_MISSES
    found: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl.grouped, "__defaults__", (group,))
        for chunk in reader.chunks(EXCHANGES, COLUMNS):
            lost = [(number, *fault) for number, fault in chunk.lost]
            valid = keep_valid(chunk, EXCHANGES)
            valid.validate(full=True)
            faults = sorted((row, *fault) for row, fault in chunk.faults.items())
            found.append((valid.to_pylist(), valid.schema, chunk.rows.tolist(), faults, lost))
    return found, reader.columns()


def taken(lines: list[bytes], group: int = 4) -> int:
    """Groups that Arrow read."""
    count = 0

    def counting(self: JsonlReader, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        return original(self, *arguments)

    original = JsonlReader._flat_chunk
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonlReader, "_flat_chunk", counting)
        read(lines, flat=True, group=group)
    return count


def good(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_plain_rows_are_read_by_arrow_and_nothing_differs() -> None:
    lines = [good(exchange_id=f"e{n}", prompt='π \U0001f600 \x00 \\ "' * n) for n in range(12)]
    lines += [orjson.dumps({**GOOD, "prompt": "π \U0001f600"}), b"", b" ", good(prompt=None)]
    assert read(lines, flat=True) == read(lines, flat=False)
    assert taken(lines) == 4


ODD = [
    b'{"a":1}{"a":2}', b"{}", b"{", b"}", b"[1]", b"5", b'"{}"', b"null", b'{"prompt":"a"}{}',
    b'{"temperature":NaN}', b'{"temperature":-NaN}', b'{"temperature":Infinity}', b'{"other":Inf}',
    b'{"other":-Infinity}', b'{"temperature":1e999}', b'{"other":1e999}', b'{"temperature":1e300}',
    b'{"prompt":"\\ud800"}', b'{"prompt":"\\udc00x"}', b'{"more":"\\ud800"}',
    b'{"prompt":"\\ud83d\\ude00"}', b'{"prompt":"\\u0000a"}', b'{"prompt":"\x01"}',
    b'{"prompt":"a","prompt":"b"}', b'{"other":1,"other":2}', b'{"other":01}', b'{"status":1.0}',
    b'{"status":"5"}', b'{"status":1e2}', b'{"status":99999999999}', b'{"status":-0}',
    b'{"input_tokens":-4}', b'{"input_tokens":9223372036854775808}', b'{"input_tokens":null}',
    b'{"stream":1}', b'{"stream":"true"}', b'{"prompt":5}', b'{"prompt":{}}', b'{"prompt":["a"]}',
    b'{"other":' + b"9" * 400 + b"}", b'{"other":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"temperature":' + b"9" * 400 + b"}", b'{"temperature":' + b"7" * 30 + b"}",
    b'{"temperature":9007199254740993}', b'{"temperature":-0.0}', b'{"temperature":5e-324}',
    b'{"temperature":0.1000000000000000055}',
    b'{"more":"\xff"}', b'{"prompt":"\xed\xa0\x80"}', b'\xff{}', b'{"more":"}', b'{"', b'{"a":{}',
    b',"b":1}', b'{"prompt":"a"} ', b' {"prompt":"a"}', b'{"prompt":"a"}\r', b'{"prompt" : "a" }',
    b'{"pro\\u006dpt":"a"}', b'{"new key":1}', b'{"new key":{"deep":1}}', b'{"":1}', b"{}//",
    b"{},",
    b'{"ts":5}', b'{"ts":"2026-03-01T12:00:00"}', b'{"ts":"never"}', b'{"ts":""}', b'{"ts":null}',
    b'{"ts":"2026-03-01T12:00:00.123456789Z"}', b'{"ts":1772366400}', b'{"exchange_id":""}',
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_line_costs_what_it_costs_the_careful_reader(odd: bytes) -> None:
    """Alone, among good rows, and grafted into one: first, in the middle, last of its group."""
    grafted = odd
    if odd.startswith(b'{"') and odd.endswith(b"}"):
        grafted = good()[:-1].replace(odd[1 : odd.index(b":")] + b": ", b'"was": ') + b"," + odd[1:]
    for one in (odd, grafted):
        for place in range(5):
            lines = [good(exchange_id=f"e{n}") for n in range(9)]
            lines.insert(place, one)
            assert read(lines, flat=True) == read(lines, flat=False), one[:80]


@pytest.mark.parametrize(
    "pair", [(b'{"a":{}', b"}"), (b'{"a":"}', b'{"}'), (b'{"a":1}{', b'"b":1}')]
)
def test_an_object_over_two_lines_is_none(pair: tuple[bytes, bytes]) -> None:
    """Two objects in one line must not make up for it."""
    lines = [good(), *pair, good() + good(), good()]
    assert read(lines, flat=True, group=9) == read(lines, flat=False, group=9)
    (group,) = read(lines, flat=True, group=9)[0]
    assert len(group[0]) + len(group[4]) == 5


def test_keys_that_come_and_go_are_learnt() -> None:
    lines = []
    for n in range(40):
        row = {
            name: value
            for name, value in GOOD.items()
            if name != ("model", "other", "status")[n % 3]
        }
        lines.append(json.dumps(row | {"model": "m", "exchange_id": f"e{n}"}).encode())
    assert read(lines, flat=True) == read(lines, flat=False)
    assert taken(lines) >= 8


def test_what_is_never_plain_is_soon_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [good(status=200.5) for _ in range(40)]
    tries = 0
    original = Flat._read

    def counting(self: Flat, texts: list[bytes]) -> Any:
        nonlocal tries
        tries += 1
        return original(self, texts)

    monkeypatch.setattr(Flat, "_read", counting)
    assert taken(lines) == 0
    assert tries == MOST_MISSES


def test_nested_values_and_many_keys_are_left_to_the_careful_reader() -> None:
    assert taken([good(other={"a": 1})] * 8) == 0
    assert taken([good(**{f"k{n}": n for n in range(300)})] * 8) == 0
    assert taken([good(**{f"k{n}": n for n in range(100)})] * 8) == 2


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-5, 900), st.floats(), st.text(max_size=8),
    st.sampled_from(["2026-03-01T12:00:00Z", "2026-03-01", "x\ud800"]),
)  # fmt: skip
KEYS = st.sampled_from([*COLUMNS, "other", "more", "é"])
ROWS = st.dictionaries(KEYS, SCALARS, max_size=12).map(
    lambda row: json.dumps({**GOOD, **row}, ensure_ascii=True).encode()
)
RAW = st.one_of(
    ROWS,
    ROWS,
    ROWS,
    st.sampled_from(ODD),
    st.tuples(ROWS, st.integers(0, 300), st.binary(max_size=3)).map(
        lambda t: (t[0][: t[1]] + t[2] + t[0][t[1] + 1 :]).replace(b"\n", b" ")
    ),
)


@given(st.lists(RAW, max_size=10), st.integers(1, 5))
@settings(max_examples=300, deadline=None)
def test_any_lines_give_what_the_careful_reader_gives(lines: list[bytes], group: int) -> None:
    assert_alike(read(lines, flat=True, group=group), read(lines, flat=False, group=group))


def assert_alike(ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> None:
    assert repr(ours[0]) == repr(theirs[0])  # NaN is not equal to itself
    assert ours[1] == theirs[1]


def test_types_are_the_contracts() -> None:
    (group,), _ = read([good()], flat=True)
    assert group[1] == pa.schema([EXCHANGES.schema.field(name) for name in COLUMNS])
