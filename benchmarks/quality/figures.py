"""The pictures of docs/quality.md, from the list of frozen results to SVG."""

from collections.abc import Callable
from functools import partial
from math import ceil, log10
from typing import Final

from benchmarks.harness.page import Result

from iolaus.core.statistics import wilson_interval

from . import svg
from .numbers import (
    Point,
    compared,
    curve,
    families,
    family,
    has_campaign,
    mean,
    of_part,
    reliability,
    share,
    standing,
)
from .plan import AXES, CURVED
from .tables import AIMED_PRECISION, AIMED_RECALL, SEEN

ROW, LABELS, PANEL = 20.0, 110.0, (236.0, 176.0)
AXIS_SAID: Final = {
    "campaign_accounts": "accounts of the campaign",
    "per_account": "exchanges per account",
    "cover": "share of cover traffic",
    "unique": "share with all identifiers new",
    "jitter": "jitter, hours",
    "paraphrase": "share of prompts worded afresh",
}


def overview(found: list[Result]) -> str:
    """Recall and precision of each family: each world a small mark, their mean a large one."""
    cells = [r for r in of_part(found, "families") if has_campaign(r)]
    names, wide = families(cells), 300.0
    bottom = 34 + ROW * len(names)
    marks: list[str] = []
    for place, (what, aim, kind) in enumerate(
        (("recall", AIMED_RECALL, "one"), ("precision", AIMED_PRECISION, "two"))
    ):
        left = LABELS + place * (wide + 30)
        marks += _scale(left, wide, 26.0, bottom, f"account {what}")
        marks.append(svg.line((left + aim * wide, 26), (left + aim * wide, bottom), "dashed three"))
        for row, name in enumerate(names):
            y = 34 + ROW * (row + 0.5)
            values = [share(r["score"][what]) for r in cells if family(r) == name]
            known = [value for value in values if value is not None]
            marks += [svg.dot((left + v * wide, y), f"{kind} hollow", 2.4) for v in known]
            marks += (
                [svg.dot((left + sum(known) / len(known) * wide, y), kind, 4.2)] if known else []
            )
    marks += [
        svg.text((LABELS - 8, 38 + ROW * (row + 0.5)), name, anchor="end")
        for row, name in enumerate(names)
    ]
    said = "Account recall and precision per family; the dashed line is the aim"
    return svg.picture(LABELS + 2 * wide + 60, bottom + 24, said, marks)


