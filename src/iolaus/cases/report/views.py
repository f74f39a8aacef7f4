"""From tables to what the template prints: one campaign, one honest cluster, the first screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pyarrow.compute as pc
from markupsafe import Markup

from iolaus.cases.report import words
from iolaus.cases.report.elements import Element, confidence, elements, is_combined, why_not
from iolaus.cases.report.escape import PROMPT_CHARS, plain
from iolaus.cases.report.figures_evidence import null_histogram, share_bar, step
from iolaus.cases.report.figures_network import Network, network
from iolaus.cases.report.figures_time import Panel, Series, timeline
from iolaus.cases.report.model import (
    ReportInput,
    Row,
    grouped,
    of_campaign,
    ordered,
    rows,
)
from iolaus.core.tables import ELEMENTS

MAX_STEPS: Final = 40  # of a waterfall
MAX_TESTS: Final = 24  # cards; 24 x about 4 kB
MAX_DRAWS: Final = 10_000  # of one null
MAX_EXCERPTS: Final = 12
MAX_MEMBERS: Final = 25
MAX_TIES: Final = 5_000  # read before the strongest are picked
MAX_EVIDENCE: Final = 500
MAX_UNMEASURED: Final = 40
MAX_CAPABILITIES: Final = 12
MAX_MODELS: Final = 12


@dataclass(frozen=True)
class Step:
    """One row of the waterfall. `sum` is the bits carried so far."""

    name: str
    statistic: str
    detail: str
    bits: float
    sum: float
    picture: Markup


@dataclass(frozen=True)
class Test:
    """One card: a test beside its null. `picture` is empty when no draws were kept."""

    name: str
    element: str
    statistic: str
    value: float | None
    p: float | None
    null: str
    detail: str
    meaning: str
    counted: str
    picture: Markup


@dataclass(frozen=True)
class Share:
    """A labelled bar."""

    name: str
    said: str
    picture: Markup


@dataclass(frozen=True)
class Campaign:
    """Everything that one campaign's chapter prints."""

    row: Row
    anchor: str
    name: str
    three: list[Element]
    confidence: tuple[str, str]
    timeline: Markup
    network: Network | None
    waterfall: list[tuple[str, list[Step]]]
    bits: float | None
    unweighed: int
    tests: list[Test]
    tests_left_out: int
    capabilities: list[Share]
    linked_by: list[Share]
    excerpts: list[Row]
    excerpts_total: int
    unmeasured: list[Row]
    members: list[Row]
    members_total: int


@dataclass(frozen=True)
class Honest:
    """One line of the table of clusters that were not called distillation."""

    row: Row
    three: list[Element]
    why: str


def campaign_view(
    report: ReportInput, row: Row, position: int, level: float, rest: Mapping[date, int]
) -> Campaign:
    """One campaign's chapter. `rest`: exchanges per day outside every distillation campaign."""
    mine = row["campaign_id"]
    evidence = rows(of_campaign(report.evidence, mine), MAX_EVIDENCE)
    three = elements(evidence, level)
    members = _members(report, mine)
    weighed = [e for e in evidence if words.measured(e["weight_bits"]) and not is_combined(e)]
    tests = _tests(evidence, rows(of_campaign(report.nulls, mine), MAX_EVIDENCE))
    excerpts = of_campaign(report.excerpts, mine)
    return Campaign(
        row=row,
        anchor=f"campaign-{position}",
        name=f"Campaign {position}",
        three=three,
        confidence=confidence(three),
        timeline=_timeline(days(report, mine), rest, position),
        network=_network(report, mine, members),
        waterfall=_waterfall(weighed),
        bits=sum(e["weight_bits"] for e in weighed) if weighed else None,
        unweighed=sum(not words.measured(e["weight_bits"]) for e in evidence if not is_combined(e)),
        tests=tests[:MAX_TESTS],
        tests_left_out=max(0, len(tests) - MAX_TESTS),
        capabilities=_capabilities(row),
        linked_by=_linked_by(report, mine),
        excerpts=_excerpts(excerpts),
        excerpts_total=excerpts.num_rows,
        unmeasured=rows(of_campaign(report.unmeasured, mine), MAX_UNMEASURED),
        members=members[:MAX_MEMBERS],
        members_total=of_campaign(report.members, mine).num_rows,
    )


def honest_view(row: Row, evidence: Sequence[Row], level: float) -> Honest:
    """One cluster with another verdict, from its rows of EVIDENCE."""
    three = elements(evidence, level)
    return Honest(row, three, why_not(str(row["verdict"]), three, row["q_value"], level))


def days(report: ReportInput, campaign_id: str | None) -> dict[date, int]:
    """Exchanges per UTC day of one campaign; with None, of accounts in no cluster."""
    found: dict[date, int] = {}
    for row in of_campaign(report.timeline, campaign_id).to_pylist():
        if row["day"] is not None:
            found[row["day"]] = found.get(row["day"], 0) + (row["exchanges"] or 0)
    return found


def _timeline(own: dict[date, int], rest: Mapping[date, int], position: int) -> Markup:
    if not own:
        return Markup("")
    panels = [
        Panel("This campaign", 110, [Series("This campaign", "campaign", own)]),
        Panel("All other traffic", 70, [Series("All other traffic", "benign", dict(rest))]),
    ]
    return timeline(panels, f"Exchanges per day of campaign {position}, above all other traffic")


def _members(report: ReportInput, campaign_id: str) -> list[Row]:
    """The surest members first, then the busiest; enough of them to name what the network draws."""
    mine = of_campaign(report.members, campaign_id)
    keys = (("probability", "descending"), ("exchanges", "descending"), ("account_id", "ascending"))
    return rows(ordered(mine, *keys), MAX_TIES)


