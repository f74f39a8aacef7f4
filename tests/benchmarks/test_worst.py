"""The worst cases of a scan: that they are what they say, and that a scan of them does no more."""

import pyarrow.parquet as pq
import pytest
from benchmarks.speed.__main__ import cases
from benchmarks.speed.worst import ADDRESS, CASES, rows_of, turned

from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.logs import open_log
from iolaus.worlds.metadata import simulate_metadata

DAYS = 4


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The first days of a small world without text."""
    out = tmp_path_factory.mktemp("worst") / "long"
    simulate_metadata(
        "long", out=out, accounts=2_000, campaign_accounts=60, exchanges=120_000, seed=6
    )
    for file in sorted((out / "log" / "exchanges").iterdir())[DAYS:]:
        file.unlink()
    return out / "log"


def read(log, *columns):
    return pq.read_table(log / "exchanges", columns=list(columns))


def test_each_case_is_a_store_of_as_many_exchanges_turned_as_it_says(log, tmp_path):
    before = read(log, "account_id", "client_ip")
    for case in CASES:
        turned(log, tmp_path / case, case)
        assert open_log(tmp_path / case).store_sql is not None
        assert read(tmp_path / case, "ts").num_rows == before.num_rows
    assert set(read(tmp_path / "one_address", "client_ip")[0].to_pylist()) == {ADDRESS}
    assert len(set(read(tmp_path / "one_skeleton", "skeleton")[0].to_pylist())) == 1
    for case, share in (("half", 1 / 2), ("addresses", 1 / 3)):
        counts = read(tmp_path / case, "account_id")[0].value_counts().to_pylist()
        most = max(counts, key=lambda one: one["counts"])
        assert most["counts"] >= share * before.num_rows
        rows = read(tmp_path / case, "account_id", "client_ip").to_pylist()
        used = {row["client_ip"] for row in rows if row["account_id"] == most["values"]}
        assert len(used) > 100 if case == "addresses" else len(used) < 20


def test_a_case_stands_beside_the_ordinary_world_of_its_size():
    usage = {"wall_s": 10.0, "cpu_s": 5.0, "peak_rss": 2_000_000_000}
    world = {"cell": "scan-1M", "parameters": {"exchanges": 1_000_000}, "scan": usage}
    case = {
        "cell": "worst-half-1M", "parameters": {"exchanges": 1_000_000, "case": "half"},
        "scan": usage | {"cpu_s": 7.5}, "rows": {"token_days": 1234},
    }  # fmt: skip
    cells = [c.strip() for c in cases([world, case]).splitlines()[-1].strip("|").split("|")]
    assert cells == ["half", "1,000,000", "10 (8)", "1.5", "2.0", "1,234"]


@pytest.mark.slow
def test_a_scan_of_the_worst_has_little_more_to_do(log, tmp_path):
    """At most twice the rows, and of tokens the address and the network of each account and day
    that nobody had in common before."""

    def work(name, where):
        scan(where, tmp_path / f"{name}-out", Settings(), memory="1GB", threads=2,
             keep_stages=True, report=lambda *args: None)  # fmt: skip
        return rows_of(tmp_path / f"{name}-out" / "stages")

    usual = work("usual", log)
    rows = read(log, "account_id", "client_ip", "ts").to_pylist()
    used = {(row["account_id"], row["client_ip"], row["ts"].date()) for row in rows}
    for case in CASES:
        turned(log, tmp_path / case, case)
        for table, found in work(case, tmp_path / case).items():
            most = 2 * usual[table] + (2 * len(used) if table == "token_days" else 0)
            assert found <= most, (case, table)
