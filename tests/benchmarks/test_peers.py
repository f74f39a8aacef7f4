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
from benchmarks.peers.log import Log
from benchmarks.peers.mmd import mmd2, old_accounts, similarity, split
from benchmarks.peers.prada import nearest, normality
from benchmarks.peers.sample import Sample, Space, cosines
from benchmarks.peers.synchrotrap import similar
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


@pytest.mark.parametrize("name", sorted(PEERS))
def test_the_frozen_setting_is_one_of_the_grid(name):
    assert setting_of(PEERS[name]) in PEERS[name].settings


def test_group_peers_use_what_there_is(tmp_path):
    """No accounts file and no text: addresses alone carry FRAUDAR and SynchroTrap."""
    rows = [row(f"f{n}", m, client_ip=f"10.0.0.{m}") for n in range(9) for m in range(9)]
    rows += [row(f"h{n}", 50 * n, client_ip=f"10.9.0.{n}") for n in range(60)]
    log = make_log(tmp_path / "log", rows)
    farm = {f"f{n}" for n in range(9)}
    dense = {"columns": "all", "shared": False, "blocks": 1, "least": 0.7}
    assert called(PEERS["fraudar"].groups(log, dense)) == farm
    assert called(PEERS["synchrotrap"].groups(log, {**TRAP, "by": "any"})) == farm


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


# --- SynchroTrap ------------------------------------------------------------------------------

TRAP = {"by": "client_ip", "window": "10min", "similar": 0.5, "matches": 2, "least": 3}


def visits(names: Sequence[str], minutes: Sequence[float], apart: float = 0.0) -> list[Row]:
    """Each account at one address of theirs at these minutes, the nth `apart` * n later."""
    return [
        row(name, minute + apart * n, client_ip="198.51.100.1")
        for n, name in enumerate(names)
        for minute in minutes
    ]


def test_synchrotrap_joins_what_acts_together(tmp_path):
    """The same address at the same moments is a group; the same address at other times is none."""
    together = visits(["a", "b", "c"], [3, 100, 300])
    spread = visits(["x", "y", "z"], [2003, 2100, 2300], apart=1_000)
    log = make_log(tmp_path / "log", together + spread)
    peer = PEERS["synchrotrap"]
    assert [g.accounts for g in peer.groups(log, TRAP)] == [("a", "b", "c")]
    assert peer.groups(log, {**TRAP, "matches": 4}) == []
    assert peer.groups(log, {**TRAP, "least": 4}) == []
    assert called(peer.groups(log, {**TRAP, "by": "any"})) == {"a", "b", "c"}


def test_synchrotrap_sees_over_a_windows_edge(tmp_path):
    """Minutes 9 and 11 of every half hour: apart in one set of windows, together in the other."""
    edge = [r for m in (0, 30, 60) for n, a in enumerate("abc") for r in visits(a, [m + 9 + n])]
    log = make_log(tmp_path / "log", edge)
    assert called(PEERS["synchrotrap"].groups(log, TRAP)) == {"a", "b", "c"}


def test_synchrotrap_passes_a_declared_organisation_over(tmp_path):
    rows = visits(["a", "b", "c"], [3, 100, 300])
    people = [{"account_id": a, "organization_id": "org"} for a in "abc"]
    log = make_log(tmp_path / "log", rows, people)
    assert PEERS["synchrotrap"].groups(log, TRAP) == []


