"""Run a command and see what it took. Memory is what stays resident, summed over its processes."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

PAUSE_S = 0.05  # between two looks at the processes


@dataclass(frozen=True)
class Usage:
    """What a command took.

    wall_s, cpu_s: seconds; cpu over all its processes. peak_rss: bytes, the largest sum of resident
    sizes seen at one of the looks; pages that processes share count for each of them (wait4's
    ru_maxrss is not used, since it also counts what the process that forked it held). written:
    bytes that its processes sent to storage (/proc/PID/io write_bytes as last seen); None where
    not readable.
    """

    wall_s: float
    cpu_s: float
    peak_rss: int
    written: int | None


class Failed(RuntimeError):
    """A command that ended badly; the message has the end of its output."""


def run(command: list[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Usage:
    """Run to the end, its output in `log`. Raises Failed on a status other than 0."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdout=output, stderr=subprocess.STDOUT
        )
        most, written, status, usage = 0, dict[int, int](), 0, None
        try:
            while usage is None:
                most = max(most, _look(child.pid, written))
                time.sleep(PAUSE_S)
                pid, status, spent = os.wait4(child.pid, os.WNOHANG)
                usage = spent if pid else None
        finally:
            if usage is None:
                child.kill()
        child.returncode = os.waitstatus_to_exitcode(status)  # wait4 has reaped it
    wall = time.monotonic() - began
    if child.returncode:
        end = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise Failed(f"{' '.join(command)}\nended with status {child.returncode}:\n{end}")
    return Usage(
        wall_s=round(wall, 2),
        cpu_s=round(usage.ru_utime + usage.ru_stime, 2),
        peak_rss=most,
        written=sum(written.values()) if written else None,
    )


def _look(pid: int, written: dict[int, int]) -> int:
    """Resident bytes of a process and all below it; notes what each has written so far."""
    resident = 0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            resident += process.memory_info().rss
            written[process.pid] = process.io_counters().write_bytes
    except psutil.Error:
        pass  # it ended between two lines: what was seen before stands
    return resident


def size_of(directory: Path) -> int:
    """Bytes of the files in a directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
