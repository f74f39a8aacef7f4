"""Each family does in the log what docs/worlds.md says of it, and each strength what it is for."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_worlds import Small, make
from typer.testing import CliRunner

from iolaus.app.cli import app
from iolaus.core.errors import ConfigError
from iolaus.worlds.attacks import FAMILIES, STRENGTHS, apply, queue, volumes
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.phrases import RULES

Maker = Callable[..., Small]
DAY = 86_400.0


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A world by family and strengths, made once."""
    made: dict[str, Small] = {}

    def of(family: str, **given: object) -> Small:
        key = repr((family, sorted(given.items())))
        if key not in made:
            sizes = {"accounts": 110, "exchanges": 3_000, "campaign_accounts": 30, "days": 16}
            sizes["strength"] = {"per_account": 60.0}
            root = tmp_path_factory.mktemp("attack") / family
            made[key] = make(root, family, **(sizes | given))
        return made[key]

    return of


def members(small: Small, campaign: str = "c1") -> list[dict]:
    return [small.accounts[a] for a, t in small.truth.items() if t["campaign_id"] == campaign]


def sent(small: Small, rows: Iterable[dict]) -> list[dict]:
    who = {r["account_id"] for r in rows}
    return [r for r in small.exchanges.to_pylist() if r["account_id"] in who]


def values(rows: Iterable[dict], column: str) -> list[object]:
    return [r[column] for r in rows if r[column] is not None]


def holders(rows: list[dict], column: str) -> dict[object, set[str]]:
    """Value -> the accounts that have it."""
    out = defaultdict(set)
    for row in rows:
        if row[column] is not None:
            out[row[column]].add(row["account_id"])
    return dict(out)


def shared(rows: list[dict], column: str) -> float:
    """Share of the accounts whose value another one has as well."""
    by = holders(rows, column).values()
    everyone = set().union(*by)
    return len(set().union(*(who for who in by if len(who) > 1))) / len(everyone)


def drawn(small: Small) -> list[dict]:
    return json.loads((small.root / "truth" / "world.json").read_text())["attacks"]


def banned(small: Small) -> dict[str, float]:
    rows = pq.read_table(small.root / "log" / "enforcement.parquet").to_pylist()
    return {r["account_id"]: r["at"].timestamp() for r in rows if r["action"] == "ban"}


def first_seen(rows: list[dict]) -> dict[str, float]:
    out: dict[str, float] = {}
    for row in rows:
        out.setdefault(row["account_id"], row["ts"].timestamp())
    return out


def shingles(prompts: list[str]) -> Counter[str]:
    """In how many prompts each run of five words stands."""
    out: Counter[str] = Counter()
    for prompt in prompts:
        words = re.findall(r"\w+", prompt.lower())
        out.update({" ".join(words[i : i + 5]) for i in range(len(words) - 4)})
    return out


