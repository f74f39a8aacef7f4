"""The benchmark of detection quality, on results made by hand and on small tables."""

import json
import shutil
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, frozen
from benchmarks.harness.page import filled, load
from benchmarks.quality import figures, judge, numbers, page, tables
from benchmarks.quality.ablation import RULES, without_rule
from benchmarks.quality.measure import lined, measure
from benchmarks.quality.plan import (
    ABLATED,
    AXES,
    CURVED,
    JUDGED_SEEDS,
    PARTS,
    Cell,
    at_point,
    cells,
    chosen,
    default_world,
    jobs,
)

from iolaus.worlds.attacks import FAMILIES
from iolaus.worlds.score import score


def scored(hits=90, guilty=100, called=90, honest=0, **more):
    return {
        "recall": [hits, guilty],
        "precision": [hits, called],
        "false_positives": [honest, 1_000],
        "false_positives_by_population": {"saas": [honest, 400], "web_user": [0, 600]},
        "false_positives_by_country": {"NL": [honest, 1_000]},
        "campaigns_raised": int(called > 0),
        "campaign_recall": [int(hits > guilty / 2), int(guilty > 0)],
        "purity": [hits, called],
        "brier": 0.01,
        "p": 0.001,
        **more,
    }


def cell(part, family="long", seed=1, *, score=None, axis=None, value=None, **more):
    guilty = family not in ("null", "lookalikes")
    none = scored(0, 0, 0)
    return {
        "cell": f"{part}/{family}-{seed}",
        "parameters": {"part": part, "family": family, "seed": seed, "axis": axis, "value": value,
                       "campaign_accounts": 100 if guilty else 0},
        "commit": "a" * 40, "date": "2026-01-02T03:04:05+00:00", "corpora": None,
        "machine": {"cpu": "abacus", "cores": 1, "memory_gb": 2.0, "system": "Linux",
                    "python": "3.11", "libraries": {"numpy": "2"}, "load_before": 0.5},
        "score": score or (scored() if guilty else none),
        "attack": {"accounts": 100, "days": 45.0, "per_account_day": 4.0, "cards": 50.0}
        if guilty else {},
        **more,
    }  # fmt: skip


def row(text, beginning):
    (line,) = [x for x in text.splitlines() if x.startswith(f"| {beginning}")]
    return [one.strip() for one in line.strip("|").split("|")]


@pytest.fixture
def whole():
    """One cell of every part; each of them something that a table shows."""
    bins = [[0.0, 0, 0] for _ in judge.EDGES]
    bins[5], bins[-1] = [5.5, 4, 10], [99.5, 99, 100]
    named = {"first_day_share": 0.02, "honest_by_population": {"saas": 2}}
    late = scored(exchanges_lost=[60, 1_000], accounts_named=[99, 100], median_days_to_naming=1.5)
    peer = {"score": scored(50, 100, 100), "not_applicable": None}
    deaf = {"score": scored(0, 100, 0), "not_applicable": "mmd needs text"}
    without = {"nothing": scored(), "tokens:money": scored(40, 100, 40, p=0.1), "tempo": scored()}
    lost = {"verdict": "resale", "accounts": {"c1": 80, "honest": 3}, "p": {"harvest": 0.2}}
    return [
        cell("families", bins=bins),
        cell("families", seed=2, score=scored(100, 100, 100)),
        cell("families", "careful", 4, score=scored(0, 100, 0), groups=[lost]),
        cell("families", "null", 7),
        cell("peers", peers={"seat": peer, "mmd": deaf}),
        cell("ablation", without=without),
        cell("replay", score=late, named=named),
        cell("curves", axis="cover", value=0.9, score=scored(10, 100, 10)),
        cell("curves", axis="cover", value=0.5),
        cell("alarms", "null", 91),
        cell("alarms", "lookalikes", 92, score=scored(0, 0, 4, honest=4)),
    ]


def test_every_family_is_measured_and_no_two_cells_are_one():
    found = cells()
    assert len({c.name for c in found}) == len(found)
    assert len({json.dumps(c.parameters()) for c in found}) == len(found)
    assert {c.part for c in found} == set(PARTS)
    for part in ("families", "peers"):
        assert {c.world.family for c in found if c.part == part} == set(FAMILIES)
    assert {c.world.family for c in found if c.part == "ablation"} == set(ABLATED)
    assert all(c.world.seed >= min(JUDGED_SEEDS) for c in found)
    assert all(c.world.seed < 100 for c in cells((1, 1)))
    assert sum(map(len, jobs(found))) == len(found)
    assert len({job[0].world.name for job in jobs(found)}) == len(jobs(found))
    assert {c.part for c in chosen(found, ["curves"], ["careful"])} == {"curves"}
    assert [c.name for c in chosen(found, [], ["families/null"])] == [
        c.name for c in chosen(found, ["families"], ["null"])
    ]