def test_jaccard_against_sets():
    rng = np.random.default_rng(3)
    account, target, moment = (rng.integers(0, top, 400) for top in (12, 6, 4_000))
    found = similar(account, target, moment, 600, 12)
    shifts = [
        [{(t, (m + s) // 600) for t, m in zip(target[i], moment[i], strict=True)} for i in of]
        for s in (0, 300)
        for of in [[account == n for n in range(12)]]
    ]
    for a, b, value in zip(found.a, found.b, found.jaccard, strict=True):
        expected = max(len(d[a] & d[b]) / len(d[a] | d[b]) for d in shifts)
        assert a < b and value == pytest.approx(expected)
    assert len(found.a) == 12 * 11 / 2


def test_what_synchrotrap_compares_is_bounded(monkeypatch, tmp_path):
    """With a budget of 18 pairs, actions of four are left out and the two of three are kept."""
    rows = visits(["a", "b", "c"], [3, 300]) + visits(["w", "x", "y", "z"], [5_003, 5_300])
    log = make_log(tmp_path / "log", rows)
    monkeypatch.setattr("benchmarks.peers.synchrotrap.MOST_PAIRS", 18)
    assert called(PEERS["synchrotrap"].groups(log, TRAP)) == {"a", "b", "c"}


# --- vectors of prompts -----------------------------------------------------------------------

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]  # 150 of them


def prompt(rng: np.random.Generator, words: Sequence[str] = WORDS, length: int = 12) -> str:
    return " ".join(rng.choice(words, length))


def chatter(names: Sequence[str], each: int, seed: int, **more: object) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [row(a, n, prompt=prompt(rng), **more) for a in names for n in range(each)]


def test_cosines_of_equal_and_foreign_prompts():
    texts = pa.array(["Sort this LIST, please", "sort this list please!", "otters swim", "", "?!"])
    near = cosines(Space(texts).vectors(texts))
    assert near[0, 1] == pytest.approx(1.0, abs=1e-6)
    assert near[0, 2] == 0.0
    assert near[3].max() == near[4].max() == 0.0


def test_a_sample_is_even_in_time_and_in_order(tmp_path):
    rows = [row("a", 100 - n, prompt=f"p{100 - n}") for n in range(100)]
    rows += [row("b", n, prompt=None if n % 2 else f"q{n}") for n in range(6)]
    sample = Sample.of(Log(make_log(tmp_path / "log", rows)), 10)
    assert sample.names == ["a", "b"]
    assert sample.starts.tolist() == [0, 10, 13]
    expected = [f"p{1 + 10 * n}" for n in range(10)] + ["q0", "q2", "q4"]
    assert sample.prompts.to_pylist() == expected


# --- PRADA ------------------------------------------------------------------------------------


def test_growing_set_against_the_papers_algorithm():
    """Algorithm 3 line by line, on points of a plane with repeats."""
    points = np.random.default_rng(1).integers(0, 6, (80, 2)).astype(float)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    growing, own, threshold, expected = [0], [0.0], 0.0, []
    for x in range(1, 80):
        least = min(distance[x, y] for y in growing)
        expected.append(least)
        if least > threshold:
            growing.append(x)
            own.append(least)
            threshold = max(threshold, float(np.mean(own) - np.std(own)))
    assert nearest(distance).tolist() == expected


def test_normality_tells_two_kinds_of_distances_from_one():
    rng = np.random.default_rng(2)
    one = rng.normal(1.0, 0.1, 150)
    two = np.concatenate([rng.normal(0.1, 0.02, 75), rng.normal(1.2, 0.02, 75)])
    assert normality(one) > 0.97
    assert normality(two) < 0.75
    assert normality(np.full(150, 0.7)) == 1.0


def test_prada_calls_synthetic_queries_and_not_natural_ones(tmp_path):
    """Seeds and then near copies of them, as extraction does; people write something new."""
    rng = np.random.default_rng(8)
    seeds = [prompt(rng) for _ in range(40)]
    copies = [f"{seeds[n % 40]} {WORDS[n]}" for n in range(80)]
    rows: list[Row] = [row("thief", n, prompt=p) for n, p in enumerate(seeds + copies)]
    log = make_log(tmp_path / "log", rows + chatter(["h1", "h2"], 120, 9))
    peer = PEERS["prada"]
    assert called(peer.groups(log, {"delta": 0.85, "least": 100})) == {"thief"}
    assert peer.groups(log, {"delta": 0.85, "least": 150}) == []
    assert peer.groups(log, {"delta": 0.3, "least": 100}) == []


# --- SEAT -------------------------------------------------------------------------------------


def test_seat_counts_similar_pairs(tmp_path):
    template = "Solve the problem and write all of your reasoning before the answer: "
    rows: list[Row] = [row("t", n, prompt=template + WORDS[n]) for n in range(10)]
    log = make_log(tmp_path / "log", rows + chatter(["h1", "h2"], 40, 4))
    peer = PEERS["seat"]
    setting = {"cosine": 0.7, "limit": "pairs", "more_than": 44}
    assert [(g.accounts, g.score) for g in peer.groups(log, setting)] == [(("t",), 45.0)]
    assert peer.groups(log, {**setting, "more_than": 45}) == []
    assert called(peer.groups(log, {**setting, "limit": "share", "more_than": 0.9})) == {"t"}


# --- MMD --------------------------------------------------------------------------------------


def test_mmd_against_a_double_loop():
    rng = np.random.default_rng(6)
    x, y, width = rng.normal(size=(5, 3)), rng.normal(1.0, 1.0, size=(7, 3)), 1.3

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([[math.exp(-((p - q) ** 2).sum() / 2 / width**2) for q in b] for p in a])

    xx = np.mean([kernel(x, x)[i, j] for i in range(5) for j in range(5) if i != j])
    yy = np.mean([kernel(y, y)[i, j] for i in range(7) for j in range(7) if i != j])
    expected = xx + yy - 2 * kernel(x, y).mean()
    assert mmd2(kernel(x, x), kernel(x, y), kernel(y, y)) == pytest.approx(expected)


def test_a_split_sample_is_two_samples():
    points = np.random.default_rng(8).normal(size=(9, 2))
    near = np.exp(-((points[:, None] - points[None]) ** 2).sum(axis=2))
    a, b = np.array([7, 0, 3]), np.array([1, 2, 4, 5, 6, 8])
    whole = mmd2(near[np.ix_(a, a)], near[np.ix_(a, b)], near[np.ix_(b, b)])
    assert split(near, a) == pytest.approx(whole)


def test_kernels_are_the_mean_of_four_gaussians():
    value = similarity(np.array([[0.5]]), np.array([0.5, 1.0, 2.0, 4.0]))[0, 0]
    assert value == pytest.approx(sum(math.exp(-1 / (2 * w**2)) for w in (0.5, 1, 2, 4)) / 4)


@pytest.mark.parametrize("null", ["pool", "accounts"])
def test_mmd_calls_another_subject_and_not_the_common_one(null, tmp_path):
    rng = np.random.default_rng(7)
    common = [f"h{n}" for n in range(150)]
    rows = chatter(common, 12, 11)
    rows += [row("thief", n, prompt=prompt(rng, [w + "x" for w in WORDS[:40]])) for n in range(40)]
    log = make_log(tmp_path / "log", rows)
    setting = {"reference": "all", "null": null, "quantile": 0.99, "least": 12}
    found = PEERS["mmd"].groups(log, setting)
    assert found[0].accounts == ("thief",)
    assert len(found) <= 10  # 1 % of 150 honest windows expected above the threshold, 10 at most
    assert called(PEERS["mmd"].groups(log, {**setting, "least": 100})) == set()


def test_old_accounts_are_those_made_long_before(tmp_path):
    days = {"old": 31, "young": 29}
    people = [{"account_id": a, "created_at": START - timedelta(days=d)} for a, d in days.items()]
    log = Log(make_log(tmp_path / "log", [row("old"), row("young"), row("unknown")], people))
    assert old_accounts(log, ["old", "young", "unknown"]).tolist() == [True, False, False]


# --- tuning -----------------------------------------------------------------------------------


def test_the_best_setting_has_the_best_mean_and_then_the_fewest_honest():
    settings = [{"at": n} for n in range(3)]
    with_campaign = [Outcome(5, 10, 10), Outcome(8, 10, 10), Outcome(8, 10, 10)]
    without = [Outcome(0, 0, 0), Outcome(0, 50, 0), Outcome(0, 3, 0)]
    assert best(settings, [with_campaign, without]) == 2
    assert math.isnan(without[0].f1)
    assert with_campaign[0].f1 == 0.5


def make_world(path: Path, seed: int, guilty: int = 8, honest: int = 5) -> Path:
    """Two cards, one of a campaign's accounts and one of honest ones."""
    names = {"card1": [f"g{n}" for n in range(guilty)], "card2": [f"h{n}" for n in range(honest)]}
    everyone = [name for group in names.values() for name in group]
    make_log(path / "log", [row(name) for name in everyone], people_sharing(names))
    (path / "truth").mkdir()
    campaign = ["k"] * guilty + [None] * honest
    truth = pa.table({"account_id": everyone, "campaign_id": campaign})
    pq.write_table(truth, path / "truth" / "accounts.parquet")
    (path / "truth" / "world.json").write_text(json.dumps({"family": "toy", "seed": seed}))
    return path


def test_tuning_freezes_a_setting_and_keeps_the_other_peers(tmp_path):
    """Groups of 6 or more are right in one world; in the other they find nothing."""
    frozen = tmp_path / "settings.json"
    frozen.write_text(json.dumps({"peers": {"other": {"setting": {"k": 1}}}}))
    worlds = [make_world(tmp_path / "a", 7), make_world(tmp_path / "b", 8, guilty=4, honest=0)]
    tune([PEERS["identifiers"]], worlds, frozen, lambda _: None)
    written = json.loads(frozen.read_text())
    assert written["peers"]["other"] == {"setting": {"k": 1}}
    entry = written["peers"]["identifiers"]
    shares = {"recall": 1.0, "precision": 0.6154, "f1": 0.7619}
    assert entry["worlds"]["toy-7"] == {**shares, "honest_called": 5, "hindsight_f1": 1.0}
    assert entry["worlds"]["toy-8"]["f1"] == 1.0
    assert entry["mean_f1"] == pytest.approx((16 / 21 + 1) / 2, abs=1e-4)
    assert "toy-7 toy-8" in written["command"]
    assert "--accounts 13 --campaign-accounts 8 --exchanges 13 " in written["worlds"]["toy-7"]
    assert setting_of(PEERS["identifiers"], frozen)["least"] == 3


def test_a_judging_seed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="not for development"):
        tune([], [make_world(tmp_path / "w", 9201)], tmp_path / "s.json", lambda _: None)


def test_a_peer_never_tuned_has_no_setting(tmp_path):
    with pytest.raises(ConfigError, match="no frozen setting"):
        setting_of(PEERS["volume"], tmp_path / "none.json")


def test_not_applicable_is_no_error_of_the_user():
    assert not issubclass(NotApplicable, ConfigError)
