"""Run a cell and freeze it: what was measured, of which code, on which machine."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.harness import origin

from iolaus.core.errors import InputError
from iolaus.core.files import write_text

from .cells import Cell, run
from .draw import Floats
from .minilm import digest
from .prompts import Prompts

FROZEN = Path(__file__).with_name("frozen")


def frozen(cell: Cell, code: str, directory: Path = FROZEN) -> bool:
    """Whether the cell stands already, measured on this code."""
    path = directory / f"{cell.name}.json"
    if not path.exists():
        return False
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return bool(found["code"] == code)


def code_digest() -> str:
    """Of the benchmark's own files as they are: another one, another cell. The package's version
    is in `commit`."""
    here = Path(__file__).parent
    kept = [f for f in sorted(here.glob("*.py")) if f.name not in ("page.py", "__main__.py")]
    return digest([f"{f.name}\n{f.read_text(encoding='utf-8')}" for f in kept])[:16]


def measure(
    cell: Cell,
    prompts: Prompts,
    ngrams: Floats,
    model: Floats | None,
    code: str,
    say: Callable[[str], None],
) -> Path:
    """Run one cell. Returns the path of its frozen result."""
    machine, began, start = origin.machine(), datetime.now(UTC), time.process_time()
    rows = run(cell, prompts, ngrams, model, say)
    found = {
        "cell": asdict(cell), "commit": origin.git("rev-parse", "HEAD"), "code": code,
        "command": f"python -m benchmarks.windows {' '.join(_words())}".strip(),
        "began": began.isoformat(timespec="seconds"), "machine": machine,
        "prompts": digest(prompts.texts)[:16],
        "cpu_s": round(time.process_time() - start, 1), "rows": rows,
    }  # fmt: skip
    path = FROZEN / f"{cell.name}.json"
    write_text(json.dumps(found, indent=1) + "\n", path)
    return path


def _words() -> list[str]:
    """The command's words; directories are the user's own and are not kept."""
    return [word if word.startswith("-") else "PATH" for word in sys.argv[1:]]


def model_vectors(path: Path, prompts: Prompts) -> Floats:
    """What `benchmarks.windows.minilm` wrote. Raises InputError if it is of other prompts."""
    with np.load(path) as file:
        if str(file["digest"]) != digest(prompts.texts):
            raise InputError(
                "the vectors belong to other prompts.",
                where=str(path),
                next_step="Make them again: python -m benchmarks.windows.minilm.",
            )
        vectors: Floats = file["vectors"].astype(np.float32)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
