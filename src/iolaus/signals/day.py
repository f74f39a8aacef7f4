"""One UTC day of a log: how many exchanges, and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from iolaus.core.errors import InputError
from iolaus.engine import Engine

# Exchanges. On a smaller day everything is kept, so that what two accounts share is found even if
# they never use it on the same day; on a larger one an operator's wording is shared every day.
LARGE_DAY: Final = 250_000
# What an engine holds while it makes a day's tables, per exchange: 1.2 GB for one of 7.4 million.
HELD_BYTES: Final = 200


@dataclass(frozen=True)
class Day:
    """One UTC day.

    source: a digest of what its exchanges are: the same digest, the same exchanges; empty: not
    told. files, columns: where they stand, and the SELECT list that reads them as FEATURES; no
    files: in the table `features`.
    """

    day: date
    exchanges: int
    source: str = ""
    files: tuple[Path, ...] = ()
    columns: str = "*"

    @property
    def span(self) -> dict[str, object]:
        """Parameters of the day's SQL."""
        return {"day": self.day, "next": self.day + timedelta(days=1)}


def days_of(engine: Engine) -> list[Day]:
    """The days of the table `features`, in order."""
    rows = engine.fetch(
        "SELECT CAST(ts AS DATE) AS day, count(*) AS exchanges FROM features GROUP BY day "
        "ORDER BY day"
    )
    return [Day(row["day"], row["exchanges"]) for row in rows.to_pylist()]


def held_bytes(days: Sequence[Day]) -> int:
    """What making the largest of these days holds in memory."""
    return HELD_BYTES * max((day.exchanges for day in days), default=0)


def attach_day(engine: Engine, day: Day) -> str:
    """Let SQL use the day's exchanges, perhaps among others, by the name that is returned.

    Raises InputError where their files are gone.
    """
    if not day.files:
        return "features"
    gone = [file for file in day.files if not file.exists()]
    if gone:
        its = "its file is" if len(day.files) == 1 else f"{len(gone)} of its files are"
        raise InputError(
            f"the exchanges of {day.day} are needed once more, and {its} gone.",
            where=str(gone[0]),
            next_step="Put them back, or scan the log with a new state directory.",
        )
    engine.attach_files("features_today", day.files, day.columns)
    return "features_today"
