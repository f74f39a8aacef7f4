"""python -m benchmarks.main_job.judge TRUTH OUT: the score of a scan or replay, as JSON.

A process of its own, so that the score too comes from the code that is measured.
"""

import json
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from iolaus.worlds import score

FACTS = (
    "timings_s", "exchanges", "accounts", "rejects", "pairs_forecast", "hub_limits",
    "link_threshold_bits", "missing_columns", "detectors_not_run", "version", "settings",
)  # fmt: skip
OF_RAISED = ("verdict", "accounts", "exchanges", "p_value", "q_value", "first_seen", "summary")


def judge(truth: Path, out: Path) -> dict[str, Any]:
    """The score, what was raised, what the run says of itself, and what a replay named."""
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    campaigns = pq.read_table(out / "campaigns.parquet").to_pylist()
    return {
        "score": score(truth, out).as_dict(),
        "raised": [
            {name: row[name] for name in OF_RAISED}
            for row in campaigns
            if row["verdict"] == "distillation"
        ],
        "verdicts": dict(sorted(Counter(row["verdict"] for row in campaigns).items())),
        "run": {name: run[name] for name in FACTS if name in run},
        "named": _named(truth, out) if (out / "detections.parquet").exists() else None,
    }


def _named(truth: Path, out: Path) -> dict[str, Any]:
    """Honest accounts that a replay called distillation on any day; what no daily look can save."""
    people = {
        row["account_id"]: row for row in pq.read_table(truth / "accounts.parquet").to_pylist()
    }
    found = [
        row
        for row in pq.read_table(out / "detections.parquet").to_pylist()
        if row["verdict"] == "distillation"
    ]
    honest = [row for row in found if people[row["account_id"]]["campaign_id"] is None]
    sent = pq.read_table(truth / "campaign_exchanges.parquet", columns=["account_id", "ts"])
    first: dict[str, date] = {}
    days = [(row["account_id"], row["ts"].date()) for row in sent.to_pylist()]
    for account, day in days:
        first[account] = min(first.get(account, day), day)
    return {
        "honest": len({row["account_id"] for row in honest}),
        "honest_by_population": dict(
            Counter(people[row["account_id"]]["population"] for row in honest)
        ),
        "days_with_first_namings": len({row["detected_at"] for row in found}),
        "first_day_share": sum(day == first[a] for a, day in days) / len(days) if days else None,
    }


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]), Path(sys.argv[2])), default=str))
