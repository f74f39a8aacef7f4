"""The main job, top to bottom: a log directory in, named tables between, verdicts out.

    features      one row per exchange, no text           logs, signals
    accounts, profiles, ...  one row per account (and day) signals
    token_days    shared evidence, by day                 signals
    tokens, content  merged as of an instant              signals
    verdicts      links, groups, tests, judgement         campaigns

Every arrow is a Parquet file in the stage directory. A run that was stopped resumes there.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from iolaus import __version__, signals
from iolaus.app.progress import Reporter
from iolaus.app.settings import Settings
from iolaus.campaigns import Content, Looked
from iolaus.core.errors import InputError
from iolaus.core.files import aside, write_text
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, FEATURES, RELEASES
from iolaus.engine import Engine, Stages, move, open_engine
from iolaus.logs import Cause, Log, LogFile, Rejects, open_log
from iolaus.logs.enrichment import Enrichment, EnrichmentFiles, Tally, compile_files, enrich
from iolaus.signals.text.embeddings import embedder, encoder, model_files

# The log's small tables under the names that SQL steps know them by.
SMALL = {"claimed": ACCOUNTS, "releases": RELEASES, "enforcement": ENFORCEMENT}
ENRICHED = "enriched.json"  # in the stage directory: what was filled


@dataclass(frozen=True)
class Source:
    """An opened log with what identifies it: relative path and SHA-256 of each of its files.

    embeddings: the model that makes content codes, as in Settings; its files are digested too.
    enrichment: the compiled files of [enrichment], digested too; None without any.
    """

    log: Log
    digests: tuple[tuple[str, str], ...]
    embeddings: str = ""
    enrichment: Enrichment | None = None

    def key(self, settings: Settings) -> str:
        """What a run's stages depend on."""
        parts = [__version__, self.digests, sorted(settings.as_dict().items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Prepared:
    """A log as tables, ready to be looked at as of any day. enriched: what was filled."""

    engine: Engine
    source: Source
    rejects: dict[str, int]
    enriched: dict[str, object]
    first_day: date
    last_day: date  # inclusive

    @property
    def until(self) -> date:
        """The day after the last: everything is before it."""
        return self.last_day + timedelta(days=1)


def open_source(
    path: Path, settings: Settings, report: Reporter, mapping: Path | None = None
) -> Source:
    """Open a log, find the embedding model and compile the enrichment files if there are any, and
    digest the files of all."""
    log = open_log(path, assume_utc=settings.assume_utc, mapping=mapping)
    named = settings.enrichment != EnrichmentFiles()
    enrichment = compile_files(settings.enrichment) if named else None
    model = model_files(settings.embeddings) if settings.embeddings else {}
    own = [LogFile(file, f"embeddings/{name}", file.stat().st_size) for name, file in model.items()]
    files = [*log.files, *log.other_files, *own]
    digests = []
    for done, file in enumerate(files):
        report("digest", done, len(files))
        digests.append((file.name, file.digest()))
    report("digest", len(files), len(files))
    if enrichment is not None:
        reports = enrichment.reports
        digests += [(f"enrichment/{r.used_as}/{r.path.name}", r.sha256) for r in reports]
    return Source(log, tuple(sorted(digests)), settings.embeddings, enrichment)


@contextmanager
def prepare(
    source: Source,
    stages: Stages,
    *,
    memory: str,
    threads: int,
    report: Reporter,
    engine: str = "duckdb",
    master: str | None = None,
) -> Iterator[Prepared]:
    """Make every table that verdicts need, or take it from an earlier run that was stopped."""
    with open_engine(engine, stages, memory=memory, threads=threads, master=master) as running:
        rejects = _tables(source, running, stages, threads, report)
        _refuse_lonely(running)
        days = running.fetch("SELECT min(day) AS first, max(day) AS last FROM profiles").to_pylist()
        first, last = days[0]["first"], days[0]["last"]
        yield Prepared(running, source, rejects, _enriched(source, stages), first, last)


def _tables(
    source: Source,
    engine: Engine,
    stages: Stages,
    threads: int,
    report: Reporter,
) -> dict[str, int]:
    """Every table up to the daily ones. Returns rejects by cause."""
    # Loaded before the log is read, which takes long; a model that cannot be is said at once.
    encode = encoder(embedder(source.embeddings)) if source.embeddings else None
    rejects = _read(source, engine, stages, threads, report)
    signals.accounts(engine, pq.read_table(stages.table("claimed").path))
    signals.daily(engine, lambda done, total: report("days", done, total))
    signals.token_days(engine)
    if encode is not None:
        signals.embedded_content(engine, source.log.excerpts, encode, report)
    signals.content_days(engine, embedded=encode is not None)
    return rejects


def _enriched(source: Source, stages: Stages) -> dict[str, object]:
    """What each file of [enrichment] gave and what was filled from them; empty without any."""
    if source.enrichment is None:
        return {}
    if source.log.store_sql is not None:
        return {"not_applied": "the log is a store: its rows were filled when they were written"}
    filled = json.loads((stages.directory / ENRICHED).read_text(encoding="utf-8"))
    return {"files": [file.as_dict() for file in source.enrichment.reports], "filled": filled}


def _read(
    source: Source,
    engine: Engine,
    stages: Stages,
    threads: int,
    report: Reporter,
) -> dict[str, int]:
    """Read the log once: features, the small tables, the rejects. Returns rejects by cause."""
    log, counts_file = source.log, stages.directory / "rejects.json"
    stored = log.store_sql
    if not counts_file.exists():  # written last: it stands only when all the others do
        rejects = Rejects(stages.table("rejects").path)
        log.rejects = rejects
        with rejects:
            small = {
                "claimed": log.accounts(),
                "releases": log.releases(),
                "enforcement": log.enforcement(),
            }
            if stored is None:
                _write_features(source, stages, threads, report)
                _reject_duplicates(log, engine, stages, rejects)
        for name, schema in SMALL.items():
            table = small[name]
            engine.keep(name, table if table is not None else schema.empty_table())
        write_text(json.dumps(rejects.counts, sort_keys=True), counts_file)
    for name in SMALL:
        engine.attach(stages.table(name))
    if stored is None:
        engine.attach(stages.table("features"))
    else:
        engine.attach_files("features", [file.path for file in log.files], stored)
    counts: dict[str, int] = json.loads(counts_file.read_text(encoding="utf-8"))
    return counts


def _write_features(source: Source, stages: Stages, threads: int, report: Reporter) -> None:
    signals.warm_up()  # once, before several threads would compile the same kernel
    total, done, tally = source.log.rows_estimate or 0, 0, Tally()
    batches = source.log.batches()
    if source.enrichment is not None:
        batches = enrich(batches, source.enrichment, tally)
    with (
        aside(stages.table("features").path) as temporary,
        pq.ParquetWriter(temporary, FEATURES, compression="zstd", compression_level=1) as writer,
    ):
        for batch in signals.features(batches, threads):
            writer.write_batch(batch)
            done += batch.num_rows
            report("read", done, total)
    if source.enrichment is not None:
        write_text(json.dumps(tally.as_dict()), stages.directory / ENRICHED)


def _reject_duplicates(log: Log, engine: Engine, stages: Stages, rejects: Rejects) -> None:
    """Keep the first exchange of each id; the later ones are rejected, with their places."""
    engine.attach(stages.table("features"))
    later = engine.fetch(
        """
        WITH twice AS (
            SELECT exchange_hash FROM features GROUP BY exchange_hash HAVING count(*) > 1
        )
        SELECT source_file, source_row FROM features SEMI JOIN twice USING (exchange_hash)
        QUALIFY row_number() OVER (
            PARTITION BY exchange_hash ORDER BY source_file, source_row) > 1
        ORDER BY source_file, source_row
        """
    )
    if later.num_rows == 0:
        return
    for row in later.to_pylist():
        file = log.files[row["source_file"]].name
        rejects.add(file, row["source_row"], Cause.DUPLICATE_EXCHANGE, was_kept=True)
    engine.register("later", later)
    unique = engine.step(
        "features_unique", "SELECT * FROM features ANTI JOIN later USING (source_file, source_row)"
    )
    move(unique.path, stages.table("features").path)


def look(prepared: Prepared, until: date) -> Looked:
    """Tokens of the days before `until`, whole and in the two halves that test each other."""
    engine, day = prepared.engine, f"{until:%Y%m%d}"
    return Looked(
        signals.tokens(engine, until, f"tokens_{day}"),
        signals.tokens(engine, until, f"tokens_even_{day}", even_days=True),
        signals.held_out_tokens(engine, until, f"tokens_odd_{day}"),
        _content(engine, until),
    )


def _content(engine: Engine, until: date) -> Content:
    known = engine.fetch(
        "SELECT count(*) AS n FROM accounts WHERE first_seen < $until", {"until": until}
    )
    made = signals.content_vectors(engine, until, np.arange(known["n"][0].as_py()))
    return Content(made.vectors, made.counts)


def _refuse_lonely(engine: Engine) -> None:
    """A log of one account holds nothing that could be compared."""
    if engine.fetch("SELECT count(*) AS n FROM accounts")["n"][0].as_py() < 2:
        raise InputError(
            "the log has only one account; campaigns are found across accounts.",
            where="exchanges",
            next_step="Check which column became account_id.",
        )
