"""Retention, excerpts, export and erasure on a store of three days."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from store_rows import ASKING, DAYS, everything_in, put

from iolaus.core.errors import InputError
from iolaus.logs import open_log
from iolaus.logs.privacy import (
    ALIASES,
    AccessLog,
    Keys,
    erase_accounts,
    erasure,
    excerpts,
    expire,
    export_accounts,
    totals,
)


def kept(store: Path, part: str) -> list[str]:
    return sorted(p.name.removeprefix("day=") for p in (store / part).iterdir())


@pytest.mark.parametrize(
    ("today", "keep", "text", "exchanges_left", "texts_left"),
    [
        (date(2026, 5, 31), 30, None, 3, 3),  # the 30th day after 1 May
        (date(2026, 6, 1), 30, None, 2, 2),
        (date(2026, 6, 1), 30, 29, 2, 1),
        (date(2026, 6, 1), None, 29, 3, 1),
        (date(2026, 6, 1), 29, 30, 1, 1),  # texts never outlive their exchanges
        (date(2027, 6, 1), None, None, 3, 3),
        (date(2026, 5, 3), 0, None, 1, 1),
    ],
)
def test_days_go_when_they_are_old(
    today: date, keep: int | None, text: int | None, exchanges_left: int, texts_left: int,
    store: Any, access: AccessLog,
) -> None:  # fmt: skip
    root = store()
    gone = expire(root, today, keep_days=keep, text_days=text, access=access, asking=ASKING)
    assert kept(root, "exchanges") == [str(day) for day in DAYS[3 - exchanges_left :]]
    assert kept(root, "texts") == [str(day) for day in DAYS[3 - texts_left :]]
    assert gone.exchanges == tuple(DAYS[: 3 - exchanges_left])
    recorded = [record["what"] for record in access.records()]
    assert len(recorded) == (gone.exchanges != () or gone.texts != ())
    again = expire(root, today, keep_days=keep, text_days=text, access=access, asking=ASKING)
    assert again.exchanges == again.texts == ()
    assert len(access.records()) == len(recorded)


def test_a_killed_deletion_is_finished(store: Any, access: AccessLog) -> None:
    root = store()
    (root / "exchanges" / "day=2026-05-01").rename(root / "exchanges" / ".expired-day=2026-05-01")
    assert open_log(root).rows_estimate == 16  # already out of sight
    expire(root, DAYS[0], keep_days=30, text_days=None, access=access, asking=ASKING)
    assert kept(root, "exchanges") == [str(day) for day in DAYS[1:]]


def test_a_day_that_came_again_after_a_killed_deletion(store: Any, access: AccessLog) -> None:
    root = store()
    day = root / "exchanges" / "day=2026-05-01"
    left = day.with_name(f".expired-{day.name}")
    shutil.copytree(day, left)
    expire(root, date(2026, 6, 1), keep_days=30, text_days=None, access=access, asking=ASKING)
    assert not day.exists() and not left.exists()
    assert kept(root, "exchanges") == [str(day) for day in DAYS[1:]]


@pytest.mark.parametrize("policy", ["encrypt", "keep"])
def test_excerpts_are_recorded_before_they_are_read(
    policy: str, store: Any, keys: Keys, access: AccessLog
) -> None:
    root = store(policy)
    asked = ["02-1", "03-0", "nobody's"]
    found = excerpts(root, asked, keys=keys, access=access, asking=ASKING)
    assert found == [
        {"exchange_id": "02-1", "account_id": "acct1", "system_prompt": None,
         "prompt": "question 1 of 2026-05-02", "response": "answer"},
        {"exchange_id": "03-0", "account_id": "acct0", "system_prompt": None,
         "prompt": "question 0 of 2026-05-03", "response": "answer"},
    ]  # fmt: skip
    assert excerpts(root, asked, keys=keys, access=access, asking=ASKING, on=[DAYS[2]]) == found[1:]
    assert [record["what"] for record in access.records()] == [{"exchanges": asked}] * 2
    if policy == "encrypt":
        with pytest.raises(InputError, match="no keys were given"):
            excerpts(root, asked, keys=None, access=access, asking=ASKING)
        assert len(access.records()) == 3  # it was asked for


def test_dropped_text_cannot_be_read(store: Any, access: AccessLog) -> None:
    root = store("drop")
    assert excerpts(root, ["02-1"], keys=None, access=access, asking=ASKING) == []
    assert b"question" not in everything_in(root)


def test_many_excerpts_at_once_are_refused(store: Any, access: AccessLog) -> None:
    with pytest.raises(InputError, match="1,001 excerpts"):
        excerpts(store(), ["x"] * 1_001, keys=None, access=access, asking=ASKING)


def test_an_export_has_all_that_is_held(
    store: Any, keys: Keys, access: AccessLog, results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    known = pa.table({"campaign_id": ["c-1"], "members": [[{"account_id": "acct1", "by": "found"},
                      {"account_id": "acct2", "by": "found"}]]})  # fmt: skip
    put(known, results / "known.parquet")
    root = store()
    named = [{"purpose": "account", "old": o, "new": n} for o, n in (("x", "acct1"), ("y", "z"))]
    put(pa.Table.from_pylist(named, schema=ALIASES), root / "aliases.parquet")
    counts = export_accounts(
        root, ["acct1"], out, keys=keys, access=access, asking=ASKING, results=[results]
    )
    assert counts == {
        "accounts": 1, "enforcement": 1, "aliases": 1, "exchanges": 6, "texts": 6, "members": 1,
        "known": 1,
    }  # fmt: skip
    rows = {
        path.stem: [json.loads(line) for line in path.read_text().splitlines()]
        for path in out.iterdir()
    }
    assert {name: len(found) for name, found in rows.items()} == counts
    assert rows.pop("aliases") == named[:1]
    assert {row["account_id"] for found in rows.values() for row in found} == {"acct1"}
    assert rows["texts"][0]["prompt"] == "question 1 of 2026-05-01"
    assert rows["exchanges"][0]["ts"] == "2026-05-01T00:01:00+00:00"
    assert access.records()[0]["what"] == {"accounts": ["acct1"]}
    with pytest.raises(InputError, match="empty directory"):
        export_accounts(store(), ["acct1"], out, keys=keys, access=access, asking=ASKING)


def test_erasure_leaves_totals_right_and_no_trace(
    store: Any, access: AccessLog, results: Path
) -> None:
    root = store()
    alias = {"purpose": "account", "old": "acct9", "new": "acct1"}
    put(pa.Table.from_pylist([alias], schema=ALIASES), root / "aliases.parquet")
    known = pa.table({"campaign_id": ["c-1"], "members": [[{"account_id": "acct1", "by": "found"},
                      {"account_id": "acct2", "by": "found"}]]})  # fmt: skip
    put(known, results / "known.parquet")
    before = totals(root)
    done = erase_accounts(root, ["acct1"], access=access, asking=ASKING, results=[results])
    assert (done.number, done.exchanges, done.days) == (1, 6, tuple(DAYS))
    assert done.reports == (results / "report.html",)
    assert totals(root) == before == {
        "exchanges": 24, "input_tokens": 240, "output_tokens": 2_484
    }  # fmt: skip
    for directory in (root, results):
        assert b"acct1" not in everything_in(directory)
    assert b"acct1" not in access.path.read_bytes()
    rest = list(open_log(root).batches())
    assert sum(b.num_rows for b in rest) == 18
    members = pq.read_table(results / "members.parquet").to_pylist()
    assert [row["account_id"] for row in members] == ["acct0", "erased-1", "acct2"]
    campaign = pq.read_table(results / "campaigns.parquet").to_pylist()[0]
    assert sum(row["exchanges"] for row in members) == campaign["exchanges"]
    assert len(members) == campaign["accounts"]


def test_a_second_erasure_has_its_own_number(store: Any, access: AccessLog) -> None:
    root = store()
    before = totals(root)
    first = erase_accounts(root, ["acct1"], access=access, asking=ASKING)
    nobody = erase_accounts(root, ["acct1"], access=access, asking=ASKING)
    last = erase_accounts(root, ["acct0", "acct2", "acct3"], access=access, asking=ASKING)
    assert [e.number for e in (first, nobody, last)] == [1, 2, 3]
    assert [e.exchanges for e in (first, nobody, last)] == [6, 0, 18]
    assert totals(root) == before
    assert not list((root / "exchanges").rglob("*.parquet"))
    assert pq.read_metadata(root / "accounts.parquet").num_rows == 0


@pytest.mark.parametrize("step", ["_rewrite", "_forget_aliases", "_add_residue"])
def test_a_killed_erasure_is_finished_by_the_next_one(
    step: str, store: Any, access: AccessLog, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = store()
    before = totals(root)
    real, calls = getattr(erasure, step), []

    def killed(*arguments: Any, **named: Any) -> None:
        calls.append(arguments)
        if len(calls) == (2 if step == "_rewrite" else 1):
            raise KeyboardInterrupt
        real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, step, killed)
        with pytest.raises(KeyboardInterrupt):
            erase_accounts(root, ["acct1"], access=access, asking=ASKING, results=[results])
    assert (root / "erasing.json").exists()
    second = erase_accounts(root, ["acct3"], access=access, asking=ASKING)
    assert second.number == 2
    assert totals(root) == before
    assert b"acct1" not in everything_in(root) + everything_in(results)
    assert not (root / "erasing.json").exists()


def test_counts_of_erased_accounts_expire_with_their_days(store: Any, access: AccessLog) -> None:
    root = store()
    erase_accounts(root, ["acct1"], access=access, asking=ASKING)
    expire(root, date(2026, 6, 1), keep_days=30, text_days=None, access=access, asking=ASKING)
    assert totals(root)["exchanges"] == 16


def test_a_number_is_not_given_twice_when_all_its_counts_have_expired(
    store: Any, access: AccessLog
) -> None:
    root = store()
    erase_accounts(root, ["acct1"], access=access, asking=ASKING)
    expire(root, date(2027, 1, 1), keep_days=30, text_days=None, access=access, asking=ASKING)
    assert totals(root) == {"exchanges": 0, "input_tokens": 0, "output_tokens": 0}
    assert erase_accounts(root, ["acct2"], access=access, asking=ASKING).number == 2


def test_what_is_no_store(tmp_path: Path, access: AccessLog) -> None:
    with pytest.raises(InputError, match="this is no store"):
        erase_accounts(tmp_path, ["a"], access=access, asking=ASKING)


def test_a_day_may_be_one_file(store: Any, access: AccessLog) -> None:
    root = store("drop")
    before = totals(root)
    for day in DAYS:
        directory = root / "exchanges" / f"day={day}"
        (directory / "part-0.parquet").rename(root / "exchanges" / f"day={day}.parquet")
        directory.rmdir()
    assert erase_accounts(root, ["acct1"], access=access, asking=ASKING).exchanges == 6
    assert totals(root) == before
    expire(root, date(2026, 6, 1), keep_days=30, text_days=None, access=access, asking=ASKING)
    assert kept(root, "exchanges") == [f"{day}.parquet" for day in DAYS[1:]]


@pytest.mark.parametrize("name", ["day=2026-05-01/late.jsonl.zst", "all.parquet", "may/x.parquet"])
def test_files_that_would_be_passed_over_are_refused(
    name: str, store: Any, access: AccessLog
) -> None:
    root = store("drop")
    path = root / "exchanges" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="no Parquet file of a day") as caught:
        erase_accounts(root, ["acct1"], access=access, asking=ASKING)
    assert str(root / "exchanges") in caught.value.where
    assert not (root / "erasing.json").exists()
