import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.conftest import CAMPAIGN, is_campaign, write_planted

from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings
from iolaus.core.errors import InputError
from iolaus.core.tables import CAMPAIGNS, EVIDENCE, MEMBERS, VERDICTS


def run(log: Path, out: Path, settings: Settings = Settings(), **options):
    options = {"memory": "1GB", "threads": 2, "keep_stages": False, "report": silent} | options
    return scan(log, out, settings, **options)


def features_of(stages: Path) -> list[Path]:
    """The files of one run's features; every file of the log has its own, by day."""
    return sorted((stages / "features").glob("*/day=*.parquet"))


@pytest.fixture(scope="module")
def scanned(planted_log, tmp_path_factory):
    out = tmp_path_factory.mktemp("scanned")
    run(planted_log, out)
    return out


def test_the_planted_campaign_is_named_and_nobody_else(scanned):
    campaigns = pq.read_table(scanned / "campaigns.parquet").to_pylist()
    raised = [row["campaign_id"] for row in campaigns if row["verdict"] == "distillation"]
    assert len(raised) == 1
    members = pq.read_table(scanned / "members.parquet").to_pylist()
    named = [row["account_id"] for row in members if row["campaign_id"] in raised]
    assert sum(map(is_campaign, named)) == len(named) == CAMPAIGN


def test_the_framework_is_a_group_and_no_campaign(scanned):
    verdicts = pq.read_table(scanned / "campaigns.parquet")["verdict"].to_pylist()
    assert "shared_software" in verdicts


def test_the_files_are_those_of_the_data_contract(scanned):
    for name, schema in (("campaigns", CAMPAIGNS), ("members", MEMBERS), ("evidence", EVIDENCE)):
        assert pq.read_schema(scanned / f"{name}.parquet").equals(schema)
    campaigns = pq.read_table(scanned / "campaigns.parquet").to_pylist()
    assert {row["verdict"] for row in campaigns} <= set(VERDICTS)
    members = pq.read_table(scanned / "members.parquet").to_pylist()
    assert len({row["account_id"] for row in members}) == len(members)
    assert all(0 <= row["probability"] <= 1 for row in members)
    report = json.loads((scanned / "run.json").read_text())
    assert report["engine"] == "duckdb"
    assert {"version", "settings", "files", "timings_s", "detectors_not_run"} <= report.keys()
    assert "failover" in {row["detector"] for row in report["detectors_not_run"]}
    assert (scanned / "report.html").read_text().startswith("<!")
    assert not (scanned / "stages").exists()


def test_evidence_of_a_campaign_covers_the_three_elements(scanned):
    campaigns = pq.read_table(scanned / "campaigns.parquet").to_pylist()
    raised = next(row["campaign_id"] for row in campaigns if row["verdict"] == "distillation")
    rows = pq.read_table(scanned / "evidence.parquet").to_pylist()
    mine = [row for row in rows if row["campaign_id"] == raised]
    assert {row["element"] for row in mine} == {"coordination", "deception", "harvest"}
    assert all(row["null_description"] for row in mine)


def test_the_same_log_gives_the_same_bytes(planted_log, scanned, tmp_path):
    run(planted_log, tmp_path, threads=1)
    for name in ("campaigns", "members", "evidence"):
        again = (tmp_path / f"{name}.parquet").read_bytes()
        assert again == (scanned / f"{name}.parquet").read_bytes(), name


def test_a_scan_that_was_stopped_resumes_and_ends_with_the_same_bytes(
    planted_log, scanned, tmp_path, monkeypatch
):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("iolaus.app.scan.campaigns.investigate", stop)
        run(planted_log, tmp_path)
    assert features_of(tmp_path / "stages")
    assert not (tmp_path / "campaigns.parquet").exists()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("read the log again")

    monkeypatch.setattr("iolaus.app.pipeline.signals.features", never)
    run(planted_log, tmp_path)
    for name in ("campaigns", "members", "evidence"):
        again = (tmp_path / f"{name}.parquet").read_bytes()
        assert again == (scanned / f"{name}.parquet").read_bytes(), name


