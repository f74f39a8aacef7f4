"""The main job, top to bottom: a log directory in, named tables between, verdicts out.

    features      one row per exchange, no text           logs, signals
    accounts, profiles, ...  one row per account (and day) signals
    token_days    shared evidence, by day                 signals
    tokens, content  merged as of an instant              signals
    verdicts      links, groups, tests, judgement         campaigns

Every arrow is Parquet: in the stage directory of the run, and what is made a day at a time in a
state directory that later runs go on from (app.state). A run that was stopped resumes there.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from iolaus import signals
from iolaus.app.intake import Intake, attach_features, reject_counts, take_in, write_rejects
from iolaus.app.progress import Reporter
from iolaus.app.source import Source
from iolaus.app.state import Ledger, State
from iolaus.campaigns import Content, Looked
from iolaus.core.errors import InputError
from iolaus.core.files import write_text
from iolaus.core.tables import ACCOUNTS, ENFORCEMENT, RELEASES
from iolaus.engine import Engine, Stages, open_engine
from iolaus.logs import Rejects
from iolaus.logs.enrichment import account_tally, enrich_accounts
from iolaus.signals import Made
from iolaus.signals.text.embeddings import embedder, encoder

# The log's small tables under the names that SQL steps know them by.
SMALL = {"claimed": ACCOUNTS, "releases": RELEASES, "enforcement": ENFORCEMENT}


@dataclass(frozen=True)
class Prepared:
    """A log as tables, ready to be looked at as of any day. threads: cores to use. made: which days
    were made anew."""

    engine: Engine
    threads: int
    source: Source
    intake: Intake
    made: Made
    rejects: dict[str, int]

    @property
    def first_day(self) -> date:
        return self.intake.days[0].day

    @property
    def last_day(self) -> date:
        return self.intake.days[-1].day

    @property
    def until(self) -> date:
        """The day after the last: everything is before it."""
        return self.last_day + timedelta(days=1)

    @property
    def enriched(self) -> dict[str, object]:
        """What each file of [enrichment] gave and what was filled; empty without any."""
        enrichment = self.source.enrichment
        if enrichment is None:
            return {}
        said: dict[str, object] = {}
        if self.source.log.is_store:
            said["not_applied"] = "the log is a store: its rows were filled when they were written"
        else:
            said["files"] = [file.as_dict() for file in enrichment.reports]
            said["filled"] = self.intake.filled
        claimed = pq.read_table(self.engine.stages.table("claimed").path)
        if accounts := account_tally(claimed):
            said["accounts"] = accounts
        return said

    def attach_features(self, *, whole: bool = True) -> None:
        """Let SQL use every exchange by the name `features`. whole: raise InputError where files of
        the log that hold them are gone."""
        attach_features(self.intake, self.engine, whole=whole)

    def prompts(self, places: Sequence[tuple[int, int]]) -> list[str | None]:
        """Prompts by (source_file, source_row); None where there is none any more."""
        return self.source.prompts(self.intake.names, places)


@contextmanager
def prepare(
    source: Source,
    stages: Stages,
    state: State | None = None,
    *,
    memory: str,
    threads: int,
    report: Reporter,
    engine: str = "duckdb",
    master: str | None = None,
) -> Iterator[Prepared]:
    """Make every table that verdicts need, or take it from an earlier run.

    state: what earlier runs left, and what the next ones find; None: the stages alone.
    """
    held = state or State(stages.directory)
    with open_engine(engine, stages, memory=memory, threads=threads, master=master) as running:
        # Loaded before the log is read, which takes long; a model that cannot be is said at once.
        encode = encoder(embedder(source.embeddings)) if source.embeddings else None
        small = _small_tables(source, running)
        intake = take_in(source, running, held, threads, report)
        twice = reject_counts(intake, small)
        write_rejects(intake, held, _rejected(stages), stages.table("rejects").path)
        claimed = pq.read_table(stages.table("claimed").path)
        signals.accounts(running, claimed, intake.days)
        _refuse_lonely(running)
        made = signals.daily(
            running, intake.days, held.earlier, lambda done, total: report("days", done, total)
        )
        prepared = Prepared(running, threads, source, intake, made, twice)
        missing = signals.content_missing(running, intake.days, made.keys, held.earlier)
        if encode is not None and missing:
            signals.embedded_content(running, prepared.prompts, encode, report, missing)
        signals.content_days(running, missing, embedded=encode is not None)
        if held.kept:
            _save(prepared, held)
        signals.token_days(running)
        yield prepared


def _save(prepared: Prepared, state: State) -> None:
    """From here on the next run finds these days."""
    intake = prepared.intake
    ledger = Ledger(
        meaning=prepared.source.meaning,
        files=intake.files,
        columns=intake.columns,
        exchanges={day.day: day.exchanges for day in intake.days},
        keys=prepared.made.keys,
    )
    numbers = prepared.engine.fetch("SELECT account, account_id FROM accounts ORDER BY account")
    kept = {"accounts": numbers, "twice": intake.twice}
    state.save(ledger, kept, prepared.engine.stages.chosen())


def _rejected(stages: Stages) -> Path:
    return stages.table("rejects_small").path


def _small_tables(source: Source, engine: Engine) -> dict[str, int]:
    """Keep the log's small tables. Returns their rejects by cause."""
    log, stages = source.log, engine.stages
    counts_file = stages.directory / "rejects.json"
    if not counts_file.exists():  # written last: it stands only when all the others do
        rejects = Rejects(_rejected(stages))
        log.rejects = rejects
        with rejects:
            small = {
                "claimed": _accounts(source),
                "releases": log.releases(),
                "enforcement": log.enforcement(),
            }
        for name, schema in SMALL.items():
            table = small[name]
            engine.keep(name, table if table is not None else schema.empty_table())
        write_text(json.dumps(rejects.counts, sort_keys=True), counts_file)
    for name in SMALL:
        engine.attach(stages.table(name))
    counts: dict[str, int] = json.loads(counts_file.read_text(encoding="utf-8"))
    return counts


def _accounts(source: Source) -> pa.Table | None:
    """What accounts claim, with what [enrichment] says of them."""
    accounts, enrichment = source.log.accounts(), source.enrichment
    if accounts is None or enrichment is None or source.log.is_store:
        return accounts
    return enrich_accounts(accounts, enrichment)


def look(prepared: Prepared, until: date) -> Looked:
    """Tokens of the days before `until`, whole and in the two halves that test each other."""
    engine, day = prepared.engine, f"{until:%Y%m%d}"
    names = f"tokens_{day}", f"tokens_even_{day}"
    return Looked(
        *signals.whole_and_even_tokens(engine, until, *names),
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
