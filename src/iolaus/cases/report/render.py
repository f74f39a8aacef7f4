"""ReportInput -> one HTML file as text: what is drawn in full, in a line, or only counted."""

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Any, Final

from iolaus.cases.report import words
from iolaus.cases.report.elements import DEFAULT_LEVEL
from iolaus.cases.report.model import (
    ReportInput,
    Row,
    grouped,
    of_campaign,
    of_campaigns,
    ordered,
    rows,
)
from iolaus.cases.report.overview import overview
from iolaus.cases.report.page import page
from iolaus.cases.report.views import Honest, campaign_view, days, honest_view

MAX_CHAPTERS: Final = 8  # campaigns drawn in full; about 150 kB each
MAX_BRIEF: Final = 100  # further campaigns, one line each
MAX_HONEST: Final = 40
MAX_FILES: Final = 60
MAX_CAUSES: Final = 30
HONEST_EVIDENCE: Final = 20_000  # rows of EVIDENCE read for the honest clusters


def render(report: ReportInput) -> str:
    """The report as HTML. The same input gives the same bytes.

    Campaigns are ordered by exchanges. Beyond MAX_CHAPTERS they get one line each; of the other
    clusters the MAX_HONEST largest are shown, and the rest are counted.
    """
    level = float(report.run.get("fdr") or DEFAULT_LEVEL)
    found, honest = _sorted_out(report)
    rest = _rest(report, {row["campaign_id"] for row in found})
    chapters = [
        campaign_view(report, row, i + 1, level, _without(report, rest, row, found))
        for i, row in enumerate(found[:MAX_CHAPTERS])
    ]
    return page(
        top=overview(report, found, honest, rest, level),
        chapters=chapters,
        brief=found[MAX_CHAPTERS : MAX_CHAPTERS + MAX_BRIEF],
        found=len(found),
        honest=_honest(report, honest[:MAX_HONEST], level),
        honest_total=len(honest),
        verdicts=_verdicts(honest),
        unmeasured=_not_run(report),
        run=_run(report.run),
        level=level,
    )


def _sorted_out(report: ReportInput) -> tuple[list[Row], list[Row]]:
    """Clusters called distillation, and the others; each by exchanges, then id."""
    keys = (("exchanges", "descending"), ("campaign_id", "ascending"))
    every = rows(ordered(report.campaigns, *keys), report.campaigns.num_rows)
    found = [row for row in every if row["verdict"] == "distillation"]
    return found, [row for row in every if row["verdict"] != "distillation"]


def _rest(report: ReportInput, ids: Set[str]) -> dict[date, int]:
    """Exchanges per day outside the given campaigns: honest clusters and everyone else."""
    totals: dict[date, int] = {}
    for row in report.timeline.to_pylist():
        if row["campaign_id"] not in ids and row["day"] is not None:
            totals[row["day"]] = totals.get(row["day"], 0) + (row["exchanges"] or 0)
    return totals


def _without(
    report: ReportInput, rest: Mapping[date, int], row: Row, found: Sequence[Row]
) -> dict[date, int]:
    """All traffic but this campaign's: the rest, and the other campaigns."""
    totals = dict(rest)
    for other in found[:MAX_CHAPTERS]:
        if other["campaign_id"] != row["campaign_id"]:
            for when, exchanges in days(report, other["campaign_id"]).items():
                totals[when] = totals.get(when, 0) + exchanges
    return totals


def _honest(report: ReportInput, honest: Sequence[Row], level: float) -> list[Honest]:
    ids = [row["campaign_id"] for row in honest if row["campaign_id"] is not None]
    evidence = rows(of_campaigns(report.evidence, ids), HONEST_EVIDENCE)
    by_id = dict(grouped(evidence, "campaign_id"))
    return [honest_view(row, by_id.get(row["campaign_id"], []), level) for row in honest]


def _not_run(report: ReportInput) -> list[Row]:
    """What no cluster was tested for: rows of UNMEASURED without a campaign, and the run's."""
    whole = rows(of_campaign(report.unmeasured, None), MAX_CAUSES)
    named = {row["detector"] for row in whole}
    listed = list(report.run.get("detectors_not_run") or [])[:MAX_CAUSES]
    return whole + [row for row in listed if row.get("detector") not in named]


def _verdicts(honest: Sequence[Row]) -> list[tuple[str, int]]:
    counts = [(words.verdict(name), len(some)) for name, some in grouped(honest, "verdict")]
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the run with lists bounded; what is absent is null."""
    scalars = (
        "version",
        "log",
        "started_at",
        "window_start",
        "window_end",
        "exchanges",
        "accounts",
    )
    facts: dict[str, Any] = {key: run.get(key) for key in (*scalars, "seed")}
    causes = sorted((run.get("rejects") or {}).items(), key=lambda item: (-item[1], str(item[0])))
    paths = list(run.get("files") or [])
    return {
        **facts,
        "rejects": causes[:MAX_CAUSES],
        "rejects_total": sum(count for _, count in causes) if "rejects" in run else None,
        "missing_columns": [str(name) for name in (run.get("missing_columns") or [])[:MAX_CAUSES]],
        "files": paths[:MAX_FILES],
        "files_total": len(paths),
    }
