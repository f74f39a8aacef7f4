"""--mapping of scan and replay: another file than the log's own, and one of the run's inputs."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.app.test_scan import run as scan
from typer.testing import CliRunner

from iolaus.app import cli
from iolaus.core.errors import ConfigError
from iolaus.core.store import mark_store


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two accounts, under names that are not the contract's."""
    path = tmp_path / "log" / "exchanges" / "a.jsonl"
    path.parent.mkdir(parents=True)
    row = {"ts": "2026-03-01T12:00:00Z", "engine": "m"}
    lines = [row | {"exchange_id": f"e{n}", "who": f"w{n % 2}", "whom": "x"} for n in range(4)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "log"


def mapping(to: Path, account: str) -> Path:
    to.write_text(f'[exchanges]\naccount_id = "{account}"\nmodel = "engine"\n')
    return to


def test_a_scan_reads_by_the_mapping_that_it_is_given(log: Path, tmp_path: Path):
    mapping(
        log / "mapping.toml", "whom"
    )  # the log's own: one account, which nothing can be found in
    given = mapping(tmp_path / "m.toml", "who")
    words = ["scan", str(log), "--out", str(tmp_path / "out"), "--mapping", str(given)]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["accounts"] == 2
    assert [f["path"] for f in run["files"]] == ["exchanges/a.jsonl", "mapping.toml"]


def test_another_mapping_is_another_run(log: Path, tmp_path: Path):
    first = mapping(tmp_path / "one.toml", "who")
    scan(log, tmp_path / "out", mapping=first, keep_stages=True)
    second = mapping(tmp_path / "two.toml", "exchange_id")
    scan(log, tmp_path / "out", mapping=second)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["accounts"] == 4


def test_a_replay_reads_by_it_too(log: Path, tmp_path: Path):
    given = mapping(tmp_path / "m.toml", "who")
    words = ["replay", str(log), "--out", str(tmp_path / "out"), "--mapping", str(given)]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    assert pq.read_table(tmp_path / "out" / "detections.parquet").num_rows == 0


def test_a_store_is_not_mapped(log: Path, tmp_path: Path):
    mark_store(log)
    with pytest.raises(ConfigError, match="would change nothing"):
        scan(log, tmp_path / "out", mapping=mapping(tmp_path / "m.toml", "who"))