def _network(report: ReportInput, campaign_id: str, members: Sequence[Row]) -> Network | None:
    ties = ordered(of_campaign(report.ties, campaign_id), ("bits", "descending"))
    known = {row["account_id"]: row for row in members}
    return network(rows(ties, MAX_TIES), known, seed=int(report.run.get("seed") or 0))


def _waterfall(weighed: Sequence[Row]) -> list[tuple[str, list[Step]]]:
    """Steps by element, heaviest first inside each; sums carry on from one element to the next."""
    order = [e for e in ELEMENTS if any(w["element"] == e for w in weighed)]
    others = sorted({plain(w["element"]) for w in weighed} - set(ELEMENTS))
    picked = []
    for element in [*order, *others]:
        inside = [w for w in weighed if plain(w["element"]) == element]
        picked += sorted(inside, key=lambda w: (-w["weight_bits"], str(w["detector"])))
    picked = picked[:MAX_STEPS]
    sums = [0.0]
    for row in picked:
        sums.append(sums[-1] + row["weight_bits"])
    low, high = min(sums), max(sums)
    steps = [_step(row, sums[i], low, high) for i, row in enumerate(picked)]
    paired = [
        {"element": plain(row["element"]), "step": s} for row, s in zip(picked, steps, strict=True)
    ]
    return [(name, [p["step"] for p in group]) for name, group in grouped(paired, "element")]


def _step(row: Row, start: float, low: float, high: float) -> Step:
    bits = float(row["weight_bits"])
    known = row["element"] in ELEMENTS
    paint = ("against" if bits < 0 else str(row["element"])) if known else "weak"
    name = words.headed(plain(row["detector"]))
    said = f"{name}: {words.number(bits)} bits, {words.number(start + bits)} so far"
    picture = step(start, start + bits, low, high, paint, said)
    statistic = plain(row["statistic"], 120) if row["statistic"] else ""
    return Step(name, statistic, words.ratio(bits), bits, start + bits, picture)


def _tests(evidence: Sequence[Row], nulls: Sequence[Row]) -> list[Test]:
    """A card for each row, but those that only weigh (links); by element, smallest p first."""
    cards = []
    for row in evidence:
        if is_combined(row):
            continue
        null = _nearest_null(row, nulls)
        only_weighs = row["p_value"] is None and row["weight_bits"] is not None
        if null is not None or not only_weighs:
            cards.append(_test(row, null))
    order = {name: i for i, name in enumerate(ELEMENTS)}
    return sorted(cards, key=lambda t: (order.get(t.element, 9), 2 if t.p is None else t.p, t.name))


def _nearest_null(row: Row, nulls: Sequence[Row]) -> Row | None:
    """The null of the row's detector; of several (one per scale), the one of its own value."""
    same = [n for n in nulls if n["detector"] == row["detector"] and n["draws"]]
    if not same or len(same) == 1:
        return same[0] if same else None
    value = row["value"] or 0.0
    return min(same, key=lambda n: abs((n["value"] or 0.0) - value))


def _test(row: Row, null: Row | None) -> Test:
    name = words.headed(plain(row["detector"]))
    value = row["value"] if words.measured(row["value"]) else (null or {}).get("value")
    draws = [d for d in (null or {}).get("draws", [])[:MAX_DRAWS] if words.measured(d)]
    picture, counted = Markup(""), ""
    if draws and value is not None and words.measured(value):
        label = f"{name}: observed {words.number(value)}, beside {len(draws)} draws of its null"
        picture = null_histogram(draws, float(value), label)
        counted = words.reached(draws, float(value), row["p_value"])
    return Test(
        name,
        plain(row["element"]),
        plain(row["statistic"], 160),
        value,
        row["p_value"],
        plain(row["null_description"], 300),
        plain(row["detail"], 300) if row["detail"] else "",
        words.chance(row["p_value"]),
        counted,
        picture,
    )


def _capabilities(row: Row) -> list[Share]:
    found = [c for c in row["capabilities"] or [] if c and words.measured(c["share"])]
    found.sort(key=lambda c: (-c["share"], str(c["capability"])))
    return [
        _share(plain(words.capability(c["capability"])), c["share"])
        for c in found[:MAX_CAPABILITIES]
    ]


def _share(name: str, fraction: float) -> Share:
    return Share(name, words.share(fraction), share_bar(fraction, name))


def _linked_by(report: ReportInput, campaign_id: str) -> list[Share]:
    """Which kind of token first tied each member to the cluster."""
    column = of_campaign(report.members, campaign_id).column("first_linked_by")
    counts: list[dict[str, Any]] = pc.value_counts(column).to_pylist()
    whole = sum(c["counts"] for c in counts)
    counts.sort(key=lambda c: (-c["counts"], str(c["values"])))
    return [
        _share(words.headed(plain(c["values"])), c["counts"] / whole)
        for c in counts[:MAX_CAPABILITIES]
    ]


def _excerpts(table: Any) -> list[Row]:
    """The first excerpts in order of time, each with its full length in characters."""
    table = ordered(table, ("ts", "ascending"), ("account_id", "ascending"))
    lengths = pc.utf8_length(table.column("text").slice(0, MAX_EXCERPTS)).to_pylist()
    found = rows(table, MAX_EXCERPTS)
    for row, chars in zip(found, lengths, strict=True):
        row["chars"] = chars
        row["cut"] = (chars or 0) > PROMPT_CHARS
    return found