@pytest.mark.parametrize("family", [f for f, one in FAMILIES.items() if one.draw])
def test_totals_are_those_asked_for(world: Maker, family: str) -> None:
    small = world(family, accounts=180) if family == "hydra" else world(family)
    assert small.exchanges.num_rows == 3_000
    assert len(small.accounts) == (180 if family == "hydra" else 110)
    guilty = [t for t in small.truth.values() if t["campaign_id"]]
    assert len(guilty) == 30 and {t["population"] for t in guilty} == {"campaign"}
    rows = sent(small, [small.accounts[t["account_id"]] for t in guilty])
    assert len(rows) == 30 * 60
    assert {r["account_id"] for r in rows} == {t["account_id"] for t in guilty}
    created = {a: r["created_at"] for a, r in small.accounts.items()}
    assert all(created[r["account_id"]] <= r["ts"] for r in rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_seeds_draw_different_operators_of_the_named_volume(family: str) -> None:
    one = FAMILIES[family]
    a, b = (one.attacks(np.random.default_rng(seed)) for seed in (1, 2))
    if one.draw is None:
        assert a == b == ()
        return
    assert a != b and {x.per_account for x in a} == {one.per_account}
    members = one.size.campaign_accounts
    assert sum(volumes(a, members)) == pytest.approx(members * one.per_account, abs=2)
    assert one.size.exchanges > sum(volumes(a, members)) + 20 * (one.size.accounts - members)


def test_campaign_accounts_have_plans_and_settings_as_honest_ones(long_world: Small) -> None:
    small = long_world
    mine = members(small)
    honest = [r for a, r in small.accounts.items() if small.truth[a]["campaign_id"] is None]
    assert len(set(values(mine, "plan"))) >= 2
    for column in ("plan", "verification"):
        assert set(values(mine, column)) <= set(values(honest, column)), column
    ours, theirs = sent(small, mine), sent(small, honest)
    for column in ("max_output_tokens", "temperature"):
        assert len(set(values(ours, column))) > 1, column
        assert set(values(ours, column)) <= set(values(theirs, column)), column
    assert all(r["payment_fingerprint"] is None for r in mine if r["plan"] == "free")


def test_pools_share_nothing_but_one_instruction(world: Maker) -> None:
    small = world("pools")
    mine = members(small)
    honest = [r for a, r in small.accounts.items() if small.truth[a]["campaign_id"] is None]
    exits = set(values(sent(small, honest), "client_ip"))  # VPN exits are everybody's
    own = [r for r in sent(small, mine) if r["client_ip"] not in exits]
    groups = []  # accounts joined by a card, device or address
    for column, rows in (
        ("payment_fingerprint", mine), ("device_fingerprint", mine),
        ("client_ip", own),
    ):  # fmt: skip
        for who in holders(rows, column).values():
            together = who.union(*(g for g in groups if g & who))
            groups = [g for g in groups if not g & who] + [together]
    sizes = sorted(map(len, groups))
    assert sizes[-1] <= 16 and sizes[-1] + sizes[-2] >= 20  # two of fifteen, and loners
    prompts = [r["prompt"] for r in sent(small, mine)]
    assert max(shingles(prompts).values()) == len(prompts)
    assert sum(r["account_id"] in banned(small) for r in mine) >= 8


def test_pools_fail_over_within_hours_of_bans(world: Maker) -> None:
    small = world("pools", campaign_accounts=60, accounts=140, exchanges=5_000)
    hours = drawn(small)[0]["failover_hours"]
    bans = banned(small)
    mine = {r["account_id"] for r in members(small)}
    at = np.array([t for a, t in bans.items() if a in mine])
    began = np.array(list(first_seen(sent(small, members(small))).values()))
    followed = [bool(((began > t) & (began < t + (hours + 12) * 3_600)).any()) for t in at]
    assert np.mean(followed) > 0.8


def test_synchronised_accounts_send_in_the_same_minutes(world: Maker) -> None:
    def at_once(small: Small) -> float:
        by = defaultdict(set)
        for row in sent(small, members(small)):
            by[row["ts"].timestamp() // 120].add(row["account_id"])
        return float(np.mean([len(who) for who in by.values()]))

    small = world("synchronised")
    assert at_once(small) > 1.4 * at_once(world("long"))
    assert shared(members(small), "payment_fingerprint") > 0.6
    prompts = [r["prompt"] for r in sent(small, members(small))]
    assert sum(RULES["tail"][0].strip() in p for p in prompts) > 0.3 * len(prompts)
    assert sum("Answer A:" in p or "to grade" in p or "Submission:" in p for p in prompts) > 300


def test_channels_are_all_used_and_prompts_turn_to_traces(world: Maker) -> None:
    small = world("channels")
    rows = sent(small, members(small))
    assert {r["channel"] for r in rows} == {
        "first_party_api", "web_app", "cloud_marketplace", "aggregator"
    }  # fmt: skip
    assert set(values(members(small), "plan")) == {"free", "pay_as_you_go", "subscription"}
    heads = tuple(re.split(r"\{|\n", rule)[0][:30] for rule in RULES["trace"])
    trace = [r["prompt"].startswith(heads) for r in rows]
    third = len(rows) // 4
    assert sum(trace[:third]) == 0 and sum(trace[-third:]) > 0.7 * third


def test_half_of_the_pivots_traffic_moves_in_a_day(world: Maker) -> None:
    small = world("pivot", seed=4)
    rows = sent(small, members(small))
    log = pq.read_table(small.root / "log" / "releases.parquet").to_pylist()
    day_one = min(r["ts"] for r in small.exchanges.to_pylist())
    new = min((r for r in log if r["released_at"] > day_one), key=lambda r: r["released_at"])
    after = [(r["ts"] - new["released_at"]).total_seconds() / DAY for r in rows]
    assert min(after) < -1  # the campaign ran before
    moved = [r["model"] == new["model"] for r, d in zip(rows, after, strict=True) if 1 < d < 2]
    assert 0.35 < np.mean(moved) < 0.75


def test_hydra_has_seven_customers_for_three_distillers(world: Maker) -> None:
    small = world("hydra", accounts=180)
    mine, others = members(small), small.of("reseller_customer")
    assert len(others) == 70 and len(mine) == 30
    assert all(small.truth[r["account_id"]]["campaign_id"] is None for r in others)
    for column in ("payment_fingerprint", "device_fingerprint"):
        both = set(values(mine, column)) & set(values(others, column))
        assert sum(r[column] in both for r in mine) > 10, column
    ours, theirs = sent(small, mine), sent(small, others)
    assert set(values(ours, "client_ip")) & set(values(theirs, "client_ip"))
    paid = {r["account_id"] for r in pq.read_table(
        small.root / "truth" / "campaign_exchanges.parquet").to_pylist()}  # fmt: skip
    assert paid == {r["account_id"] for r in mine}


@pytest.mark.parametrize("family", ["careful", "paraphrase"])
def test_no_two_members_share_an_identifier(world: Maker, family: str) -> None:
    small = world(family)
    mine = members(small)
    rows = sent(small, mine)
    for column in ("payment_fingerprint", "device_fingerprint", "email_hash", "signup_ip"):
        assert max(map(len, holders(mine, column).values())) == 1, column
    assert max(map(len, holders(rows, "client_ip").values())) == 1
    claimed = {r["account_id"]: r["billing_country"] for r in mine}
    assert all(r["country"] == claimed[r["account_id"]] for r in rows)


def test_careful_accounts_share_their_wording(world: Maker) -> None:
    prompts = [r["prompt"] for r in sent(world("careful"), members(world("careful")))]
    assert max(shingles(prompts).values()) > 0.1 * len(prompts)


def test_paraphrased_prompts_have_no_wording_in_common(world: Maker) -> None:
    small = world("paraphrase")
    rows = sent(small, members(small))
    assert max(shingles([r["prompt"] for r in rows]).values()) < 0.06 * len(rows)
    assert max(map(len, holders(rows, "system_prompt").values())) == 1


def test_cover_keeps_local_hours_and_is_half_ordinary(world: Maker) -> None:
    def by_night(small: Small) -> float:
        zone = {"CN": 8, "JP": 9, "IN": 5.5, "DE": 1, "FR": 1, "GB": 0, "US": -6, "BR": -3, "KR": 9}
        at_home = {r["account_id"]: r["billing_country"] for r in members(small)}
        hours = [
            (r["ts"].timestamp() / 3_600 + zone[at_home[r["account_id"]]]) % 24
            for r in sent(small, members(small)) if at_home[r["account_id"]] in zone
        ]  # fmt: skip
        return float(np.mean([2 <= h < 6 for h in hours]))

    small = world("cover", campaign_accounts=60, accounts=140, exchanges=5_000)
    assert by_night(small) < 0.6 * by_night(world("long"))
    own = pq.read_table(small.root / "truth" / "campaign_exchanges.parquet").num_rows
    assert 0.4 < own / 3_600 < 0.6


def test_small_is_thirty_accounts_with_nine_thousand_exchanges() -> None:
    one = FAMILIES["small"]
    assert (
        one.size.campaign_accounts == 30 and one.size.campaign_accounts * one.per_account == 9_000
    )


def test_two_operators_share_proxies_and_nothing_else(world: Maker) -> None:
    small = world("two", campaign_accounts=60, accounts=140, exchanges=5_000)
    first, second = members(small, "c1"), members(small, "c2")
    assert len(first) + len(second) == 60 and min(len(first), len(second)) >= 20
    for column in ("payment_fingerprint", "device_fingerprint"):
        assert not set(values(first, column)) & set(values(second, column)), column
        assert shared(first, column) > 0.1 and shared(second, column) > 0.1, column
    ours, theirs = sent(small, first), sent(small, second)
    both = set(values(ours, "client_ip")) & set(values(theirs, "client_ip"))
    assert sum(r["client_ip"] in both for r in ours) > 0.3 * len(ours)
    common = shingles([r["prompt"] for r in ours]), shingles([r["prompt"] for r in theirs])
    top = {s for s, n in common[0].items() if n > 0.3 * len(ours)}
    assert top and not top & {s for s, n in common[1].items() if n > 0.3 * len(theirs)}


def test_regrown_accounts_come_in_days_and_reuse_a_part(world: Maker) -> None:
    small = world("regrow", campaign_accounts=60, accounts=140, exchanges=5_000)
    bans = banned(small)
    mine = members(small)
    gone = [r for r in mine if r["account_id"] in bans]
    purge = float(np.median([bans[r["account_id"]] for r in gone]))
    late = [r for r in mine if r["created_at"].timestamp() > purge - DAY / 2]
    early = [r for r in mine if r not in late]
    assert len([r for r in early if r in gone]) > 0.6 * len(early)
    assert len(late) >= 15 and max(r["created_at"].timestamp() for r in late) < purge + 7 * DAY
    reused = 0
    for column in ("payment_fingerprint", "device_fingerprint"):
        old = set(values(early, column))
        reused += sum(r[column] in old for r in late)
        assert any(r[column] not in old for r in late if r[column])
    assert reused > 0
    top = [shingles([r["prompt"] for r in sent(small, g)]).most_common(1)[0] for g in (early, late)]
    assert top[0][0] in shingles([r["prompt"] for r in sent(small, late)])


def test_hidden_columns_are_null_in_the_whole_log(world: Maker) -> None:
    for family, hidden in (
        ("no_text", ("prompt", "system_prompt")),
        ("no_network", ("client_ip", "asn", "country", "tls_fingerprint", "user_agent")),
    ):
        small = world(family)
        for name in small.exchanges.column_names:
            empty = small.exchanges[name].null_count == small.exchanges.num_rows
            assert empty == (name in hidden or name == "response"), (family, name)
        assert (not values(small.accounts.values(), "signup_ip")) == (family == "no_network")


def test_strength_cover(world: Maker) -> None:
    small = world("long", strength={"per_account": 60.0, "cover": 0.75})
    own = pq.read_table(small.root / "truth" / "campaign_exchanges.parquet").num_rows
    assert 0.2 < own / 1_800 < 0.3


def test_strength_unique(world: Maker) -> None:
    none, half, whole = (
        world("long", campaign_accounts=60, accounts=140, exchanges=5_000,
              strength={"per_account": 60.0, "unique": share})
        for share in (0.0, 0.5, 1.0)
    )  # fmt: skip
    for column in ("payment_fingerprint", "device_fingerprint"):
        shares = [shared(members(w), column) for w in (none, half, whole)]
        assert shares[0] > shares[1] > shares[2] == 0, column
    rows = sent(whole, members(whole))
    assert max(map(len, holders(rows, "client_ip").values())) == 1


def test_strength_jitter_blurs_sign_ups(world: Maker) -> None:
    def gaps(small: Small) -> float:
        at = sorted(r["created_at"].timestamp() for r in members(small))
        return float(np.median(np.diff(at)))

    sharp, blurred = (
        world("small", campaign_accounts=60, accounts=140, exchanges=5_000,
              strength={"per_account": 60.0, "jitter": hours}) for hours in (0.0, 168.0)
    )  # fmt: skip
    assert gaps(blurred) > 2 * gaps(sharp)


def test_strength_jitter_delays_retries() -> None:
    total, none = 20_000, np.zeros(20_000, dtype=bool)
    ts = np.arange(total) * 60.0
    rng = np.random.default_rng(1)
    slot, failed = rng.integers(0, 30, total), rng.random(total) < 0.02

    def waits(hours: float) -> np.ndarray:
        (attack,) = apply(FAMILIES["small"].attacks(np.random.default_rng(1)), {"jitter": hours})
        item = queue.items(attack, slot, ts, failed, none, none, np.random.default_rng(2))
        order = np.argsort(item, kind="stable")
        same = np.flatnonzero(np.diff(item[order]) == 0)
        assert (slot[order][same] != slot[order][same + 1]).all()
        return np.diff(ts[order])[same]

    sharp, blurred = waits(0.0), waits(24.0)
    assert sharp.size > 250 and set(sharp) == {60.0}
    assert blurred.size > 250 and 8 * 3_600 < np.median(blurred) < 16 * 3_600


def test_strength_paraphrase(world: Maker) -> None:
    def common(small: Small) -> float:
        rows = sent(small, members(small))
        return max(shingles([r["prompt"] for r in rows]).values()) / len(rows)

    shares = [
        common(world("pools", strength={"per_account": 60.0, "paraphrase": share}))
        for share in (0.0, 0.5, 1.0)
    ]
    assert shares[0] == 1 and 0.4 < shares[1] < 0.6 and shares[2] < 0.06


def test_strength_per_account_and_the_record_of_strengths(world: Maker) -> None:
    small = world("careful", strength={"per_account": 12.0})
    assert len(sent(small, members(small))) == 30 * 12
    facts = json.loads((small.root / "truth" / "world.json").read_text())
    assert facts["strength"] == {"per_account": 12.0}
    assert facts["attacks"][0]["per_account"] == 12.0


def test_unknown_strength_and_value(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no strength 'speed'") as caught:
        make(tmp_path / "a", "long", strength={"speed": 1.0})
    assert all(name in str(caught.value) for name in STRENGTHS)
    with pytest.raises(ConfigError, match=r"cover=0\.95 is out of range"):
        make(tmp_path / "b", "long", strength={"cover": 0.95})
    with pytest.raises(ConfigError, match="no campaign"):
        make(tmp_path / "c", "null", campaign_accounts=None, strength={"cover": 0.5})
    assert not any(tmp_path.iterdir())


def test_strengths_on_the_command_line(tmp_path: Path) -> None:
    def said(text: str) -> str:
        words = ["simulate", "null", "--seed", "1", "--accounts", "100", "--exchanges", "1000"]
        ran = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "w"), "--strength", text])
        return str(ran.exception)

    assert "'cover' is not NAME=VALUE" in said("cover")
    assert "no campaign" in said("cover=0.5")  # null has none to change


def test_a_campaign_of_one_account(tmp_path: Path) -> None:
    sizes = {"accounts": 90, "exchanges": 500, "campaign_accounts": 1, "days": 3}
    for family in ("two", "regrow", "pools"):
        small = make(tmp_path / family, family, **sizes, strength={"per_account": 8.0})
        assert sum(t["campaign_id"] is not None for t in small.truth.values()) == 1


@pytest.mark.parametrize("family", ["regrow", "paraphrase", "cover"])
def test_same_arguments_same_bytes(tmp_path: Path, family: str) -> None:
    sizes = {"accounts": 120, "exchanges": 2_000, "campaign_accounts": 10, "days": 6}
    given = {**sizes, "strength": {"per_account": 40.0, "jitter": 3.0, "unique": 0.3}}
    for name in "ab":
        make(tmp_path / name, family, **given)
    files = [f.relative_to(tmp_path / "a") for f in (tmp_path / "a").rglob("*.*") if f.is_file()]
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_wishes_of_own_wording_are_many() -> None:
    made = Grammar().draw("ownask", 2_000, np.random.default_rng(1))
    assert len(set(made)) > 1_500
