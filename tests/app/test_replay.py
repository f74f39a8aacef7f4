from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from tests.conftest import is_campaign, write_planted

from iolaus.app.progress import silent
from iolaus.app.replay import replay
from iolaus.app.settings import Settings
from iolaus.core.tables import DETECTIONS


def run(log, out, days=2):
    return replay(
        log,
        out,
        Settings(),
        every=timedelta(days=days),
        memory="1GB",
        threads=2,
        keep_stages=False,
        report=silent,
    )


def test_the_campaign_is_named_before_the_log_ends(planted_log, tmp_path):
    run(planted_log, tmp_path)
    table = pq.read_table(tmp_path / "detections.parquet")
    assert table.schema.equals(DETECTIONS)
    named = [row for row in table.to_pylist() if row["verdict"] == "distillation"]
    assert named
    assert all(is_campaign(row["account_id"]) for row in named)
    assert min(row["detected_at"] for row in named) < datetime(2026, 5, 14, tzinfo=UTC)


def test_a_look_knows_nothing_of_the_future(planted_log, tmp_path):
    """Cutting the log off after a day changes nothing of what was said until then."""
    cut = datetime(2026, 5, 9, tzinfo=UTC)
    log = tmp_path / "log"
    write_planted(log)
    part = log / "exchanges" / "part-0.parquet"
    rows = pq.read_table(part)
    pq.write_table(rows.filter([ts < cut for ts in rows["ts"].to_pylist()]), part)
    whole = [r for r in run(planted_log, tmp_path / "a").to_pylist() if r["detected_at"] <= cut]
    short = [r for r in run(log, tmp_path / "b").to_pylist() if r["detected_at"] <= cut]
    assert whole == short
    assert whole


@pytest.mark.parametrize("days", [3, 20])
def test_the_last_look_sees_the_whole_log(planted_log, tmp_path, days):
    table = run(planted_log, tmp_path, days)
    assert max(table["detected_at"].to_pylist()) <= datetime(2026, 5, 15, tzinfo=UTC)
    assert any(row["verdict"] == "distillation" for row in table.to_pylist())
