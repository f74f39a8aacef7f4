"""python -m benchmarks.main_job.judge TRUTH OUT: the score of a scan or replay, as JSON.

A process of its own, so that the score too comes from the code that is measured.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from benchmarks.harness.truth import named

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
        "named": named(truth, out) if (out / "detections.parquet").exists() else None,
    }


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]), Path(sys.argv[2])), default=str))
