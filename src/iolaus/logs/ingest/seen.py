"""Which exchanges the store has: 8 bytes each, in sorted runs on disk, looked up without loading.

Every commit adds a run, `FIRST-LAST.npy` by the commits that it holds; GROWTH runs of about a size
are merged into one, so a billion exchanges are in some 30 runs. Runs are mapped, not read: a sorted
batch walks through each once, and what it touches is the system's page cache, not our memory.
"""

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.files import aside
from iolaus.logs.durable import sync, sync_folder

FOLDER: Final = "ids"  # in STORE/.ingest
GROWTH: Final = 6  # log6(1e9 / 1e5) = 5.1 levels of at most 5 runs
MERGE_ROWS: Final = 1 << 20  # of each run at once; 6 * 8 MB, and as much again sorted

Hashes = NDArray[np.int64]


class Seen:
    """The hashes of all exchanges up to a commit. One process at a time (lock.py)."""

    def __init__(self, folder: Path, *, until: int) -> None:
        """until: the last commit. Runs of later ones, and parts of merged runs, are removed."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._runs: dict[tuple[int, int], Hashes] = {}
        spans = {_span(path): path for path in sorted(folder.glob("*.npy"))}
        for path in folder.glob(".*.tmp"):
            path.unlink()
        for (first, last), path in spans.items():
            inside = any(a <= first and last <= b and (a, b) != (first, last) for a, b in spans)
            if last > until or inside:
                path.unlink()
            else:
                self._runs[first, last] = _mapped(path)

    def __len__(self) -> int:
        return sum(map(len, self._runs.values()))

    def among(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Which of these the store has."""
        order = np.argsort(hashes)
        asked, known = hashes[order], np.zeros(len(hashes), np.bool_)
        for run in self._runs.values():
            at = np.searchsorted(run, asked)
            at[at == len(run)] = 0
            known |= run[at] == asked
        found = np.empty_like(known)
        found[order] = known
        return found

    def add(self, number: int, hashes: Hashes) -> None:
        """Write what commit `number` adds; it counts once that commit stands."""
        if len(hashes):
            self._runs[number, number] = self._write(number, number, np.sort(hashes))

    def merge(self) -> None:
        """Merge runs where there are many of a size; for after a commit."""
        while (parts := self._alike()) is not None:
            spans = sorted(parts)
            first, last = spans[0][0], spans[-1][1]
            merged = self._write(first, last, *(self._runs[span] for span in spans))
            for span in spans:
                del self._runs[span]
                self._path(*span).unlink()
            sync_folder(self._folder)
            self._runs[first, last] = merged

    def _alike(self) -> list[tuple[int, int]] | None:
        """GROWTH neighbouring runs, none larger than the others together; the newest such."""
        spans = sorted(self._runs)
        for end in range(len(spans), GROWTH - 1, -1):
            part = spans[end - GROWTH : end]
            sizes = [len(self._runs[span]) for span in part]
            if max(sizes) <= sum(sizes) - max(sizes):
                return part
        return None

    def _write(self, first: int, last: int, *runs: Hashes) -> Hashes:
        path = self._path(first, last)
        with aside(path) as temporary:
            _merged_to(temporary, runs)
            sync(temporary)
        sync_folder(self._folder)
        return _mapped(path)

    def _path(self, first: int, last: int) -> Path:
        return self._folder / f"{first:012}-{last:012}.npy"


def _merged_to(path: Path, runs: tuple[Hashes, ...]) -> None:
    """Sorted runs as one, MERGE_ROWS of each at a time."""
    with path.open("wb") as file:
        shape = (sum(map(len, runs)),)
        header = {"descr": "<i8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        at = [0] * len(runs)
        while any(a < len(run) for a, run in zip(at, runs, strict=True)):
            parts = [run[a : a + MERGE_ROWS] for a, run in zip(at, runs, strict=True)]
            # Up to the smallest last value of a part that has more behind it, all are here.
            ends = [p[-1] for a, p, r in zip(at, parts, runs, strict=True) if a + len(p) < len(r)]
            if ends:
                counts = [int(np.searchsorted(p, min(ends), side="right")) for p in parts]
            else:
                counts = [len(p) for p in parts]
            taken = [p[:n] for p, n in zip(parts, counts, strict=True)]
            file.write(np.sort(np.concatenate(taken)).tobytes())
            at = [a + n for a, n in zip(at, counts, strict=True)]
        file.flush()
        os.fsync(file.fileno())


def _mapped(path: Path) -> Hashes:
    run: Hashes = np.load(path, mmap_mode="r").view(np.ndarray)
    return run


def _span(path: Path) -> tuple[int, int]:
    first, _, last = path.stem.partition("-")
    return int(first), int(last)
