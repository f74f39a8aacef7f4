"""Named tables on disk: each stage's result is one Parquet file, or one a day, kept until the run
has ended.

A run is known by its key (a digest of inputs, settings and version). A stage directory with the
same key is resumed: a stage whose file stands is not computed again. With another key it is
emptied first, so a result never mixes two runs.
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
    """The stage directory of one run."""

    def __init__(self, directory: Path, key: str) -> None:
        self.directory = directory
        self._key_file = directory / "run.key"
        if self._read_key() != key:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            write_text(key, self._key_file)

    def _read_key(self) -> str | None:
        return self._key_file.read_text(encoding="utf-8") if self._key_file.exists() else None

    def table(self, name: str) -> Table:
        return Table(name, self.directory / f"{name}.parquet")

    def part(self, name: str, day: date) -> Path:
        """The file of one day of a table that is kept day by day."""
        return self.directory / name / f"day={day.isoformat()}.parquet"

    def parts(self, name: str) -> list[Path]:
        """The days of such a table that stand, in order."""
        return sorted((self.directory / name).glob("day=*.parquet"))

    def done(self, name: str) -> bool:
        return self.table(name).path.exists()

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
