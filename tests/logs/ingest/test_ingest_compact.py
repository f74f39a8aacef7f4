"""A day's files as one: the same rows, texts and notes, wherever it is killed."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_making import ids, rows, run, write_lines
from test_ingest_kill import NEVER, Killed, dying, protected

from iolaus.core.errors import InputError
from iolaus.logs.ingest import Protection, compact, note_of, reading, switch, writing
from iolaus.logs.ingest.lock import without_readers
from iolaus.logs.ingest.merge import KEYS, merge_sorted
from iolaus.logs.privacy import AccessLog, Asking, Keys, rename_store, unseal
from iolaus.logs.privacy.keys import Key

Row = Callable[..., dict[str, Any]]
FIRST, SECOND, END = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
NAMES = ("b", "B", "\uffee", "\U0001f600", "acct")  # whose bytes sort neither as letters nor UTF-16


def silent(day: date, files: int) -> None:
    pass


def filled(log: Path, store: Path, row: Row, commits: int = 4, **options: Any) -> None:
    """So many commits of two days each; the minutes of one fall among those of the others."""
    for n in range(commits):
        made = [
            row(
                f"{n}-{day}-{k}",
                ts=f"2026-03-0{day}T12:{(k * 7 + n) % 3:02}:00Z",
                account_id=NAMES[(k + n) % 4] if k else f"only in {n % 3}",
            )
            for day in (1, 2)
            for k in range(5)
        ]
        write_lines(log / "exchanges" / f"{n}.jsonl", *made)
        run(log, store, **options)


def files(store: Path, day: date, part: str = "exchanges") -> list[Path]:
    return sorted((store / part / f"day={day}").glob("*.parquet"))


def keys(path: Path) -> list[tuple[bytes, Any, int]]:
    """What the rows of a store's file are ordered by, row after row."""
    return [
        (r["account_id"].encode(), r["ts"], r["exchange_hash"])
        for r in pq.read_table(path).to_pylist()
    ]


def test_a_day_becomes_one_file_of_the_same_rows_by_account(row: Row, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row)
    before, told = rows(store), list[tuple[date, int]]()
    digests = [switch.digest_of(path) for path in files(store, FIRST)]
    done = compact(store, SECOND, lambda day, count: told.append((day, count)))
    assert told == [(FIRST, 4)]
    assert (done.days, done.before, done.after) == (1, 4, 1)
    assert [len(files(store, day)) for day in (FIRST, SECOND)] == [1, 4]
    now = keys(files(store, FIRST)[0])
    assert now == sorted(now)
    assert [at for _, at, _ in now] != sorted(at for _, at, _ in now)
    assert len({name for name, _, _ in now}) == 7
    assert sorted(map(str, rows(store))) == sorted(map(str, before))
    note = note_of(files(store, FIRST)[0])
    assert note is not None
    assert list(note.parts) == digests
    assert list(note.names) == [f"ingest-{n:012}.parquet" for n in (1, 2, 3, 4)]
    assert not list(store.rglob("*.tmp"))
    assert not (store / switch.WORK).exists() or not list((store / switch.WORK).iterdir())


def test_late_rows_come_beside_it_and_go_into_it_the_next_time(row: Row, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row)
    digests = [switch.digest_of(path) for path in files(store, FIRST)]
    compact(store, END, silent)
    write_lines(log / "exchanges" / "late.jsonl", row("late"), row("0-1-0"))
    state = run(log, store)
    assert (state.stored, state.duplicates) == (41, 1)
    late = files(store, FIRST)[-1]
    digests.append(switch.digest_of(late))
    assert len(files(store, FIRST)) == 2
    compact(store, END, silent)
    note = note_of(late)
    assert note is not None
    assert list(note.parts) == digests  # of the first files, not of what they were merged into
    assert len(note.names) == 5
    assert len(ids(store)) == len(set(ids(store))) == 41
    again = compact(store, END, silent)
    assert (again.days, again.before) == (0, 0)


def test_many_files_are_merged_some_at_a_time(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iolaus.logs.ingest.compacting.MOST_FILES", 3)
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=8)
    digests = [switch.digest_of(path) for path in files(store, FIRST)]
    done = compact(store, SECOND, silent)
    assert (done.before, done.after, len(files(store, FIRST))) == (8, 1, 1)
    note = note_of(files(store, FIRST)[0])
    assert note is not None
    assert list(note.parts) == digests
    assert len(ids(store)) == 80


def test_small_pieces_give_the_rows_of_a_sort_of_them_all(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iolaus.logs.ingest.merge.READ_ROWS", 2)
    monkeypatch.setattr("iolaus.logs.ingest.merge.ROW_GROUP", 3)
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row)
    whole = pa.concat_tables(map(pq.read_table, files(store, FIRST)))
    merge_sorted(files(store, FIRST), tmp_path / "one.parquet")
    expected = whole.sort_by([(name, "ascending") for name in KEYS])
    assert pq.read_table(tmp_path / "one.parquet").equals(expected)
    assert pq.read_metadata(tmp_path / "one.parquet").num_row_groups == 7
    assert keys(tmp_path / "one.parquet") == sorted(keys(tmp_path / "one.parquet"))


