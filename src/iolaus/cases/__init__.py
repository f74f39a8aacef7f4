"""What a finding is worth: the report that an analyst opens. Reads tables, never a log."""

from iolaus.cases.report import ReportInput, render

__all__ = ["ReportInput", "render"]
