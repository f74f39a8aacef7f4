"""The command line. Errors that a user can act on are one line on the error stream, status 2."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from iolaus import __version__
from iolaus.app import settings as settings_file
from iolaus.app.compact import compact_store
from iolaus.app.forecast import forecast
from iolaus.app.ingest import ingest_log
from iolaus.app.mapping import map_log
from iolaus.app.privacy import app as privacy_app
from iolaus.app.progress import TerminalReporter
from iolaus.app.replay import replay as run_replay
from iolaus.app.scan import scan as run_scan
from iolaus.app.spend_logs import spend_logs
from iolaus.campaigns import Results
from iolaus.core.errors import ConfigError, IolausError
from iolaus.logs import open_log
from iolaus.worlds import score as score_scan
from iolaus.worlds import simulate as simulate_world

app = typer.Typer(
    help="Find distillation campaigns in the request logs of a model API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(privacy_app, name="privacy")

Log = Annotated[Path, typer.Argument(help="Log directory (docs/data-contract.md).")]
Out = Annotated[Path, typer.Option("--out", help="Directory for the results.")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")]
Memory = Annotated[str, typer.Option("--memory", help="What the run may take, such as 4GB.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Cores to use.")]
KnownFile = Annotated[
    Path | None, typer.Option("--known", help="known.parquet of an earlier scan or replay.")
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", help="Which fields the columns come from.")
]
EngineName = Annotated[str, typer.Option("--engine", help="duckdb or spark (docs/spark.md).")]
Master = Annotated[
    str | None, typer.Option("--master", help="Of Spark: local[2], yarn, spark://HOST:7077.")
]
SinceLast = Annotated[
    Path | None,
    typer.Option("--since-last", help="State directory: days that it has are not read again."),
]
ForgetGone = Annotated[
    bool,
    typer.Option("--forget-gone", help="With --since-last: leave out files that are gone."),
]
Keep = Annotated[bool, typer.Option("--keep-stages", help="Keep every stage's table.")]


@app.command()
def scan(
    log: Log,
    out: Out,
    config: Config = None,
    memory: Memory = "4GB",
    threads: Threads = 2,
    keep_stages: Keep = False,
    known: KnownFile = None,
    mapping: MappingFile = None,
    engine: EngineName = "duckdb",
    master: Master = None,
    since_last: SinceLast = None,
    forget_gone: ForgetGone = False,
) -> None:
    """Find campaigns in a log: verdicts, evidence and report.html."""
    settings = settings_file.load(config)
    with TerminalReporter() as report:
        if since_last is None:
            report.say(forecast(open_log(log, assume_utc=settings.assume_utc, mapping=mapping)))
        result = run_scan(
            log,
            out,
            settings,
            memory=memory,
            threads=threads,
            keep_stages=keep_stages,
            report=report,
            known=known,
            mapping=mapping,
            engine=engine,
            master=master,
            since_last=since_last,
            forget_gone=forget_gone,
        )
    _show(result, out)


@app.command()
def replay(
    log: Log,
    out: Out,
    every: Annotated[str, typer.Option("--every", help="How often to look: 1d, 2d, 7d.")] = "1d",
    config: Config = None,
    memory: Memory = "4GB",
    threads: Threads = 2,
    keep_stages: Keep = False,
    known: KnownFile = None,
    mapping: MappingFile = None,
    engine: EngineName = "duckdb",
    master: Master = None,
) -> None:
    """Judge a log day by day, knowing nothing of the future: detections.parquet."""
    settings = settings_file.load(config)
    with TerminalReporter() as report:
        report.say(
            forecast(open_log(log, assume_utc=settings.assume_utc, mapping=mapping))
            + " Then each look."
        )
        found = run_replay(
            log,
            out,
            settings,
            every=_days(every),
            memory=memory,
            threads=threads,
            keep_stages=keep_stages,
            report=report,
            known=known,
            mapping=mapping,
            engine=engine,
            master=master,
        )
    named = sum(verdict == "distillation" for verdict in found["verdict"].to_pylist())
    _print(f"{named:,} accounts named as distillation; see {out / 'detections.parquet'}")


@app.command()
def simulate(
    family: Annotated[str, typer.Argument(help="long, spike, null... (docs/worlds.md).")],
    seed: Annotated[int, typer.Option("--seed", help="All randomness comes from it.")],
    accounts: Annotated[int, typer.Option("--accounts", help="Accounts in all.")],
    exchanges: Annotated[int, typer.Option("--exchanges", help="Exchanges in all.")],
    out: Out,
    campaign_accounts: Annotated[
        int | None, typer.Option("--campaign-accounts", help="Of them, the campaign's.")
    ] = None,
    corpora: Annotated[
        Path | None, typer.Option("--corpora", help="Real prompts and rates (docs/worlds.md).")
    ] = None,
    strength: Annotated[
        list[str] | None,
        typer.Option("--strength", help="NAME=VALUE, such as cover=0.5; may be repeated."),
    ] = None,
    metadata_only: Annotated[
        bool,
        typer.Option("--metadata-only", help="Features in place of text; for very large logs."),
    ] = False,
) -> None:
    """Make a log with known truth: OUT/log and OUT/truth."""
    strengths = dict(_strength(text) for text in strength or [])
    make = simulate_world
    if metadata_only:
        from iolaus.worlds.metadata import simulate_metadata as make
    with TerminalReporter() as report:
        make(
            family,
            seed=seed,
            accounts=accounts,
            exchanges=exchanges,
            out=out,
            campaign_accounts=campaign_accounts,
            corpora=corpora,
            strength=strengths,
            progress=report,
        )
    _print(f"The log is in {out / 'log'}, the truth in {out / 'truth'}.")


app.command("map")(map_log)
app.command("ingest")(ingest_log)
app.command("compact")(compact_store)
app.command("spend-logs")(spend_logs)


@app.command()
def score(
    truth: Annotated[Path, typer.Argument(help="Truth directory of a simulated world.")],
    out: Annotated[Path, typer.Argument(help="Results of a scan or replay of its log.")],
) -> None:
    """Compare a scan's verdicts with a world's truth."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in score_scan(truth, out).table():
        table.add_row(name, value)
    Console().print(table)


