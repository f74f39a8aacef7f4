"""iolaus replay: the same log as if it arrived day by day; when would each account be named?"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus import __version__, campaigns
from iolaus.app.pipeline import Prepared, look, open_source, prepare
from iolaus.app.progress import Reporter
from iolaus.app.scan import refuse_overlap
from iolaus.app.settings import Settings
from iolaus.core.files import write_table, write_text
from iolaus.core.tables import DETECTIONS
from iolaus.engine import Stages


def replay(
    log: Path,
    out: Path,
    settings: Settings,
    *,
    every: timedelta,
    memory: str,
    threads: int,
    keep_stages: bool,
    report: Reporter,
) -> pa.Table:
    """Judge the log at the end of every `every` (whole days) and write detections.parquet.

    A look at the end of a day sees only rows of that day and before. Returns core DETECTIONS: for
    each account the first time it stood in a group of each verdict.
    """
    refuse_overlap(log, out)
    source = open_source(log, settings, report)
    stages = Stages(out / "stages", source.key(settings) + f" replay {every.days}")
    with prepare(source, stages, memory=memory, threads=threads, report=report) as prepared:
        first: dict[tuple[str, str], dict[str, object]] = {}
        looks = _looks(prepared.first_day, prepared.until, every)
        for done, until in enumerate(looks):
            report("replay", done, len(looks))
            for row in _look(prepared, until, stages, settings):
                first.setdefault((str(row["account_id"]), str(row["verdict"])), row)
        report("replay", len(looks), len(looks))
    rows = sorted(first.values(), key=lambda r: (r["detected_at"], r["account_id"], r["verdict"]))
    table = pa.Table.from_pylist(rows, schema=DETECTIONS)
    write_table(table, out / "detections.parquet")
    write_text(json.dumps(_facts(settings, every, looks), indent=2) + "\n", out / "replay.json")
    if not keep_stages:
        stages.remove()
    return table


def _looks(first: date, until: date, every: timedelta) -> list[date]:
    """The mornings on which the log so far is judged; the last one sees everything."""
    step = max(every.days, 1)
    looks = [first + timedelta(days=n) for n in range(step, (until - first).days + 1, step)]
    return looks if looks and looks[-1] == until else [*looks, until]


def _look(
    prepared: Prepared, until: date, stages: Stages, settings: Settings
) -> list[dict[str, object]]:
    """What the log before `until` shows; kept as a stage, so a stopped replay goes on from it."""
    kept = stages.table(f"look_{until:%Y%m%d}")
    if kept.path.exists():
        return list(pq.read_table(kept.path).to_pylist())
    looked = look(prepared, until)
    found = campaigns.investigate(
        prepared.engine, looked, until, fdr=settings.fdr, seed=settings.seed
    )
    result = campaigns.results(found)
    verdicts = dict(
        zip(
            result.campaigns["campaign_id"].to_pylist(),
            result.campaigns["verdict"].to_pylist(),
            strict=True,
        )
    )
    at = datetime(until.year, until.month, until.day, tzinfo=UTC)
    rows = [
        {
            "account_id": member["account_id"],
            "campaign_id": member["campaign_id"],
            "verdict": verdicts[member["campaign_id"]],
            "detected_at": at,
        }
        for member in result.members.select(["account_id", "campaign_id"]).to_pylist()
    ]
    write_table(pa.Table.from_pylist(rows, schema=DETECTIONS), kept.path)
    for spent in stages.directory.glob(f"*tokens*_{until:%Y%m%d}.parquet"):
        spent.unlink()
    return rows


def _facts(settings: Settings, every: timedelta, looks: list[date]) -> dict[str, object]:
    return {
        "version": __version__,
        "settings": settings.as_dict(),
        "every_days": every.days,
        "looks": [look.isoformat() for look in looks],
    }
