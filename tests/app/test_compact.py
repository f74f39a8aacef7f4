"""iolaus compact: a scan says the same before and after, and sealed texts stay readable."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.app.test_ingest import day_files, job, once, rows
from tests.app.test_scan import run as scan
from typer.testing import CliRunner

from iolaus.app import cli
from iolaus.app.settings import Privacy
from iolaus.core.errors import ConfigError
from iolaus.logs.privacy import add_key

OUTPUTS = ("campaigns", "members", "evidence", "rejects", "known")


def ingested(planted_log: Path, tmp_path: Path, privacy: Privacy | None = None) -> Path:
    """The planted log, every third row in one commit."""
    log, store = tmp_path / "log", tmp_path / "store"
    (log / "exchanges").mkdir(parents=True)
    (log / "accounts.parquet").symlink_to(planted_log / "accounts.parquet")
    table = pq.read_table(planted_log / "exchanges" / "part-0.parquet")
    for n in range(3):
        some = table.take(list(range(n, table.num_rows, 3)))
        pq.write_table(some, log / "exchanges" / f"{n}.parquet")
        once(job(log, store, privacy=privacy))
    return store


def compact(store: Path, *words: str) -> str:
    done = CliRunner().invoke(cli.app, ["compact", str(store), *words])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_scan_ends_with_the_same_bytes(planted_log, tmp_path):
    store = ingested(planted_log, tmp_path)
    files, days = len(day_files(store)), len(list((store / "exchanges").iterdir()))
    assert files == 3 * days
    scan(store, tmp_path / "before")
    assert f"{files:,} files of {days:,} days are {days:,} now" in compact(store)
    assert len(day_files(store)) == days
    scan(store, tmp_path / "after")
    for name in OUTPUTS:
        before = (tmp_path / "before" / f"{name}.parquet").read_bytes()
        assert before == (tmp_path / "after" / f"{name}.parquet").read_bytes(), name
    once(job(planted_log, store))  # what was ingested is known still
    assert len(day_files(store)) == days


def test_sealed_texts_are_merged_and_read(planted_log, tmp_path):
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    add_key(tmp_path / "keys")
    (tmp_path / "c.toml").write_text("[privacy]\nkeys = 'keys'\ntext = 'encrypt'\n")
    store = ingested(planted_log, tmp_path, Privacy(tmp_path / "keys", text="encrypt"))
    some = rows(store)["exchange_id"].to_pylist()[::500]

    def read() -> list[dict[str, str]]:
        words = ["privacy", "excerpts", str(store), *some, "--config", str(tmp_path / "c.toml")]
        done = CliRunner().invoke(cli.app, [*words, "--who", "ada", "--why", "case 12"])
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.output.splitlines()]

    before = read()
    compact(store)
    assert len(before) == len(some)
    assert read() == before
    for part in ("exchanges", "texts"):
        assert {len(list(day.glob("*.parquet"))) for day in (store / part).iterdir()} == {1}


def test_only_days_before_the_one_given(planted_log, tmp_path):
    store = ingested(planted_log, tmp_path)
    days = sorted(path.name for path in (store / "exchanges").iterdir())
    compact(store, "--before", days[2].removeprefix("day="))
    merged = [len(list((store / "exchanges" / day).glob("*.parquet"))) == 1 for day in days]
    assert merged == [True, True] + [False] * (len(days) - 2)
    refused = CliRunner().invoke(cli.app, ["compact", str(store), "--before", "soon"])
    assert isinstance(refused.exception, ConfigError)
