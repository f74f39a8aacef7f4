"""A state directory: days that were read once are not read again, and nothing else changes."""

import hashlib
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.test_ingest import job, once
from tests.conftest import write_planted

from iolaus.app.pipeline import look, prepare
from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.app.source import open_source
from iolaus.app.state import LEDGER, open_state
from iolaus.core.errors import InputError
from iolaus.core.store import mark_store
from iolaus.core.tables import ACCOUNTS, EXCHANGES
from iolaus.engine import Stages
from iolaus.logs import Rejects, open_log
from iolaus.logs.ingest import compact, writing
from iolaus.logs.privacy import AccessLog, Asking, erase_accounts
from iolaus.signals import days as day_tables
from iolaus.signals import features

START = datetime(2026, 5, 4, tzinfo=UTC)
DAYS, PEOPLE = 6, 14
COUNTRIES = ("US", "DE", "IN")
TABLES = (
    "accounts", "account_days", *day_tables.TABLES, "shared_prompts", "token_days", "content_days",
    "features",
)  # fmt: skip


def exchanges(seed: int = 1, per_day: int = 40) -> list[dict[str, object]]:
    """Six days of 14 accounts, of which every other day brings new ones; times are whole seconds,
    so that some fall together."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for day in range(DAYS):
        for _ in range(per_day):
            who = int(rng.integers(min(PEOPLE, 4 + 2 * day)))
            topic = rng.choice(["graphs", "poems", "taxes", "rivers"])
            rows.append({
                "exchange_id": f"x{len(rows):04d}",
                "ts": START + timedelta(days=day, seconds=int(rng.integers(8, 24) * 600)),
                "account_id": f"a{who:02d}",
                "model": str(rng.choice(["m1", "m2"])),
                "status": 200,
                "channel": str(rng.choice(["web_app", "aggregator"])),
                "organization_id": f"o{rng.integers(3)}" if rng.random() < 0.3 else None,
                "client_ip": f"10.0.{rng.integers(2)}.{rng.integers(3)}",
                "asn": int(rng.integers(2)),
                "country": str(rng.choice(COUNTRIES)),
                "tls_fingerprint": "t1",
                "user_agent": f"u{rng.integers(2)}",
                "prompt": f"please write about {topic} with {rng.integers(3)} lines and say why so",
                "system_prompt": f"You are helper {rng.integers(2)} of the guild.",
            })  # fmt: skip
    return rows


def claims(changed: bool = False) -> list[dict[str, object]]:
    return [
        {
            "account_id": f"a{who:02d}",
            "billing_country": COUNTRIES[(who + (changed and who == 3)) % 3],
            "payment_fingerprint": f"card{who // 2}",
        }
        for who in range(PEOPLE - 2)
    ]


def day_of(row: dict[str, object]) -> int:
    ts = row["ts"]
    assert isinstance(ts, datetime)
    return (ts - START).days


class World:
    """A log that grows. kind: 'files' (text, several files) or 'store' (features by day)."""

    def __init__(self, root: Path, kind: str) -> None:
        self.log, self.kind = root / "log", kind
        (self.log / "exchanges").mkdir(parents=True)
        if kind == "store":
            mark_store(self.log)

    def add(self, name: str, rows: list[dict[str, object]]) -> None:
        table = pa.Table.from_pylist(
            [{n: r.get(n) for n in EXCHANGES.names} for r in rows], EXCHANGES
        )
        path = self.log / "exchanges" / f"{name}.parquet"
        if self.kind == "store":
            path.parent.with_name("text").mkdir(exist_ok=True)
            text = self.log / "text" / "exchanges" / path.name
            text.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, text)
            log = open_log(text.parent.parent, only={f"exchanges/{path.name}"})
            made = list(features(log.batches_of(0, Rejects(), 0), 1))
            ids = table["exchange_id"]
            table = pa.Table.from_batches(made).drop_columns(["source_file", "source_row"])
            table = table.add_column(0, "exchange_id", ids)
            text.unlink()
        pq.write_table(table, path)

    def claim(self, rows: list[dict[str, object]]) -> None:
        full = [{n: r.get(n) for n in ACCOUNTS.names} for r in rows]
        pq.write_table(pa.Table.from_pylist(full, ACCOUNTS), self.log / "accounts.parquet")

    def lose(self, *names: str) -> None:
        for name in names:
            (self.log / "exchanges" / f"{name}.parquet").unlink()


@pytest.mark.parametrize("threads", [1, 3])
def test_files_are_digested_by_several_threads_and_told_in_order(tmp_path, threads):
    world = World(tmp_path, "files")
    for day in range(DAYS):
        world.add(f"day-{day}", [row for row in exchanges() if day_of(row) == day])
    told: list[tuple[str, int, int]] = []
    source = open_source(world.log, Settings(), lambda *step: told.append(step), threads=threads)
    files = sorted((world.log / "exchanges").iterdir())
    assert len(files) == DAYS
    assert {name: (file.sha256, file.number) for name, file in source.fresh.items()} == {
        f"exchanges/{file.name}": (hashlib.sha256(file.read_bytes()).hexdigest(), number)
        for number, file in enumerate(files)
    }
    assert told == [("digest", done, DAYS) for done in range(DAYS + 1)]


def tables(
    log: Path, out: Path, state: Path | None = None, **options: bool
) -> dict[str, list[str]]:
    """Every table that verdicts are made from, and what a look makes of them; rows sorted."""
    if state is None:
        return _tables(log, out, None)
    with open_state(state) as held:
        return _tables(log, out, held, **options)


def _tables(log, out, held, **options):
    source = open_source(log, Settings(), silent, held, **options)
    stages = Stages(out, source.key(Settings()), None if held is None else held.directory)
    options = {"memory": "500MB", "threads": 1, "report": silent}
    with prepare(source, stages, held, **options) as prepared:
        prepared.attach_features(whole=False)
        found = {name: prepared.engine.fetch(f"SELECT * FROM {name}") for name in TABLES}
        found["features"] = found["features"].drop_columns(["source_file"])
        looked = look(prepared, prepared.until)
        for table in (looked.tokens, looked.even_days, looked.odd_days):
            found[table.name] = prepared.engine.fetch(f"SELECT * FROM {table.name}")
        found["rejects"] = pq.read_table(stages.table("rejects").path)
        found["content"] = pa.table({"sums": [str(looked.content.vectors.tolist())]})
        counted = {name: [getattr(prepared.made, name)] for name in ("read", "revised", "kept")}
        found["counts"] = pa.table(counted)
    return {name: sorted(map(str, rows.to_pylist())) for name, rows in found.items()}


def compare(grown: dict[str, list[str]], whole: dict[str, list[str]], *but: str) -> None:
    for name in whole:
        if name not in ("counts", *but):
            assert grown[name] == whole[name], name


def counts(read: int, revised: int, kept: int) -> list[str]:
    return [str({"read": read, "revised": revised, "kept": kept})]


def by_day(rows: list[dict[str, object]]) -> list[list[dict[str, object]]]:
    return [[row for row in rows if day_of(row) == day] for day in range(DAYS)]


@pytest.fixture(params=["files", "store"])
def world(request, tmp_path) -> World:
    return World(tmp_path, request.param)


def test_days_that_are_added_give_what_a_scan_from_scratch_gives_without_the_old_files(
    world, tmp_path
):
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for first, last in ((0, 3), (3, 5), (5, 6)):
        for day in range(first, last):
            world.add(f"day{day}", days[day])
        grown = tables(world.log, tmp_path / "grown", state)
        assert grown["counts"] == counts(last - first, 0, first)
        world.lose(*(f"day{day}" for day in range(first, last)))
    for day in range(DAYS):
        world.add(f"day{day}", days[day])
    whole = tables(world.log, tmp_path / "whole")
    # Where a store's files are gone, so are their features; nothing that verdicts need is.
    compare(grown, whole, *(["features"] if world.kind == "store" else []))
    again = tables(world.log, tmp_path / "again", state)
    assert again["counts"] == counts(0, 0, DAYS)
    compare(again, whole)


def test_late_rows_remake_their_day_and_renumber_accounts_that_they_bring_forward(world, tmp_path):
    """The late rows hold an account's first exchange, and one of an account not seen elsewhere."""
    rows = exchanges()
    late = [row for row in by_day(rows)[2] if row["account_id"] in ("a00", "a07")]
    late += [
        {**late[0], "exchange_id": "late", "account_id": "b99", "ts": START + timedelta(days=2)}
    ]
    ids = {row["exchange_id"] for row in late}
    days = by_day([row for row in rows if row["exchange_id"] not in ids])
    world.claim(claims())
    for day in range(DAYS):
        world.add(f"day{day}", days[day])
    state = tmp_path / "state"
    before = tables(world.log, tmp_path / "before", state)
    world.add("aa-late", late)  # by name before all others
    grown = tables(world.log, tmp_path / "grown", state)
    whole = tables(world.log, tmp_path / "whole")
    compare(grown, whole)
    assert before["accounts"] != grown["accounts"]
    # Of the days after the late rows' only bursts are made from exchanges.
    assert grown["counts"] == counts(DAYS - 2, 0, 2)


