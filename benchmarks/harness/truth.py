"""What a replay named, against the truth."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def named(truth: Path, out: Path) -> dict[str, Any]:
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
