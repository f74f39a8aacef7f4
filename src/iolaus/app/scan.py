"""iolaus scan: verdicts, evidence and a report of one log."""

import json
import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from iolaus import __version__, campaigns
from iolaus.app.known import digest, read_known, write_known
from iolaus.app.pipeline import Prepared, look, prepare
from iolaus.app.progress import Reporter
from iolaus.app.settings import Settings
from iolaus.app.source import open_source
from iolaus.app.state import open_state
from iolaus.campaigns import Investigation, Known, Named, Results
from iolaus.cases import ReportInput, render
from iolaus.core.errors import InputError
from iolaus.core.files import aside, remove_half_written, write_table, write_text
from iolaus.core.tables import EXCERPTS
from iolaus.engine import Stages
from iolaus.logs import located
from iolaus.logs.ingest import reading

OUTPUTS: Final = (
    *(f"{name}.parquet" for name in ("campaigns", "members", "evidence", "rejects", "known")),
    "report.html",
    "run.json",
)


def scan(
    log: Path,
    out: Path,
    settings: Settings,
    *,
    memory: str,
    threads: int,
    keep_stages: bool,
    report: Reporter,
    known: Path | None = None,
    mapping: Path | None = None,
    engine: str = "duckdb",
    master: str | None = None,
    since_last: Path | None = None,
    forget_gone: bool = False,
) -> Results:
    """Scan a log directory and write the files that the data contract names into `out`.

    known: an earlier run's known.parquet. Its campaigns keep their ids, and accounts that carry
    their marks are named even where no group of them is found. engine, master: who runs the steps
    (iolaus.engine.open_engine); no result depends on it. mapping: a mapping file, in place of the
    log's own. since_last: a state directory: days that earlier runs left there are not read again,
    and no result depends on it either; of files that are gone by now it keeps the exchanges, unless
    `forget_gone`.
    """
    began, clock = datetime.now(UTC), time.monotonic()
    timings: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal clock
        now = time.monotonic()
        timings[name], clock = round(now - clock, 3), now

    refuse_overlap(log, out)
    if since_last is not None:
        refuse_overlap(log, since_last)
    with (
        reading(log, "iolaus scan"),
        open_state(since_last) if since_last is not None else nullcontext() as state,
    ):
        source = open_source(
            log, settings, report, state, mapping, threads=threads, forget_gone=forget_gone
        )
        days = None if state is None else state.directory
        before = read_known(known)
        stages = Stages(out / "stages", f"{source.key(settings)} {digest(before)}", days)
        lap("digest")
        with prepare(
            source,
            stages,
            state,
            memory=memory,
            threads=threads,
            report=report,
            engine=engine,
            master=master,
        ) as prepared:
            lap("prepare")
            looked = look(prepared, prepared.until)
            lap("tokens")
            found = campaigns.investigate(
                prepared.engine,
                looked,
                prepared.until,
                fdr=settings.fdr,
                seed=settings.seed,
                known=before,
                threads=prepared.threads,
                progress=report,
            )
            lap("investigate")
            recalled = _recall(found, before, prepared)
            run = _run_facts(log, prepared, settings, began, found)
            run |= {"known_campaigns": len(before), "recognised": recalled.recognised}
            page = _report(found, recalled, prepared, settings, run)
            lap("report")
            _write(out, recalled.result, page, {**run, "timings_s": timings}, stages)
            write_known(recalled.after, out / "known.parquet")
    if not keep_stages:
        stages.remove()
    return recalled.result


@dataclass(frozen=True)
class Recalled:
    """Results with what was known from before, the groups' ids, and what is known afterwards."""

    result: Results
    names: Named
    recognised: int
    after: Known


def _recall(found: Investigation, before: Known, prepared: Prepared) -> Recalled:
    """Recognise accounts of known campaigns, give groups their known ids, and remember."""
    engine, until = prepared.engine, prepared.until
    if len(before):
        prepared.attach_features()
    recognised = campaigns.recognise(engine, before, prepared.first_day, until)
    grown = campaigns.add_recognised(before, recognised)
    names = campaigns.named(found, grown)
    result = campaigns.recall(campaigns.results(found), names, grown)
    result = campaigns.with_recognised(result, recognised, grown, engine, until)
    return Recalled(result, names, recognised.num_rows, campaigns.remember(found, grown))


def refuse_overlap(log: Path, out: Path) -> None:
    """Results inside the log's exchanges would be read as part of it the next time."""
    if log.resolve() == out.resolve() or (log / "exchanges").resolve() in out.resolve().parents:
        raise InputError(
            "results cannot be written into the log itself.",
            where=str(out),
            next_step="Choose another directory for --out.",
        )


