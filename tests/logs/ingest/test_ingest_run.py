"""A log into a store: every row is stored, rejected or a duplicate, once, in its day."""

import shutil
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingest_making import ids, ingesting, look, rejects, rows, run, write_lines
from object_stores import BUCKET, serving
from tests_logs_rows import typed

from iolaus.core.errors import InputError
from iolaus.core.store import is_store
from iolaus.logs import open_log
from iolaus.logs.ingest import Protection, write, writing
from iolaus.logs.ingest import run as run_module
from iolaus.logs.privacy import add_key, read_keys, unseal


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def lines(log: Path, name: str = "a.jsonl") -> Path:
    return log / "exchanges" / name


def test_rows_land_in_their_day_by_account_without_their_texts(row: Any, log: Path, store: Path):
    late, early = "2026-03-02T00:00:00Z", "2026-03-01T23:59:59.999999Z"
    write_lines(
        lines(log),
        row(1, ts=late),
        row(2, ts=early),
        row(3, ts="2026-03-01T01:00:00Z"),
        row(4, ts="2026-03-01T00:00:00Z", account_id="b"),
        row(5, ts="2026-03-01T12:00:00Z", account_id="B"),
    )
    state = run(log, store)
    files = sorted(p.parent.name for p in (store / "exchanges").glob("*/*"))
    assert files == ["day=2026-03-01", "day=2026-03-02"]
    assert [r["exchange_id"] for r in rows(store)] == ["e5", "e3", "e2", "e4", "e1"]
    assert not {"prompt", "response", "system_prompt"} & set(rows(store)[0])
    assert (state.read, state.stored) == (5, 5)
    assert is_store(store)
    assert open_log(store).store_sql is not None  # what a scan reads it by


def test_the_same_rows_give_the_same_files_however_they_come(row: Any, tmp_path: Path):
    many = [row(n, ts=f"2026-03-01T00:00:{n % 4:02}Z", account_id=f"{n % 7}") for n in range(60)]
    for name, some in (("a", many), ("b", many[::-1])):
        write_lines(tmp_path / name / "exchanges" / "a.jsonl", *some)
        run(tmp_path / name, tmp_path / f"store {name}")
    one, other = (next((tmp_path / f"store {n}").glob("exchanges/*/*")) for n in "ab")
    assert one.read_bytes() == other.read_bytes()
    found = [(r["account_id"], r["ts"], r["exchange_hash"]) for r in pq.read_table(one).to_pylist()]
    assert found == sorted(found)
    assert len(found) == 60


def test_addresses_are_stored_in_one_spelling(row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1, client_ip="2001:DB8:0::1"), row(2, client_ip="::ffff:192.0.2.1"))
    run(log, store)
    assert [r["client_ip"] for r in rows(store)] in (
        ["2001:db8::1", "192.0.2.1"], ["192.0.2.1", "2001:db8::1"]
    )  # fmt: skip


def test_the_same_log_twice_adds_nothing(row: Any, log: Path, store: Path, parquet_log: Any):
    write_lines(lines(log), row(1), row(2), b"{")
    parquet_log([row(3, ts=1_772_366_400_000_000)], name="exchanges/b.parquet")
    first = run(log, store)
    files = {p: p.stat().st_mtime_ns for p in store.rglob("*.parquet")}
    second = run(log, store)
    assert (first.read, first.stored, first.rejected) == (4, 3, {"invalid JSON": 1})
    assert (second.read, second.batch) == (4, first.batch)
    assert {p: p.stat().st_mtime_ns for p in store.rglob("*.parquet")} == files


def test_a_copy_under_another_name_is_known_by_its_content(
    row: Any, log: Path, store: Path, parquet_log: Any
):
    write_lines(lines(log), row(1), b"{")
    parquet_log([row(3, ts=1_772_366_400_000_000)], name="exchanges/b.parquet")
    first = run(log, store)
    shutil.copy(lines(log), lines(log, "copy.jsonl"))
    shutil.copy(lines(log, "b.parquet"), lines(log, "copy.parquet"))
    second = run(log, store)
    assert (second.read, second.rejected) == (first.read, first.rejected)
    assert ids(store) == ["e1", "e3"]


def test_an_exchange_that_is_there_already_is_dropped_counted_and_named(
    row: Any, log: Path, store: Path
):
    write_lines(lines(log), row(1, model="first"), row(2), row(1, model="again"))
    run(log, store)
    write_lines(lines(log, "b.jsonl"), row(2, model="later", ts="2026-05-01T00:00:00Z"), row(3))
    state = run(log, store)
    assert {r["exchange_id"]: r["model"] for r in rows(store)} == {
        "e1": "first", "e2": "m", "e3": "m"
    }  # fmt: skip
    assert (state.read, state.stored, state.duplicates) == (5, 3, 2)
    duplicate = "duplicate exchange_id"
    assert rejects(store) == [
        ("exchanges/a.jsonl", 3, duplicate),
        ("exchanges/b.jsonl", 1, duplicate),
    ]


