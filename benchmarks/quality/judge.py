"""python -m benchmarks.quality.judge WORLD OUT: what a cell keeps of a scan, a replay or a peer.

A process of its own, so that the score too comes from the code that is measured. Rates are kept as
[hits, of]; intervals are made from them when the page is.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.harness.truth import named

from iolaus.worlds import score
from iolaus.worlds.score import Rate, Score

# Bins of `probability`; finer where a decision is made.
EDGES: Final = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
OVERLAP = 0.1  # a group with so much of a campaign, or that is so much campaign, is told of
MOST = 8  # groups told of
Row = dict[str, Any]


def judge(world: Path, out: Path) -> Row:
    """Everything about one output in one world; keys that do not apply are left out."""
    truth = world / "truth"
    people = {row["account_id"]: row for row in _rows(truth / "accounts.parquet")}
    result: Row = {"score": compact(score(truth, out)), "attack": effort(world, people)}
    if (out / "evidence.parquet").exists():
        result["bins"] = bins(out, people)
        result["groups"] = groups(out, people)
    if (out / "detections.parquet").exists():
        result["named"] = named(truth, out)
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    result["detectors_not_run"] = run.get("detectors_not_run", [])
    return result


def compact(found: Score) -> Row:
    """The score with every rate as [hits, of]; what is not measured is left out."""

    def plain(value: object) -> object:
        if isinstance(value, Rate):
            return [value.hits, value.of]
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items()}
        return value

    rows = {name: plain(getattr(found, name)) for name in found.__dataclass_fields__}
    return {name: value for name, value in rows.items() if value is not None}


def bins(out: Path, people: dict[str, Row]) -> list[list[float]]:
    """Members of raised campaigns by `probability`: [sum of it, of a true campaign, members]."""
    raised = _raised(out)
    table = [[0.0, 0, 0] for _ in EDGES]
    for row in _rows(out / "members.parquet"):
        if row["campaign_id"] in raised and row["probability"] is not None:
            p = float(row["probability"])
            one = table[max(i for i, edge in enumerate(EDGES) if p >= edge)]
            one[0] = round(one[0] + p, 6)
            one[1] += people[row["account_id"]]["campaign_id"] is not None
            one[2] += 1
    return table


def groups(out: Path, people: dict[str, Row]) -> list[Row]:
    """The groups that were raised or hold campaign accounts, with the p of each element."""
    sizes = Counter(row["campaign_id"] for row in people.values() if row["campaign_id"])
    members: dict[str, Counter[str]] = {}
    for row in _rows(out / "members.parquet"):
        true = people[row["account_id"]]["campaign_id"] or "honest"
        members.setdefault(row["campaign_id"], Counter())[true] += 1
    elements: dict[str, Row] = {}
    for row in _rows(out / "evidence.parquet"):
        if row["detector"].startswith("element: "):
            elements.setdefault(row["campaign_id"], {})[row["element"]] = row["p_value"]
    told = []
    for row in _rows(out / "campaigns.parquet"):
        inside = members.get(row["campaign_id"], Counter())
        much = any(n >= OVERLAP * min(sizes[c], inside.total()) for c, n in inside.items()
                   if c != "honest")  # fmt: skip
        if much or row["verdict"] == "distillation":
            told.append({
                "verdict": row["verdict"], "q": row["q_value"], "accounts": dict(inside),
                "p": elements.get(row["campaign_id"], {}),
            })  # fmt: skip
    return told[:MOST]


def effort(world: Path, people: dict[str, Row]) -> Row:
    """What the campaign got and what it had to keep up; {} in a world without one.

    per_account_day: exchanges for its own sake per account and day of the campaign. cards, devices:
    different ones per 100 accounts (None where the log has none).
    """
    guilty = sorted(account for account, row in people.items() if row["campaign_id"])
    if not guilty:
        return {}
    sent = pq.read_table(world / "truth" / "campaign_exchanges.parquet", columns=["ts"])
    ts = pc.min_max(sent["ts"]).as_py()
    days = (ts["max"] - ts["min"]).total_seconds() / 86_400
    claimed = {row["account_id"]: row for row in _rows(world / "log" / "accounts.parquet")}

    def different(column: str) -> float | None:
        values = [claimed[a].get(column) for a in guilty if a in claimed]
        known = [value for value in values if value is not None]
        return round(100 * len(set(known)) / len(known), 1) if known else None

    return {
        "accounts": len(guilty),
        "exchanges": sent.num_rows,
        "days": round(days, 2),
        "per_account_day": round(sent.num_rows / len(guilty) / max(days, 1.0), 4),
        "cards": different("payment_fingerprint"),
        "devices": different("device_fingerprint"),
    }


def _raised(out: Path) -> set[str]:
    rows = _rows(out / "campaigns.parquet")
    return {row["campaign_id"] for row in rows if row["verdict"] == "distillation"}


def _rows(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path).to_pylist()
    return rows


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]), Path(sys.argv[2])), default=str))