@app.command()
def demo(out: Out = Path("demo")) -> None:
    """Simulate a small world with one hidden campaign, scan it, and score the scan."""
    from iolaus.app.demo import demo as run_demo

    with TerminalReporter() as report:
        result = run_demo(out, report)
    _show(result, out / "results")
    score(out / "world" / "truth", out / "results")


@app.command()
def receive(
    to: Annotated[Path, typer.Option("--to", help="Log directory to write.")],
    grpc: Annotated[str, typer.Option("--grpc", help="HOST:PORT of OTLP/gRPC, or off.")] = (
        "127.0.0.1:4317"
    ),
    http: Annotated[str, typer.Option("--http", help="HOST:PORT of OTLP/HTTP, or off.")] = (
        "127.0.0.1:4318"
    ),
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Which attributes the columns come from.")
    ] = None,
    seal_every: Annotated[
        str, typer.Option("--seal-every", help="How often rows become files: 30s, 5m.")
    ] = "5m",
    backlog: Annotated[
        str, typer.Option("--backlog", help="What may wait to be stored, such as 2GB.")
    ] = "2GB",
) -> None:
    """Receive OpenTelemetry GenAI spans into a log, until stopped (docs/logs/opentelemetry.md)."""
    from iolaus.app.receive import receive as run_receive

    run_receive(to, grpc=grpc, http=http, mapping=mapping, seal_every=seal_every, backlog=backlog)


def _strength(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigError(
            f"'{text}' is not NAME=VALUE.", where="--strength", next_step="Write cover=0.5."
        ) from None


def _days(text: str) -> timedelta:
    number = text.removesuffix("d")
    if not text.endswith("d") or not number.isdigit() or int(number) < 1:
        raise ConfigError(
            f"'{text}' is not a number of days.", where="--every", next_step="Write 1d or 7d."
        )
    return timedelta(days=int(number))


def _show(result: Results, out: Path) -> None:
    verdicts = result.campaigns["verdict"].to_pylist()
    raised = verdicts.count("distillation")
    campaigns = "1 campaign" if raised == 1 else f"{raised} campaigns"
    _print(f"{campaigns} of distillation; {len(verdicts) - raised} other groups, not called so.")
    for row in result.campaigns.to_pylist()[:raised]:
        sure = "known" if row["q_value"] is None else f"q = {row['q_value']:.2g}"
        _print(f"  {row['campaign_id']}  {sure}  {row['summary']}")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    days, rejected = run["days"], run["rejects"]
    if days["kept"]:
        _print(
            f"{days['read']:,} days were read, {days['kept']:,} are as an earlier run left them."
        )
    if "note" in days:
        _print(f"The state directory: {days['note']}.")
    if rejected:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in sorted(rejected.items()))
        _print(
            f"{sum(rejected.values()):,} rows rejected ({causes}); see {out / 'rejects.parquet'}"
        )
    _print(f"Open {out / 'report.html'}")


def _print(text: str) -> None:
    Console(soft_wrap=True).print(text, highlight=False, markup=False)


@app.command()
def version() -> None:
    """Print the version."""
    _print(__version__)


def main() -> None:
    """Entry point of the `iolaus` command."""
    try:
        app()
    except IolausError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"iolaus: {error}", style="red", highlight=False, markup=False
        )
        sys.exit(2)