def test_an_account_that_claims_another_country_needs_no_exchanges(world, tmp_path):
    world.claim(claims())
    for day, rows in enumerate(by_day(exchanges())):
        world.add(f"day{day}", rows)
    state = tmp_path / "state"
    before = tables(world.log, tmp_path / "before", state)
    world.claim(claims(changed=True))
    whole = tables(world.log, tmp_path / "whole")
    world.lose(*(f"day{day}" for day in range(DAYS - 1)))
    grown = tables(world.log, tmp_path / "grown", state)
    compare(grown, whole, *(["features"] if world.kind == "store" else []))
    assert before["operator_days"] != grown["operator_days"]
    active = {day_of(row) for row in exchanges() if row["account_id"] == "a03"}
    assert grown["counts"] == counts(0, len(active), DAYS - len(active))


def test_duplicates_are_found_across_runs_whichever_file_comes_first(tmp_path):
    world = World(tmp_path, "files")
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for day in range(4):
        world.add(f"day{day}", days[day])
    tables(world.log, tmp_path / "a", state)
    moved = {**days[1][3], "ts": START + timedelta(days=3)}  # the same id, on another day
    world.add("aa-first", [moved, days[0][0]])
    world.add("zz-last", [days[2][0], *days[4]])
    grown = tables(world.log, tmp_path / "b", state)
    compare(grown, tables(world.log, tmp_path / "c"))
    assert len(grown["rejects"]) == 3
    assert grown["counts"] == counts(5, 0, 0) or grown["counts"] == counts(4, 0, 1)


