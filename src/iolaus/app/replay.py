"""iolaus replay: the same log as if it arrived day by day; when would each account be named?"""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from iolaus import __version__, campaigns
from iolaus.app.known import digest, read_known, write_known
from iolaus.app.pipeline import Prepared, look, prepare
from iolaus.app.progress import Reporter
from iolaus.app.scan import refuse_overlap
from iolaus.app.settings import Settings
from iolaus.app.source import open_source
from iolaus.campaigns import Known, Results
from iolaus.core.files import remove_half_written, write_table, write_text
from iolaus.core.tables import DETECTIONS
from iolaus.engine import Stages, discard
from iolaus.logs.ingest import reading

OUTPUTS: Final = ("detections.parquet", "known.parquet", "replay.json")


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
    known: Path | None = None,
    mapping: Path | None = None,
    remembering: bool = True,
    engine: str = "duckdb",
    master: str | None = None,
) -> pa.Table:
    """Judge the log at the end of every `every` (whole days) and write detections.parquet.

    A look at the end of a day sees only rows of that day and before. Between two looks, accounts
    are recognised by the marks of campaigns that the earlier look (or the file `known`) knew, and
    detected at the exchange that decided; `remembering` = False leaves that out. Returns core
    DETECTIONS: for each account the first time it stood in a group of each verdict. mapping: a
    mapping file, in place of the log's own.
    """
    refuse_overlap(log, out)
    before = read_known(known)
    with ExitStack() as opened:
        opened.enter_context(reading(log, "iolaus replay"))
        source = open_source(log, settings, report, mapping=mapping, threads=threads)
        key = f"{source.key(settings)} replay {every.days} {remembering} {digest(before)}"
        stages = Stages(out / "stages", key)
        making = prepare(
            source,
            stages,
            memory=memory,
            threads=threads,
            report=report,
            engine=engine,
            master=master,
        )
        prepared = opened.enter_context(making)
        prepared.attach_features()
        first: dict[tuple[str, str], dict[str, object]] = {}
        since, looks = prepared.first_day, _looks(prepared.first_day, prepared.until, every)
        for done, until in enumerate(looks):
            report("replay", done, len(looks))
            day = Day(since, until, remembering)
            rows, before = _look(prepared, day, before, stages, settings)
            for row in rows:
                first.setdefault((str(row["account_id"]), str(row["verdict"])), row)
            since = until
        report("replay", len(looks), len(looks))
    rows = sorted(first.values(), key=lambda r: (r["detected_at"], r["account_id"], r["verdict"]))
    table = pa.Table.from_pylist(rows, schema=DETECTIONS)
    remove_half_written(out, OUTPUTS)
    write_table(table, out / "detections.parquet")
    write_known(before, out / "known.parquet")
    write_text(json.dumps(_facts(settings, every, looks), indent=2) + "\n", out / "replay.json")
    if not keep_stages:
        stages.remove()
    return table


@dataclass(frozen=True)
class Day:
    """The days [since, until) that a look adds, and whether it remembers earlier looks."""

    since: date
    until: date
    remembering: bool


def _looks(first: date, until: date, every: timedelta) -> list[date]:
    """The mornings on which the log so far is judged; the last one sees everything."""
    step = max(every.days, 1)
    looks = [first + timedelta(days=n) for n in range(step, (until - first).days + 1, step)]
    return looks if looks and looks[-1] == until else [*looks, until]


def _look(
    prepared: Prepared, day: Day, before: Known, stages: Stages, settings: Settings
) -> tuple[list[dict[str, object]], Known]:
    """What the log before `until` shows and what is known then; kept as stages, so a stopped
    replay goes on from them."""
    name = f"{day.until:%Y%m%d}"
    kept, memory = stages.table(f"look_{name}"), stages.table(f"known_{name}")
    if not kept.path.exists():
        rows, after = _looked(prepared, day, before, settings)
        write_known(after, memory.path)
        write_table(pa.Table.from_pylist(rows, schema=DETECTIONS), kept.path)
        for spent in ("*tokens*", "early", "carried", "claimed"):
            for path in stages.directory.glob(f"{spent}_{name}.parquet"):
                discard(path)
    return list(pq.read_table(kept.path).to_pylist()), read_known(memory.path)


def _looked(
    prepared: Prepared, day: Day, before: Known, settings: Settings
) -> tuple[list[dict[str, object]], Known]:
    """Recognise with what was known, look, remember."""
    recognised = campaigns.recognise(prepared.engine, before, day.since, day.until)
    if day.remembering:
        before = campaigns.add_recognised(before, recognised)
    found = campaigns.investigate(
        prepared.engine,
        look(prepared, day.until),
        day.until,
        fdr=settings.fdr,
        seed=settings.seed,
        known=before if day.remembering else Known.nothing(),
        threads=prepared.threads,
    )
    if day.remembering:
        result = campaigns.recall(campaigns.results(found), campaigns.named(found, before), before)
        before = campaigns.remember(found, before)
    else:
        result = campaigns.results(found)
    rows: list[dict[str, object]] = [
        {
            "account_id": row["account_id"],
            "campaign_id": row["campaign_id"],
            "verdict": "distillation",
            "detected_at": row["at"],
        }
        for row in recognised.select(["account_id", "campaign_id", "at"]).to_pylist()
    ]
    return rows + _members(result, day.until), before


def _members(result: Results, until: date) -> list[dict[str, object]]:
    """Every member of every group, detected at the look."""
    columns = (result.campaigns[name].to_pylist() for name in ("campaign_id", "verdict"))
    verdicts = dict(zip(*columns, strict=True))
    at = datetime(until.year, until.month, until.day, tzinfo=UTC)
    return [
        {
            "account_id": member["account_id"],
            "campaign_id": member["campaign_id"],
            "verdict": verdicts[member["campaign_id"]],
            "detected_at": at,
        }
        for member in result.members.select(["account_id", "campaign_id"]).to_pylist()
    ]


def _facts(settings: Settings, every: timedelta, looks: list[date]) -> dict[str, object]:
    return {
        "version": __version__,
        "settings": settings.as_dict(),
        "every_days": every.days,
        "looks": [look.isoformat() for look in looks],
    }
