"""From frozen cells to the numbers that tables and pictures show."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import log10
from statistics import fmean

from benchmarks.harness.page import Result

from iolaus.core.statistics import SMALLEST_P

from .judge import EDGES

Pair = tuple[int, int]  # hits, of


def of_part(found: list[Result], part: str) -> list[Result]:
    """The cells of one part."""
    return [r for r in found if r["parameters"]["part"] == part]


def family(r: Result) -> str:
    return str(r["parameters"]["family"])


def families(found: list[Result]) -> list[str]:
    """Families in the order of their seeds, which is that of the plan."""
    seeds: dict[str, int] = {}
    for r in found:
        seed = r["parameters"]["seed"]
        seeds[family(r)] = min(seeds.get(family(r), seed), seed)
    return sorted(seeds, key=lambda name: seeds[name])


def world(r: Result) -> tuple[str, int]:
    return family(r), int(r["parameters"]["seed"])


def share(pair: Iterable[int] | None) -> float | None:
    """A pair as a number; None where there was nothing to count."""
    if pair is None:
        return None
    hits, of = pair
    return hits / of if of else None


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that were measured."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def pooled(pairs: Iterable[Iterable[int]]) -> Pair:
    """Hits and sizes added up."""
    hits = of = 0
    for pair in pairs:
        one, size = pair
        hits, of = hits + one, of + size
    return hits, of


def f1(score: Result) -> float | None:
    """Harmonic mean of account recall and precision; None in a world without a campaign.

    2 TP / (campaign's accounts + called accounts): 0 when nobody was called.
    """
    hits, guilty = score["recall"]
    called = score["precision"][1]
    return 2 * hits / (guilty + called) if guilty else None


def has_campaign(r: Result) -> bool:
    return bool(r["parameters"]["campaign_accounts"])


def by(found: list[Result], what: str) -> dict[str, Pair]:
    """`what` is one of the score's tables of honest accounts called; added up over cells."""
    hits: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for r in found:
        for name, (called, of) in r["score"][what].items():
            hits[name] += called
            sizes[name] += of
    return {name: (hits[name], sizes[name]) for name in sorted(sizes)}


@dataclass(frozen=True)
class Bin:
    """Members whose probability lay between two edges."""

    low: float
    high: float
    predicted: float
    hits: int
    of: int


def reliability(found: list[Result]) -> list[Bin]:
    """Bins with a member in them, over all cells."""
    sums = [[0.0, 0, 0] for _ in EDGES]
    for r in found:
        for total, one in zip(sums, r.get("bins", []), strict=False):
            for i in range(3):
                total[i] += one[i]
    highs = (*EDGES[1:], 1.0)
    return [
        Bin(low, high, p / n, int(hits), int(n))
        for low, high, (p, hits, n) in zip(EDGES, highs, sums, strict=True)
        if n
    ]


def compared(found: list[Result]) -> dict[str, dict[str, list[Result]]]:
    """Family -> detector ("ours" first) -> its scores, on the worlds where all were run."""
    ours = {world(r): r["score"] for r in of_part(found, "families")}
    rows: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for r in of_part(found, "peers"):
        if world(r) in ours:
            rows[family(r)]["ours"].append(ours[world(r)])
            for name, one in r["peers"].items():
                rows[family(r)][name].append(one["score"])
    return {name: dict(rows[name]) for name in families(of_part(found, "peers")) if name in rows}


def standing(scores: list[Result]) -> float | None:
    """By what detectors are compared in a family, more is better: mean F1 of accounts; in a family
    without a campaign the share of honest accounts left in peace."""
    quality = mean(f1(score) for score in scores)
    if quality is not None:
        return quality
    called = share(pooled(score["false_positives"] for score in scores))
    return None if called is None else 1 - called


def behind(found: list[Result]) -> dict[str, list[str]]:
    """Family -> the peers that stand above ours there."""
    rows = {}
    for name, detectors in compared(found).items():
        own = standing(detectors["ours"]) or 0.0
        rows[name] = [
            peer for peer, scores in detectors.items()
            if peer != "ours" and (standing(scores) or 0.0) > own
        ]  # fmt: skip
    return rows


@dataclass(frozen=True)
class Point:
    """One point of a curve. `at` is None for what the family itself draws."""

    at: float | None
    recall: float | None
    precision: float | None
    score: Result
    attack: Result
    throughput: float | None  # exchanges per account and day, as a share of the default's


def curve(found: list[Result], name: str, axis: str) -> list[Point]:
    """The points of one axis, by value, the default first."""
    here = [r for r in of_part(found, "curves")
            if family(r) == name and r["parameters"]["axis"] == axis]  # fmt: skip
    if not here:
        return []
    seeds = {r["parameters"]["seed"] for r in here}
    default = [r for r in of_part(found, "families")
               if family(r) == name and r["parameters"]["seed"] in seeds]  # fmt: skip
    base = mean(r["attack"].get("per_account_day") for r in default)
    ordered = sorted(here, key=lambda r: r["parameters"]["value"])
    return [
        _point(r, at, base)
        for at, r in [*((None, r) for r in default),
                      *((r["parameters"]["value"], r) for r in ordered)]
    ]  # fmt: skip


def _point(r: Result, at: float | None, base: float | None) -> Point:
    score, attack = r["score"], r["attack"]
    speed = attack.get("per_account_day")
    return Point(at, share(score["recall"]), share(score["precision"]), score, attack,
                 speed / base if speed is not None and base else None)  # fmt: skip


@dataclass(frozen=True)
class LeftOut:
    """What a thing is worth, over the worlds that have it."""

    name: str
    worlds: int
    recall: float | None
    precision: float | None
    found: Pair
    change: float  # mean F1 without it, less mean F1 with it, on the same worlds
    worst: float  # the largest loss of F1
    where: str  # and the family in which it is
    weaker: float  # p of the claim without it over p with it, geometric mean: above 1 it speaks for
    honest: int  # honest accounts called, more than with it


def ablation(found: list[Result]) -> list[LeftOut]:
    """The whole first, then what costs most when left out."""
    cells = of_part(found, "ablation")
    names = dict.fromkeys(name for r in cells for name in r["without"])
    rows = [_left_out(name, [r for r in cells if name in r["without"]]) for name in names]
    return sorted(rows, key=lambda row: (row.name != "nothing", row.change, row.worst))


def _digits(score: Result) -> float:
    return log10(max(float(score["p"]), SMALLEST_P))


def _left_out(name: str, cells: list[Result]) -> LeftOut:
    without = [r["without"][name] for r in cells]
    whole = [r["without"]["nothing"] for r in cells]
    changes = [(f1(a) or 0.0) - (f1(b) or 0.0) for a, b in zip(without, whole, strict=True)]
    worst = min(range(len(cells)), key=lambda i: changes[i])
    return LeftOut(
        name, len(cells),
        mean(share(s["recall"]) for s in without), mean(share(s["precision"]) for s in without),
        pooled(s["campaign_recall"] for s in without), fmean(changes), changes[worst],
        family(cells[worst]),
        10 ** fmean(_digits(a) - _digits(b) for a, b in zip(without, whole, strict=True)),
        sum(a["false_positives"][0] - b["false_positives"][0]
            for a, b in zip(without, whole, strict=True)),
    )  # fmt: skip
