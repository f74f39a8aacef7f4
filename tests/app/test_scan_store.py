"""A scan of a store: features in place of text, read as they are."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.test_scan import run

from iolaus.core.errors import InputError
from iolaus.core.store import MARKER, is_store, mark_store
from iolaus.logs import open_log
from iolaus.worlds.metadata import simulate_metadata
from iolaus.worlds.score import score


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    out = tmp_path_factory.mktemp("store") / "long"
    simulate_metadata(
        "long", out=out, accounts=2_000, campaign_accounts=60, exchanges=120_000, seed=6
    )
    return out


@pytest.mark.slow
def test_the_campaign_in_a_store_is_found_without_any_text(world, tmp_path):
    run(world / "log", tmp_path / "out")
    found = score(world / "truth", tmp_path / "out")
    assert found.recall.value > 0.9
    assert found.precision.value > 0.95
    said = json.loads((tmp_path / "out" / "run.json").read_text())
    assert said["exchanges"] == 120_000
    assert said["rejects"] == {}


def changed(world: Path, to: Path, table) -> Path:
    """A store whose first day is changed; its accounts stay."""
    first = sorted((world / "log" / "exchanges").iterdir())[0]
    (to / "exchanges").mkdir(parents=True)
    pq.write_table(table(pq.read_table(first)), to / "exchanges" / first.name)
    mark_store(to)
    return to


def test_a_file_that_is_no_stores_is_refused_by_name_and_reason(world, tmp_path):
    def retyped(rows):
        return rows.set_column(rows.column_names.index("skeleton"), "skeleton",
                               rows["skeleton"].cast(pa.string()))  # fmt: skip

    def holed(rows):
        place = rows.column_names.index("model")
        return rows.set_column(place, "model", pa.nulls(rows.num_rows, pa.string()))

    for n, (change, reason) in enumerate(((retyped, "skeleton is string"), (holed, "nulls"))):
        log = open_log(changed(world, tmp_path / str(n), change))
        with pytest.raises(InputError, match=reason) as error:
            _ = log.store_sql
        assert "day=2026" in str(error.value)


def test_files_that_differ_are_refused(world, tmp_path):
    log = changed(world, tmp_path / "log", lambda rows: rows)
    second = sorted((world / "log" / "exchanges").iterdir())[1]
    pq.write_table(
        pq.read_table(second).drop_columns(["skeleton"]), log / "exchanges" / "x.parquet"
    )
    with pytest.raises(InputError, match=r"differ from .*skeleton"):
        _ = open_log(log).store_sql


def test_a_marker_is_understood_or_refused(tmp_path):
    assert not is_store(tmp_path)
    mark_store(tmp_path)
    assert is_store(tmp_path)
    for text in ("{", "[]", '{"format": "other"}', '{"format": "iolaus-store", "version": 99}'):
        (tmp_path / MARKER).write_text(text)
        with pytest.raises(InputError):
            is_store(tmp_path)
