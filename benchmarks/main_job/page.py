"""docs/results.md: every number between markers is written from the frozen results."""

import json
import re
from pathlib import Path

from iolaus.core.files import write_text

from .bench import RESULTS
from .origin import ROOT
from .tables import TABLES, Result

PAGE = ROOT / "docs" / "results.md"


def write_page(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Write every table between its markers; the text around them stays as it is."""
    write_text(filled(page.read_text(encoding="utf-8"), load(results)), page)


def load(results: Path) -> list[Result]:
    """The frozen results by name of cell; those of an earlier round are called earlier-NAME."""
    return [json.loads(p.read_text(encoding="utf-8")) for p in sorted(results.rglob("*.json"))]


def filled(text: str, found: list[Result]) -> str:
    """The page with each part between `<!-- NAME -->` and `<!-- /NAME -->` made anew.

    Raises ValueError where a marker has no table or a table no marker.
    """
    named = set(re.findall(r"<!-- /(\w+) -->", text))
    if named != set(TABLES):
        raise ValueError(f"markers and tables differ: {sorted(named ^ set(TABLES))}")
    for name, table in TABLES.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        parts = re.split(pattern, text, flags=re.S)
        if len(parts) != 4:
            raise ValueError(f"marker {name} stands {(len(parts) - 1) // 3} times, not once")
        before, opening, closing, after = parts
        text = f"{before}{opening}{table(found)}\n{closing}{after}"
    return text
