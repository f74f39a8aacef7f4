"""Marks of small pictures that are read on light and on dark pages. Lengths are pixels."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

Place = tuple[float, float]  # x, y; y grows downwards

# Blue and orange are told apart by all kinds of colour vision; marks differ in form as well.
STYLE: Final = """
text { font: 11px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
.small { font-size: 9.5px; } .title { font-weight: 600; } .quiet { fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; fill: none; }
.one { fill: #0969da; stroke: #0969da; } .two { fill: #bc4c00; stroke: #bc4c00; }
.three { fill: #59636e; stroke: #59636e; } .hollow { fill: none; }
.line { fill: none; stroke-width: 1.8; } .dashed { stroke-dasharray: 4 3; stroke-width: 1.4; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .quiet { fill: #9198a1; } .grid { stroke: #3d444d; }
  .one { fill: #4493f8; stroke: #4493f8; } .two { fill: #f0883e; stroke: #f0883e; }
  .three { fill: #9198a1; stroke: #9198a1; } .hollow, .line { fill: none; }
}
""".strip()


def picture(width: float, height: float, said: str, marks: Iterable[str]) -> str:
    """A whole file. `said` is what a reader who does not see it is told."""
    body = "\n".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">\n<title>{escape(said)}</title>\n'
        f"<style>\n{STYLE}\n</style>\n{body}\n</svg>\n"
    )


def text(at: Place, said: str, *, anchor: str = "start", kind: str = "") -> str:
    """anchor: start, middle or end."""
    x, y = at
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{_kind(kind)}>{escape(said)}</text>'
    )


def line(a: Place, b: Place, kind: str = "grid") -> str:
    return f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}"{_kind(kind)}/>'


def path(points: Sequence[Place], kind: str) -> str:
    """Joined by straight lines."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="line {kind}"/>'


def dot(at: Place, kind: str, radius: float = 3.2) -> str:
    return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}"{_kind(kind)}/>'


def square(at: Place, kind: str, half: float = 4.2) -> str:
    x, y = at
    return (
        f'<rect x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half:.1f}" '
        f'height="{2 * half:.1f}"{_kind(kind)}/>'
    )


def block(at: Place, width: float, height: float, strength: float) -> str:
    """A cell of a table, the stronger the more it is blue; 0 to 1."""
    return (
        f'<rect x="{at[0]:.1f}" y="{at[1]:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" '
        f'class="one" style="stroke:none" fill-opacity="{0.06 + 0.5 * strength:.2f}"/>'
    )


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