def test_stages_are_kept_when_asked(planted_log, tmp_path):
    run(planted_log, tmp_path, keep_stages=True)
    names = {path.stem for path in (tmp_path / "stages").glob("*.parquet")}
    assert {"accounts", "token_days"} <= names
    assert list((tmp_path / "stages" / "profiles").glob("day=*.parquet"))
    for file in features_of(tmp_path / "stages"):
        assert not {"prompt", "system_prompt", "response"} & set(pq.read_schema(file).names)


def test_duplicate_ids_are_rejected_counted_and_kept(tmp_path):
    log = tmp_path / "log"
    write_planted(log, days=8)
    part = log / "exchanges" / "part-0.parquet"
    rows = pq.read_table(part)
    pq.write_table(rows.slice(10, 3), log / "exchanges" / "part-1.parquet")
    run(log, tmp_path / "out")
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert [(r["file"], r["row"], r["cause"]) for r in rejects] == [
        ("exchanges/part-1.parquet", row, "duplicate exchange_id") for row in range(3)
    ]
    report = json.loads((tmp_path / "out" / "run.json").read_text())
    assert report["rejects"] == {"duplicate exchange_id": 3}
    assert report["exchanges"] == rows.num_rows


def test_a_log_of_one_account_is_refused(tmp_path):
    exchanges = tmp_path / "log" / "exchanges"
    exchanges.mkdir(parents=True)
    (exchanges / "a.jsonl").write_text(
        '{"exchange_id":"1","ts":"2026-05-01T00:00:00Z","account_id":"a","model":"m"}\n'
    )
    with pytest.raises(InputError, match="only one account"):
        run(tmp_path / "log", tmp_path / "out")


def test_a_log_with_the_required_columns_alone_is_scanned(planted_log, tmp_path):
    rows = pq.read_table(planted_log / "exchanges" / "part-0.parquet")
    exchanges = tmp_path / "log" / "exchanges"
    exchanges.mkdir(parents=True)
    bare = rows.select(["exchange_id", "ts", "account_id", "model"])
    pq.write_table(bare, exchanges / "bare.parquet")
    result = run(tmp_path / "log", tmp_path / "out")
    assert "distillation" not in result.campaigns["verdict"].to_pylist()


def test_results_are_not_written_into_the_log(planted_log):
    with pytest.raises(InputError, match="log itself"):
        run(planted_log, planted_log / "exchanges" / "out")


@pytest.mark.parametrize(
    ("setting", "table", "column"),
    [
        (Settings(fdr=1e-15), "campaigns", "verdict"),
        (Settings(seed=1), "evidence", "p_value"),
    ],
)
def test_each_setting_changes_the_output(planted_log, scanned, tmp_path, setting, table, column):
    run(planted_log, tmp_path, setting)
    before, after = (pq.read_table(d / f"{table}.parquet")[column] for d in (scanned, tmp_path))
    assert before.to_pylist() != after.to_pylist()


def test_excerpts_are_shown_unless_switched_off(planted_log, scanned, tmp_path):
    phrase = "write out your reasoning, then implement"
    assert phrase in (scanned / "report.html").read_text()
    run(planted_log, tmp_path, Settings(excerpts=0))
    assert phrase not in (tmp_path / "report.html").read_text()


def test_a_scan_that_was_stopped_after_its_tests_takes_up_links_groups_and_findings(
    planted_log, scanned, tmp_path, monkeypatch
):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("iolaus.campaigns.judge.false_discovery", stop)
        run(planted_log, tmp_path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("made again what stood")

    stage = sys.modules["iolaus.campaigns.investigate"]
    for made in ("link", "candidates", "_examine_all"):
        monkeypatch.setattr(stage, made, never)
    run(planted_log, tmp_path)
    for name in ("campaigns", "members", "evidence"):
        again = (tmp_path / f"{name}.parquet").read_bytes()
        assert again == (scanned / f"{name}.parquet").read_bytes(), name
