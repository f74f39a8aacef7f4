"""Peers on logs made by hand: each finds what its paper promises and is silent on its opposite."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.peers import PEERS, Group, NotApplicable, scan, write
from benchmarks.peers.fraudar import blocks, densest
from benchmarks.peers.tune import Outcome, best, setting_of, tune

from iolaus.core.errors import ConfigError
from iolaus.core.tables import ACCOUNTS, EXCHANGES
from iolaus.worlds import score

START = datetime(2026, 6, 1, tzinfo=UTC)
Row = Mapping[str, object]


def row(account: str, minute: float = 0.0, **more: object) -> dict[str, object]:
    return {"account_id": account, "ts": START + timedelta(minutes=minute), "model": "m", **more}


def make_log(path: Path, exchanges: Sequence[Row], accounts: Sequence[Row] | None = None) -> Path:
    """A log directory with only the columns that some row has."""
    (path / "exchanges").mkdir(parents=True)
    rows = [{"exchange_id": f"x{n}", **r} for n, r in enumerate(exchanges)]
    pq.write_table(table(rows, EXCHANGES), path / "exchanges" / "day=1.parquet")
    if accounts is not None:
        pq.write_table(table(accounts, ACCOUNTS), path / "accounts.parquet")
    return path


def table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    used = pa.schema([f for f in schema if any(f.name in r for r in rows)])
    return pa.table({f.name: [r.get(f.name) for r in rows] for f in used}, schema=used)


def called(groups: Sequence[Group]) -> set[str]:
    return {account for group in groups for account in group.accounts}


# --- the interface ----------------------------------------------------------------------------


def test_what_a_peer_writes_is_scored_like_a_scan(tmp_path):
    groups = [Group(("a", "b"), 2.0), Group(("c",), 1.0)]
    write(groups, tmp_path / "out")
    truth = tmp_path / "truth"
    truth.mkdir()
    people = {
        "account_id": list("abcd"),
        "population": ["campaign", "campaign", "web_user", "campaign"],
        "campaign_id": ["one", "one", None, "one"],
        "country": ["DE"] * 4,
    }
    pq.write_table(pa.table(people), truth / "accounts.parquet")
    result = score(truth, tmp_path / "out")
    assert (result.recall.hits, result.recall.of) == (2, 3)
    assert (result.precision.hits, result.precision.of) == (2, 3)
    assert result.campaigns_raised == 2
    assert result.campaign_recall.hits == 1


def test_no_group_is_written_as_two_empty_tables(tmp_path):
    write([], tmp_path)
    for name in ("campaigns", "members"):
        assert pq.read_table(tmp_path / f"{name}.parquet").num_rows == 0


@pytest.mark.parametrize("name", sorted(PEERS))
def test_a_log_without_what_a_peer_needs_gives_a_reason(name, tmp_path):
    """Only the columns that a log must have, no accounts file; then the same columns all null."""
    bare = [row(f"a{n % 7}", n) for n in range(60)]
    null = [{**r, "prompt": None, "client_ip": None, "system_prompt": None} for r in bare]
    people = [{"account_id": f"a{n}", "payment_fingerprint": None} for n in range(7)]
    for where, log in (
        (tmp_path / "1", make_log(tmp_path / "bare", bare)),
        (tmp_path / "2", make_log(tmp_path / "null", null, people)),
    ):
        why = scan(PEERS[name], log, PEERS[name].settings[0], where)
        assert json.loads((where / "run.json").read_text())["not_applicable"] == why
        assert pq.read_table(where / "members.parquet").num_rows >= 0
        if name == "volume":
            assert why is None
        else:
            assert why is not None and "needs" in why and "null" in why


@pytest.mark.parametrize("name", sorted(PEERS))
def test_hostile_rows_do_not_stop_a_peer(name, tmp_path):
    """Null accounts, times and texts, an empty text, one byte strings, odd addresses."""
    rows: list[Row] = [
        {"account_id": None, "ts": START, "model": "m", "prompt": "x", "client_ip": "1.1.1.1"},
        {"account_id": "a", "ts": None, "model": "m", "prompt": "", "client_ip": "not an ip"},
        row("a", 1, prompt=None, client_ip=None, system_prompt=""),
        row("b", 2, prompt="\x00\u202e\U0001f600", client_ip="::1", output_tokens=-5),
        row("c", 3, prompt="word " * 5000, client_ip="", output_tokens=2**62),
    ]
    people = [{"account_id": "b", "payment_fingerprint": "p"}, {"account_id": "never seen"}]
    log = make_log(tmp_path / "log", rows, people)
    for setting in PEERS[name].settings[:: max(1, len(PEERS[name].settings) // 8)]:
        assert called(PEERS[name].groups(log, setting)) <= {"a", "b", "c", "never seen"}


@pytest.mark.parametrize("name", sorted(PEERS))
def test_settings_are_a_grid_without_repeats(name):
    seen = {tuple(sorted(s.items())) for s in PEERS[name].settings}
    assert len(seen) == len(PEERS[name].settings) > 1


# --- shared identifiers -----------------------------------------------------------------------

COMPONENTS = {"kinds": "card+device", "hub": 8, "least": 3, "declared": False}


def people_sharing(shared: Mapping[str, Sequence[str]], **more: object) -> list[Row]:
    return [
        {"account_id": name, column: value, **more}
        for value, names in shared.items()
        for name in names
        for column in ["payment_fingerprint" if value.startswith("card") else "device_fingerprint"]
    ]


def test_identifiers_chain_over_kinds(tmp_path):
    people = people_sharing({"card1": ["a", "b"], "dev1": ["b", "c"], "dev2": ["x", "y"]})
    log = make_log(tmp_path / "log", [row(n) for n in "abcxyz"], people)
    assert [g.accounts for g in PEERS["identifiers"].groups(log, COMPONENTS)] == [("a", "b", "c")]


def test_identifiers_leave_hubs_and_declared_organisations_out(tmp_path):
    crowd = [f"h{n}" for n in range(9)]
    people = people_sharing({"card1": crowd})
    people += people_sharing({"dev7": ["o1", "o2", "o3"]}, organization_id="org")
    log = make_log(tmp_path / "log", [row("z")], people)
    peer = PEERS["identifiers"]
    assert peer.groups(log, COMPONENTS) == []
    assert called(peer.groups(log, {**COMPONENTS, "hub": 9})) == set(crowd)
    assert called(peer.groups(log, {**COMPONENTS, "declared": True})) == {"o1", "o2", "o3"}
    assert peer.groups(log, {**COMPONENTS, "declared": True, "least": 4}) == []


# --- volume -----------------------------------------------------------------------------------


def test_volume_counts_days_and_tokens(tmp_path):
    rows = [row("burst", n, output_tokens=10) for n in range(20)]
    rows += [row("steady", 1440 * n, output_tokens=500) for n in range(20)]
    log = make_log(tmp_path / "log", rows)
    peer = PEERS["volume"]
    assert called(peer.groups(log, {"of": "exchanges", "over": "busiest", "least": 20})) == {
        "burst"
    }
    by_tokens = peer.groups(log, {"of": "output_tokens", "over": "mean", "least": 200})
    assert [(g.accounts, g.score) for g in by_tokens] == [(("steady",), 500.0), (("burst",), 200.0)]
    assert peer.groups(log, {"of": "exchanges", "over": "mean", "least": 21}) == []


def test_volume_without_token_counts_flags_nobody_by_tokens(tmp_path):
    log = make_log(tmp_path / "log", [row("a", n) for n in range(9)])
    assert PEERS["volume"].groups(log, {"of": "output_tokens", "over": "mean", "least": 0}) == []


# --- FRAUDAR ----------------------------------------------------------------------------------


def brute_force(row: np.ndarray, column: np.ndarray) -> float:
    """The best density over all subsets, for graphs of a few nodes."""
    weight = (1 / np.log(np.bincount(column) + 5.0))[column]
    nodes = int(row.max()) + 1 + int(column.max()) + 1
    shifted = column + int(row.max()) + 1
    best_one = 0.0
    for bits in range(1, 2**nodes):
        inside = (bits >> row & 1) * (bits >> shifted & 1)
        best_one = max(best_one, float((weight * inside).sum()) / bits.bit_count())
    return best_one


@pytest.mark.parametrize("seed", range(4))
def test_peeling_keeps_the_papers_guarantee(seed):
    rng = np.random.default_rng(seed)
    edges = np.unique(rng.integers(0, 5, size=(14, 2)), axis=0)
    row = np.unique(edges[:, 0], return_inverse=True)[1]
    column = np.unique(edges[:, 1], return_inverse=True)[1]
    _, density = densest(row, column)
    optimum = brute_force(row, column)
    assert optimum / 2 <= density <= optimum + 1e-9


def test_fraudar_finds_a_block_despite_camouflage():
    """12 accounts x 8 cards all joined, and each also uses 10 of 40 popular objects."""
    rng = np.random.default_rng(5)
    block = [(a, c) for a in range(12) for c in range(8)]
    camouflage = [(a, 8 + c) for a in range(12) for c in rng.choice(40, 10, replace=False)]
    honest = [(a, 8 + c) for a in range(12, 300) for c in rng.choice(40, 3, replace=False)]
    edges = np.unique(np.array(block + camouflage + honest), axis=0)
    first, *_ = blocks(edges[:, 0], edges[:, 1], 2)
    assert first[0] == list(range(12))


def test_fraudar_needs_density(tmp_path):
    farm = [f"f{n}" for n in range(10)]
    people = [
        {
            "account_id": a,
            "payment_fingerprint": "card",
            "device_fingerprint": "d",
            "signup_ip": "i",
        }
        for a in farm
    ]
    people += [{"account_id": f"h{n}", "payment_fingerprint": f"own{n}"} for n in range(50)]
    log = make_log(tmp_path / "log", [row("f0")], people)
    setting = {"columns": "identity", "shared": False, "blocks": 1, "least": 0.7}
    # 10 accounts x 3 objects of degree 10: 30 / ln 15 = 11.08 over 13 nodes is 0.85; one own card
    # per honest account: 1 / ln 6 over 2 nodes is 0.28.
    found = PEERS["fraudar"].groups(log, setting)
    assert [g.accounts for g in found] == [tuple(farm)]
    assert found[0].score == pytest.approx(30 / math.log(15) / 13)
    assert PEERS["fraudar"].groups(log, {**setting, "blocks": 2}) == found
    assert PEERS["fraudar"].groups(log, {**setting, "least": 0.9}) == []


# --- tuning -----------------------------------------------------------------------------------


def test_the_best_setting_has_the_best_mean_and_then_the_fewest_honest():
    settings = [{"at": n} for n in range(3)]
    with_campaign = [Outcome(5, 10, 10), Outcome(8, 10, 10), Outcome(8, 10, 10)]
    without = [Outcome(0, 0, 0), Outcome(0, 50, 0), Outcome(0, 3, 0)]
    assert best(settings, [with_campaign, without]) == 2
    assert math.isnan(without[0].f1)
    assert with_campaign[0].f1 == 0.5


def make_world(path: Path, seed: int) -> Path:
    people = people_sharing({"card1": ["a", "b", "c", "d"], "card2": ["x", "y", "z"]})
    make_log(path / "log", [row(n) for n in "abcdxyz"], people)
    (path / "truth").mkdir()
    guilty = {"account_id": list("abcdxyz"), "campaign_id": ["k"] * 4 + [None] * 3}
    pq.write_table(pa.table(guilty), path / "truth" / "accounts.parquet")
    (path / "truth" / "world.json").write_text(json.dumps({"family": "toy", "seed": seed}))
    return path


def test_tuning_freezes_a_setting_and_keeps_the_other_peers(tmp_path):
    frozen = tmp_path / "settings.json"
    frozen.write_text(json.dumps({"peers": {"other": {"setting": {"k": 1}}}}))
    tune([PEERS["identifiers"]], [make_world(tmp_path / "w", 7)], frozen, lambda _: None)
    written = json.loads(frozen.read_text())
    assert written["peers"]["other"] == {"setting": {"k": 1}}
    assert written["peers"]["identifiers"]["mean_f1"] == pytest.approx(8 / 11, abs=1e-4)
    assert "toy-7" in written["command"]
    assert setting_of(PEERS["identifiers"], frozen)["least"] == 3


def test_a_judging_seed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="not for development"):
        tune([], [make_world(tmp_path / "w", 9201)], tmp_path / "s.json", lambda _: None)


def test_a_peer_never_tuned_has_no_setting(tmp_path):
    with pytest.raises(ConfigError, match="no frozen setting"):
        setting_of(PEERS["volume"], tmp_path / "none.json")


def test_not_applicable_is_no_error_of_the_user():
    assert not issubclass(NotApplicable, ConfigError)