def test_a_file_that_grew_is_read_again_and_one_that_was_renamed_is_not(world, tmp_path):
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    world.add("one", days[0])
    world.add("two", days[1][:10])
    tables(world.log, tmp_path / "a", state)
    world.add("two", days[1])
    (world.log / "exchanges" / "one.parquet").rename(world.log / "exchanges" / "uno.parquet")
    grown = tables(world.log, tmp_path / "b", state)
    compare(grown, tables(world.log, tmp_path / "c"))
    assert grown["counts"] == counts(1, 0, 1)


class Stopped(BaseException):
    """A kill."""


def test_a_run_that_is_killed_anywhere_leaves_a_state_that_the_next_one_can_use(
    world, tmp_path, monkeypatch
):
    """Stopped at every change of a file's name in turn, until it runs through."""
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for day in range(2):
        world.add(f"day{day}", days[day])
    tables(world.log, tmp_path / "a", state)
    late = {**days[0][0], "exchange_id": "late", "account_id": "b99", "ts": START}
    world.add("day2", days[2])
    world.add("late", [late])
    whole = tables(world.log, tmp_path / "whole")
    replaced, stops = Path.replace, 0

    def stop(self, target):
        if state in Path(target).parents:
            left[0] -= 1
            if left[0] < 0:
                raise Stopped
        return replaced(self, target)

    while True:
        left = [1 + stops % 3]  # each run gets a little further than the one before
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", stop)
            try:
                grown = tables(world.log, tmp_path / "b", state)
                break
            except Stopped:
                stops += 1
    assert stops > 10
    compare(grown, whole)
    assert not list(state.rglob("*.tmp"))


def test_two_runs_do_not_use_one_state(tmp_path):
    with (
        open_state(tmp_path / "state"),
        pytest.raises(InputError, match="another run"),
        open_state(tmp_path / "state"),
    ):
        pass


def test_another_directory_is_not_taken_for_a_state(tmp_path):
    (tmp_path / "precious").write_text("keep me")
    with pytest.raises(InputError, match="no state directory"), open_state(tmp_path):
        pass
    (tmp_path / "precious").unlink()
    (tmp_path / LEDGER).write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 99"), open_state(tmp_path):
        pass