def test_late_rows_come_into_their_day_beside_the_others(row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1, ts="2026-03-01T10:00:00Z"), row(2, ts="2026-03-02T10:00:00Z"))
    run(log, store)
    write_lines(lines(log), row(3, ts="2026-03-01T09:00:00Z"), append=True)
    run(log, store)
    day = store / "exchanges" / "day=2026-03-01"
    assert sorted(len(pq.read_table(p)) for p in day.iterdir()) == [1, 1]
    assert ids(store) == ["e1", "e2", "e3"]


def test_what_gathers_beyond_the_limit_is_stored_at_once(
    row: Any, log: Path, store: Path, parquet_log: Any
):
    """Back-pressure: what is held never grows by more than a piece beyond the limit."""
    many = [row(n, ts=1_772_366_400_000_000 + n) for n in range(900)]
    parquet_log(many, name="exchanges/a.parquet", row_group_size=100)
    most, sizes = 20_000, []
    with ingesting(log, store, batch_bytes=most) as (running, _):
        running.look(0.0, Event(), lambda _: sizes.append(running._pending.bytes))
        assert running.commit()
        batches = running.state.batch
    assert max(sizes) < most  # what reaches it is gone when this is told
    assert batches >= 4
    assert ids(store) == sorted(f"e{n}" for n in range(900))
    for path in (store / "exchanges").glob("*/*"):
        times = pq.read_table(path)["ts"].to_pylist()
        assert times == sorted(times)


def test_a_stop_in_the_middle_loses_and_repeats_nothing(
    row: Any, log: Path, store: Path, parquet_log: Any
):
    for n in range(6):
        lot = [row(10 * n + i, ts=1_772_366_400_000_000) for i in range(10)]
        parquet_log(lot, name=f"exchanges/{n}.parquet", row_group_size=5)
    stop, told = Event(), []
    with ingesting(log, store) as (running, _):
        running.look(0.0, stop, lambda rows: (told.append(rows), stop.set()))
        assert running.commit()
        assert 0 < running.state.stored < 60
    state = run(log, store)
    assert (state.read, state.stored, state.duplicates) == (60, 60, 0)
    assert len(set(ids(store))) == len(ids(store)) == 60


def test_a_damaged_file_stops_an_ingest_after_what_came_before_is_stored(
    row: Any, log: Path, store: Path
):
    write_lines(lines(log), row(1))
    lines(log, "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"exchanges/b\.parquet.*cut off"):
        run(log, store)
    assert ids(store) == ["e1"]


def test_accounts_are_merged_and_the_later_row_stands(row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1))
    table = log / "accounts.jsonl"
    write_lines(
        table, {"account_id": "a", "plan": "free"}, {"account_id": "b"}, {"account_id": "a"}
    )
    state = run(log, store)
    assert state.rejected_of_tables == {"duplicate account_id": 1}
    assert rejects(store) == [("accounts.jsonl", 3, "duplicate account_id")]
    write_lines(table, {"account_id": "c"}, {"account_id": "a", "plan": "enterprise"})
    run(log, store)
    merged = pq.read_table(store / "accounts.parquet").to_pylist()
    assert [(r["account_id"], r["plan"]) for r in merged] == [
        ("a", "enterprise"), ("b", None), ("c", None)
    ]  # fmt: skip
    again = run(log, store)
    assert again.batch == run(log, store).batch


def test_bans_of_two_sources_are_both_there(row: Any, tmp_path: Path, store: Path):
    for name in ("x", "y"):
        write_lines(tmp_path / name / "exchanges" / "a.jsonl", row(name))
        ban = {"account_id": name, "at": "2026-03-01T00:00:00Z", "action": "ban"}
        write_lines(tmp_path / name / "enforcement.jsonl", ban, ban)
        run(tmp_path / name, store)
    assert ids(store) == ["ex", "ey"]
    assert pq.read_table(store / "enforcement.parquet")["account_id"].to_pylist() == ["x", "y"]


def test_a_mapping_says_where_columns_come_from(row: Any, log: Path, store: Path, tmp_path: Path):
    write_lines(lines(log), row(1, account_id=..., who="w1"))
    (tmp_path / "m.toml").write_text('[exchanges]\naccount_id = "who"\n')
    run(log, store, mapping=tmp_path / "m.toml")
    assert [r["account_id"] for r in rows(store)] == ["w1"]


