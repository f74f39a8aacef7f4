"""One cell: world, scan, replay, score, freeze. Nothing that stands already is made again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, head
from benchmarks.harness.measure import size_of
from benchmarks.harness.world import make_world

from iolaus.core.files import write_text

from .plan import EVERY, MEMORY, THREADS, Cell
from .reduce import reduced

RESULTS = Path(__file__).parent / "results"


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
    result |= bench.asked(f"{__package__}.judge", str(world / "truth"), str(out))
    result["world"] = {
        "simulate": json.loads((world / "made.json").read_text(encoding="utf-8")),
        "log_bytes": size_of(log),
    }
    path = bench.results / f"{cell.name}.json"
    write_text(json.dumps(head(bench, cell, began, machine) | result, indent=1) + "\n", path)
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