def test_a_state_of_another_release_is_made_again_or_refused(world, tmp_path, monkeypatch):
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for day in range(2):
        world.add(f"day{day}", days[day])
    first = tables(world.log, tmp_path / "a", state)
    monkeypatch.setattr("iolaus.app.source.__version__", "99.0")
    second = tables(world.log, tmp_path / "b", state)
    compare(second, first)
    assert second["counts"] == counts(2, 0, 0)
    world.lose("day0")
    monkeypatch.setattr("iolaus.app.source.__version__", "100.0")
    with pytest.raises(InputError, match=r"the release changed.*1 files of the log are gone"):
        tables(world.log, tmp_path / "c", state)


def test_a_store_s_day_that_lost_exchanges_to_a_file_that_is_gone_is_refused(tmp_path):
    world = World(tmp_path, "store")
    days = by_day(exchanges())
    world.add("day0", days[0])
    world.add("day1", days[1])
    state = tmp_path / "state"
    tables(world.log, tmp_path / "a", state)
    world.lose("day1")
    world.add("new", days[1][:3])
    with pytest.raises(InputError, match=r"of its 40 exchanges 3 are left"):
        tables(world.log, tmp_path / "b", state)
    world.add("new", days[1])  # the day in another file: no rows lost
    compare(tables(world.log, tmp_path / "c", state), tables(world.log, tmp_path / "d"))


def test_what_is_gone_can_be_forgotten(world, tmp_path):
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for day in range(4):
        world.add(f"day{day}", days[day])
    tables(world.log, tmp_path / "a", state)
    world.lose("day0", "day2")
    without = tables(world.log, tmp_path / "b", state, forget_gone=True)
    compare(without, tables(world.log, tmp_path / "whole"))
    again = tables(world.log, tmp_path / "c", state)
    compare(again, without)
    assert again["counts"] == counts(0, 0, 2)


def test_old_files_are_never_opened(world, tmp_path):
    """Their bytes are spoilt; size and time of change say that nothing happened."""
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    for day in range(3):
        world.add(f"day{day}", days[day])
    tables(world.log, tmp_path / "a", state)
    world.add("day3", days[3])
    whole = tables(world.log, tmp_path / "whole")
    for day in range(3):
        path = world.log / "exchanges" / f"day{day}.parquet"
        said = path.stat()
        path.write_bytes(b"x" * said.st_size)
        os.utime(path, ns=(said.st_atime_ns, said.st_mtime_ns))
    with open_state(state) as held:
        source = open_source(world.log, Settings(), silent, held)
        stages = Stages(tmp_path / "b", source.key(Settings()), held.directory)
        options = {"memory": "500MB", "threads": 1, "report": silent}
        with prepare(source, stages, held, **options) as prepared:
            for name in set(TABLES) - {"features"}:
                rows = prepared.engine.fetch(f"SELECT * FROM {name}")
                assert sorted(map(str, rows.to_pylist())) == whole[name], name
            assert prepared.made.read == 1


def test_nothing_is_left_of_what_no_run_needs_any_more(world, tmp_path):
    days = by_day(exchanges())
    world.claim(claims())
    state = tmp_path / "state"
    world.add("day0", days[0])
    tables(world.log, tmp_path / "a", state)
    world.add("day0", days[0][:30])
    tables(world.log, tmp_path / "b", state)
    fresh = tmp_path / "fresh"
    tables(world.log, tmp_path / "c", fresh)
    listed = [sorted(p.relative_to(r) for p in r.rglob("*")) for r in (state, fresh)]
    assert listed[0] == listed[1]
    assert json.loads((state / LEDGER).read_text())["days"]["2026-05-04"][0] == 30


