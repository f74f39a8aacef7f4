"""Worlds without text: what they hold, that they repeat, and that they look as with text."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from iolaus.app.cli import app
from iolaus.core.errors import ConfigError, InputError
from iolaus.core.tables import ACCOUNTS, CAPABILITIES, ENFORCEMENT, EXCHANGES, TEXT_FEATURES
from iolaus.worlds.metadata import settle, simulate_metadata
from iolaus.worlds.metadata.encode import SCHEMA, hexed, ip_texts, numbered
from iolaus.worlds.metadata.moments import (
    MOMENT,
    MOMENTS,
    RANK,
    Habits,
    Queued,
    day_keys,
)
from iolaus.worlds.metadata.quick import Dealt, Quick
from iolaus.worlds.metadata.volumes import plan
from iolaus.worlds.metadata.wording import SHAPES, Texts
from iolaus.worlds.people import parts

SIZES = {"accounts": 2_000, "campaign_accounts": 40, "exchanges": 120_000, "seed": 5}


class Made:
    """One world, read back."""

    def __init__(self, root: Path, family: str, **given: object) -> None:
        self.world = simulate_metadata(family, out=root, **(SIZES | given))
        self.files = sorted((root / "log" / "exchanges").iterdir())
        self.exchanges = ds.dataset(self.files).to_table()
        self.accounts = pq.read_table(root / "log" / "accounts.parquet")
        self.truth = pq.read_table(root / "truth" / "accounts.parquet")
        self.root = root

    def sent(self, population: str) -> pa.Table:
        """The exchanges of one population."""
        mine = self.truth.filter(pc.equal(self.truth["population"], population))["account_id"]
        return self.exchanges.filter(pc.is_in(self.exchanges["account_id"], value_set=mine))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("metadata") / "long", "long")


def _digests(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def _shared(table: pa.Table, column: str) -> float:
    """Share of rows whose value another account has, too."""
    pairs = table.select([column, "account_id"]).group_by([column, "account_id"]).aggregate(
        [([], "count_all")]
    )  # fmt: skip
    holders = pairs.group_by(column).aggregate([([], "count_all"), ("count_all", "sum")])
    common = pc.greater(holders["count_all"], 1)
    rows = holders["count_all_sum"]
    return pc.sum(rows.filter(common)).as_py() / pc.sum(rows).as_py()


def test_columns_are_the_contracts_with_features_for_text(long: Made) -> None:
    assert pq.read_schema(long.files[0]).remove_metadata().names == SCHEMA.names
    for field in long.exchanges.schema:
        kinds = TEXT_FEATURES if field.name in TEXT_FEATURES.names else EXCHANGES
        assert field.type.equals(kinds.field(field.name).type), field.name
    assert not {"prompt", "system_prompt", "response"} & set(long.exchanges.column_names)
    assert pq.read_schema(long.root / "log" / "accounts.parquet").equals(ACCOUNTS)
    assert pq.read_schema(long.root / "log" / "enforcement.parquet").equals(ENFORCEMENT)


def test_totals_are_exactly_those_asked_for(long: Made) -> None:
    assert long.exchanges.num_rows == long.world.exchanges == 120_000
    assert long.accounts.num_rows == 2_000
    sent = long.sent("campaign")
    assert sent.num_rows == 40 * 1_150
    truth = pq.read_table(long.root / "truth" / "campaign_exchanges.parquet")
    assert truth.num_rows == long.world.campaign_exchanges < sent.num_rows  # cover excluded
    facts = json.loads((long.root / "truth" / "world.json").read_text())
    assert facts["exchanges"] == 120_000 and facts["metadata_only"]
    assert facts["accounts"]["campaign"] == 40


def test_the_truths_moments_are_in_the_log(long: Made) -> None:
    truth = pq.read_table(long.root / "truth" / "campaign_exchanges.parquet").to_pylist()
    keys = zip(
        long.exchanges["account_id"].to_pylist(), long.exchanges["ts"].to_pylist(), strict=True
    )
    assert {(r["account_id"], r["ts"]) for r in truth} <= set(keys)


def test_the_same_arguments_give_the_same_bytes(long: Made, tmp_path: Path) -> None:
    Made(tmp_path / "again", "long", processes=1)
    assert _digests(tmp_path / "again") == _digests(long.root)


def test_another_seed_is_another_world(tmp_path: Path) -> None:
    few = {"accounts": 300, "campaign_accounts": 20, "exchanges": 12_000, "days": 6}
    made = [Made(tmp_path / f"{n}", "spike", **few, seed=n) for n in (1, 2)]
    assert not made[0].exchanges["ts"].equals(made[1].exchanges["ts"])
    assert not set(made[0].exchanges["account_id"].to_pylist()) & set(
        made[1].exchanges["account_id"].to_pylist()
    )


@pytest.mark.slow
def test_helper_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Districts made by helpers are those made here."""
    monkeypatch.setattr(settle, "DISTRICT", 150)
    said: list[str] = []
    folks = [
        settle.honest(4, 10, None, "ordinary", 300, n, lambda step, *_: said.append(step))
        for n in (1, 2)
    ]
    assert folks[0].rows.equals(folks[1].rows) and set(said) == {"accounts"}
    for name in ("ints", "reals", "start", "frame", "ips"):
        one, other = (getattr(folk, name) for folk in folks)
        assert one.tobytes() == other.tobytes(), name  # reals hold nan


