"""The benchmark of the main job, on results made by hand and on a tiny world."""

import json
import shutil
import sys
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, frozen
from benchmarks.harness.measure import Failed, run, size_of
from benchmarks.harness.page import filled, load
from benchmarks.harness.tables import NOT_YET
from benchmarks.harness.world import World, make_world
from benchmarks.main_job import page, tables
from benchmarks.main_job.bench import RESULTS, measure
from benchmarks.main_job.plan import WITHOUT, Cell, cells, chosen
from benchmarks.main_job.reduce import reduced

from iolaus.core.tables import ACCOUNTS, EXCHANGES

MIB = 1024 * 1024
CELL = Cell("tiny-1", World("spike", 1, 120, 20, 1_000))


def rate(hits: int, of: int) -> dict[str, object]:
    value = hits / of if of else None
    return {"hits": hits, "of": of, "value": value, "low": value, "high": value}


def result(name: str, seed: int, **score: object) -> dict[str, object]:
    family = name.split("-")[0]
    return {
        "cell": name,
        "commit": "a" * 40,
        "date": "2026-01-02T03:04:05+00:00",
        "corpora": None,
        "parameters": {"family": family, "seed": seed, "exchanges": 1_000, "without": None},
        "machine": {
            "cpu": "abacus",
            "cores": 1,
            "memory_gb": 2.0,
            "system": "Linux",
            "python": "3.11",
            "libraries": {"numpy": "2"},
            "load_before": 0.5,
        },
        "scan": {
            "wall_s": 10.0,
            "peak_rss": 2e9,
            "rows_per_s": 100,
            "stages_bytes": 1e9,
            "written": 2e9,
        },
        "run": {"timings_s": {"digest": 1.0, "prepare": 2.0}},
        "world": {"log_bytes": 3e9, "simulate": {"wall_s": 4.0}},
        "score": {
            "recall": rate(9, 10),
            "precision": rate(9, 9),
            "campaign_recall": rate(1, 1),
            "purity": rate(9, 9),
            "campaigns_raised": 1,
            "false_positives": rate(0, 20),
            "false_positives_by_population": {"saas": rate(0, 20)},
            "false_positives_by_country": {"NL": rate(0, 20)},
            **score,
        },
    }


