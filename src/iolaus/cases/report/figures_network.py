"""The accounts of a campaign and what ties them: a sample, laid out the same way every time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from iolaus.cases.report.escape import plain
from iolaus.cases.report.svg import drawing, el
from iolaus.cases.report.words import counted, measured, number, share
from iolaus.core.tables import FAMILIES

MAX_NODES: Final = 150
MAX_EDGES: Final = 600  # 600 lines are about 70 kB of SVG
ROUNDS: Final = 150  # of the layout; 150 x 150 x 150 distances = 3.4e6
WIDTH: Final = 720.0
HEIGHT: Final = 440.0
MARGIN: Final = 22.0


@dataclass(frozen=True)
class Network:
    """A drawing with the figures of its legend: family -> links drawn whose best family it is."""

    picture: Markup
    accounts_drawn: int
    links_drawn: int
    families: list[tuple[str, int]]


def network(
    ties: Sequence[Mapping[str, Any]], members: Mapping[str, Mapping[str, Any]], seed: int
) -> Network | None:
    """Draw rows of TIES; `members` gives exchanges and probability by account. None if no tie.

    Accounts with the largest sum of bits are kept, then the strongest links among them.
    """
    kept = _strongest(ties)
    if not kept:
        return None
    names = sorted({row["account_a"] for row in kept} | {row["account_b"] for row in kept})
    index = {name: i for i, name in enumerate(names)}
    pairs = np.array([(index[r["account_a"]], index[r["account_b"]]) for r in kept])
    places = layout(len(names), pairs, seed)
    best = [best_family(row) for row in kept]
    lines = [
        _line(places[a], places[b], row, family)
        for (a, b), row, family in zip(pairs, kept, best, strict=True)
    ]
    dots = [_dot(places[index[name]], name, members.get(name, {})) for name in names]
    label = f"Network of {counted(len(names), 'account')} and {counted(len(kept), 'link')}"
    view = f"0 0 {WIDTH:.0f} {HEIGHT:.0f}"
    counts = Counter(best)
    picture = drawing(label, *lines, *dots, viewBox=view, class_="network")
    order = [*FAMILIES, "other"]
    families = sorted(counts.items(), key=lambda item: (-item[1], order.index(item[0])))
    return Network(picture, len(names), len(kept), families)


def _strongest(ties: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most MAX_EDGES links among the MAX_NODES accounts with most bits, strongest first."""
    whole = [
        r for r in ties if r["account_a"] and r["account_b"] and r["account_a"] != r["account_b"]
    ]
    bits: dict[str, float] = {}
    for row in whole:
        for name in (row["account_a"], row["account_b"]):
            bits[name] = bits.get(name, 0.0) + _bits(row)
    chosen = set(sorted(bits, key=lambda name: (-bits[name], name))[:MAX_NODES])
    inside = [r for r in whole if r["account_a"] in chosen and r["account_b"] in chosen]
    inside.sort(key=lambda r: (-_bits(r), r["account_a"], r["account_b"]))
    return inside[:MAX_EDGES]


def _bits(row: Mapping[str, Any]) -> float:
    value = row.get("bits")
    return float(value) if measured(value) and value is not None else 0.0


def best_family(row: Mapping[str, Any]) -> str:
    """The family that gives a link most of its bits; 'other' when none gives any."""
    strength = {family: row.get(family) or 0.0 for family in FAMILIES}
    best = max(FAMILIES, key=lambda family: strength[family])
    return best if strength[best] > 0 else "other"


def layout(count: int, pairs: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Places of `count` nodes in the picture, shape (count, 2), px.

    Source: Fruchterman and Reingold, "Graph drawing by force-directed placement", 1991, with a
    pull to the middle so that components that no link joins stay in the frame.
    """
    rng = np.random.default_rng(seed)
    turn = np.arange(count) * 2.399963  # golden angle, rad: an even start without a grid
    radius = np.sqrt((np.arange(count) + 0.5) / count)
    at = np.stack([radius * np.cos(turn), radius * np.sin(turn)], axis=1)
    at += rng.normal(0, 0.01, at.shape)
    ideal = 1.6 / np.sqrt(count)
    for step in range(ROUNDS):
        at += _moves(at, pairs, ideal, limit=0.12 * (1 - step / ROUNDS) + 0.002)
    return _fitted(at)


def _moves(
    at: NDArray[np.float64], pairs: NDArray[np.int64], ideal: float, limit: float
) -> NDArray[np.float64]:
    gap = at[:, None, :] - at[None, :, :]
    squared = np.maximum((gap**2).sum(axis=2), 1e-6)
    push = (gap * (ideal**2 / squared)[:, :, None]).sum(axis=1)
    along = at[pairs[:, 0]] - at[pairs[:, 1]]
    # A hub with 100 links would collapse its leaves: shared out over the busier end's degree.
    degree = np.bincount(pairs.ravel(), minlength=len(at))
    busy = np.maximum(degree[pairs[:, 0]], degree[pairs[:, 1]])
    pull = along * (np.linalg.norm(along, axis=1) / ideal / np.sqrt(busy))[:, None]
    np.add.at(push, pairs[:, 0], -pull)
    np.add.at(push, pairs[:, 1], pull)
    push -= 0.6 * at
    length = np.maximum(np.linalg.norm(push, axis=1, keepdims=True), 1e-9)
    moved: NDArray[np.float64] = push / length * np.minimum(length, limit)
    return moved


def _fitted(at: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = at.min(axis=0), at.max(axis=0)
    room = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    fitted: NDArray[np.float64] = MARGIN + (at - low) / np.maximum(high - low, 1e-9) * room
    return fitted


def _line(
    a: NDArray[np.float64], b: NDArray[np.float64], row: Mapping[str, Any], family: str
) -> Markup:
    first, second = plain(row["account_a"], 40), plain(row["account_b"], 40)
    said = f"{first} and {second}: {number(_bits(row))} bits, mostly {family}"
    ends = {"x1": float(a[0]), "y1": float(a[1]), "x2": float(b[0]), "y2": float(b[1])}
    return el("line", el("title", said), class_=f"tie {family}", **ends)


def _dot(at: NDArray[np.float64], name: str, member: Mapping[str, Any]) -> Markup:
    exchanges = member.get("exchanges")
    said = plain(name)
    if exchanges is not None:
        said += f": {counted(exchanges, 'exchange')}, probability {share(member['probability'])}"
    size = 2.5 + min(4.5, 0.9 * np.log10(1 + (exchanges or 0)))  # px; 7 at 100,000 exchanges
    return el(
        "circle", el("title", said), cx=float(at[0]), cy=float(at[1]), r=float(size), class_="dot"
    )
