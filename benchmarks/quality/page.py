"""docs/quality.md and its pictures, from the frozen results."""

from pathlib import Path

from benchmarks.harness.origin import ROOT
from benchmarks.harness.page import filled, load

from iolaus.core.files import write_text

from .figures import FIGURES
from .tables import TABLES

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "quality.md"
PICTURES = ROOT / "docs" / "pictures" / "quality"


def write_page(
    results: Path = RESULTS, page: Path = PAGE, pictures: Path = PICTURES, *, model: Path = PAGE
) -> None:
    """Write every table between its markers and every picture; `model` is the page to fill."""
    found = load(results)
    write_text(filled(model.read_text(encoding="utf-8"), TABLES, found), page)
    for name, draw in FIGURES.items():
        write_text(draw(found), pictures / f"{name}.svg")
