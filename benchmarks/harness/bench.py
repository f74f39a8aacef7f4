"""Where and with what a benchmark measures, and what a frozen result says of that."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from iolaus.core.files import write_text

from . import origin
from .measure import Usage, run


class Cell(Protocol):
    """One measurement; its frozen result is RESULTS/NAME.json."""

    @property
    def name(self) -> str: ...

    def parameters(self) -> dict[str, Any]:
        """All that decides the result, besides the code and the corpora."""


@dataclass(frozen=True)
class Bench:
    """Where and with what cells are measured."""

    work: Path
    corpora: Path | None  # None: the worlds' own grammar (used by tests)
    results: Path
    commit: str
    source: Path  # the exported package

    @staticmethod
    def at(work: Path, corpora: Path | None, results: Path) -> "Bench":
        commit = origin.commit()
        work.mkdir(parents=True, exist_ok=True)
        return Bench(work.resolve(), corpora and corpora.resolve(), results, commit,
                     origin.export(commit, work.resolve()))  # fmt: skip

    def call(self, log: str, *words: str) -> Usage:
        """`iolaus WORDS` with the exported package."""
        return self.run(log, origin.iolaus(*words))

    def run(self, log: str, command: list[str]) -> Usage:
        """Any command with the exported package; its output is kept in WORK/logs."""
        return run(
            command,
            env=origin.environment(self.source),
            cwd=origin.ROOT,
            log=self.work / "logs" / f"{log}.txt",
        )

    def asked(self, module: str, *words: str) -> dict[str, Any]:
        """The JSON that `python -m MODULE WORDS` prints, computed with the exported package."""
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            env=origin.environment(self.source),
            cwd=origin.ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{module} {' '.join(words)} failed:\n{done.stderr}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def frozen(bench: Bench, cell: Cell) -> bool:
    """Whether this cell stands for this commit and these parameters."""
    path = bench.results / f"{cell.name}.json"
    if not path.exists():
        return False
    kept = json.loads(path.read_text(encoding="utf-8"))
    return bool(kept["commit"] == bench.commit and kept["parameters"] == cell.parameters())


def head(bench: Bench, cell: Cell, began: datetime, machine: dict[str, Any]) -> dict[str, Any]:
    """What every frozen result begins with: what was measured, of which code, when and where."""
    return {
        "cell": cell.name,
        "parameters": cell.parameters(),
        "commit": bench.commit,
        "date": began.isoformat(timespec="seconds"),
        "machine": machine,
        "corpora": origin.corpora_digest(bench.corpora) if bench.corpora else None,
    }


def freeze(bench: Bench, cell: Cell, measure: Callable[[], dict[str, Any]]) -> None:
    """Measure a cell and write RESULTS/NAME.json; nothing where it stands already.

    measure: returns what the result says besides its head.
    """
    if frozen(bench, cell):
        return
    machine, began = origin.machine(), datetime.now(UTC)
    found = measure()
    whole = head(bench, cell, began, machine) | found
    write_text(json.dumps(whole, indent=1) + "\n", bench.results / f"{cell.name}.json")
    print(f"frozen: {cell.name}")