def test_accounts_of_many_files_are_numbered_some_files_at_a_time(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=5)
    merge_sorted(files(store, FIRST), tmp_path / "at once.parquet")
    assert len(set(pq.read_table(tmp_path / "at once.parquet")["account_id"].to_pylist())) == 7
    for fold in (1, 6, 11):  # names: each file's, two files', three files' at once
        monkeypatch.setattr("iolaus.logs.ingest.order.FOLD", fold)
        merge_sorted(files(store, FIRST), tmp_path / f"{fold}.parquet")
        assert (tmp_path / f"{fold}.parquet").read_bytes() == (tmp_path / "at once.parquet").read_bytes()  # fmt: skip  # noqa: E501


def test_few_files_open_at_once_give_the_same_file(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=7)
    merge_sorted(files(store, FIRST), tmp_path / "at once.parquet")
    assert keys(tmp_path / "at once.parquet") == sorted(keys(tmp_path / "at once.parquet"))
    for most in (2, 3, 6):  # seven files: three, two and one more level
        monkeypatch.setattr("iolaus.logs.ingest.merge.MOST_OPEN", most)
        merge_sorted(files(store, FIRST), tmp_path / f"{most}.parquet")
        assert (tmp_path / f"{most}.parquet").read_bytes() == (tmp_path / "at once.parquet").read_bytes()  # fmt: skip  # noqa: E501
    assert len(list(tmp_path.glob("*"))) == 6  # nothing is left beside them


@pytest.mark.parametrize("most", [2, 64])
def test_a_file_in_another_order_is_put_in_order(
    most: int, row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iolaus.logs.ingest.merge.MOST_OPEN", most)
    monkeypatch.setattr("iolaus.logs.ingest.merge.RUN_GROUPS", 2)
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=3)
    before = files(store, FIRST)
    merge_sorted(before, tmp_path / "expected.parquet")
    by_time = pq.read_table(before[1]).sort_by([(name, "ascending") for name in KEYS[1:]])
    assert by_time["account_id"].to_pylist() != sorted(by_time["account_id"].to_pylist())
    pq.write_table(by_time, before[1], row_group_size=1)  # three runs
    backwards = pq.read_table(before[2]).take(list(range(5))[::-1])
    pq.write_table(backwards, before[2])
    compact(store, SECOND, silent)
    merged = files(store, FIRST)
    assert len(merged) == 1
    assert pq.read_table(merged[0]).equals(pq.read_table(tmp_path / "expected.parquet"))
    assert not (store / switch.WORK).exists() or not list((store / switch.WORK).iterdir())


def test_names_are_ordered_as_pseudonyms_and_again_after_a_rotation(
    row: Row, tmp_path: Path
) -> None:
    """The order of the real names would tell something of them."""
    log, store = tmp_path / "log", tmp_path / "store"
    first, second = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
    filled(log, store, row, 2, protection=Protection(Keys((first,)), ("account",), "drop"))
    both = Keys((first, second))
    write_lines(log / "exchanges" / "more.jsonl", *(row(n, account_id=n) for n in NAMES))
    run(log, store, protection=Protection(both, ("account",), "drop"))
    written = [keys(path) for path in files(store, FIRST)]
    assert len(written) == 3 and all(rows == sorted(rows) for rows in written)
    assert all(not name.decode().startswith(NAMES) for rows in written for name, _, _ in rows)
    access = AccessLog(tmp_path / "access.jsonl")
    asking = Asking("ada", "rotation", datetime(2026, 3, 4, tzinfo=UTC))
    assert rename_store(store, access=access, asking=asking) > 0
    renamed = [keys(path) for path in files(store, FIRST)]
    assert renamed[:2] != [sorted(rows) for rows in renamed[:2]]
    compact(store, SECOND, silent)
    assert keys(files(store, FIRST)[0]) == sorted(row for rows in renamed for row in rows)


def test_sealed_texts_stay_in_order_of_time(row: Row, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, 1, protection=protected(tmp_path))
    stored = pq.read_table(files(store, FIRST)[0]).sort_by([(n, "ascending") for n in KEYS[1:]])
    sealed = pq.read_table(files(store, FIRST, "texts")[0])
    for name in ("exchange_id", "account_id"):
        assert sealed[name].to_pylist() == stored[name].to_pylist()
    assert keys(files(store, FIRST)[0]) == sorted(keys(files(store, FIRST)[0]))


def test_a_column_that_came_later_is_null_before(row: Row, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=2)
    path = files(store, FIRST)[0]
    table = pq.read_table(path)
    pq.write_table(table.append_column("network_kind", pa.array(["vpn"] * len(table))), path)
    compact(store, SECOND, silent)
    kinds = pq.read_table(files(store, FIRST)[0])["network_kind"].to_pylist()
    assert sorted(kinds, key=str) == [None] * 5 + ["vpn"] * 5


