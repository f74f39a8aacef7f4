"""What is written: schemas, sizes, determinism, truth apart, errors."""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_worlds import Small, make

from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, EXCHANGES, RELEASES
from iolaus.worlds import simulate


def test_every_file_has_the_contracts_schema(long_world: Small) -> None:
    log = long_world.root / "log"
    assert all(pq.read_schema(f).equals(EXCHANGES) for f in (log / "exchanges").iterdir())
    for name, schema in (
        ("accounts", ACCOUNTS),
        ("releases", RELEASES),
        ("enforcement", ENFORCEMENT),
    ):
        assert pq.read_schema(log / f"{name}.parquet").equals(schema)


def test_totals_are_those_asked_for(long_world: Small) -> None:
    assert long_world.exchanges.num_rows == 30_000
    assert len(long_world.accounts) == 400
    assert sum(t["campaign_id"] is not None for t in long_world.truth.values()) == 15


def test_ids_are_unique_and_known(long_world: Small) -> None:
    ids = long_world.exchanges["exchange_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert set(long_world.exchanges["account_id"].to_pylist()) <= set(long_world.accounts)
    assert set(long_world.accounts) == set(long_world.truth)


def test_a_day_is_one_file_in_order_of_time(long_world: Small) -> None:
    files = sorted((long_world.root / "log" / "exchanges").iterdir())
    assert len(files) == 45
    for file in files:
        ts = pq.read_table(file)["ts"].to_pylist()
        assert ts == sorted(ts)
        assert {f"day={at.date().isoformat()}.parquet" for at in ts} == {file.name}


def test_nobody_acts_before_signing_up(long_world: Small) -> None:
    created = {a: row["created_at"] for a, row in long_world.accounts.items()}
    pairs = zip(
        long_world.exchanges["account_id"].to_pylist(), long_world.exchanges["ts"].to_pylist(),
        strict=True,
    )  # fmt: skip
    assert all(created[a] <= ts for a, ts in pairs)


def test_truth_is_not_in_the_log(long_world: Small) -> None:
    log = {
        f.relative_to(long_world.root / "log").parts[0]
        for f in (long_world.root / "log").rglob("*")
    }
    assert log == {"exchanges", "accounts.parquet", "releases.parquet", "enforcement.parquet"}
    facts = json.loads((long_world.root / "truth" / "world.json").read_text())
    assert facts["family"] == "long" and facts["attacks"][0]["per_account"] == 1_150


def test_no_id_tells_who_is_in_the_campaign(long_world: Small) -> None:
    ordered = [long_world.truth[a]["campaign_id"] is not None for a in sorted(long_world.truth)]
    places = [n for n, guilty in enumerate(ordered) if guilty]
    assert max(places) - min(places) > 200  # 15 of 400, spread over the order of ids


def test_campaign_rows_hold_no_value_of_their_own(long_world: Small) -> None:
    mine = long_world.sent("campaign")
    others = [a for a, t in long_world.truth.items() if t["campaign_id"] is None]
    rest = [r for r in long_world.exchanges.to_pylist() if r["account_id"] in set(others)]
    for column in ("model", "status", "user_agent", "tls_fingerprint", "channel"):
        assert {r[column] for r in mine} <= {r[column] for r in rest}, column


def test_same_seed_same_bytes_other_seed_other_world(tmp_path: Path) -> None:
    sizes = {"accounts": 120, "exchanges": 6_000, "campaign_accounts": 4, "days": 10}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make(tmp_path / name, "long", seed=seed, **sizes)
    files = [
        f.relative_to(tmp_path / "a") for f in sorted((tmp_path / "a").rglob("*.*")) if f.is_file()
    ]
    assert len(files) > 10
    assert all(
        (tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files
    )
    a, c = (tmp_path / n / "log" / "accounts.parquet" for n in "ac")
    assert a.read_bytes() != c.read_bytes()


def test_null_world_has_no_campaign(tmp_path: Path) -> None:
    world = make(tmp_path / "n", "null", campaign_accounts=None, exchanges=4_000, days=10)
    assert {t["campaign_id"] for t in world.truth.values()} == {None}
    assert "campaign" not in Counter(t["population"] for t in world.truth.values())


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    simulate(
        "null", seed=1, accounts=100, exchanges=1_000, out=tmp_path / "p", days=5,
        progress=lambda stage, done, total: told.append(f"{stage} {done}/{total}"),
    )  # fmt: skip
    assert told[-1] == "write 5/5"


def test_too_few_exchanges(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not suffice"):
        simulate("long", seed=1, accounts=1_000, exchanges=5_000, out=tmp_path / "x")


def test_output_in_use(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        simulate("null", seed=1, accounts=100, exchanges=1_000, out=tmp_path)
    assert (tmp_path / "kept.txt").read_text() == "mine"


def test_unknown_family_and_missing_corpus(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no family 'lung'"):
        simulate("lung", seed=1, accounts=100, exchanges=1_000, out=tmp_path / "x")
    with pytest.raises(InputError, match=r"v1\.jsonl: the corpus file is missing"):
        simulate(
            "null", seed=1, accounts=100, exchanges=1_000, out=tmp_path / "x", corpora=tmp_path
        )


def test_campaign_in_a_null_world(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no campaign"):
        simulate(
            "null", seed=1, accounts=100, exchanges=1_000, out=tmp_path / "x", campaign_accounts=5
        )
