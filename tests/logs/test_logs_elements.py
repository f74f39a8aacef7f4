"""JSON that is not one object a line: arrays, envelopes, pretty-printed objects, and garbage."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import iolaus.logs.lines as lines_module
from iolaus.logs import Cause, Log, open_log
from iolaus.logs.elements import elements

TS = "2026-03-01T12:00:00Z"


def split(folder: Path, text: bytes) -> list[bytes]:
    path = folder / "a.json"
    path.write_bytes(text)
    found = list(elements(path, "a.json"))
    assert [line.number for line in found] == list(range(len(found)))
    return [b"(too long)" if line.too_long else line.text for line in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"[]", []),
        (b'[{"a": 1}, {"b": [{"c": "}"}]}]', [b'{"a": 1}', b'{"b": [{"c": "}"}]}']),
        (b'{"a": 1}\n{"b": 2}', [b'{"a": 1}', b'{"b": 2}']),
        (b'{\n "a": {"b": []}\n}', [b'{\n "a": {"b": []}\n}']),
        (
            b'{"meta": {"n": 2}, "data": [{"a": 1}, {"a": 2}], "x": [{"y": 3}]}',
            [b'{"a": 1}', b'{"a": 2}'],
        ),
        (b'{"records": [{"a": 1}]}\n{"records": [{"a": 2}]}', [b'{"a": 1}', b'{"a": 2}']),
        (b'{"messages": [{"a": 1}]}', [b'{"messages": [{"a": 1}]}']),  # no envelope's name
        (b'{"data": {"data": [{"a": 1}]}}', [b'{"data": {"data": [{"a": 1}]}}']),
        (b'[{"a": "\\"}"}]', [b'{"a": "\\"}"}']),
        (b'[1, {"a": 1}, "x", {"b": 1}]', [b"1", b'{"a": 1}', b'"x"', b'{"b": 1}']),
        (b'[[{"a": 1}]]', [b"["]),
        (b'[{"a": 1}, {"b": ', [b'{"a": 1}', b'{"b": ']),
        (b'[{"a": 1}, {"b": "open]', [b'{"a": 1}', b'{"b": "open]']),
        (b"hello", [b"hello"]),
        (b'[{"a": 1}]]', [b'{"a": 1}', b"]"]),
    ],
)
@pytest.mark.parametrize("block", [2**20, 1, 3])
def test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, expected: list[bytes], block: int
) -> None:
    monkeypatch.setattr(lines_module, "BLOCK", block)
    assert split(tmp_path, text) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(
    objects=st.lists(
        st.dictionaries(st.text(max_size=4), JSON, max_size=4), min_size=1, max_size=6
    ),
    indent=st.sampled_from([None, 1]),
    wrap=st.sampled_from(["array", "data"]),
    block=st.sampled_from([1, 7, 2**20]),
)
def test_any_array_is_split_into_its_objects(
    tmp_path_factory: pytest.TempPathFactory,
    objects: list[dict[str, Any]],
    indent: int | None,
    wrap: str,
    block: int,
) -> None:
    document: Any = objects if wrap == "array" else {"meta": {"data": 1}, "data": objects}
    text = json.dumps(document, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "BLOCK", block)
        found = split(tmp_path_factory.mktemp("json"), text)
    assert [json.loads(part) for part in found] == objects


@settings(max_examples=300, deadline=None)
@given(text=st.text('{}[]",:\\ ax1\n\x00', max_size=40))
def test_garbage_never_crashes_and_is_never_nothing(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    found = split(tmp_path_factory.mktemp("json"), text.encode())
    if any(c not in '{}[],: \n"datx1\\' for c in text.strip()) and "{" not in text:
        assert found


def log_of(root: Path, text: bytes, name: str) -> Log:
    path = root / "log/exchanges" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    return open_log(root / "log")


def rows(count: int, **more: Any) -> list[dict[str, Any]]:
    base = {"ts": TS, "account_id": "a", "model": "m"}
    return [base | {"exchange_id": f"e{i}"} | more for i in range(count)]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_the_contracts_own_rows(tmp_path: Path, indent: int | None) -> None:
    text = json.dumps([*rows(3), 5], indent=indent).encode()
    log = log_of(tmp_path, gzip.compress(text), "a.json.gz")
    assert pa.Table.from_batches(log.batches())["source_row"].to_pylist() == [0, 1, 2]
    assert log.rejects.counts == {Cause.NOT_OBJECT: 1}
    assert log.formats == {"jsonl": 1}


def test_json_files_that_are_lines(tmp_path: Path) -> None:
    text = b"\n".join(json.dumps(row).encode() for row in rows(2)) + b"\n{broken\n"
    log = log_of(tmp_path, text, "a.json")
    assert pa.Table.from_batches(log.batches())["exchange_id"].to_pylist() == ["e0", "e1"]
    assert log.rejects.table()["row"].to_pylist() == [3]


def test_an_object_too_long_is_skipped_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 1_000)
    monkeypatch.setattr(lines_module, "BLOCK", 64)
    many = [*rows(1), *rows(1, prompt="x" * 5_000), *rows(1, other=[[1]] * 900), *rows(1)]
    log = log_of(tmp_path, json.dumps(many, indent=1).encode(), "a.json")
    assert pa.Table.from_batches(log.batches())["source_row"].to_pylist() == [0, 3]
    assert log.rejects.counts == {Cause.LONG_LINE: 2}


def test_deep_json_is_one_reject(tmp_path: Path) -> None:
    deep = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    text = b"[" + json.dumps(rows(1)[0]).encode() + b"," + deep + b"]"
    log = log_of(tmp_path, text, "a.json")
    assert pa.Table.from_batches(log.batches()).num_rows == 1
    assert log.rejects.counts == {Cause.JSON: 1}


def test_an_array_on_one_line_is_not_read_to_recognise_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening reads some blocks of the file, however long its only line is."""
    read = 0

    def counting(folder: Path) -> Any:
        nonlocal read
        source = gzip.GzipFile(folder)
        inner = source.read

        def count(size: int = -1) -> bytes:
            nonlocal read
            read += 1
            return inner(size)

        monkeypatch.setattr(source, "read", count)
        return source

    many = json.dumps(rows(200_000)).encode()
    path = tmp_path / "log/exchanges/a.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(many, compresslevel=1))
    with monkeypatch.context() as patch:
        patch.setattr(lines_module, "_plain_or_packed", counting)
        log = open_log(tmp_path / "log")
    assert len(many) > 16 * lines_module.BLOCK and 0 < read <= 6
    assert next(log.batches()).num_rows > 0
