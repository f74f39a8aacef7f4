"""iolaus ingest: a log into a store, once or for as long as it grows."""

import gc
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import pyarrow as pa
import typer

from iolaus import signals
from iolaus.app.options import seconds
from iolaus.app.progress import Reporter, TerminalReporter, say, silent
from iolaus.app.settings import Privacy, Settings, load, load_privacy
from iolaus.core.tables import TEXT_COLUMNS
from iolaus.engine.sizes import size_in_bytes
from iolaus.logs.enrichment import (
    Enrichment,
    EnrichmentFiles,
    compile_files,
    enrich,
    enrich_accounts,
)
from iolaus.logs.ingest import Ingest, Protection, State
from iolaus.logs.privacy import read_keys, refuse_inside
from iolaus.signals.identity import exchange_hashes
from iolaus.signals.text import text_features

HELD_SHARE: Final = 8  # rows held are 1 / 8 of --memory: joined, sorted and written they are thrice
MOST_HELD: Final = 2**30  # bytes; Arrow's text columns end at 2 GB
POLL_SECONDS: Final = 1.0
INTERRUPTED: Final = 130  # the status of a program that SIGINT ended
GARBAGE_OBJECTS: Final = 50_000  # 700 unless set; 50,000 * some 100 B = 5 MB


def ingest_log(
    source: Annotated[Path, typer.Argument(help="Log directory (docs/reading-logs.md).")],
    to: Annotated[Path, typer.Option("--to", help="Store to write (docs/ingest.md).")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as files appear or grow, until stopped.")
    ] = False,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Which fields the columns come from.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file with settings.")
    ] = None,
    every: Annotated[
        str, typer.Option("--every", help="With --follow: how often rows become files: 30s, 5m.")
    ] = "5m",
    memory: Annotated[
        str, typer.Option("--memory", help="What the run may take, such as 512MB.")
    ] = "512MB",
    threads: Annotated[int, typer.Option("--threads", min=1, help="Cores to use.")] = 2,
) -> None:
    """Bring a log into a store: by day, features in place of text, nothing twice."""
    waited = seconds(every, "--every")
    job = Job(source, to, load(config), load_privacy(config), mapping, memory, threads, waited)
    with told_to_stop() as stop:
        if follow:
            state = ingest(job, follow=True, stop=stop, report=silent, say=say)
        else:
            with TerminalReporter() as report:
                state = ingest(job, follow=False, stop=stop, report=report, say=report.say)
    say(summary(state, to))
    if stop.is_set() and not follow:
        say("Stopped before the end: the same command goes on from there.")
        raise typer.Exit(INTERRUPTED)


@dataclass(frozen=True)
class Job:
    """What is ingested, and how. every: seconds after which held rows are stored while following.

    mapping: a mapping file; by default the log's own, if it has one.
    """

    source: Path
    store: Path
    settings: Settings
    privacy: Privacy | None
    mapping: Path | None
    memory: str
    threads: int
    every: float


def ingest(
    job: Job,
    *,
    follow: bool,
    stop: threading.Event,
    report: Reporter,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> State:
    """Bring the store up to what the log has; `follow`: and go on until `stop` is set.

    Everything that was read is stored when it returns. Returns what the store has had in all.
    """
    signals.warm_up()  # once, before several threads would compile the same kernel
    with _opened(job, follow, say) as ingesting, rarely_collected():
        _run(job, ingesting, follow, stop, report, say, clock)
        for name, size in sorted(ingesting.unfinished().items()):
            say(f"{name}: its last line ({size:,} bytes) is not whole, and is left for later")
        return ingesting.state


def _run(
    job: Job,
    ingesting: Ingest,
    follow: bool,
    stop: threading.Event,
    report: Reporter,
    say: Callable[[str], None],
    clock: Callable[[], float],
) -> None:
    """Look and store, once or until it is told to stop."""
    stored_at, told = clock(), ingesting.state.batch
    while True:
        ingesting.look(clock(), stop, lambda rows: report("ingest", rows, 0))
        due = clock() - stored_at >= job.every
        if due or not follow or stop.is_set():
            again = not ingesting.commit()
            stored_at = clock()
            if stop.is_set() or (not follow and not again):
                return
        if follow:
            if ingesting.state.batch > told:
                told = ingesting.state.batch
                say(summary(ingesting.state, job.store).splitlines()[0])
            stop.wait(POLL_SECONDS)


def transform(
    enrichment: Enrichment | None, *, keep_text: bool
) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """Valid exchanges -> what the store has of them: features, and texts only if they are kept."""

    def features(batch: pa.RecordBatch) -> pa.RecordBatch:
        if enrichment is not None:
            batch = next(enrich([batch], enrichment))
        text = text_features(batch["prompt"], batch["system_prompt"])
        columns = {
            name: column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if keep_text or name not in TEXT_COLUMNS
        }
        columns["exchange_hash"] = pa.array(exchange_hashes(batch["exchange_id"]))
        columns |= dict(zip(text.schema.names, text.columns, strict=True))
        return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))

    return features


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT interrupts at once."""
    event = threading.Event()

    def heard(number: int, _: FrameType | None) -> None:
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Python looks for cycles after 50,000 new objects: rows of JSON are many, and never cycles (a
    sixth of the main thread's time)."""
    before = gc.get_threshold()
    gc.set_threshold(GARBAGE_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def summary(state: State, store: Path) -> str:
    """The counts in one or two lines."""
    rejected = sum(state.rejected.values())
    text = (
        f"{store} has had {state.read:,} rows: {state.stored:,} stored, "
        f"{state.duplicates:,} duplicates, {rejected:,} rejected."
    )
    causes = Counter(state.rejected) + Counter(state.rejected_of_tables)
    if causes:
        told = ", ".join(f"{cause} {count:,}" for cause, count in sorted(causes.items()))
        text += f"\nRejected: {told}; see {store / 'rejects'}."
    return text


def _opened(job: Job, follow: bool, say: Callable[[str], None]) -> Ingest:
    enrichment = None
    if job.settings.enrichment != EnrichmentFiles():
        enrichment = compile_files(job.settings.enrichment)
    protection = None
    if job.privacy is not None:
        refuse_inside(job.privacy.keys, job.store, job.source)
        keys = read_keys(job.privacy.keys)
        protection = Protection(keys, job.privacy.pseudonyms, job.privacy.text)
    keep_text = job.privacy is not None and job.privacy.text != "drop"

    def tables(name: str, table: pa.Table) -> pa.Table:
        filled = enrichment is not None and name == "accounts"
        return enrich_accounts(table, enrichment) if filled and enrichment is not None else table

    return Ingest(
        job.source,
        job.store,
        transform(enrichment, keep_text=keep_text),
        tables=tables,
        protection=protection,
        mapping=job.mapping,
        assume_utc=job.settings.assume_utc,
        follow=follow,
        batch_bytes=min(size_in_bytes(job.memory) // HELD_SHARE, MOST_HELD),
        threads=job.threads,
        say=say,
    )
