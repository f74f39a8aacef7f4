"""One cell: world, scan, replay, score, freeze. Nothing that stands already is made again."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from iolaus.core.files import write_text

from . import origin
from .measure import Usage, run, size_of
from .plan import EVERY, MEMORY, THREADS, Cell, World
from .reduce import reduced

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Bench:
    """Where and with what cells are measured."""

    work: Path
    corpora: Path | None  # None: the worlds' own grammar (used by tests)
    results: Path
    commit: str
    source: Path  # the exported package

    @staticmethod
    def at(work: Path, corpora: Path | None, results: Path = RESULTS) -> "Bench":
        commit = origin.commit()
        work.mkdir(parents=True, exist_ok=True)
        return Bench(work.resolve(), corpora and corpora.resolve(), results, commit,
                     origin.export(commit, work.resolve()))  # fmt: skip

    def call(self, log: str, *words: str) -> Usage:
        """`iolaus WORDS` with the exported package."""
        return run(
            origin.iolaus(*words),
            env=origin.environment(self.source),
            cwd=origin.ROOT,
            log=self.work / "logs" / f"{log}.txt",
        )


def frozen(bench: Bench, cell: Cell) -> bool:
    """Whether this cell stands for this commit and these parameters."""
    path = bench.results / f"{cell.name}.json"
    if not path.exists():
        return False
    kept = json.loads(path.read_text(encoding="utf-8"))
    return bool(kept["commit"] == bench.commit and kept["parameters"] == cell.parameters())


def world_at(bench: Bench, world: World) -> Path:
    """Where a world is, or will be."""
    return bench.work / "worlds" / f"{world.name}-{origin.world_key(bench.commit)}"


def make_world(bench: Bench, world: World) -> Path:
    """The world's directory; simulated where it does not stand yet."""
    target = world_at(bench, world)
    if not (target / "made.json").exists():
        shutil.rmtree(target, ignore_errors=True)
        words = [
            "simulate", world.family, "--seed", str(world.seed),
            "--accounts", str(world.accounts), "--exchanges", str(world.exchanges),
            "--out", str(target),
        ]  # fmt: skip
        if world.campaign_accounts:
            words += ["--campaign-accounts", str(world.campaign_accounts)]
        if bench.corpora:
            words += ["--corpora", str(bench.corpora)]
        usage = bench.call(f"simulate-{world.name}", *words)
        write_text(json.dumps(asdict(usage)), target / "made.json")
    return target


def measure(bench: Bench, cell: Cell, say: Callable[[str], None]) -> Path:
    """Measure a cell and freeze it. Returns the path of its result."""
    say("world")
    world = make_world(bench, cell.world)
    log, out = world / "log", bench.work / "outs" / cell.name
    shutil.rmtree(out, ignore_errors=True)
    if cell.without:
        log = bench.work / "reduced" / cell.name
        shutil.rmtree(log, ignore_errors=True)
        reduced(world / "log", cell.without, log)
    machine, began = origin.machine(), datetime.now(UTC)
    say("scan")
    result: dict[str, Any] = {"scan": _engine(bench, cell, "scan", log, out)}
    if cell.replayed:
        say("replay")
        result["replay"] = _engine(bench, cell, "replay", log, out)
    say("score")
    result |= _judged(bench, world / "truth", out)
    result["world"] = {
        "simulate": json.loads((world / "made.json").read_text(encoding="utf-8")),
        "log_bytes": size_of(log),
    }
    path = bench.results / f"{cell.name}.json"
    write_text(json.dumps(_head(bench, cell, began, machine) | result, indent=1) + "\n", path)
    if cell.without:
        shutil.rmtree(log)
    return path


def _engine(bench: Bench, cell: Cell, command: str, log: Path, out: Path) -> dict[str, Any]:
    """Scan or replay, its stages measured and removed."""
    words = [command, str(log), "--out", str(out), "--memory", MEMORY, "--threads", str(THREADS)]
    words += ["--keep-stages", *(["--every", EVERY] if command == "replay" else [])]
    usage = bench.call(f"{command}-{cell.name}", *words)
    stages = size_of(out / "stages")
    shutil.rmtree(out / "stages")
    return {**asdict(usage), "stages_bytes": stages,
            "rows_per_s": round(cell.world.exchanges / usage.wall_s)}  # fmt: skip


def _judged(bench: Bench, truth: Path, out: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.judge", str(truth), str(out)],
        env=origin.environment(bench.source),
        cwd=origin.ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"scoring {out} failed:\n{done.stderr}")
    judged: dict[str, Any] = json.loads(done.stdout)
    return judged


def _head(bench: Bench, cell: Cell, began: datetime, machine: dict[str, Any]) -> dict[str, Any]:
    return {
        "cell": cell.name,
        "parameters": cell.parameters(),
        "commit": bench.commit,
        "date": began.isoformat(timespec="seconds"),
        "machine": machine,
        "corpora": origin.corpora_digest(bench.corpora) if bench.corpora else None,
    }


def warm_up(bench: Bench) -> None:
    """Let the text kernel compile once per commit (about 12 s), outside of what is measured."""
    done = bench.source.parent / "warm"
    if not done.exists():
        world = World("spike", 1, 200, 20, 2_000)
        log = make_world(Bench(bench.work, None, bench.results, bench.commit, bench.source), world)
        out = bench.work / "outs" / "warm-up"
        bench.call("warm-up", "scan", str(log / "log"), "--out", str(out))
        shutil.rmtree(out)
        done.touch()
