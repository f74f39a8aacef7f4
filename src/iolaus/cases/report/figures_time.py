"""Exchanges per day: what the campaigns took, above what everyone else did, on one time axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from markupsafe import Markup

from iolaus.cases.report.svg import drawing, el, pct
from iolaus.cases.report.words import day, people, short_day

MAX_BARS: Final = 120  # a bar is then about 7 px on a desktop, 3 px on a telephone
TICKS: Final = 5
HEAD: Final = 22  # px above each panel for its name
GAP: Final = 14  # px between a panel's floor and the next one's name
AXIS: Final = 22  # px below the last panel for dates


@dataclass(frozen=True)
class Series:
    """One colour of a panel: exchanges per UTC day, by day. `paint` is a class in style.css."""

    name: str
    paint: str
    by_day: dict[date, int]


@dataclass(frozen=True)
class Panel:
    """Series stacked on one vertical scale; `height` in px."""

    name: str
    height: int
    series: Sequence[Series]


def timeline(panels: Sequence[Panel], label: str) -> Markup:
    """Panels one above the other on a shared time axis; empty when no day is known."""
    known = [d for panel in panels for one in panel.series for d in one.by_day]
    if not known:
        return Markup("")
    starts, width = _bins(min(known), max(known))
    parts: list[Markup] = []
    top = 0
    for panel in panels:
        parts.append(_panel(panel, starts, width, top + HEAD))
        top += HEAD + panel.height + GAP
    top -= GAP
    parts.append(_dates(starts, top))
    return drawing(label, *parts, class_="timeline", width="100%", height=top + AXIS)


def _bins(first: date, last: date) -> tuple[list[date], int]:
    """First days of at most MAX_BARS bins that cover first to last, and their width in days."""
    days = (last - first).days + 1
    width = -(-days // MAX_BARS)
    return [first + timedelta(days=i) for i in range(0, days, width)], width


def _panel(panel: Panel, starts: Sequence[date], width: int, top: int) -> Markup:
    stacks = [_binned(one.by_day, starts, width) for one in panel.series]
    peak = max(sum(column) for column in zip(*stacks, strict=True)) if stacks else 0
    unit = "day" if width == 1 else f"{width} days"
    floor = top + panel.height
    bars: list[Markup] = []
    heights = [0.0] * len(starts)
    for one, values in zip(panel.series, stacks, strict=True):
        for i, value in enumerate(values):
            if value == 0:
                continue
            tall = max(1.0, (panel.height - 6) * value / peak)
            heights[i] += tall
            said = f"{one.name}: {people(value)} exchanges, {_when(starts[i], width)}"
            bars.append(_bar(i, len(starts), floor - heights[i], tall, one.paint, said))
    name = f"{panel.name}, peak {people(peak)} a {unit}" if width == 1 else ""
    name = name or f"{panel.name}, peak {people(peak)} in {unit}"
    return Markup("").join(
        [
            el("text", name, x="0", y=top - 8, class_="panel-name"),
            *bars,
            el("line", x1="0", x2="100%", y1=floor, y2=floor, class_="axis"),
        ]
    )


def _binned(by_day: dict[date, int], starts: Sequence[date], width: int) -> list[int]:
    totals = [0] * len(starts)
    for when, exchanges in by_day.items():
        totals[(when - starts[0]).days // width] += exchanges
    return totals


def _bar(i: int, bars: int, y: float, tall: float, paint: str, said: str) -> Markup:
    step = 1 / bars
    wide = min(step * 0.78, 0.04)  # 4 %: one lonely day is a bar, not a wall
    x = i * step + (step - wide) / 2
    place = {"x": pct(x), "width": pct(wide), "y": y, "height": tall}
    return el("rect", el("title", said), class_=paint, **place)


def _when(start: date, width: int) -> str:
    return day(start) if width == 1 else f"{width} days from {day(start)}"


def _dates(starts: Sequence[date], top: int) -> Markup:
    """At most TICKS dates under the middle of their bars; the outer two are pulled inwards."""
    count = len(starts)
    picks = sorted({round(k * (count - 1) / (TICKS - 1)) for k in range(TICKS)})
    marks = []
    for i in picks:
        anchor = "middle" if 0.06 < (i + 0.5) / count < 0.94 else ("start" if i == 0 else "end")
        x = {"start": 0.0, "end": 1.0}.get(anchor, (i + 0.5) / count)
        marks.append(
            el(
                "text",
                short_day(starts[i]),
                x=pct(x),
                y=top + 16,
                text_anchor=anchor,
                class_="tick",
            )
        )
    return Markup("").join(marks)
