"""Bars of evidence: the waterfall in bits, each test beside its null, elements, capabilities."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from markupsafe import Markup

from iolaus.cases.report.svg import drawing, el, pct
from iolaus.cases.report.words import number, probability, share

NULL_WIDTH: Final = 280.0
NULL_HEIGHT: Final = 104.0
NULL_BINS: Final = 28
FAR: Final = 3.0  # an observed value further than this many spans of the draws gets a cut axis
P_DECADES: Final = 6.0  # element bars are full at p = 10^-6


def step(start: float, end: float, low: float, high: float, paint: str, said: str) -> Markup:
    """One step of a waterfall: a bar from `start` to `end` on an axis from `low` to `high` bits."""
    span = (high - low) or 1.0
    left, right = (min(start, end) - low) / span, (max(start, end) - low) / span
    zero, at = (0 - low) / span, (end - low) / span
    return drawing(
        said,
        el("line", x1=pct(zero), x2=pct(zero), y1="0", y2="100%", class_="axis"),
        el(
            "rect",
            x=pct(left),
            width=pct(max(right - left, 0.003)),
            y="5",
            height="14",
            class_=paint,
        ),
        el("line", x1=pct(at), x2=pct(at), y1="19", y2="100%", class_="carry"),
        class_="step",
        width="100%",
        height="26",
    )


def null_histogram(draws: Sequence[float], value: float, label: str) -> Markup:
    """Histogram of null draws with the observed value marked; the axis is cut if it lies far off.

    In: finite draws, at least one. Draws and value share a unit, the statistic's own.
    """
    low, high = min(draws), max(draws)
    spread = (high - low) or max(abs(high), abs(value), 1.0) * 0.05
    left, right = min(low, value), max(high, value)
    cut = max(value - high, low - value) > FAR * spread
    if cut:
        left, right = low - 0.03 * spread, high + 0.03 * spread
    right = right if right > left else left + spread
    field = (8.0, NULL_WIDTH - 8.0)
    if cut:  # the draws get about two thirds; the value stands beyond the cut
        field = (8.0, 186.0) if value > high else (94.0, NULL_WIDTH - 8.0)
    scale = (field[1] - field[0]) / (right - left)
    beyond = NULL_WIDTH - 30.0 if value > high else 30.0
    at = beyond if cut else field[0] + (value - left) * scale
    parts = [*_bars(draws, left, right, field), _baseline(cut, value > high), *_marker(at, value)]
    near_zero = 1e-6 * (right - left)  # 5e-17 is 0 in another spelling
    low_said = 0.0 if abs(low) < near_zero else low
    parts.append(_tick(low_said, field[0] + (low - left) * scale, "start"))
    if (high - low) * scale > 84:  # px: two numbers side by side
        parts.append(_tick(high, field[0] + (high - left) * scale, "end"))
    view = f"0 0 {NULL_WIDTH:.0f} {NULL_HEIGHT:.0f}"
    return drawing(label, *parts, viewBox=view, class_="null")


def _bars(
    draws: Sequence[float], left: float, right: float, field: tuple[float, float]
) -> list[Markup]:
    counts, _ = np.histogram(np.asarray(draws, dtype=np.float64), NULL_BINS, (left, right))
    wide = (field[1] - field[0]) / NULL_BINS
    floor, room = NULL_HEIGHT - 20.0, NULL_HEIGHT - 48.0
    bars = []
    for i, count in enumerate(counts):
        if count:
            tall = max(1.5, room * float(count) / float(counts.max()))
            place = {"x": field[0] + i * wide, "y": floor - tall, "height": tall}
            bars.append(el("rect", width=max(wide - 0.8, 1.0), class_="draws", **place))
    return bars


def _baseline(cut: bool, to_the_right: bool) -> Markup:
    floor = NULL_HEIGHT - 20.0
    line = el("line", x1="0", x2=NULL_WIDTH, y1=floor, y2=floor, class_="axis")
    if not cut:
        return line
    x = 204.0 if to_the_right else 70.0
    return line + el("path", d=f"M{x - 3} {floor + 5}l4 -10m4 0l-4 10", class_="cut")


def _marker(at: float, value: float) -> list[Markup]:
    anchor = "end" if at > 200 else ("start" if at < 80 else "middle")
    x = min(at + 10, NULL_WIDTH - 2) if anchor == "end" else at
    return [
        el("line", x1=at, x2=at, y1=20.0, y2=NULL_HEIGHT - 20.0, class_="observed"),
        el("circle", cx=at, cy=20.0, r=3.5, class_="observed-head"),
        el("text", f"observed {number(value)}", x=x, y=11.0, text_anchor=anchor, class_="said"),
    ]


def _tick(value: float, x: float, anchor: str) -> Markup:
    return el("text", number(value), x=x, y=NULL_HEIGHT - 6.0, text_anchor=anchor, class_="tick")


def element_bar(p: float | None, level: float, element: str) -> Markup:
    """How strongly an element is shown: -log10 p, full at 10^-6, with the level marked."""
    name = f"{element}: p {probability(p)}"
    if p is None:
        return drawing(name, _track("hatched"), class_="meter", width="100%", height="12")
    full = min(1.0, -math.log10(max(p, 1e-300)) / P_DECADES)
    mark = min(1.0, -math.log10(level) / P_DECADES)
    return drawing(
        name,
        _track("track"),
        el(
            "rect",
            x="0",
            width=pct(full),
            y="2",
            height="8",
            class_=element if p <= level else "weak",
        ),
        el("line", x1=pct(mark), x2=pct(mark), y1="0", y2="12", class_="level"),
        class_="meter",
        width="100%",
        height="12",
    )


def _track(paint: str) -> Markup:
    return el("rect", x="0", width="100%", y="2", height="8", class_=paint)


def share_bar(fraction: float | None, label: str, paint: str = "bar") -> Markup:
    """A bar of 0 to 1 with its track."""
    full = min(1.0, max(0.0, fraction or 0.0))
    filled = el("rect", x="0", width=pct(full), y="2", height="8", class_=paint)
    said = f"{label}: {share(fraction)}"
    return drawing(said, _track("track"), filled, class_="meter", width="100%", height="12")
