"""[enrichment] in a scan: country from the addresses, and what was filled in run.json."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.app.progress import silent
from iolaus.app.scan import scan
from iolaus.app.settings import Settings, load
from iolaus.core.errors import ConfigError
from iolaus.worlds.metadata import simulate_metadata

OPTIONS = {"memory": "1GB", "threads": 2, "keep_stages": True, "report": silent}


def without_country(log: Path, to: Path) -> Path:
    """The planted log as one that knows addresses only: the campaign's are all in 45.1.2.0/24."""
    for path in log.rglob("*.parquet"):
        table = pq.read_table(path)
        if "country" in table.column_names:
            at = table.column_names.index("country")
            table = table.set_column(at, "country", pa.nulls(table.num_rows, pa.string()))
        target = to / path.relative_to(log)
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target)
    return to


def config(directory: Path, networks: str) -> Path:
    (directory / "ranges.csv").write_text(f"network,country,asn\n{networks}\nbad line,NL,1\n")
    (directory / "vpn.txt").write_text("45.1.2.0/25\n")
    path = directory / "iolaus.toml"
    path.write_text("[scan]\nseed = 3\n[enrichment]\ncsv = ['ranges.csv']\nvpn = ['vpn.txt']\n")
    return path


def known_country(out: Path) -> int:
    days = sorted((out / "stages" / "operator_days").glob("day=*.parquet"))
    table = pq.ParquetDataset(days, partitioning=None).read(columns=["exchanges"])
    return sum(table["exchanges"].to_pylist())


def test_countries_come_from_the_files(planted_log: Path, tmp_path: Path) -> None:
    log = without_country(planted_log, tmp_path / "log")
    plain, filled = tmp_path / "plain", tmp_path / "filled"
    settings = load(config(tmp_path, "45.1.2.0/24,NL,64500"))
    assert settings.seed == 3
    scan(log, plain, Settings(), **OPTIONS)
    scan(log, filled, settings, **OPTIONS)
    assert known_country(plain) == 0
    run = json.loads((filled / "run.json").read_text())
    said = run["enrichment"]["filled"]
    assert 0 < known_country(filled) == said["country_filled"] == said["asn_filled"]
    assert said["network_kind"]["vpn"] == said["country_filled"]  # .0 to .39 of a /25
    files = [(f["file"], f["entries"], f["bad_lines"]) for f in run["enrichment"]["files"]]
    assert files == [("ranges.csv", 1, 1), ("vpn.txt", 1, 0)]
    paths = [file["path"] for file in run["files"]]
    assert {"enrichment/csv/ranges.csv", "enrichment/vpn/vpn.txt"} <= set(paths)
    assert run["settings"]["enrichment"]["vpn"] == [str(tmp_path / "vpn.txt")]
    assert json.loads((plain / "run.json").read_text())["enrichment"] == {}


def test_a_changed_file_is_another_run(planted_log: Path, tmp_path: Path) -> None:
    log, out = without_country(planted_log, tmp_path / "log"), tmp_path / "out"
    scan(log, out, load(config(tmp_path, "45.1.2.0/24,NL,64500")), **OPTIONS)
    first = known_country(out)
    scan(log, out, load(config(tmp_path, "45.1.0.0/16,NL,1\n78.0.0.0/8,DE,2")), **OPTIONS)
    assert known_country(out) > first


def test_a_missing_file_stops_the_run_before_it_begins(planted_log: Path, tmp_path: Path) -> None:
    settings = load(config(tmp_path, "45.1.2.0/24,NL,64500"))
    gone = replace(settings.enrichment, tor=(tmp_path / "tor.txt",))
    with pytest.raises(ConfigError, match="no such file"):
        scan(planted_log, tmp_path / "out", replace(settings, enrichment=gone), **OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_store_says_that_it_was_filled_before(tmp_path: Path) -> None:
    world = tmp_path / "world"
    simulate_metadata(
        "long", out=world, accounts=300, campaign_accounts=10, exchanges=15_000, seed=6
    )
    scan(world / "log", tmp_path / "out", load(config(tmp_path, "45.1.2.0/24,NL,1")), **OPTIONS)
    said = json.loads((tmp_path / "out" / "run.json").read_text())["enrichment"]
    assert list(said) == ["not_applied"]