@pytest.mark.parametrize("family", CURVED)
@pytest.mark.parametrize("axis", AXES)
def test_a_point_of_a_curve_leaves_honest_accounts_alone(family, axis):
    world = default_world(family, 1)
    value = AXES[axis][0]
    moved = at_point(world, axis, value)
    assert moved.accounts - moved.campaign_accounts == world.accounts - world.campaign_accounts
    each = {"per_account": value}.get(axis, FAMILIES[family].per_account)
    before = world.exchanges - world.campaign_accounts * FAMILIES[family].per_account
    assert moved.exchanges - moved.campaign_accounts * each == pytest.approx(before, abs=1)
    if axis != "campaign_accounts":
        assert dict(moved.strength)[axis] == value


def test_aims_that_are_missed_are_said_to_be_missed(whole):
    text = tables.aims(whole)
    assert row(text, "mean account recall")[2:] == ["0.4750", "**no**"]  # (0.95 + 0) / 2 families
    assert row(text, "mean account precision")[2:] == ["1.0000", "yes"]
    assert row(text, "campaigns found")[2:] == ["0.5000 (2 of 3)", "**no**"]
    assert row(text, "honest accounts called, families")[2].startswith("0 of 4,000")
    assert row(text, "honest accounts called, all worlds")[2].startswith("4 of 8,000")
    assert row(text, "the same, worst population, all")[2].startswith("`saas` 4 of 3,200")
    assert row(text, "worlds without a campaign")[2:] == [
        "1 of 2 (9.45% to 90.55%)", "**no**",
    ]  # fmt: skip
    assert row(text, "exchanges lost")[2:] == ["0.060 (families: 1)", "**no**"]
    assert row(text, "the same, each family")[2:] == ["over it: `long` 0.060", "**no**"]
    assert row(text, "no peer ahead")[2:] == ["1 of 1 families", "yes"]
    best = scored(100, 100, 100)
    whole[4]["peers"]["seat"]["score"] = best
    assert row(tables.aims(whole), "no peer ahead")[2:] == [
        "0 of 1 families; not in `long` (seat)", "**no**",
    ]  # fmt: skip
    whole[6]["attack"]["days"] = 2.0  # shorter than a week: not asked of it
    for name in ("exchanges lost", "the same, each family"):
        assert row(tables.aims(whole), name)[2:] == [tables.NOT_YET, "-"]


def test_tables_add_worlds_up(whole):
    text = tables.per_family(whole)
    assert row(text, "`long`")[1:5] == ["2", "0.950 (0.900)", "1.000", "2 of 2"]
    assert row(text, "`null`")[2:5] == ["-", "-", "-"]
    missed = row(tables.missed(whole), "careful-4")
    assert missed[2:] == ["resale", "80 + 3", "-", "-", "0.2"]
    assert row(tables.alarms(whole), "both")[1].startswith("1 of 2")
    assert row(tables.populations(whole), "`saas`")[2].startswith("4 of 800")
    assert row(tables.calibration(whole), "0.5 to 0.6")[1:3] == ["10", "0.550"]
    assert row(tables.replay(whole), "`long`")[-1] == "saas 2"
    assert row(tables.left_out(whole), "tokens of money")[5:7] == ["-0.376", "-0.376 `long`"]
    assert row(tables.left_out(whole), "tempo")[6] == "-"
    assert tables.not_applicable(whole) == "- mmd needs text (`long`)"
    assert row(tables.peers(whole), "`long`")[1].startswith("**0.95")


def test_a_curve_has_its_default_first_and_its_cost_beside(whole):
    points = numbers.curve(whole, "long", "cover")
    assert [p.at for p in points] == [None, 0.5, 0.9]
    whole[8]["attack"] = {**whole[8]["attack"], "per_account_day": 2.0}
    assert [p.throughput for p in numbers.curve(whole, "long", "cover")] == [1.0, 0.5, 1.0]
    assert numbers.curve(whole, "careful", "cover") == []


def test_left_out_things_are_compared_on_the_worlds_that_had_them(whole):
    other = cell("ablation", "careful", 4, without={"nothing": scored(50, 100, 50)})
    rows = {r.name: r for r in numbers.ablation([*whole, other])}
    assert rows["nothing"].worlds == 2
    assert rows["tokens:money"].worlds == 1
    assert rows["tokens:money"].weaker == pytest.approx(100)
    assert rows["tempo"].weaker == pytest.approx(1)
    assert rows["tokens:money"].change == pytest.approx(80 / 140 - 180 / 190)


def test_pictures_are_well_formed_and_show_what_is_there(whole):
    for name, draw in figures.FIGURES.items():
        root = ElementTree.fromstring(draw(whole))
        assert float(root.attrib["width"]) > 0, name
        ElementTree.fromstring(draw([]))
    assert figures.curves("long", whole).count("<polyline") == 3
    assert figures.calibration(whole).count("<circle") == 2
    assert "0.95" in figures.peers(whole)


