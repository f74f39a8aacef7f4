"""One world's cells: simulate, scan once, judge, compare, freeze, and remove the world."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.harness import origin
from benchmarks.harness.bench import Bench, frozen, head
from benchmarks.harness.world import World, make_world, world_at
from benchmarks.peers import PEERS

from iolaus.core.files import write_text

from .plan import EVERY, MEMORY, THREADS, Cell

Say = Callable[[str], None]
Result = dict[str, Any]


class Job:
    """A world and what is done in it. The scan is made when the first cell asks for it. One thread
    has it (no `cached_property`: until Python 3.12 its lock is that of all jobs)."""

    def __init__(self, bench: Bench, world: World, say: Say, *, keep_stages: bool) -> None:
        self.bench, self.given, self.say, self.keep_stages = bench, world, say, keep_stages
        self.out = bench.work / "outs" / world.name
        self._world: Path | None = None
        self._scanned: Result | None = None

    @property
    def world(self) -> Path:
        if self._world is None:
            self.say("simulate")
            self._world = make_world(self.bench, self.given)
        return self._world

    @property
    def scanned(self) -> Result:
        """What the scan took; its output is in `out`."""
        if self._scanned is None:
            log = str(self.world / "log")
            shutil.rmtree(self.out, ignore_errors=True)
            self.say("scan")
            kept = ["--keep-stages"] if self.keep_stages else []
            self._scanned = self._run("scan", log, *kept)
        return self._scanned

    def replayed(self) -> Result:
        """What the replay took; its output is in `out`, beside the scan's."""
        took = {"scan": self.scanned}
        self.say("replay")
        shutil.rmtree(self.out / "stages", ignore_errors=True)
        return took | {"replay": self._run("replay", str(self.world / "log"), "--every", EVERY)}

    def judged(self, out: Path | None = None) -> Result:
        """See judge.py."""
        return self.bench.asked("benchmarks.quality.judge", str(self.world), str(out or self.out))

    def ablated(self) -> Result:
        """See ablation.py."""
        self.scanned  # noqa: B018  its stages are what makes it cheap
        self.say("ablation")
        return self.bench.asked("benchmarks.quality.ablation", str(self.world), str(self.out))

    def compared(self) -> Result:
        """Each peer with its frozen setting: its score, or why it was not applicable."""
        found: Result = {}
        for name in PEERS:
            self.say(f"peer {name}")
            out = self.out.with_name(f"{self.given.name}-{name}")
            words = ["--peer", name, "--log", str(self.world / "log"), "--out", str(out)]
            command = [sys.executable, "-m", "benchmarks.peers", "run", *words]
            took = self.bench.run(f"peer-{name}-{self.given.name}", command)
            why = json.loads((out / "run.json").read_text(encoding="utf-8"))
            found[name] = asdict(took) | why | self.judged(out)
            shutil.rmtree(out)
        return {"peers": found}

    def _run(self, command: str, *words: str) -> Result:
        common = ["--out", str(self.out), "--memory", MEMORY, "--threads", str(THREADS)]
        log = f"{command}-{self.given.name}"
        return asdict(self.bench.call(log, command, *words, *common))

    def remove(self) -> None:
        """World and outputs; what is frozen stays."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.rmtree(world_at(self.bench, self.given), ignore_errors=True)


@dataclass
class Outcome:
    """What became of one world's cells; one that fails leaves the others alone."""

    frozen: list[str] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)


def measure(bench: Bench, cells: list[Cell], say: Say) -> Outcome:
    """Measure the cells of one world that are not frozen yet."""
    outcome = Outcome()
    left = sorted((c for c in cells if not frozen(bench, c)), key=lambda c: c.part == "replay")
    if not left:
        return outcome
    ablated = any(cell.part == "ablation" for cell in left)
    job = Job(bench, left[0].world, say, keep_stages=ablated)
    for cell in left:
        try:
            _freeze(bench, cell, job)
            outcome.frozen.append(cell.name)
        except Exception as error:  # whatever it is, the other cells of a long run go on
            outcome.failed[cell.name] = error
    job.remove()
    return outcome


def _freeze(bench: Bench, cell: Cell, job: Job) -> None:
    machine, began, clock = origin.machine(), datetime.now(UTC), monotonic()
    if cell.part == "peers":
        found = job.compared()
    elif cell.part == "ablation":
        found = job.ablated()
    elif cell.part == "replay":
        found = job.replayed() | job.judged()
    else:
        found = {"scan": job.scanned, **job.judged()}
    took = {"wall_s": round(monotonic() - clock, 1)}  # the world too, where this cell made it
    whole = head(bench, cell, began, machine) | took | found
    write_text(lined(whole), bench.results / f"{cell.name}.json")


def lined(result: Result) -> str:
    """JSON with one line per key of the first two levels: small, and readable in a diff."""
    lines = []
    for name, value in result.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
