"""A page of results: every number between markers is written from frozen results."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from iolaus.core.files import write_text

Result = dict[str, Any]
Tables = Mapping[str, Callable[[list[Result]], str]]


def load(results: Path) -> list[Result]:
    """The frozen results, in the order of their paths."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(results.rglob("*.json"))]


def rewrite(page: Path, tables: Tables, results: Path) -> None:
    """The page with its tables made anew from the frozen results."""
    write_text(filled(page.read_text(encoding="utf-8"), tables, load(results)), page)


def filled(text: str, tables: Tables, found: list[Result]) -> str:
    """The page with each part between `<!-- NAME -->` and `<!-- /NAME -->` made anew.

    Raises ValueError where a marker has no table or a table no marker.
    """
    named = set(re.findall(r"<!-- /(\w+) -->", text))
    if named != set(tables):
        raise ValueError(f"markers and tables differ: {sorted(named ^ set(tables))}")
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        parts = re.split(pattern, text, flags=re.S)
        if len(parts) != 4:
            raise ValueError(f"marker {name} stands {(len(parts) - 1) // 3} times, not once")
        before, opening, closing, after = parts
        text = f"{before}{opening}{table(found)}\n{closing}{after}"
    return text