def test_a_scan_of_new_days_ends_with_the_bytes_of_a_scan_from_scratch(tmp_path):
    """Half of the planted campaign's days come later; the first files are gone by then."""
    log, state = tmp_path / "log", tmp_path / "state"
    write_planted(log)
    whole = pq.read_table(log / "exchanges" / "part-0.parquet")
    half = whole.num_rows // 2
    (log / "exchanges" / "part-0.parquet").unlink()
    parts = {"one": whole.slice(0, half), "two": whole.slice(half)}

    def run(name, known=None, since_last=None):
        options = {"memory": "1GB", "threads": 2, "keep_stages": False, "report": silent}
        scan(
            log,
            tmp_path / name,
            Settings(),
            known=known and tmp_path / known / "known.parquet",
            since_last=since_last,
            **options,
        )
        return json.loads((tmp_path / name / "run.json").read_text())

    pq.write_table(parts["one"], log / "exchanges" / "one.parquet")
    run("first", since_last=state)
    (log / "exchanges" / "one.parquet").unlink()
    pq.write_table(parts["two"], log / "exchanges" / "two.parquet")
    said = run("grown", known="first", since_last=state)
    pq.write_table(parts["one"], log / "exchanges" / "one.parquet")
    told = run("whole", known="first")
    for name in ("campaigns", "members", "evidence", "rejects", "known"):
        grown = (tmp_path / "grown" / f"{name}.parquet").read_bytes()
        assert grown == (tmp_path / "whole" / f"{name}.parquet").read_bytes(), name
    assert said["days"]["files_gone"] == 1
    assert said["days"]["kept"] > 0
    assert told["days"] == {"read": told["days"]["read"], "revised": 0, "kept": 0, "files_gone": 0}
    for name in ("files", "exchanges", "accounts", "missing_columns", "formats"):
        assert said[name] == told[name], name


def compacted(tmp_path: Path, until: int, *, commits: int = 3) -> Path:
    """A store that an ingest wrote in several commits: the first `until` days."""
    log, store = tmp_path / "from", tmp_path / "store"
    (log / "exchanges").mkdir(parents=True, exist_ok=True)
    rows = [row for row in exchanges() if day_of(row) < until]
    full = [{**dict.fromkeys(ACCOUNTS.names), **row} for row in claims()]
    pq.write_table(pa.Table.from_pylist(full, ACCOUNTS), log / "accounts.parquet")
    for n in range(commits):
        some = [{n: r.get(n) for n in EXCHANGES.names} for r in rows[n::commits]]
        table = pa.Table.from_pylist(some, EXCHANGES)
        pq.write_table(table, log / "exchanges" / f"{until}-{n}.parquet")
        once(job(log, store))
    return store


def test_merged_files_are_what_they_were_made_of_and_nothing_is_read_again(tmp_path):
    store, state = compacted(tmp_path, 4), tmp_path / "state"
    before = tables(store, tmp_path / "a", state)
    assert compact(store, date(2026, 5, 7), lambda day, files: None).days == 3
    merged = tables(store, tmp_path / "b", state)
    compare(merged, before)
    assert merged["counts"] == counts(0, 0, 4)
    compacted(tmp_path, 5)  # a day more; late rows there are none
    assert compact(store, date(2026, 5, 9), lambda day, files: None).days == 2
    grown = tables(store, tmp_path / "c", state)
    assert grown["counts"] == counts(1, 0, 4)
    compare(grown, tables(store, tmp_path / "d"))
    ledger = json.loads((state / LEDGER).read_text())
    assert len(ledger["files"]) == 5
    assert [len(file["parts"]) for file in ledger["files"]] == [3] * 5


def test_a_merged_file_that_lost_an_account_is_read_again(tmp_path):
    """Erased before the merging, and after it: no file is missed, and no row is there that went."""
    store, state = compacted(tmp_path, 3), tmp_path / "state"
    tables(store, tmp_path / "a", state)
    erase(store, "a00")
    compact(store, date(2026, 5, 9), lambda day, files: None)
    less = tables(store, tmp_path / "b", state)
    assert less["counts"] == counts(3, 0, 0)
    compare(less, tables(store, tmp_path / "c"))
    erase(store, "a01")
    least = tables(store, tmp_path / "d", state)
    assert len(least["features"]) < len(less["features"])
    compare(least, tables(store, tmp_path / "e"))


def test_an_erasure_between_merging_and_scanning_loses_no_file(tmp_path):
    store, state = compacted(tmp_path, 3), tmp_path / "state"
    tables(store, tmp_path / "a", state)
    compact(store, date(2026, 5, 9), lambda day, files: None)
    erase(store, "a00")
    less = tables(store, tmp_path / "b", state)
    compare(less, tables(store, tmp_path / "c"))


def erase(store: Path, account: str) -> None:
    asking = Asking("ada", "request 88", datetime.now(UTC))
    with writing(store, "ada"):
        erase_accounts(store, [account], access=AccessLog(store / "access.jsonl"), asking=asking)