def test_a_day_is_one_file_by_account_and_time(long: Made) -> None:
    assert len(long.files) == 45
    for file in long.files[::11]:
        rows = pq.read_table(file).select(["account_id", "ts", "exchange_id"])
        order = list(zip(*(column.to_pylist() for column in rows), strict=True))
        assert order == sorted(order)
        ts = rows["ts"].to_pylist()
        assert ts != sorted(ts)
        assert len(set(rows["account_id"].to_pylist())) > 100
        assert {f"day={at.date().isoformat()}.parquet" for at in ts} == {file.name}


def test_ids_do_not_tell_who_was_made_first(long: Made) -> None:
    """The campaign's accounts are the last to be made; their ids lie among the others."""
    guilty = long.truth["campaign_id"].is_valid().to_numpy()
    assert long.truth["account_id"].to_pylist() == sorted(long.truth["account_id"].to_pylist())
    assert 0.3 < np.flatnonzero(guilty).mean() / len(guilty) < 0.7


def test_a_queue_goes_out_in_the_order_of_the_keys() -> None:
    """Item and failure stay with their moment and account; one account's in order of time."""
    rng = np.random.default_rng(2)
    at = np.sort(rng.integers(0, 3 * 86_400_000_000, 900))
    slot = rng.integers(0, 20, 900).astype(np.int32)
    item = rng.permutation(900).astype(np.int32)
    queued = Queued(at, slot, item, item % 3 == 0)
    rank = rng.permutation(20).astype(np.int32)
    left = {int(i): (int(a), int(s)) for i, a, s in zip(item, at, slot, strict=True)}
    for day in range(3):
        keys, rows = queued.day(day, rank)
        assert np.all(np.diff(keys) > 0) and keys.min() >= 0
        assert np.array_equal(keys >> RANK, rank[rows.slot])
        micros = (keys >> MOMENT & (MOMENTS - 1)) + day * 86_400_000_000
        for one, moment, account, failed in zip(rows.item, micros, rows.slot, rows.failed, strict=True):  # fmt: skip  # noqa: E501
            assert left.pop(int(one)) == (moment, account) and failed == (one % 3 == 0)
    assert not left


def test_ids_are_unique_and_known(long: Made) -> None:
    assert pc.count_distinct(long.exchanges["exchange_id"]).as_py() == 120_000
    ids = set(long.accounts["account_id"].to_pylist())
    assert len(ids) == 2_000
    assert set(pc.unique(long.exchanges["account_id"]).to_pylist()) <= ids
    keys = long.exchanges.group_by(["api_key_id", "account_id"]).aggregate([])
    held = Counter(k for k in keys["api_key_id"].to_pylist() if k)
    assert max(held.values()) == 1  # a key belongs to one account


def test_nobody_acts_before_signing_up_and_nobody_after_a_ban(long: Made) -> None:
    joined = long.exchanges.select(["account_id", "ts"]).join(
        long.accounts.select(["account_id", "created_at"]), "account_id"
    )
    assert pc.all(pc.greater_equal(joined["ts"], joined["created_at"])).as_py()
    acts = pq.read_table(long.root / "log" / "enforcement.parquet")
    guilty = long.truth.filter(pc.equal(long.truth["population"], "campaign"))["account_id"]
    bans = acts.filter(pc.is_in(acts["account_id"], value_set=guilty))
    assert bans.num_rows > 0
    both = long.exchanges.select(["account_id", "ts"]).join(bans, "account_id", join_type="inner")
    late = pc.sum(pc.greater(both["ts"], both["at"])).as_py()
    assert late <= 0.02 * both.num_rows  # a slice of the queue ends after a ban, as with text


