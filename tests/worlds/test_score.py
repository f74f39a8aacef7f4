"""Scores of tables made by hand, with answers worked out by hand."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iolaus.core.errors import InputError
from iolaus.core.tables import CAMPAIGNS, DETECTIONS, MEMBERS, TS
from iolaus.worlds import score


def _truth(root: Path, rows: list[tuple[str, str, str | None, str]]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    names = ("account_id", "population", "campaign_id", "country")
    schema = pa.schema([(n, pa.string()) for n in names])
    table = pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], schema=schema)
    pq.write_table(table, root / "accounts.parquet")
    return root


def _out(root: Path, verdicts: dict[str, str], members: list[tuple[str, str, float]]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    campaigns = [{"campaign_id": c, "verdict": v} for c, v in verdicts.items()]
    pq.write_table(pa.Table.from_pylist(campaigns, schema=CAMPAIGNS), root / "campaigns.parquet")
    rows = [{"campaign_id": c, "account_id": a, "probability": p} for c, a, p in members]
    pq.write_table(pa.Table.from_pylist(rows, schema=MEMBERS), root / "members.parquet")
    return root


GUILTY = [(f"g{n}", "campaign", "c1", "US") for n in range(4)]
HONEST = [("h1", "class", None, "IN"), ("h2", "class", None, "US"), ("h3", "family", None, "IN")]


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, Path]:
    """Three of four found, one honest accused, one below the threshold, one class not accused."""
    members = [
        ("x", "g0", 0.9), ("x", "g1", 0.5), ("x", "g2", 1.0), ("x", "g3", 0.4), ("x", "h3", 0.8),
        ("y", "h1", 0.9), ("y", "h2", 0.9),
    ]  # fmt: skip
    out = _out(tmp_path / "out", {"x": "distillation", "y": "evaluation"}, members)
    return _truth(tmp_path / "truth", GUILTY + HONEST), out


def test_accounts(mixed: tuple[Path, Path]) -> None:
    got = score(*mixed)
    assert (got.recall.hits, got.recall.of) == (3, 4)
    assert (got.precision.hits, got.precision.of) == (3, 4)
    assert got.recall.low == pytest.approx(0.3006, abs=1e-3)  # Wilson, 3 of 4
    assert got.false_positives.value == pytest.approx(1 / 3)
    assert got.false_positives_by_population["family"].value == 1
    assert got.false_positives_by_population["class"].hits == 0
    assert got.false_positives_by_country["IN"].value == pytest.approx(0.5)


def test_campaigns(mixed: tuple[Path, Path]) -> None:
    got = score(*mixed)
    assert got.campaigns_raised == 1
    assert (got.campaign_recall.hits, got.campaign_recall.of) == (1, 1)
    assert got.purity.value == pytest.approx(3 / 4)
    assert got.verdicts_by_population == {"class": {"evaluation": 1}}


def test_brier(mixed: tuple[Path, Path]) -> None:
    wrong = 0.1**2 + 0.5**2 + 0 + 0.6**2 + 0.8**2
    assert score(*mixed).brier == pytest.approx(wrong / 7)


def test_delays(mixed: tuple[Path, Path]) -> None:
    truth, out = mixed
    day = [datetime(2026, 6, d, tzinfo=UTC) for d in range(1, 9)]
    sent = [("g0", day[0]), ("g0", day[3]), ("g1", day[1]), ("g2", day[0])]
    table = {"account_id": [a for a, _ in sent], "ts": pa.array([t for _, t in sent], TS)}
    pq.write_table(pa.table(table), truth / "campaign_exchanges.parquet")
    rows = [
        {"account_id": "g0", "verdict": "distillation", "detected_at": day[2]},
        {"account_id": "g0", "verdict": "distillation", "detected_at": day[6]},
        {"account_id": "g1", "verdict": "resale", "detected_at": day[1]},
        {"account_id": "g1", "verdict": "distillation", "detected_at": day[5]},
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=DETECTIONS), out / "detections.parquet")
    got = score(truth, out)
    assert got.exchanges_lost is not None and got.exchanges_lost.value == pytest.approx(3 / 4)
    assert got.median_days_to_naming == pytest.approx((2 + 4) / 2)
    assert got.accounts_named is not None and got.accounts_named.hits == 2


def test_null_world_is_not_measured(tmp_path: Path) -> None:
    truth = _truth(tmp_path / "t", HONEST)
    got = score(truth, _out(tmp_path / "o", {"x": "distillation"}, [("x", "h1", 0.9)]))
    assert got.recall.value is None and got.precision.value is None
    assert got.campaign_recall.value is None and got.campaigns_raised == 1
    assert ("account recall", "not measured") in got.table()
    assert got.as_dict()["exchanges_lost"] is None


def test_half_a_campaign_in_two_clusters_is_found_once(tmp_path: Path) -> None:
    truth = _truth(tmp_path / "t", [*GUILTY, ("g9", "campaign", "c2", "BR")])
    members = [("x", "g0", 0.9), ("x", "g1", 0.9), ("y", "g2", 0.9)]
    out = _out(tmp_path / "o", {"x": "distillation", "y": "distillation"}, members)
    assert score(truth, out).campaign_recall.value == pytest.approx(0.5)


def test_wrong_inputs(mixed: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"accounts\.parquet: there is no such file"):
        score(tmp_path, mixed[1])
    other = _truth(tmp_path / "other", HONEST)
    with pytest.raises(InputError, match="account 'g0' is not in the truth"):
        score(other, mixed[1])
    pq.write_table(pa.table({"account_id": ["g0"]}), other / "accounts.parquet")
    with pytest.raises(InputError, match="column 'population' is missing"):
        score(other, mixed[1])
