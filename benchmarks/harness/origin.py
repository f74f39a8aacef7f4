"""Which code is measured, on which machine, with which corpora."""

import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("duckdb", "numpy", "pyarrow", "numba", "scipy", "scikit-network")


def git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit() -> str:
    """The last commit that changed the package; changes not committed are not measured."""
    return git("log", "-1", "--format=%H", "HEAD", "--", "src", "pyproject.toml")


def export(sha: str, work: Path) -> Path:
    """Write the package as of a commit into `work`, once. Returns the directory to import from."""
    target = work / "code" / sha
    if not target.exists():
        archive = subprocess.run(
            ["git", "archive", sha, "src"], cwd=ROOT, check=True, capture_output=True
        ).stdout
        aside = target.with_name(f".{sha}.tmp")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(aside, filter="data")
        aside.rename(target)
    return target / "src"


def environment(source: Path) -> dict[str, str]:
    """Of the commands: they import the exported package instead of the installed one."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(source), "COLUMNS": "160"}


def world_key(sha: str) -> str:
    """Identity of what a world's bytes depend on, arguments and corpora aside."""
    parts = [git("rev-parse", f"{sha}:src/iolaus/{p}") for p in ("worlds", "core/tables.py")]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


def corpora_digest(corpora: Path) -> str:
    """SHA-256 over the names and sizes of the files (their contents are too large to read)."""
    rows = sorted(
        f"{path.relative_to(corpora).as_posix()} {path.stat().st_size}"
        for path in corpora.rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def machine() -> dict[str, Any]:
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "load_before": round(os.getloadavg()[0], 2),  # of other work; the machine is shared
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next(
        (x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "unknown"
    )


def iolaus(*words: str) -> list[str]:
    """The command line, as users type it."""
    return [str(Path(sys.executable).with_name("iolaus")), *words]
