"""docs/windows.md: every number between markers is written from the frozen cells."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np

from iolaus.core.files import write_text
from iolaus.core.statistics import wilson_interval

from .bench import FROZEN
from .cells import DETECTORS
from .draw import SHARES, SIZES
from .prompts import ATTACKS, HONEST_NEW

PAGE = Path(__file__).resolve().parents[2] / "docs" / "windows.md"
Cell = dict[str, Any]
Row = dict[str, Any]
LEVEL: Final = "0.05"


def write_page(frozen: Path = FROZEN, page: Path = PAGE) -> None:
    """Write every table between its markers; the text around them stays as it is."""
    found = [json.loads(p.read_text(encoding="utf-8")) for p in sorted(frozen.glob("*.json"))]
    write_text(filled(page.read_text(encoding="utf-8"), found), page)


def filled(text: str, found: list[Cell]) -> str:
    """The page with each part between `<!-- NAME -->` and `<!-- /NAME -->` made anew.

    Raises ValueError where a marker has no table or a table no marker.
    """
    named = re.findall(r"<!-- /(\w+) -->", text)
    if sorted(named) != sorted(TABLES):
        raise ValueError(f"markers and tables differ: {sorted(set(named) ^ set(TABLES))}")
    for name, table in TABLES.items():
        made = f"<!-- {name} -->\n{table(found)}\n<!-- /{name} -->".replace("\\", r"\\")
        text = re.sub(rf"<!-- {name} -->\n.*?<!-- /{name} -->", made, text, flags=re.S)
    return text


def rows_of(found: list[Cell], vectors: str, **wanted: Any) -> list[Row]:
    """Rows of all cells of one kind of vectors that have these values."""
    return [
        row
        for cell in found
        if cell["cell"]["vectors"] == vectors
        for row in cell["rows"]
        if all(row[key] == value for key, value in wanted.items())
    ]


def rate(rows: list[Row], level: str = LEVEL) -> tuple[int, int]:
    """(flagged, windows) over rows."""
    return sum(r["flagged"][level] for r in rows), sum(r["windows"] for r in rows)


def _percent(flagged: int, windows: int) -> str:
    return f"{100 * flagged / windows:.1f}" if windows else "-"


def _with_interval(flagged: int, windows: int) -> str:
    low, high = wilson_interval(flagged, windows)
    return f"{100 * flagged / windows:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _table(head: list[str], lines: Iterable[Iterable[object]]) -> str:
    rows: list[Iterable[object]] = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in rows)


def false_positives(found: list[Cell]) -> str:
    """Nominal against measured, detectors of the main cells, and the spread over splits."""
    lines = []
    for vectors in ("null", "hashed", "minilm"):
        for detector in DETECTORS:
            for size in SIZES:
                some = rows_of(found, vectors, detector=detector, size=size, attack=None)
                if not some:
                    continue
                each = [100 * r["flagged"][LEVEL] / r["windows"] for r in some]
                lines.append(
                    [
                        VECTORS[vectors],
                        DETECTORS[detector],
                        f"{size:,}",
                        len(some),
                        rate(some)[1],
                        _with_interval(*rate(some, "0.01")),
                        _with_interval(*rate(some)),
                        f"{np.mean(each):.1f} ± {_error(each)}",
                        f"{min(each):.1f} to {max(each):.1f}",
                    ]
                )
    head = ["vectors", "detector", "window", "splits", "windows", "at nominal 1 %, % (Wilson)",
            "at nominal 5 %, % (Wilson)", "mean over splits ± standard error",
            "single splits"]  # fmt: skip
    return _table(head, lines)


def _error(each: list[float]) -> str:
    return f"{np.std(each, ddof=1) / np.sqrt(len(each)):.1f}" if len(each) > 1 else "-"


def true_positives(found: list[Cell]) -> str:
    """Mean over the attackers' corpora, by window and share."""
    lines = []
    for vectors in ("hashed", "minilm"):
        for detector in DETECTORS:
            for size in SIZES:
                cells = [
                    [
                        r
                        for a in ATTACKS
                        for r in rows_of(
                            found, vectors, detector=detector, size=size, share=share, attack=a
                        )
                    ]
                    for share in SHARES
                ]
                if any(cells):
                    lines.append(
                        [
                            VECTORS[vectors],
                            DETECTORS[detector],
                            f"{size:,}",
                            *(_percent(*rate(c)) for c in cells),
                            *(_auroc(c) for c in cells[:2]),
                        ]
                    )
    head = ["vectors", "detector", "window", *(f"{100 * s:.0f} %" for s in SHARES),
            "AUROC at 5 %", "at 10 %"]  # fmt: skip
    return _table(head, lines)


def _auroc(rows: list[Row]) -> str:
    return f"{np.mean([r['auroc'] for r in rows]):.3f}" if rows else "-"


def by_attacker(found: list[Cell]) -> str:
    """Each corpus at 5 and 10 %: flagged at nominal 5 %, and AUROC."""
    lines = []
    for attack in (*ATTACKS, HONEST_NEW):
        for size in SIZES:
            for share in SHARES[:2]:
                cells = {
                    d: rows_of(found, "hashed", detector=d, size=size, share=share, attack=attack)
                    for d in DETECTORS
                }
                shown = [c for d, c in cells.items() if d != "both"]
                if any(shown):
                    lines.append(
                        [
                            attack,
                            f"{size:,}",
                            f"{100 * share:.0f}",
                            *(f"{_percent(*rate(c))} / {_auroc(c)}" for c in shown),
                        ]
                    )
    names = [name for key, name in DETECTORS.items() if key != "both"]
    return _table(["attacker", "window", "share, %", *names], lines)


def origin(found: list[Cell]) -> str:
    """Commits, machine, command and time of the frozen cells."""
    groups: dict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in found:
        machine = f"{cell['machine']['cpu']}, {cell['machine']['cores']} cores, shared"
        groups[cell["cell"]["vectors"], cell["code"], machine, cell["command"]].append(cell)
    lines = []
    for (vectors, code, machine, command), cells in groups.items():
        commits = dict.fromkeys(cell["commit"][:12] for cell in cells)
        seconds = sum(cell["cpu_s"] for cell in cells)
        lines.append([VECTORS[vectors], len(cells), code, ", ".join(commits), machine,
                      f"`{command}`", f"{seconds:.0f}"])  # fmt: skip
    head = ["vectors", "cells", "benchmark's files", "commits", "machine", "command", "CPU s"]
    return _table(head, lines)


VECTORS: Final = {
    "hashed": "hashed n-grams",
    "minilm": "all-MiniLM-L6-v2",
    "null": "hashed n-grams, benign windows only",
}
TABLES: Final[dict[str, Callable[[list[Cell]], str]]] = {
    "true_positives": true_positives,
    "false_positives": false_positives,
    "by_attacker": by_attacker,
    "origin": origin,
}