def test_a_frozen_result_is_read_as_it_was(whole, tmp_path):
    for one in whole:
        assert json.loads(lined(one)) == one
    (tmp_path / "families").mkdir()
    (tmp_path / "families" / "long-1.json").write_text(lined(whole[0]), encoding="utf-8")
    assert load(tmp_path) == whole[:1]


def test_the_page_and_its_pictures_say_what_is_frozen():
    found = load(page.RESULTS)
    text = page.PAGE.read_text(encoding="utf-8")
    assert filled(text, tables.TABLES, found) == text
    for name, draw in figures.FIGURES.items():
        assert (page.PICTURES / f"{name}.svg").read_text(encoding="utf-8") == draw(found)


def test_a_judgement_keeps_counts_bins_and_groups(tmp_path):
    truth, out = tmp_path / "world" / "truth", tmp_path / "out"
    for directory in (truth, out, tmp_path / "world" / "log"):
        directory.mkdir(parents=True)
    ids = [f"a{n}" for n in range(10)]
    guilty = ids[:4]
    write(truth / "accounts.parquet", account_id=ids, population=["campaign"] * 4 + ["saas"] * 6,
          campaign_id=["c1"] * 4 + [None] * 6, country=["NL"] * 10)  # fmt: skip
    days = pa.array([0, 86_400_000_000 * 10], pa.timestamp("us", "UTC")).to_pylist()
    write(truth / "campaign_exchanges.parquet", account_id=guilty * 5, ts=(days * 10))
    write(tmp_path / "world" / "log" / "accounts.parquet", account_id=ids,
          payment_fingerprint=["x", "x", "y", None, *ids[4:]], device_fingerprint=ids)  # fmt: skip
    write(out / "campaigns.parquet", campaign_id=["g1", "g2"], q_value=[0.001, 1.0],
          verdict=["distillation", "undetermined"])  # fmt: skip
    write(out / "members.parquet", campaign_id=["g1"] * 4 + ["g2"] * 2,
          account_id=[*guilty[:3], "a9", "a7", "a8"],
          probability=[0.995, 0.9, 0.4, 0.96, 1.0, 1.0])  # fmt: skip
    write(out / "evidence.parquet", campaign_id=["g1", "g1"], element=["harvest", "harvest"],
          detector=["element: harvest", "harvest shape"], p_value=[0.01, 0.3])  # fmt: skip
    (out / "run.json").write_text("{}", encoding="utf-8")

    found = judge.judge(tmp_path / "world", out)
    assert found["score"]["recall"] == [2, 4]
    assert found["score"]["precision"] == [2, 3]
    assert found["score"] == judge.compact(score(truth, out))
    assert "exchanges_lost" not in found["score"]
    assert found["bins"][judge.EDGES.index(0.4)] == [0.4, 1, 1]
    assert found["bins"][judge.EDGES.index(0.95)] == [0.96, 0, 1]
    assert found["groups"] == [{"verdict": "distillation", "q": 0.001, "p": {"harvest": 0.01},
                                "accounts": {"c1": 3, "honest": 1}}]  # fmt: skip
    assert found["attack"] == {"accounts": 4, "exchanges": 20, "days": 10.0,
                               "per_account_day": 0.5, "cards": 66.7, "devices": 100.0}  # fmt: skip


@pytest.mark.slow
def test_a_world_is_measured_frozen_and_removed(tmp_path):
    if not (origin.ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("what is measured is exported from git")
    bench = Bench.at(tmp_path / "work", None, tmp_path / "results")
    world = default_world("spike", 1, tiny=True)
    todo = [Cell("families", world), Cell("ablation", world)]
    said = []
    outcome = measure(bench, todo, said.append)
    assert outcome.failed == {}
    assert outcome.frozen == ["families/spike-1", "ablation/spike-1"]
    assert said == ["simulate", "scan", "ablation"]  # the log is read once
    assert all(frozen(bench, cell) for cell in todo)
    assert measure(bench, todo, said.append).frozen == []
    assert not any((tmp_path / "work" / "worlds").iterdir())
    assert not any((tmp_path / "work" / "outs").iterdir())
    first, second = load(tmp_path / "results")
    assert {first["commit"], second["commit"]} == {bench.commit}
    without = first["without"]
    assert without["nothing"]["recall"] == second["score"]["recall"]
    assert without["tokens:wording"]["p"] > without["nothing"]["p"]
    assert without["harvest shape"]["p"] > without["nothing"]["p"]


def write(path, **columns):
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_left_out_and_stands_again(name):
    module, constant, nothing = RULES[name]
    before = getattr(module, constant)
    with without_rule(name):
        assert getattr(module, constant) == nothing
    assert getattr(module, constant) == before != nothing


def test_a_family_without_a_curve_says_so():
    assert tables.curves([]).count("not measured") == len(CURVED)