def _scale(left: float, wide: float, top: float, bottom: float, title: str) -> list[str]:
    """A horizontal axis from 0 to 1 with its title above."""
    marks = [svg.text((left, 16), title, kind="title")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + tick * wide
        marks.append(svg.line((x, top), (x, bottom)))
        marks.append(svg.text((x, bottom + 14), f"{tick:g}", anchor="middle", kind="small quiet"))
    return marks


def curves(name: str, found: list[Result]) -> str:
    """One panel per strength: recall, precision, and what the campaign still gets through."""
    panels = [(axis, points) for axis in AXES if (points := curve(found, name, axis))]
    across = 3
    marks = _legend()
    for place, (axis, points) in enumerate(panels):
        left = (place % across) * PANEL[0] + 34
        top = (place // across) * PANEL[1] + 54
        marks += _panel(left, top, axis, points)
    rows = max(1, ceil(len(panels) / across))
    return svg.picture(
        across * PANEL[0] + 20, rows * PANEL[1] + 30, f"Quality on {name} by strength", marks
    )


def _legend() -> list[str]:
    return [
        svg.dot((40, 14), "one"), svg.text((48, 18), "account recall"),
        svg.square((140, 14), "two hollow"), svg.text((148, 18), "account precision"),
        svg.line((256, 14), (280, 14), "dashed three"),
        svg.text((286, 18), "exchanges per account and day, of the default's (right scale)"),
    ]  # fmt: skip


def _panel(left: float, top: float, axis: str, points: list[Point]) -> list[str]:
    wide, high = PANEL[0] - 62, PANEL[1] - 72
    marks = [svg.text((left, top - 9), AXIS_SAID[axis], kind="title")]
    most = max([p.throughput or 0.0 for p in points] + [1.0])
    limit = 1.0 if most <= 1.05 else float(ceil(most))
    for tick in (0.0, 0.5, 1.0):
        y = top + high * (1 - tick)
        marks.append(svg.line((left, y), (left + wide, y)))
        marks.append(svg.text((left - 5, y + 3.5), f"{tick:g}", anchor="end", kind="small quiet"))
        right = (left + wide + 5, y + 3.5)
        marks.append(svg.text(right, f"{tick * limit:g}", kind="small quiet"))
    slots = [left + wide * (i + 0.5) / len(points) for i in range(len(points))]
    for x, p in zip(slots, points, strict=True):
        at = "default" if p.at is None else f"{p.at:g}"
        marks.append(svg.text((x, top + high + 14), at, anchor="middle", kind="small quiet"))

    def series(
        pick: Callable[[Point], float | None], over: float, *, default: bool = False
    ) -> list[svg.Place]:
        return [
            (x, top + high * (1 - min(value / over, 1.0)))
            for x, p in zip(slots, points, strict=True)
            if (p.at is None) == default and (value := pick(p)) is not None
        ]

    speed = series(lambda p: p.throughput, limit)
    recall, precision = series(lambda p: p.recall, 1.0), series(lambda p: p.precision, 1.0)
    marks += [svg.path(speed, "dashed three"), svg.path(precision, "two"), svg.path(recall, "one")]
    precision += series(lambda p: p.precision, 1.0, default=True)
    recall += series(lambda p: p.recall, 1.0, default=True)
    marks += [svg.square(at, "two hollow") for at in precision]
    return marks + [svg.dot(at, "one") for at in recall]


def calibration(found: list[Result]) -> str:
    """Observed share against predicted probability, with intervals."""
    cells = [r for part in SEEN for r in of_part(found, part)]
    side, left, top = 280.0, 56.0, 14.0

    def at(x: float, y: float) -> svg.Place:
        return left + x * side, top + (1 - y) * side

    marks = [svg.line(at(0, 0), at(1, 1), "dashed three")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        marks += [svg.line(at(tick, 0), at(tick, 1)), svg.line(at(0, tick), at(1, tick))]
        x, y = at(tick, 0)
        marks.append(svg.text((x, y + 15), f"{tick:g}", anchor="middle", kind="small quiet"))
        x, y = at(0, tick)
        marks.append(svg.text((x - 6, y + 3.5), f"{tick:g}", anchor="end", kind="small quiet"))
    for one in reliability(cells):
        low, high = wilson_interval(one.hits, one.of)
        p = one.predicted
        marks.append(svg.line(at(p, max(low, 0.0)), at(p, min(high, 1.0)), "one"))
        marks.append(svg.dot(at(p, one.hits / one.of), "one", 2.0 + 1.2 * log10(one.of)))
    middle = left + side / 2
    marks.append(svg.text((middle, top + side + 34), "probability in members.parquet",
                          anchor="middle"))  # fmt: skip
    turned = svg.text((0, 0), "observed share of campaign accounts", anchor="middle")
    marks.append(f'<g transform="translate(16 {top + side / 2:.1f}) rotate(-90)">{turned}</g>')
    said = "Reliability: observed share against predicted probability; larger dots, more members"
    return svg.picture(left + side + 24, top + side + 46, said, marks)


def peers(found: list[Result]) -> str:
    """A table of blocks: families down, detectors across, the bluer the better."""
    rows = compared(found)
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    wide = 84.0
    marks = [
        svg.text((LABELS + (i + 0.5) * wide, 18), name, anchor="middle",
                 kind="title" if name == "ours" else "small")
        for i, name in enumerate(names)
    ]  # fmt: skip
    for down, (name, row) in enumerate(rows.items()):
        y = 28 + down * (ROW + 2)
        marks.append(svg.text((LABELS - 8, y + 14), name, anchor="end"))
        for i, detector in enumerate(names):
            value = standing(row.get(detector, []))
            x = LABELS + i * wide
            if value is not None:
                marks.append(svg.block((x + 1, y), wide - 2, ROW, value))
            said = "-" if value is None else _level(row[detector], value)
            marks.append(svg.text((x + wide / 2, y + 14), said, anchor="middle"))
    said = (
        "Mean F1 of accounts by family and detector; without a campaign, honest accounts left alone"
    )
    return svg.picture(LABELS + wide * len(names) + 12, 40 + (ROW + 2) * len(rows), said, marks)


def _level(scores: list[Result], value: float) -> str:
    return (
        f"{value:.2f}" if mean(share(s["recall"]) for s in scores) is not None else f"{value:.2%}"
    )


FIGURES: Final[dict[str, Callable[[list[Result]], str]]] = {
    "families": overview, "reliability": calibration, "peers": peers,
    **{f"curves-{name}": partial(curves, name) for name in CURVED},
}  # fmt: skip
