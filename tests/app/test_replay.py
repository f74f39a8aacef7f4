from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from tests.conftest import is_campaign, write_planted

from iolaus import campaigns
from iolaus.app.known import read_known
from iolaus.app.progress import silent
from iolaus.app.replay import replay
from iolaus.app.settings import Settings
from iolaus.core.tables import DETECTIONS


def run(log, out, days=2, **options):
    return replay(
        log,
        out,
        Settings(),
        every=timedelta(days=days),
        memory="1GB",
        threads=2,
        keep_stages=False,
        report=silent,
        **options,
    )


LATE = ("a050", "a051", "a052", "a053")  # begin when the campaign is known
LATE_DAY = datetime(2026, 5, 11, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def regrowing(tmp_path_factory):
    """The planted log, in which four of the campaign's accounts begin late."""
    log = tmp_path_factory.mktemp("regrowing") / "log"
    write_planted(log)
    part = log / "exchanges" / "part-0.parquet"
    rows = pq.read_table(part)
    moments = zip(rows["account_id"].to_pylist(), rows["ts"].to_pylist(), strict=True)
    pq.write_table(rows.filter([a not in LATE or ts >= LATE_DAY for a, ts in moments]), part)
    return log


@pytest.fixture(scope="module")
def remembered(regrowing, tmp_path_factory):
    out = tmp_path_factory.mktemp("remembered")
    run(regrowing, out, 3)
    return out


def distillers(out):
    rows = pq.read_table(out / "detections.parquet").to_pylist()
    return [row for row in rows if row["verdict"] == "distillation"]


def test_a_late_account_is_named_at_one_of_its_first_requests(regrowing, remembered):
    exchanges = pq.read_table(regrowing / "exchanges" / "part-0.parquet")
    sent = {a: [] for a in LATE}
    moments = zip(exchanges["account_id"].to_pylist(), exchanges["ts"].to_pylist(), strict=True)
    for account, ts in moments:
        sent.get(account, []).append(ts)
    named = {row["account_id"]: row["detected_at"] for row in distillers(remembered)}
    assert all(named[account] in sorted(sent[account])[:3] for account in LATE)


@pytest.mark.slow
def test_memory_is_what_names_it_early(regrowing, remembered, tmp_path):
    run(regrowing, tmp_path, 3, remembering=False)
    without = {row["account_id"]: row["detected_at"] for row in distillers(tmp_path)}
    named = {row["account_id"]: row["detected_at"] for row in distillers(remembered)}
    assert all(named[account] < without[account] for account in LATE)
    assert all(named[a] == without[a] for a in without if a not in LATE)


@pytest.mark.parametrize("remembering", [True, False])
def test_a_look_is_told_what_earlier_looks_raised(regrowing, tmp_path, monkeypatch, remembering):
    told, investigate = [], campaigns.investigate

    def listening(*args, known, **options):
        told.append(len(known))
        return investigate(*args, known=known, **options)

    monkeypatch.setattr("iolaus.app.replay.campaigns.investigate", listening)
    run(regrowing, tmp_path, 3, remembering=remembering)
    assert told[0] == 0
    assert told[-1] == (1 if remembering else 0)


def test_one_campaign_keeps_one_id_over_all_looks(remembered):
    named = {row["campaign_id"] for row in distillers(remembered)}
    known = read_known(remembered / "known.parquet")
    assert named == set(known.campaigns["campaign_id"].to_pylist())
    assert len(named) == 1
    assert all(is_campaign(row["account_id"]) for row in distillers(remembered))


def test_a_stopped_replay_goes_on_with_the_same_bytes(regrowing, remembered, tmp_path, monkeypatch):
    looks = campaigns.investigate

    def stop(engine, looked, until, **options):
        if until > LATE_DAY.date():
            raise KeyboardInterrupt
        return looks(engine, looked, until, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("iolaus.app.replay.campaigns.investigate", stop)
        run(regrowing, tmp_path, 3)
    run(regrowing, tmp_path, 3)
    for name in ("detections.parquet", "known.parquet"):
        assert (tmp_path / name).read_bytes() == (remembered / name).read_bytes(), name


@pytest.mark.slow
def test_what_an_earlier_run_knew_is_used_from_the_first_day(planted_log, remembered, tmp_path):
    run(planted_log, tmp_path, 3, known=remembered / "known.parquet")
    named = {row["campaign_id"] for row in distillers(tmp_path)}
    assert named == {row["campaign_id"] for row in distillers(remembered)}


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
