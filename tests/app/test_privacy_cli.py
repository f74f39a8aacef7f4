"""iolaus privacy, on a store made by hand."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from iolaus.app.privacy import app
from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import EXCHANGES
from iolaus.logs.privacy import Pseudonymiser, read_keys

WHO = ["--who", "ada", "--why", "ticket 17"]


def run(*words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    run("new-key", tmp_path / "keys")
    path = tmp_path / "iolaus.toml"
    path.write_text("[privacy]\nkeys = 'keys'\ntext = 'keep'\nkeep_days = 30\n")
    return path


@pytest.fixture
def store(tmp_path: Path, config: Path) -> Path:
    """Two exchanges of 'acct' in May 2026, under the first key's pseudonyms."""
    rows = [
        {"exchange_id": f"e{n}", "ts": datetime(2026, 5, 1, n, tzinfo=UTC), "account_id": "acct",
         "model": "m", "prompt": f"question {n}", "input_tokens": 1, "output_tokens": 2}
        for n in range(2)
    ]  # fmt: skip
    made = Pseudonymiser(read_keys(tmp_path / "keys"))
    day = tmp_path / "store" / "exchanges" / "day=2026-05-01"
    day.mkdir(parents=True)
    pq.write_table(made.table(pa.Table.from_pylist(rows, schema=EXCHANGES)), day / "0.parquet")
    run("new-key", tmp_path / "keys")  # rotated since
    return tmp_path / "store"


def test_a_person_asks_by_the_raw_name(store: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    said = run("export", store, "acct", "--out", out, "--config", config, *WHO)
    assert "2 exchanges" in said
    assert (out / "exchanges.jsonl").read_text().count("k1-") == 2
    assert "2 exchanges of 1 days" in run("erase", store, "acct", "--config", config, *WHO)
    assert "nothing is held" in run(
        "export", store, "acct", "--out", tmp_path / "again", "--config", config, *WHO
    )
    actions = [json.loads(line)["action"] for line in run("log", store).splitlines()]
    assert actions == ["export", "erase", "export"]


def test_an_analyst_reads_an_excerpt(store: Path, config: Path) -> None:
    found = run("excerpts", store, "e1", "--on", "2026-05-01", "--config", config, *WHO)
    assert json.loads(found)["prompt"] == "question 1"
    assert json.loads(run("log", store))["why"] == "ticket 17"
    with pytest.raises(ConfigError, match="no day"):
        run("excerpts", store, "e1", "--on", "May", "--config", config, *WHO)
    with pytest.raises(InputError, match="who asks and why"):
        run("excerpts", store, "e1", "--config", config, "--who", " ", "--why", "x")


def test_old_days_go(store: Path, config: Path) -> None:
    assert "1 days of exchanges" in run("expire", store, "--config", config, "--who", "cron")
    assert not list((store / "exchanges").iterdir())


def test_a_configuration_without_privacy_or_with_the_key_in_the_store(
    store: Path, config: Path
) -> None:
    config.write_text("[scan]\n")
    with pytest.raises(ConfigError, match="no \\[privacy\\]"):
        run("erase", store, "acct", "--config", config, *WHO)
    config.write_text("[privacy]\nkeys = 'store/keys'\n")
    with pytest.raises(ConfigError, match="beside what it protects"):
        run("erase", store, "acct", "--config", config, *WHO)
