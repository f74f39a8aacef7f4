"""One log, written in every way: the rows that come out are the same, to the last bit."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from iolaus.core.tables import EXCHANGES, SOURCE
from iolaus.logs import open_log

ROWS = 3_000
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
TEXTS = [
    "a",
    "über, uns",
    'say "hi"',
    "two\nlines",
    "tab\there",
    "\u202e\u2066",
    "{",
    "null",
    "007",
]


def table() -> pa.Table:
    """Every column of the contract, a tenth of each null, from one seed. Texts are never empty."""
    random = np.random.default_rng(7)
    columns: dict[str, pa.Array] = {}
    for field in EXCHANGES:
        missing = random.random(ROWS) < 0.1
        columns[field.name] = pa.array(
            [None if gone else _cell(field, i, random) for i, gone in enumerate(missing)],
            field.type,
        )
    for name in ("exchange_id", "account_id", "model"):
        columns[name] = pa.array([f"{name}-{i}" for i in range(ROWS)])
    columns["ts"] = pa.array(_times(random), EXCHANGES.field("ts").type)
    return pa.table(columns, schema=EXCHANGES)


def _times(random: np.random.Generator) -> list[dt.datetime]:
    offsets = random.integers(0, 90 * 86_400 * 10**6, ROWS)
    return [START + dt.timedelta(microseconds=int(offset)) for offset in offsets]


def _cell(field: pa.Field, row: int, random: np.random.Generator) -> Any:
    if pa.types.is_string(field.type):
        return f"{TEXTS[row % len(TEXTS)]}{row}"
    if pa.types.is_boolean(field.type):
        return bool(random.integers(2))
    if pa.types.is_integer(field.type):
        return int(random.integers(0, 2**31 - 1))
    if pa.types.is_floating(field.type):
        return float(random.random())
    return None


@pytest.fixture(scope="module")
def wanted() -> pa.Table:
    return table()


def read(root: Path) -> pa.Table:
    log = open_log(root)
    found = pa.Table.from_batches(log.batches())
    assert log.rejects.counts == {}
    return found.drop_columns(SOURCE.names)


def place(root: Path, name: str) -> Path:
    (root / "exchanges").mkdir()
    return root / "exchanges" / name


def records(wanted: pa.Table) -> list[dict[str, Any]]:
    """As JSON has them: times as text, nulls left out."""
    return [
        {k: v.isoformat() if k == "ts" else v for k, v in row.items() if v is not None}
        for row in wanted.to_pylist()
    ]


def test_csv(wanted: pa.Table, tmp_path: Path) -> None:
    pc.write_csv(wanted, place(tmp_path, "a.csv"))
    assert read(tmp_path).equals(wanted)


def test_csv_of_other_names_delimiters_and_times(wanted: pa.Table, tmp_path: Path) -> None:
    renamed = wanted.rename_columns([f"the {name}" for name in wanted.column_names])
    micros = wanted["ts"].cast(pa.int64())
    renamed = renamed.set_column(renamed.schema.get_field_index("the ts"), "the ts", micros)
    pc.write_csv(renamed, place(tmp_path, "a.csv"), pc.WriteOptions(delimiter=";"))
    lines = [f'{name} = "the {name}"' for name in wanted.column_names if name != "ts"]
    (tmp_path / "mapping.toml").write_text(
        '[csv]\ndelimiter = ";"\n[exchanges]\nts = { from = "the ts", unit = "us" }\n'
        + "\n".join(lines)
    )
    assert read(tmp_path).equals(wanted)


@pytest.mark.parametrize("indent", [None, 1])
def test_an_array(wanted: pa.Table, tmp_path: Path, indent: int | None) -> None:
    place(tmp_path, "a.json").write_text(json.dumps(records(wanted), indent=indent))
    assert read(tmp_path).equals(wanted)


def test_nested_json(wanted: pa.Table, tmp_path: Path) -> None:
    lines = [
        json.dumps({"log": {"at": row.pop("ts"), "rest": {"of it": row}}})
        for row in records(wanted)
    ]
    place(tmp_path, "a.jsonl").write_text("\n".join(lines))
    names = [f'{n} = "log.rest.of it.{n}"' for n in wanted.column_names if n != "ts"]
    (tmp_path / "mapping.toml").write_text('[exchanges]\nts = "log.at"\n' + "\n".join(names))
    assert read(tmp_path).equals(wanted)


def test_nested_parquet(wanted: pa.Table, tmp_path: Path) -> None:
    batch = wanted.combine_chunks()
    columns = [batch[name].chunk(0) for name in batch.column_names]
    nested = pa.StructArray.from_arrays(columns, batch.column_names)
    pq.write_table(pa.table({"row": nested}), place(tmp_path, "a.parquet"), row_group_size=500)
    names = [f'{n} = "row.{n}"' for n in wanted.column_names]
    (tmp_path / "mapping.toml").write_text("[exchanges]\n" + "\n".join(names))
    assert read(tmp_path).equals(wanted)
    prompts = open_log(tmp_path).excerpts([(0, 700), (0, 2_999)])
    assert prompts == [wanted["prompt"][700].as_py(), wanted["prompt"][2_999].as_py()]


def test_every_way_in_one_log(wanted: pa.Table, tmp_path: Path) -> None:
    place(tmp_path, "1.jsonl").write_text("\n".join(map(json.dumps, records(wanted))))
    pc.write_csv(wanted, tmp_path / "exchanges/2.csv")
    pq.write_table(wanted, tmp_path / "exchanges/3.parquet")
    (tmp_path / "exchanges/4.json").write_text(json.dumps(records(wanted)))
    assert open_log(tmp_path).formats == {"csv": 1, "jsonl": 2, "parquet": 1}
    assert read(tmp_path).equals(pa.concat_tables([wanted] * 4))
