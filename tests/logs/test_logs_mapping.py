"""Mapping files: every key does something, every mistake is named."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.core.errors import ConfigError, InputError
from iolaus.logs import open_log
from iolaus.logs.mapping import dig, load

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = """
[exchanges]
exchange_id = "id"
ts = "time"
account_id = "who"
model = "m"
"""
RECORD = {"id": "x", "time": "2026-03-01T12:00:00Z", "who": "a", "m": "gpt"}


def log(root: Path, mapping: str, record: dict[str, Any], kind: str) -> Any:
    """A log of one record, in one of three formats, opened."""
    (root / "log/exchanges").mkdir(parents=True)
    (root / "log/mapping.toml").write_text(mapping)
    path = root / f"log/exchanges/part.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    elif kind == "csv":
        cells = ["" if v is None else str(v).replace('"', '""') for v in record.values()]
        path.write_text(",".join(record) + "\n" + ",".join(f'"{c}"' for c in cells) + "\n")
    else:
        path.write_text(json.dumps(record) + "\n")
    return open_log(root / "log")


def only(root: Path, mapping: str, record: dict[str, Any], kind: str) -> dict[str, Any]:
    opened = log(root, mapping, record, kind)
    found = pa.Table.from_batches(opened.batches()).to_pylist()
    assert opened.rejects.counts == {}
    return dict(found[0])


ALL = pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])


@ALL
def test_other_names_and_what_is_not_named(tmp_path: Path, kind: str) -> None:
    row = only(tmp_path, BASE, RECORD | {"input_tokens": 7}, kind)
    assert (row["exchange_id"], row["ts"], row["account_id"], row["model"]) == (
        "x",
        NOON,
        "a",
        "gpt",
    )
    assert row["input_tokens"] == 7 and row["prompt"] is None


# entry in the mapping, the source's cell, the column, the value expected of it
ENTRIES = [
    ('ts = { from = "cell", unit = "ms" }', 1772366400000, "ts", NOON),
    ('ts = { from = "cell", unit = "s" }', 1772366400, "ts", NOON),
    ('ts = { from = "cell", unit = "us" }', 1772366400000000, "ts", NOON),
    ('ts = { from = "cell", unit = "ns" }', 1772366400000000999, "ts", NOON),
    (
        'ts = { from = "cell", pattern = "%d/%m/%Y %H:%M", zone = "UTC" }',
        "01/03/2026 12:00",
        "ts",
        NOON,
    ),
    ('ts = { from = "cell", pattern = "%d.%m.%y %H:%M %z" }', "01.03.26 14:00 +0200", "ts", NOON),
    ('ts = { from = "cell", zone = "+05:30" }', "2026-03-01 17:30:00", "ts", NOON),
    ('ts = { from = "cell", zone = "-01:00" }', "2026-03-01T11:00:00", "ts", NOON),
    ('ts = { from = "cell", zone = "UTC" }', "2026-03-01T12:00:00", "ts", NOON),
    ('channel = { value = "web_app" }', "-", "channel", "web_app"),
    ("stream = { value = true }", "-", "stream", True),
    ("temperature = { value = 1 }", "-", "temperature", 1.0),
    ('account_id = ["nothing", "cell"]', "b", "account_id", "b"),
    ('account_id = { from = "cell", type = "integer" }', 7, "account_id", "7"),
    ('input_tokens = { from = "cell", type = "text" }', "12", "input_tokens", 12),
    ('input_tokens = { from = "cell", type = "text", null = ["-"] }', "-", "input_tokens", None),
    (
        'input_tokens = { from = "cell", unit = "thousand_tokens", type = "text" }',
        "1.5",
        "input_tokens",
        1500,
    ),
    ('input_tokens = { from = "cell", unit = "tokens" }', 5, "input_tokens", 5),
    ('temperature = { from = "cell", type = "text" }', "0.5", "temperature", 0.5),
    ('stream = { from = "cell", type = "text" }', "Yes", "stream", True),
    ('stream = { from = "cell", type = "integer" }', 0, "stream", False),
    ('channel = { from = "cell", values = { "1" = "aggregator" } }', "1", "channel", "aggregator"),
    ('channel = { from = "cell", values = { "*" = "web_app" } }', "x", "channel", "web_app"),
    ('channel = { from = "cell", values = { "1" = "aggregator" } }', "2", "channel", "2"),
]


@ALL
@pytest.mark.parametrize(("entry", "cell", "name", "expected"), ENTRIES)
def test_entry(tmp_path: Path, kind: str, entry: str, cell: Any, name: str, expected: Any) -> None:
    mapping = "\n".join(line for line in BASE.splitlines() if not line.startswith(f"{name} "))
    row = only(tmp_path, f"{mapping}\n{entry}\n", RECORD | {"cell": cell}, kind)
    assert row[name] == expected


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_dots_go_into_objects(tmp_path: Path, kind: str) -> None:
    record = RECORD | {"caller": {"customer": {"id": "deep"}}}
    row = only(tmp_path, BASE.replace('"who"', '"caller.customer.id"'), record, kind)
    assert row["account_id"] == "deep"


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a.b": 1}, "a.b", 1),
        ({"a.b": {"c": 1}}, "a.b.c", 1),
        ({"a": [{"b": 1}, {"b": 2}]}, "a.1.b", 2),
        ({"a": [{"b": 1}, {"b": 2}]}, "a.-1.b", 2),
        ({"a": [1]}, "a.7", None),
        ({"a": '{"b": 3}'}, "a.b", 3),  # an object in a text, as databases write them
        ({"a": "{broken"}, "a.b", None),
        ({"a": None}, "a.b", None),
        ({"a": 5}, "a.b", None),
    ],
)
def test_dig(value: Any, path: str, expected: Any) -> None:
    assert dig(value, tuple(path.split("."))) == expected


def test_csv_options(tmp_path: Path) -> None:
    folder = tmp_path / "log/exchanges"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes("x;2026-03-01T12:00:00Z;a;m;'über; uns'\n".encode("latin-1"))
    (tmp_path / "log/mapping.toml").write_text(
        "[csv]\ndelimiter = ';'\nquote = \"'\"\nencoding = 'latin-1'\n"
        "header = ['exchange_id', 'ts', 'account_id', 'model', 'prompt']\n"
    )
    opened = open_log(tmp_path / "log")
    row = pa.Table.from_batches(opened.batches()).to_pylist()[0]
    assert (row["prompt"], row["source_row"]) == ("über; uns", 0)


def test_assume_utc(tmp_path: Path) -> None:
    record = RECORD | {"time": "2026-03-01T12:00:00"}
    assert only(tmp_path, f"assume_utc = true\n{BASE}", record, "csv")["ts"] == NOON


def test_accounts_are_mapped_too(tmp_path: Path) -> None:
    opened = log(
        tmp_path,
        BASE + '[accounts]\naccount_id = "who"\n'
        'plan = { from = "tier", values = { "2" = "enterprise" } }\n'
        'created_at = { from = "since", unit = "s" }\n',
        RECORD,
        "jsonl",
    )
    (tmp_path / "log/accounts.csv").write_text("who,tier,since\na,2,1772366400\n")
    opened = open_log(tmp_path / "log")
    table = opened.accounts()
    assert table is not None
    row = table.to_pylist()[0]
    assert (row["account_id"], row["plan"], row["created_at"]) == ("a", "enterprise", NOON)


def test_a_mapping_beside_the_log(tmp_path: Path) -> None:
    opened = log(tmp_path, "", RECORD | {"account_id": "a"}, "jsonl")
    other = tmp_path / "other.toml"
    other.write_text(BASE)
    opened = open_log(tmp_path / "log", mapping=other)
    assert pa.Table.from_batches(opened.batches())["exchange_id"].to_pylist() == ["x"]
    assert opened.mapping.path == other


def test_the_mapping_is_one_of_the_run_s_inputs(tmp_path: Path) -> None:
    """Or a scan would resume from stages that another mapping made."""
    opened = log(tmp_path, BASE, RECORD, "jsonl")
    (before,) = opened.other_files
    (tmp_path / "log/mapping.toml").write_text(BASE.replace('"who"', '"m"'))
    (after,) = open_log(tmp_path / "log").other_files
    assert before.name == after.name == "mapping.toml"
    assert (
        after.digest() == hashlib.sha256((tmp_path / "log/mapping.toml").read_bytes()).hexdigest()
    )
    elsewhere = tmp_path / "other.toml"
    elsewhere.write_text(BASE)
    assert open_log(tmp_path / "log", mapping=elsewhere).other_files[0].path == elsewhere


@ALL
def test_rejects_after_mapping_name_the_column(tmp_path: Path, kind: str) -> None:
    mapping = BASE + 'input_tokens = { from = "cell", type = "text" }\n'
    (tmp_path / "two").mkdir()
    opened = log(tmp_path, mapping, RECORD | {"cell": "many secret words"}, kind)
    with pytest.raises(InputError, match="wrong type: 1"):
        list(opened.batches())
    detail = opened.rejects.table().to_pylist()[0]["detail"]
    assert detail == "input_tokens: text instead of int64"


@ALL
def test_columns_that_the_mapping_uses_are_not_unknown(tmp_path: Path, kind: str) -> None:
    opened = log(tmp_path, BASE, RECORD | {"extra": 1, "time zone": "x"}, kind)
    list(opened.batches())
    assert opened.unknown_columns == {"extra", "time zone"}
    assert "model" not in opened.missing_columns and "prompt" in opened.missing_columns


def test_times_of_one_mapped_source_keep_their_microseconds(tmp_path: Path) -> None:
    record = RECORD | {"time": 1772366400.123457}
    mapping = BASE.replace('ts = "time"', 'ts = { from = "time", unit = "s" }')
    assert only(tmp_path, mapping, record, "jsonl")["ts"] == NOON + timedelta(microseconds=123457)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("time", [1772366400000, 10**15, -(10**14), 1e300])
def test_a_time_is_never_read_in_another_unit_than_the_one_given(
    tmp_path: Path, kind: str, time: float
) -> None:
    mapping = BASE.replace('ts = "time"', 'ts = { from = "time", unit = "s" }')
    opened = log(tmp_path, mapping, RECORD | {"time": time}, kind)
    with pytest.raises(InputError, match="time out of range: 1"):
        list(opened.batches())


def test_an_empty_cell_is_null_whatever_values_say(tmp_path: Path) -> None:
    mapping = BASE + 'channel = { from = "cell", values = { "*" = "web_app" } }\n'
    assert only(tmp_path, mapping, RECORD | {"cell": ""}, "csv")["channel"] is None


MISTAKES = [
    ("exchanges = 5", "'exchanges' must be a table"),
    ("[exchange]\nts = 'a'", "'exchange' is unknown. Is it 'exchanges'?"),
    ("[exchanges]\nacount_id = 'a'", "'exchanges.acount_id' is unknown. Is it 'account_id'?"),
    (
        "[exchanges]\nts = { from = 'a', units = 's' }",
        "'exchanges.ts.units' is unknown. Is it 'unit'?",
    ),
    ("[exchanges]\nts = { from = 'a', unit = 'min' }", "'exchanges.ts.unit' is 'min'"),
    ("[exchanges]\nts = { unit = 's' }", "'exchanges.ts' needs either 'from' or 'value'"),
    ("[exchanges]\nts = { from = 'a', value = 'b' }", "'exchanges.ts' needs either"),
    ("[exchanges]\nts = { value = '2026' }", "'exchanges.ts' is a time and no constant"),
    ("[exchanges]\nmodel = { value = 7 }", "'exchanges.model.value' must be string"),
    ("[exchanges]\nmodel = { from = 'a', unit = 's' }", "'exchanges.model' has no unit"),
    ("[exchanges]\nmodel = { from = 'a', zone = 'UTC' }", "'exchanges.model' is no time"),
    ("[exchanges]\nts = { from = 'a', zone = 'Berlin' }", "'exchanges.ts.zone' is 'Berlin'"),
    ("[exchanges]\nts = { from = 'a', type = 'float' }", "'exchanges.ts.type' is 'float'"),
    ("[exchanges]\nmodel = []", "'exchanges.model' must name a field"),
    ("[exchanges]\nmodel = 5", "'exchanges.model' must name a field"),
    ("[csv]\ndelimiter = ';;'", "csv.delimiter must be one character"),
    ("[csv]\nencoding = 'utf-16'", "csv.encoding 'utf-16' is none that can be read"),
    ("[csv]\nencoding = 'klingon'", "csv.encoding 'klingon' is none that can be read"),
    ("[csv]\nheader = [1]", "csv.header must be a list of names"),
    ("assume_utc = 'yes'", "'assume_utc' must be true or false"),
    ("x =", "this is not TOML"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistake(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: {expected}")
    assert error.value.next_step


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_mapped_column_that_is_not_there(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=r"'woh', which the mapping gives for 'account_id', is no"):
        log(tmp_path, BASE.replace('"who"', '"woh"'), RECORD, kind)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
