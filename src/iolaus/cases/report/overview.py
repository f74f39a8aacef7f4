"""The first screen: what was found, how sure, how much left, since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from markupsafe import Markup

from iolaus.cases.report import words
from iolaus.cases.report.escape import plain
from iolaus.cases.report.figures_time import Panel, Series, timeline
from iolaus.cases.report.model import ReportInput, Row, total
from iolaus.cases.report.views import days

HUES: Final = 3  # campaigns with a colour of their own in the first picture; the rest share one


@dataclass(frozen=True)
class Fact:
    """One of the four answers: a short label, the answer, and a sentence beneath it."""

    label: str
    answer: str
    note: str


@dataclass(frozen=True)
class Overview:
    """Everything that the first screen prints."""

    headline: str
    lede: str
    facts: list[Fact]
    picture: Markup
    legend: list[tuple[str, str]]
    caption: str


def overview(
    report: ReportInput,
    found: Sequence[Row],
    honest: Sequence[Row],
    rest: dict[date, int],
    level: float,
) -> Overview:
    """`found`: rows of CAMPAIGNS called distillation, in the order of their chapters."""
    picture, legend = _picture(report, found, rest)
    facts = _facts(report.run, found) if found else _quiet_facts(report.run, honest, level)
    caption = "Exchanges per UTC day."
    if found:
        caption += " The two panels have scales of their own."
    return Overview(
        _headline(found), _lede(report.run, found, len(honest)), facts, picture, legend, caption
    )


def _headline(found: Sequence[Row]) -> str:
    if not found:
        return "No distillation campaign found"
    noun = "campaigns" if len(found) > 1 else "campaign"
    return f"{words.spelled(len(found))} {noun} consistent with distillation"


def _lede(run: Mapping[str, Any], found: Sequence[Row], honest: int) -> str:
    were = "was" if honest == 1 else "were"
    if not found:
        tested = f"{words.counted(honest, 'cluster')} of accounts {were} tested, none of them"
        return (
            f"{tested if honest else 'No group of accounts was'} called distillation: that takes "
            "coordination, deception and harvest together. This says what the log holds evidence "
            "of; a campaign that is small, slow or outside it can be missed."
        )
    accounts = words.counted(total(found, "accounts"), "account")
    pool = f" out of {words.people(run['accounts'])}" if run.get("accounts") is not None else ""
    one = len(found) == 1
    text = (
        f"{accounts}{pool}, in {words.spelled(len(found)).lower()} group{'' if one else 's'}, "
        "present themselves as strangers. Their requests are consistent with one operator"
        f"{'' if one else ' per group'} who collects training data."
    )
    if not honest:
        return text
    others = f"{words.counted(honest, 'other cluster')} of accounts"
    return f"{text} {others} {were} tested and not called distillation."


def _facts(run: Mapping[str, Any], found: Sequence[Row]) -> list[Fact]:
    q = max((row["q_value"] for row in found if words.measured(row["q_value"])), default=None)
    left, tokens = total(found, "exchanges"), total(found, "output_tokens")
    everything = run.get("exchanges")
    part = f"{words.share(left / everything)} of all exchanges; " if left and everything else ""
    firsts = [row["first_seen"] for row in found if row["first_seen"]]
    lasts = [row["last_seen"] for row in found if row["last_seen"]]
    first, last = min(firsts, default=None), max(lasts, default=None)
    length = words.days_between(first, last)
    return [
        Fact("How sure", f"q {words.probability(q)}", _sure(q, len(found))),
        Fact(
            "How much left",
            words.counted(left, "exchange"),
            f"{part}{words.counted(tokens, 'output token')}.",
        ),
        Fact(
            "Since when",
            words.day(first),
            f"Last seen {words.day(last)}"
            + (f", {words.counted(length, 'day')}." if length else "."),
        ),
        Fact("What it is after", *_after(found)),
    ]


def _sure(q: float | None, raised: int) -> str:
    if not words.measured(q) or q is None:
        return "The expected share of false findings was not computed."
    what = "such findings" if raised == 1 else "findings raised at this level"
    return f"Of {what}, {words.odds(q)} is expected to be false."


def _after(found: Sequence[Row]) -> tuple[str, str]:
    """The capability with the most exchanges over all campaigns, and the ones after it."""
    weight: dict[str, float] = {}
    whole = 0
    for row in found:
        whole += row["exchanges"] or 0
        for one in row["capabilities"] or []:
            if one and words.measured(one["share"]):
                name = plain(words.capability(one["capability"]))
                weight[name] = weight.get(name, 0.0) + one["share"] * (row["exchanges"] or 0)
    if not whole or not weight:
        return "Not measured", "No capability was read from these exchanges."
    ranked = sorted(weight, key=lambda name: (-weight[name], name))
    said = [f"{name} ({words.share(weight[name] / whole)})" for name in ranked[:3]]
    return ranked[0], f"{words.listed(said)} of the exchanges."


def _quiet_facts(run: Mapping[str, Any], honest: Sequence[Row], level: float) -> list[Fact]:
    window = words.window(run.get("window_start"), run.get("window_end"))
    return [
        Fact(
            "Examined",
            words.counted(run.get("exchanges"), "exchange"),
            "Every accepted row of the log.",
        ),
        Fact("Over", words.counted(run.get("accounts"), "account"), f"{plain(window, 200)}."),
        Fact(
            "Clusters tested",
            words.people(len(honest)),
            f"Groups of accounts that looked alike, listed below. {_nearest(honest, level)}",
        ),
        Fact(
            "Level",
            f"q {words.probability(level)}",
            f"Raised only where {words.odds(level)} findings, or fewer, would be false.",
        ),
    ]


def _nearest(honest: Sequence[Row], level: float) -> str:
    """The lowest q above the level: how near the nearest cluster came to being raised."""
    above = [r["q_value"] for r in honest if words.measured(r["q_value"]) and r["q_value"] > level]
    return f"The nearest to being raised has q {words.probability(min(above))}." if above else ""


def _picture(
    report: ReportInput, found: Sequence[Row], rest: dict[date, int]
) -> tuple[Markup, list[tuple[str, str]]]:
    """All distillation campaigns stacked, above the rest; with none, the rest alone."""
    series = []
    for i, row in enumerate(found):
        own = days(report, row["campaign_id"])
        if i < HUES or len(found) == HUES + 1:
            series.append(Series(f"Campaign {i + 1}", f"hue-{i + 1}", own))
        elif i == HUES:
            series.append(Series(f"{len(found) - HUES} further campaigns", "hue-4", own))
        else:
            for when, exchanges in own.items():
                series[-1].by_day[when] = series[-1].by_day.get(when, 0) + exchanges
    name, height = ("All other traffic", 76) if found else ("All traffic", 130)
    panels = [Panel(name, height, [Series(name, "benign", rest)])]
    if any(one.by_day for one in series):
        panels.insert(0, Panel("Distillation campaigns", 110, series))
    legend = [(one.paint, one.name) for one in series]
    return timeline(panels, "Exchanges per day over the window of the log"), legend