def row(text: str, beginning: str) -> list[str]:
    (line,) = [x for x in text.splitlines() if x.startswith(f"| {beginning}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_cells_have_names_and_parameters_of_their_own_and_columns_that_exist():
    found = cells()
    assert len({cell.name for cell in found}) == len(found)
    assert len({json.dumps(cell.parameters()) for cell in found}) == len(found)
    for exchanges, accounts in WITHOUT.values():
        assert set(exchanges) <= set(EXCHANGES.names)
        assert set(accounts or ()) <= set(ACCOUNTS.names)
    assert [cell.name for cell in chosen(["null-921"])] == [f"null-{n}" for n in range(9211, 9220)]


def test_aims_that_are_missed_are_said_to_be_missed():
    found = [
        result("long-1", 1),
        result("spike-2", 2, recall=rate(10, 10)),
        result("null-3", 3, campaigns_raised=0, precision=rate(0, 0)),
        result("null-4", 4, campaigns_raised=2),
    ]
    text = tables.aims(found)
    assert row(text, "account recall, `long`")[2:] == ["0.9000", "**no**"]
    assert row(text, "account recall, `spike`")[2:] == ["1.0000", "yes"]
    assert row(text, "`null`")[2:] == ["1 of 2", "**no**"]
    assert row(text, "longest scan")[2:] == ["10", "yes"]
    found[0]["scan"] = {**found[0]["scan"], "peak_rss": 4.1e9}
    assert row(tables.aims(found), "most memory")[2:] == ["4.10", "**no**"]


def test_honest_accounts_called_are_added_up_over_seeds():
    called = {"saas": rate(3, 20), "class": rate(0, 5)}
    found = [
        result("null-1", 1, false_positives_by_population=called),
        result("null-2", 2, false_positives_by_population={"saas": rate(1, 20)}),
    ]
    assert row(tables.populations(found), "`saas`")[3].startswith("4 of 40 ")
    assert row(tables.populations(found), "`saas`")[1] == NOT_YET
    assert row(tables.null(found), "1 |")[3] == "saas 3"


def test_an_earlier_round_stays_apart():
    called = {"saas": rate(3, 20)}
    found = [
        result("earlier-long-1", 1, false_positives_by_population=called),
        result("earlier-null-2", 2, campaigns_raised=0, recall=rate(0, 0)),
    ]
    assert row(tables.earlier(found), "`aaaaaaa` | long-1")[4:] == ["1", "saas 3"]
    assert tables.earlier(found).endswith("no campaign raised: 1 at `aaaaaaa`.")
    assert tables.aims(found) == tables.aims([])
    assert tables.provenance(found) == NOT_YET


def test_a_page_gets_its_tables_and_nothing_else_changes():
    parts = [f"<!-- {name} -->\nold\n<!-- /{name} -->" for name in tables.TABLES]
    text = "before\n" + "\nbetween\n".join(parts) + "\nafter"
    once = filled(text, tables.TABLES, [result("long-1", 1)])
    assert "old" not in once
    assert once.startswith("before\n<!-- ")
    assert once.endswith("-->\nafter")
    assert once.count("\nbetween\n") == len(parts) - 1
    assert filled(once, tables.TABLES, [result("long-1", 1)]) == once
    with pytest.raises(ValueError, match="differ"):
        filled(text.replace("<!-- /aims -->", ""), tables.TABLES, [])
    with pytest.raises(ValueError, match="stands 0 times"):
        filled(text.replace("<!-- aims -->", ""), tables.TABLES, [])


def test_the_page_of_results_says_what_is_frozen():
    text = page.PAGE.read_text(encoding="utf-8")
    assert filled(text, tables.TABLES, load(RESULTS)) == text


def test_memory_is_that_of_a_command_and_of_those_that_it_starts(tmp_path):
    grandchild = f"import time; x = bytearray({300 * MIB}); time.sleep(0.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    usage = run([sys.executable, "-c", parent], env={}, cwd=tmp_path, log=tmp_path / "log.txt")
    assert 300 * MIB < usage.peak_rss < 450 * MIB
    assert usage.wall_s >= 0.5
    with pytest.raises(Failed, match=r"status 3:\nwhy"):
        run(["sh", "-c", "echo why; exit 3"], env={}, cwd=tmp_path, log=tmp_path / "log.txt")


@pytest.mark.parametrize("without", WITHOUT)
def test_a_reduced_log_lacks_its_columns_and_keeps_the_rest(planted_log, tmp_path, without):
    reduced(planted_log, without, tmp_path)
    of_exchanges, of_accounts = WITHOUT[without]
    (file,) = (tmp_path / "exchanges").iterdir()
    whole = pq.read_table(planted_log / "exchanges" / file.name)
    assert pq.read_table(file).equals(whole.drop_columns(list(of_exchanges)))
    accounts = tmp_path / "accounts.parquet"
    assert accounts.exists() == (of_accounts is not None)
    if of_accounts is not None:
        kept = pq.read_table(planted_log / "accounts.parquet").drop_columns(list(of_accounts))
        assert pq.read_table(accounts).equals(kept)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    if not (origin.ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("what is measured is exported from git")
    work = tmp_path_factory.mktemp("bench")
    return Bench.at(work / "work", None, work / "results")


@pytest.mark.slow
def test_a_cell_is_measured_once_and_frozen_whole(bench):
    cell = replace(CELL, replayed=True, without="payment_device")
    assert not frozen(bench, cell)
    path = measure(bench, cell, lambda step: None)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["commit"] == bench.commit
    assert kept["score"]["recall"]["of"] == 20
    assert kept["score"]["exchanges_lost"]["of"] > 0
    assert 0 < kept["named"]["first_day_share"] <= 1
    assert kept["run"]["exchanges"] == 1_000
    for command in ("scan", "replay"):
        assert kept[command]["stages_bytes"] > 0
        assert kept[command]["peak_rss"] > 50 * MIB
    assert frozen(bench, cell)
    assert not frozen(bench, replace(cell, without=None))
    assert not frozen(replace(bench, commit="b" * 40), cell)
    made = make_world(bench, cell.world)
    before = size_of(made), (made / "made.json").stat().st_mtime_ns
    assert (
        size_of(make_world(bench, cell.world)),
        (made / "made.json").stat().st_mtime_ns,
    ) == before