def test_what_it_cannot_merge_it_says_and_leaves(row: Row, tmp_path: Path) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    with pytest.raises(InputError, match="no store that iolaus ingest wrote"):
        compact(tmp_path, END, silent)
    filled(log, store, row, commits=2)
    path = files(store, FIRST)[0]
    table = pq.read_table(path)
    where = table.column_names.index("status")
    pq.write_table(table.set_column(where, "status", pa.array(["200"] * len(table))), path)
    with pytest.raises(InputError, match="columns do not fit"):
        compact(store, END, silent)
    assert len(files(store, FIRST)) == 2


def test_a_commit_that_does_not_count_is_left_alone(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=2)
    write_lines(log / "exchanges" / "more.jsonl", row("more"))
    with monkeypatch.context() as patch:
        patch.setattr("iolaus.logs.ingest.state.save", _killed)
        with pytest.raises(Killed):
            run(log, store)
    assert len(files(store, FIRST)) == 3
    assert compact(store, SECOND, silent).before == 2
    assert len(files(store, FIRST)) == 2
    run(log, store)
    assert len(ids(store)) == len(set(ids(store))) == 21


def _killed(*_: Any) -> None:
    raise Killed


def test_while_a_scan_reads_nothing_is_replaced(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iolaus.logs.ingest.lock.PAUSE_SECONDS", 1e9)  # one look, then it gives up
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=2)
    with reading(store, "iolaus scan"), reading(store, "iolaus replay"):
        with pytest.raises(InputError, match="a scan reads this store"):
            compact(store, END, silent)
        write_lines(log / "exchanges" / "new.jsonl", row("new"))
        run(log, store)  # an ingest goes on meanwhile
    assert len(files(store, FIRST)) == 3
    with writing(store, "ada"), pytest.raises(InputError, match=r"ada \(process"):
        compact(store, END, silent)
    assert compact(store, END, silent).before == 5


def test_what_is_no_store_is_read_without_a_lock(tmp_path: Path) -> None:
    with reading(tmp_path, "iolaus scan"), reading(tmp_path / "not there", "iolaus scan"):
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("finisher", ["reading", "writing", "compact", "ingest"])
def test_killed_anywhere_it_is_finished_by_whoever_comes_next(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finisher: str
) -> None:
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nobody pulls the plug here
    protection = protected(tmp_path)
    options: dict[str, Any] = {"protection": protection, "threads": 1}

    filled(tmp_path / "from" / "log", tmp_path / "from" / "store", row, commits=3, **options)

    def made(name: str) -> Path:
        shutil.copytree(tmp_path / "from", tmp_path / name)
        return tmp_path / name / "store"

    whole = made("whole")
    with monkeypatch.context() as patch:
        changes = dying(patch, NEVER)
        compact(whole, END, silent)
    assert changes[0] > 40
    expected = held(whole, protection)
    assert len(expected["rows"]) == len(expected["texts"]) == 30
    for step in range(0, changes[0], 3 if finisher != "reading" else 1):
        store = made(f"killed-{step}")
        with monkeypatch.context() as patch:
            dying(patch, step)
            with pytest.raises(Killed):
                compact(store, END, silent)
        finish(finisher, store, options)
        assert held(store, protection) == expected, step
        assert not switch.is_pending(store)
        if finisher != "reading":  # who may only read leaves what hurts nobody
            assert not (store / switch.WORK).exists()
        compact(store, END, silent)
        assert held(store, protection) == expected, step
        assert [len(files(store, d, p)) for d in (FIRST, SECOND) for p in ("exchanges", "texts")] == [1] * 4  # fmt: skip  # noqa: E501


def finish(finisher: str, store: Path, options: dict[str, Any]) -> None:
    if finisher == "reading":
        with reading(store, "iolaus scan"):
            pass
    elif finisher == "writing":
        with writing(store, "iolaus privacy erase"):
            pass
    elif finisher == "compact":
        compact(store, date(2026, 1, 1), silent)
        with writing(store, "iolaus compact"):
            pass
    else:
        state = run(store.parent / "log", store, **options)
        assert (state.stored, state.duplicates) == (30, 0)


def held(store: Path, protection: Protection) -> dict[str, Any]:
    """Rows and texts, however many files they are in."""
    sealed = [pq.read_table(p) for p in sorted((store / "texts").glob("*/*.parquet"))]
    texts = [row for table in sealed for row in unseal(table, protection.keys)]
    return {"rows": sorted(map(str, rows(store))), "texts": sorted(map(str, texts))}


def test_a_scanner_that_may_not_write_is_told_who_has_to(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, store = tmp_path / "log", tmp_path / "store"
    filled(log, store, row, commits=2)
    with monkeypatch.context() as patch:
        patch.setattr(switch, "finish", _killed)
        with pytest.raises(Killed):
            compact(store, END, silent)
    assert switch.is_pending(store)

    def may_not(store: Path, who: str) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("iolaus.logs.ingest.lock.writing", may_not)
    with pytest.raises(InputError, match=r"stopped in the middle \(Permission denied\)"), reading(store, "iolaus scan"):  # fmt: skip  # noqa: E501
        pass
    with without_readers(store):
        pass  # it let go of the lock