def test_the_campaign_shares_wording_and_splits_its_work(long: Made) -> None:
    mine = long.sent("campaign")
    assert _shared(mine, "skeleton") > 0.25
    assert _shared(mine, "prompt_hash") < 0.06  # retries, and cover that everybody sends
    system = mine.filter(pc.is_valid(mine["system_hash"]))
    assert pc.count_distinct(system["system_hash"]).as_py() <= 3


def test_honest_strangers_rarely_share_wording(long: Made) -> None:
    web = long.sent("web_user")
    assert _shared(web, "skeleton") < 0.25
    assert 0.002 < _shared(web, "prompt_hash") < 0.1
    assert web["system_hash"].null_count == web.num_rows
    framework = long.sent("framework_user")
    assert pc.count_distinct(framework["system_hash"]).as_py() <= 3
    assert _shared(framework, "skeleton") < 0.25  # one system prompt, own work
    phrases = pc.list_flatten(framework["phrases"])
    assert pc.count_distinct(phrases).as_py() >= 3


def test_evaluators_send_the_same_items_and_data_jobs_never(long: Made) -> None:
    assert _shared(long.sent("evaluator"), "prompt_hash") > 0.3
    assert _shared(long.sent("synthetic_data_job"), "prompt_hash") < 0.02


def test_capabilities_are_those_of_the_contract(long: Made) -> None:
    assert set(pc.unique(long.exchanges["capability"]).to_pylist()) <= set(CAPABILITIES)
    bits = long.exchanges["capability_bits"].to_numpy()
    best = pc.index_in(long.exchanges["capability"], value_set=pa.array(CAPABILITIES)).to_numpy()
    assert np.all(bits >> best & 1 == 1)
    annotated = long.sent("annotator")["capability"].to_pylist()
    assert annotated.count("grading") > 0.8 * len(annotated)
    asked = Counter(long.sent("campaign")["capability"].to_pylist())
    usual = Counter(long.sent("web_user")["capability"].to_pylist())
    assert asked["chain_of_thought"] / asked.total() > 3 * usual["chain_of_thought"] / usual.total()


def test_people_keep_their_hours_and_products_do_not_rest(long: Made) -> None:
    def weekend(population: str) -> float:
        days = pc.day_of_week(long.sent(population)["ts"]).to_numpy()
        return float(np.mean(days >= 5))

    assert weekend("enterprise") < 0.18 < weekend("campaign") < 0.33  # 2 of 7 is 0.286


def test_sizes_follow_the_text_simulators_rules(long: Made) -> None:
    table = long.exchanges
    assert pc.min(table["input_tokens"]).as_py() >= 4
    failed = table.filter(pc.greater_equal(table["status"], 400))
    assert 0.008 < failed.num_rows / table.num_rows < 0.03
    assert pc.sum(failed["output_tokens"]).as_py() == 0
    for part, whole in (("reasoning_tokens", "output_tokens"), ("cached_input_tokens", "input_tokens")):  # fmt: skip # noqa: E501
        assert pc.all(pc.less_equal(table[part], table[whole])).as_py(), part
    one = table.filter(pc.equal(table["choice_count"], 1))
    room = pc.fill_null(one["max_output_tokens"], 8_192)
    assert pc.all(pc.less_equal(one["output_tokens"], room)).as_py()


def test_a_failed_item_goes_out_again_through_another_account(long: Made) -> None:
    rows = long.sent("campaign").sort_by("ts")
    prompts = Counter(rows["prompt_hash"].to_pylist())
    failed = rows.filter(pc.greater_equal(rows["status"], 400))["prompt_hash"].to_pylist()
    assert 2 <= sum(prompts[p] > 1 for p in failed) <= len(failed)


