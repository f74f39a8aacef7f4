"""Named tables on disk: each stage's result is one Parquet file, or one a day, kept until the run
has ended.

A run is known by its key (a digest of inputs, settings and version). A stage directory with the
same key is resumed: a stage whose file stands is not computed again. With another key it is
emptied first, so a result never mixes two runs.

Days may be kept elsewhere, for several runs: there a file's name carries the key of what it was
made from, and what a run has not chosen is not seen.
"""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from iolaus.core.files import write_text


@dataclass(frozen=True)
class Table:
    """A named table: `name` is what SQL calls it, `path` the Parquet file that holds it."""

    name: str
    path: Path


class Stages:
    """The stage directory of one run. days: where tables that are kept day by day stand."""

    def __init__(self, directory: Path, key: str, days: Path | None = None) -> None:
        self.directory = directory
        self.days = days or directory
        self._chosen: dict[str, dict[date, Path]] = {}
        self._key_file = directory / "run.key"
        if self._read_key() != key:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            write_text(key, self._key_file)
        for path in directory.rglob(".*.tmp"):  # of a run that was killed
            if path.is_file():
                path.unlink()

    def _read_key(self) -> str | None:
        return self._key_file.read_text(encoding="utf-8") if self._key_file.exists() else None

    def table(self, name: str) -> Table:
        return Table(name, self.directory / f"{name}.parquet")

    def keyed(self, name: str, day: date, key: str) -> Path:
        """The file of one day of a table that was made from what `key` stands for."""
        return self.days / name / f"day={day.isoformat()}.{key}.parquet"

    def choose(self, name: str, day: date, path: Path) -> None:
        """Let this file be the day's part of the table `name`, whether it stands already or not."""
        self._chosen.setdefault(name, {})[day] = path

    def chosen(self) -> set[Path]:
        """All files that were chosen."""
        return {path for days in self._chosen.values() for path in days.values()}

    def part(self, name: str, day: date) -> Path:
        """The file of one day of a table that is kept day by day."""
        chosen = self._chosen.get(name, {}).get(day)
        return chosen or self.days / name / f"day={day.isoformat()}.parquet"

    def parts(self, name: str) -> list[Path]:
        """The days of such a table that stand, in order; the chosen ones, if any were."""
        if name in self._chosen:
            return [path for _, path in sorted(self._chosen[name].items()) if path.exists()]
        return sorted((self.days / name).glob("day=*.parquet"))

    def done(self, name: str) -> bool:
        return self.table(name).path.exists()

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
