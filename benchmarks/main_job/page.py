"""docs/results.md, from the frozen results of the main job."""

from pathlib import Path

from benchmarks.harness.origin import ROOT
from benchmarks.harness.page import filled, load

from iolaus.core.files import write_text

from .bench import RESULTS
from .tables import TABLES

PAGE = ROOT / "docs" / "results.md"


def write_page(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Write every table between its markers; the text around them stays as it is."""
    write_text(filled(page.read_text(encoding="utf-8"), TABLES, load(results)), page)
