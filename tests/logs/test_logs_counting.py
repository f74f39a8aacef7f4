"""Nothing is dropped in silence: counts add up, rejects are all kept, small tables are checked."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_logs_rows import typed

import iolaus.logs.rejects as rejects_module
from iolaus.core.errors import InputError
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, REJECTS, RELEASES
from iolaus.logs import Cause, Rejects, open_log

TS = "2026-03-01T12:00:00Z"
TEXT = st.none() | st.just("") | st.text(max_size=8)
CELLS = {
    "exchange_id": TEXT,
    "ts": st.none() | st.sampled_from([TS, "2014-01-01T00:00:00Z", "2101-01-01T00:00:00Z"]),
    "account_id": TEXT,
    "model": st.just("m") | TEXT,
    "input_tokens": st.none() | st.integers(-2, 2) | st.just(2**63 - 1),
    "prompt": TEXT,
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=30)
RAW = st.lists(st.binary(max_size=20).filter(lambda b: b"\n" not in b), max_size=10)


def is_valid(row: dict[str, Any]) -> bool:
    """The rules once more, row by row."""
    tokens = row["input_tokens"]
    needed = [row[name] for name in ("exchange_id", "account_id", "model")]
    return all(needed) and row["ts"] == TS and (tokens is None or tokens >= 0)


def read(root: Path) -> tuple[Rejects, list[tuple[str, str]]]:
    log = open_log(root)
    kept: list[tuple[str, str]] = []
    try:
        for batch in log.batches():
            kept += zip(batch["exchange_id"].to_pylist(), batch["prompt"].to_pylist(), strict=True)
    except InputError as error:
        assert "can be used" in str(error) or "no rows" in str(error)
        assert kept == []
    return log.rejects, kept


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_parquet_counts_add_up(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "exchanges").mkdir()
        table = typed(rows, all_columns=CELLS)
        pq.write_table(table, Path(folder) / "exchanges/a.parquet", row_group_size=7)
        rejects, kept = read(Path(folder))
    assert kept == [(r["exchange_id"], r["prompt"]) for r in rows if is_valid(r)]
    assert rejects.rows_seen == len(rows) == rejects.rows_kept + sum(rejects.counts.values())


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, raw=RAW)
def test_jsonl_counts_add_up(rows: list[dict[str, Any]], raw: list[bytes]) -> None:
    lines = [json.dumps(row).encode() for row in rows] + raw
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "exchanges").mkdir()
        (Path(folder) / "exchanges/a.jsonl").write_bytes(b"\n".join(lines))
        rejects, kept = read(Path(folder))
    seen = sum(1 for line in lines if line.strip())
    assert kept == [(r["exchange_id"], r["prompt"]) for r in rows if is_valid(r)]
    assert rejects.rows_seen == seen == rejects.rows_kept + sum(rejects.counts.values())


def test_every_reject_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects_module, "SPILL_ROWS", 7)
    path = tmp_path / "rejects.parquet"
    with Rejects(path) as rejects:
        for i in range(2_500):
            rejects.add("f", i, Cause.JSON, f"row {i}")
        assert not path.exists()
    written = pq.read_table(path)
    assert written.schema.equals(REJECTS)
    assert written["row"].to_pylist() == list(range(2_500))
    assert rejects.table(limit=10**6).num_rows == rejects_module.SAMPLE_PER_CAUSE
    assert rejects.table(limit=3)["detail"].to_pylist() == ["row 0", "row 1", "row 2"]
    assert [p.name for p in tmp_path.iterdir()] == ["rejects.parquet"]


def test_no_rejects_still_give_a_file(tmp_path: Path) -> None:
    Rejects(tmp_path / "rejects.parquet").close()
    assert pq.read_table(tmp_path / "rejects.parquet").num_rows == 0


def test_rejects_survive_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError), Rejects(tmp_path / "rejects.parquet") as rejects:
        rejects.add("f", 1, Cause.JSON)
        raise InputError("later")
    assert pq.read_table(tmp_path / "rejects.parquet").num_rows == 1


def test_a_later_stage_can_reject_a_kept_row() -> None:
    rejects = Rejects()
    rejects.saw(kept=10)
    rejects.add("f", 3, Cause.DUPLICATE_EXCHANGE, "e3", was_kept=True)
    assert (rejects.rows_seen, rejects.rows_kept) == (10, 9)
    assert rejects.counts == {"duplicate exchange_id": 1}


def test_place_is_what_rejects_show(row: Any, jsonl_log: Any, parquet_log: Any) -> None:
    parquet_log([row(0)], name="exchanges/a.parquet")
    log = open_log(jsonl_log(row(1), name="exchanges/b.jsonl"))
    assert log.place(0, 0) == ("exchanges/a.parquet", 0)
    assert log.place(1, 0) == ("exchanges/b.jsonl", 1)


def test_details_are_printable_and_short() -> None:
    rejects = Rejects()
    rejects.add("f", 1, Cause.JSON, "a\x00\x1b[31m\u202e\n" + "\u200b" * 500)
    detail = rejects.table()["detail"][0].as_py()
    assert detail.startswith(r"a\x00\x1b[31m\u202e\n\u200b")
    assert detail.isprintable() and len(detail) == 200


def test_accounts(row: Any, jsonl_log: Any) -> None:
    jsonl_log(row(0))
    root = jsonl_log(
        {"account_id": "a", "created_at": TS, "plan": "free"},
        {"account_id": "b", "created_at": "1999-01-01T00:00:00Z"},
        {"account_id": "a", "plan": "enterprise"},
        {"account_id": ""},
        {"account_id": "c", "created_at": "1960-01-01T00:00:00Z"},
        name="accounts.jsonl",
    )
    log = open_log(root)
    accounts = log.accounts()
    assert accounts is not None and accounts.schema.equals(ACCOUNTS)
    assert accounts.select(["account_id", "plan"]).to_pylist() == [
        {"account_id": "a", "plan": "free"},
        {"account_id": "b", "plan": None},
    ]
    rejected = log.rejects.table().to_pylist()
    assert [(r["row"], r["cause"]) for r in rejected] == [
        (3, "duplicate account_id"),
        (4, "missing account_id"),
        (5, "time out of range"),
    ]
    assert rejected[0]["detail"] == ""  # a reject outlives an erasure: it names nobody
    assert log.rejects.rows_seen == 5 and log.rejects.rows_kept == 2
    assert log.accounts() == accounts and log.rejects.rows_seen == 5
    assert [file.name for file in log.other_files] == ["accounts.jsonl"]


def test_accounts_of_parquet_and_missing_columns(row: Any, parquet_log: Any) -> None:
    parquet_log([row(0)])
    root = parquet_log(pa.table({"account_id": ["b", "a", "b"]}), name="accounts.parquet")
    accounts = open_log(root).accounts()
    assert accounts is not None
    assert accounts["account_id"].to_pylist() == ["b", "a"]
    bad = parquet_log(pa.table({"id": ["b"]}), name="accounts.parquet")
    with pytest.raises(InputError, match=r"accounts\.parquet: the required column 'account_id'"):
        open_log(bad).accounts()


def test_empty_accounts_file(row: Any, jsonl_log: Any) -> None:
    jsonl_log(row(0))
    accounts = open_log(jsonl_log(name="accounts.jsonl")).accounts()
    assert accounts is not None and accounts.num_rows == 0


def test_releases_and_enforcement(row: Any, jsonl_log: Any) -> None:
    jsonl_log(row(0))
    jsonl_log({"model": "m", "released_at": TS}, {"model": "n"}, name="releases.jsonl")
    root = jsonl_log(
        {"account_id": "a", "at": TS, "action": "ban"},
        {"account_id": "a", "action": "ban"},
        {"account_id": "a", "at": TS},
        name="enforcement.jsonl",
    )
    log = open_log(root)
    releases, enforcement = log.releases(), log.enforcement()
    assert releases is not None and releases.schema.equals(RELEASES) and releases.num_rows == 1
    assert enforcement is not None and enforcement.schema.equals(ENFORCEMENT)
    assert enforcement["action"].to_pylist() == ["ban"]
    assert log.rejects.counts == {"missing released_at": 1, "missing at": 1, "missing action": 1}


def test_absent_tables(row: Any, jsonl_log: Any) -> None:
    log = open_log(jsonl_log(row(0)))
    assert (log.accounts(), log.releases(), log.enforcement()) == (None, None, None)


def test_the_docs_name_every_cause() -> None:
    docs = (Path(__file__).parents[2] / "docs/reading-logs.md").read_text(encoding="utf-8")
    assert [cause for cause in Cause if cause not in docs] == []
