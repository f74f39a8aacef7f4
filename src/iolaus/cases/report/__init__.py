"""report.html: one self-contained file that works offline and is safe to open."""

from iolaus.cases.report.model import ReportInput
from iolaus.cases.report.render import render

__all__ = ["ReportInput", "render"]