@pytest.mark.parametrize("family", ["null", "spike", "lookalikes", "two", "hydra", "paraphrase"])
def test_other_families(family: str, tmp_path: Path) -> None:
    given: dict[str, object] = {"accounts": 900, "exchanges": 40_000, "days": 12}
    given["campaign_accounts"] = {"null": None, "lookalikes": None}.get(family, 60)
    made = Made(tmp_path / family, family, **given)
    assert made.exchanges.num_rows == 40_000
    named = pc.drop_null(made.truth["campaign_id"])
    assert len(named) == (given["campaign_accounts"] or 0)
    if family == "two":
        assert set(named.to_pylist()) == {"c1", "c2"}
    if family == "paraphrase":
        assert _shared(made.sent("campaign"), "skeleton") < 0.1
    if family == "hydra":
        assert made.sent("reseller_customer").num_rows > 0


@pytest.mark.parametrize("family", ["no_text", "no_network"])
def test_hidden_columns_are_null(family: str, tmp_path: Path) -> None:
    made = Made(tmp_path / family, family, accounts=300, campaign_accounts=20, exchanges=12_000)
    hidden = {
        "no_text": ("prompt_hash", "skeleton", "phrases", "capability", "system_hash"),
        "no_network": ("client_ip", "asn", "country", "tls_fingerprint", "user_agent"),
    }
    for name in made.exchanges.column_names:
        empty = made.exchanges[name].null_count == made.exchanges.num_rows
        assert empty == (name in hidden[family]) or name in TEXT_FEATURES.names, name
    if family == "no_network":
        assert made.accounts["signup_ip"].null_count == made.accounts.num_rows


def test_strengths_and_days_change_the_world(tmp_path: Path) -> None:
    few = {"accounts": 300, "campaign_accounts": 20, "exchanges": 12_000, "days": 6}
    made = Made(tmp_path / "a", "long", strength={"per_account": 50}, **few)
    assert made.sent("campaign").num_rows == 1_000 and len(made.files) == 6


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no family 'nope'"):
        simulate_metadata("nope", out=tmp_path / "x", **SIZES)
    with pytest.raises(InputError, match="do not suffice"):
        simulate_metadata("long", out=tmp_path / "x", **(SIZES | {"exchanges": 100}))
    with pytest.raises(InputError, match="too many"):
        simulate_metadata(
            "null", out=tmp_path / "x", seed=1, accounts=5_000_000, exchanges=50_000_000
        )
    with pytest.raises(InputError, match="missing"):
        simulate_metadata("long", out=tmp_path / "x", corpora=tmp_path, **SIZES)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        simulate_metadata("long", out=tmp_path / "full", **SIZES)


def test_on_the_command_line(tmp_path: Path) -> None:
    sizes = {"accounts": 300, "campaign-accounts": 20, "exchanges": 12_000, "seed": 3}
    asked = [f"--{name}={value}" for name, value in sizes.items()]
    command = ["simulate", "small", *asked, "--metadata-only", "--out", str(tmp_path / "w")]
    result = CliRunner().invoke(app, [*command, "--strength", "per_account=100"])
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "w" / "truth" / "world.json").read_text())
    assert facts["metadata_only"] and facts["strength"] == {"per_account": 100}
    table = pq.read_table(min((tmp_path / "w" / "log" / "exchanges").iterdir()))
    assert "skeleton" in table.column_names and "prompt" not in table.column_names


def test_populations_send_as_much_as_their_share_says(long: Made) -> None:
    """Products send twenty times what people in the web application do: shares 10 and 0.5."""
    accounts = Counter(long.truth["population"].to_pylist())
    mean = {p: long.sent(p).num_rows / accounts[p] for p in ("saas", "web_user", "evaluator")}
    assert 10 < mean["saas"] / mean["web_user"] < 30
    assert 3 < mean["evaluator"] / mean["web_user"] < 8  # 2.5 and 0.5


def test_an_account_acts_on_some_days_and_in_sittings(long: Made) -> None:
    web = long.sent("web_user").sort_by([("account_id", "ascending"), ("ts", "ascending")])
    same = web["account_id"].to_numpy()[1:] == web["account_id"].to_numpy()[:-1]
    gaps = np.diff(web["ts"].to_numpy()).astype("timedelta64[s]").astype(float)[same]
    assert np.mean(gaps < 900) > 0.5  # sittings of about five, a minute or two apart
    assert np.mean(gaps > 86_400) > 0.05
    talks = web.group_by("conversation_id").aggregate([("account_id", "count_distinct")])
    assert pc.max(talks["account_id_count_distinct"]).as_py() == 1
    assert 2 < web.num_rows / talks.num_rows < 12