def test_a_log_in_an_object_store(
    row: Any, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with serving(tmp_path / "bucket") as served:
        for name, value in (("ENDPOINT_URL", served.endpoint), ("REGION", "us-east-1"),
                            ("ACCESS_KEY_ID", "key"), ("SECRET_ACCESS_KEY", "secret"),
                            ("EC2_METADATA_DISABLED", "true")):  # fmt: skip
            monkeypatch.setenv(f"AWS_{name}", value)
        folder = served.folder / "log" / "exchanges"
        write_lines(folder / "a.jsonl", row(1), b"{", row(2), end=b"")
        pq.write_table(typed([row(3, ts=1_772_366_400_000_000)]), folder / "b.parquet")
        for _ in range(2):
            state = run(Path(f"s3://{BUCKET}/log"), store)
    assert ids(store) == ["e1", "e2", "e3"]
    assert (state.read, state.duplicates) == (4, 0)


def test_texts_are_sealed_some_thousand_at_a_time(
    row: Any, log: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    monkeypatch.setattr(write, "SEALED_ROWS", 4)
    add_key(tmp_path / "keys")
    keys = read_keys(tmp_path / "keys")
    write_lines(lines(log), *map(row, range(10)))
    run(log, store, protection=Protection(keys, ("account",), "encrypt"))
    sealed = pq.read_table(next((store / "texts").glob("*/*")))
    assert len(sealed["salt"].unique()) == 3
    texts = {text["exchange_id"]: text["prompt"] for text in unseal(sealed, keys)}
    assert texts == {f"e{n}": f"prompt {n}" for n in range(10)}
    assert "prompt" not in rows(store)[0]


def test_two_ingests_do_not_share_a_store(row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1))
    with ingesting(log, store), pytest.raises(InputError, match=r"iolaus ingest \(process \d+\)"):
        run(log, store)
    assert run(log, store).stored == 1  # let go of


def test_nothing_is_written_while_somebody_else_writes(
    row: Any, log: Path, store: Path, monkeypatch: pytest.MonkeyPatch
):
    write_lines(lines(log), row(1))
    with ingesting(log, store) as (running, _):
        running.look(0.0, Event(), lambda rows: None)
        monkeypatch.setattr("iolaus.logs.ingest.lock.PAUSE_SECONDS", 1e-4)
        monkeypatch.setattr(run_module, "PATIENCE_SECONDS", 1e-3)
        with writing(store, "iolaus privacy erase"):
            with pytest.raises(InputError, match="iolaus privacy erase"):
                running.commit()
            assert not (store / "exchanges").exists()
        assert running.commit()
    assert ids(store) == ["e1"]


def test_rows_held_while_an_account_is_erased_are_read_again(row: Any, log: Path, store: Path):
    """The account was taken out of the source first, as docs/privacy.md says."""
    write_lines(lines(log), row(1, account_id="gone"), row(2))
    with ingesting(log, store) as (running, told):
        running.look(0.0, Event(), lambda rows: None)
        write_lines(lines(log), row(2))
        erased = pa.table({"erasure": [1]})
        pq.write_table(erased, store / "erased.parquet")
        assert not running.commit()
        assert "erased meanwhile" in told[0]
        look(running)
        state = running.state
    assert ids(store) == ["e2"]
    assert (state.read, state.stored) == (1, 1)


def test_a_store_goes_where_nothing_else_is(row: Any, log: Path, store: Path, tmp_path: Path):
    write_lines(lines(log), row(1))
    for to in (log, log / "store", log / "exchanges" / "store"):
        with pytest.raises(InputError, match="cannot lie"):
            run(log, to)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("")
    with pytest.raises(InputError, match="something else"):
        run(log, tmp_path / "other")
    run(log, store)
    with pytest.raises(InputError, match="a store already"):
        run(store, tmp_path / "second")


def test_rows_are_not_removed_for_lack_of_a_state(row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1))
    run(log, store)
    (store / ".ingest" / "state.json").unlink()
    with pytest.raises(InputError, match="is missing"):
        run(log, store)
    assert ids(store) == ["e1"]


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"version": 99}', b'{"version": 1, "new": 2}'])
def test_a_state_that_is_not_understood_is_refused(text: bytes, row: Any, log: Path, store: Path):
    write_lines(lines(log), row(1))
    run(log, store)
    (store / ".ingest" / "state.json").write_bytes(text)
    with pytest.raises(InputError, match="cannot be read"):
        run(log, store)


def test_a_million_rejected_rows_are_not_held(row: Any, log: Path, store: Path, monkeypatch: Any):
    monkeypatch.setattr(run_module, "MOST_BAD", 10)
    for n in range(4):
        write_lines(lines(log, f"{n}.jsonl"), *[b"{"] * 10)
    with ingesting(log, store) as (running, _):
        running.look(0.0, Event(), lambda rows: None)
        assert running.state.rejected["invalid JSON"] == 40
    assert len(rejects(store)) == 40