def _run_facts(
    log: Path, prepared: Prepared, settings: Settings, began: datetime, found: Investigation
) -> dict[str, object]:
    seen = found.scene.seen
    return {
        "version": __version__,
        "log": str(located(log)),
        "engine": prepared.engine.name,
        "started_at": began.isoformat(timespec="seconds"),
        "settings": settings.as_dict(),
        "fdr": settings.fdr,
        "seed": settings.seed,
        "window_start": prepared.first_day.isoformat(),
        "window_end": prepared.last_day.isoformat(),
        "exchanges": int(seen.exchanges.sum()),
        "accounts": seen.accounts,
        "rejects": prepared.rejects,
        "enrichment": prepared.enriched,
        "pairs_forecast": found.forecast.pairs,
        "hub_limits": found.forecast.limits,
        "link_threshold_bits": found.scene.links.threshold,
        "formats": prepared.intake.formats,
        "missing_columns": prepared.intake.missing_columns,
        "detectors_not_run": not_run(found),
        "days": _days(prepared),
        "files": [{"path": path, "sha256": digest} for path, digest in prepared.source.digests],
    }


def _days(prepared: Prepared) -> dict[str, object]:
    """Which part of the days was made by this run, and whose files are gone."""
    made, source = prepared.made, prepared.source
    said: dict[str, object] = {"read": made.read, "revised": made.revised, "kept": made.kept}
    return said | {"files_gone": len(source.gone)} | ({"note": source.note} if source.note else {})


def not_run(found: Investigation) -> list[dict[str, str]]:
    """Detectors that ran on no group at all, with the reason given first; and whether accounts were
    compared by what they ask about."""
    measured = {f.detector for j in found.judged for f in j.findings if f.value == f.value}
    reasons: dict[str, str] = {}
    for judged in found.judged:
        for finding in judged.findings:
            if finding.detector not in measured:
                reasons.setdefault(finding.detector, finding.detail)
    if why := campaigns.undivided(found.scene.content):
        reasons["content communities"] = why
    return [{"detector": name, "why": why} for name, why in sorted(reasons.items())]


def _report(
    found: Investigation,
    recalled: Recalled,
    prepared: Prepared,
    settings: Settings,
    run: dict[str, object],
) -> str:
    result = recalled.result

    def kept(table: pa.Table) -> pa.Table:
        return campaigns.with_kept_ids(table, recalled.names)

    return render(
        ReportInput(
            campaigns=result.campaigns,
            members=result.members,
            evidence=result.evidence,
            timeline=kept(campaigns.timeline(found)),
            ties=kept(campaigns.ties(found)),
            nulls=kept(campaigns.nulls(found)),
            excerpts=_excerpts(result, prepared, settings),
            unmeasured=kept(campaigns.unmeasured(found)),
            run=run,
        )
    )


def _excerpts(result: Results, prepared: Prepared, settings: Settings) -> pa.Table:
    """A few prompts of each distillation campaign, chosen by hash, read from the source again."""
    if prepared.source.log.is_store:  # there is no text
        return EXCERPTS.empty_table()
    engine = prepared.engine
    prepared.attach_features()
    engine.register("campaign_rows", result.campaigns.select(["campaign_id", "verdict"]))
    engine.register("member_rows", result.members.select(["campaign_id", "account_id"]))
    chosen = engine.fetch(
        """
        SELECT campaign_id, account_id, ts, model, source_file, source_row
        FROM features JOIN member_rows USING (account_id) JOIN campaign_rows USING (campaign_id)
        WHERE verdict = 'distillation' AND prompt_hash IS NOT NULL AND source_file IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY campaign_id ORDER BY exchange_hash) <= $most
        ORDER BY campaign_id, exchange_hash
        """,
        {"most": settings.excerpts},
    ).to_pylist()
    places = [(row["source_file"], row["source_row"]) for row in chosen]
    texts = prepared.prompts(places) if places else []
    rows = [{**row, "text": text} for row, text in zip(chosen, texts, strict=True)]
    kept = [{name: row[name] for name in EXCERPTS.names} for row in rows if row["text"]]
    return pa.Table.from_pylist(kept, schema=EXCERPTS)


def _write(out: Path, result: Results, page: str, run: dict[str, object], stages: Stages) -> None:
    remove_half_written(out, OUTPUTS)
    write_table(result.campaigns, out / "campaigns.parquet")
    write_table(result.members, out / "members.parquet")
    write_table(result.evidence, out / "evidence.parquet")
    with aside(out / "rejects.parquet") as temporary:
        shutil.copyfile(stages.table("rejects").path, temporary)
    write_text(page, out / "report.html")
    write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", out / "run.json")