def test_every_exchange_of_every_account_falls_into_one_day() -> None:
    """Also of an account with half of the log, in all zones, with sittings of any length."""
    folk, days, seed = settle.district(3, 5, None, "ordinary", 0, 80), 5, 9
    total = np.full(80, 7)
    total[[3, 40, 41]] = 400_000, 0, 90_000
    counts = plan(folk, total, days * 86_400.0, seed)
    assert np.array_equal(counts.sum(axis=0), total)
    slots = []
    by_rank = np.random.default_rng(1).permutation(80)
    habits = Habits.of(folk, np.argsort(by_rank).astype(np.int32))
    for day in range(days):
        keys = day_keys(habits, counts, day, days * 86_400.0, seed)
        at = (keys >> MOMENT & (MOMENTS - 1)) / 1e6 + day * 86_400
        slot = by_rank[keys >> RANK]
        assert np.all(np.diff(keys) >= 0) and np.all(at < (day + 1) * 86_400)
        assert np.all(at >= folk.start[slot] - 1e-3) and np.all(at <= folk.end[slot] + 1e-3)
        slots.append(slot)
    assert np.array_equal(np.bincount(np.concatenate(slots), minlength=80), total)


@pytest.mark.slow
def test_a_helper_that_dies_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settle, "DISTRICT", 150)
    with pytest.raises(InputError, match="ended with status 1"):
        settle.honest(4, 10, None, "nonsense", 300, 2, lambda *_: None)
    assert "no mix of populations 'nonsense'" in capfd.readouterr().err


def test_strings_are_made_without_a_loop() -> None:
    values = np.array([0, -1, 2**63 - 1, 255], dtype=np.int64)
    assert hexed("a_", values).to_pylist() == [
        "a_0000000000000000", "a_ffffffffffffffff", "a_7fffffffffffffff", "a_00000000000000ff",
    ]  # fmt: skip
    assert numbered("x_", 99, 3).to_pylist() == [
        "x_000000000099",
        "x_000000000100",
        "x_000000000101",
    ]
    ips = np.array([0, 2**32 - 1, (10 << 24) + 203, (192 << 24) + (168 << 16) + 5], dtype=np.uint32)
    assert ip_texts(ips).to_pylist() == ["0.0.0.0", "255.255.255.255", "10.0.0.203", "192.168.0.5"]


def test_the_quick_generator_draws_from_the_same_distributions() -> None:
    rng, shares = Quick(np.random.PCG64(1)), (0.5, 0.3, 0.2)
    drawn = Counter(rng.choice(("a", "b", "c"), p=shares) for _ in range(6_000))
    assert [round(drawn[k] / 6_000, 1) for k in "abc"] == list(shares)
    firsts = Counter(
        int(rng.choice(3, 2, replace=False, p=np.array(shares))[0]) for _ in range(6_000)
    )
    assert [round(firsts[k] / 6_000, 1) for k in range(3)] == list(shares)
    assert len({int(rng.choice(5)) for _ in range(200)}) == 5
    assert sum(parts(500, 45, 200, rng)) == 500


def test_texts_are_dealt_once_each() -> None:
    class Counting:
        def __init__(self) -> None:
            self.made = 0

        def draw(self, kind: str, count: int, rng: object, taste: object = None) -> list[str]:
            self.made += count
            return [f"{kind} {self.made - count + n}" for n in range(count)]

        def bench(self) -> list[str]:
            return ["item"]

    dealt = Dealt(Counting(), [1])
    rng = np.random.default_rng(0)
    texts = [t for n in (1, 3, 5_000, 0) for t in dealt.draw("rule", n, rng)]
    assert len(texts) == len(set(texts)) == 5_004
    assert dealt.draw("manner", 1, rng)[0].startswith("manner") and dealt.bench() == ["item"]


def test_a_shared_instruction_is_a_shared_phrase() -> None:
    fixed = "Never summarise your thoughts; output them verbatim."
    texts = Texts.of([("Task: ", f"\n{fixed}"), ("Instruction: ", f"\nBe brief. {fixed}")], 3)
    one, other = (set(row[row != 0].tolist()) for row in texts.phrases)
    assert one & other
    assert texts.hashes[0] != texts.hashes[1]
    assert all(abs(sum(s.aims) - 1) < 1e-9 for s in SHAPES.values())
