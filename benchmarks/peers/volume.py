"""Per-account volume: who sends more, or gets more output, than a threshold per day.

The rate alarm that every provider has. No paper; the strongest form that fits one threshold: a mean
per active day or the busiest day, of exchanges or of output tokens. The unit is one account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .graph import codes
from .log import Log
from .peer import Group, Peer, Setting, flagged

US_PER_DAY = 86_400_000_000
PER_DAY = tuple(round(10 ** (i / 8)) for i in range(4, 33))  # 3 to 10,000 exchanges, 8 a decade
TOKENS = tuple(round(10 ** (i / 8)) for i in range(22, 53))  # 562 to 3.2 million tokens


@dataclass(frozen=True)
class Volumes:
    """Per account and measure: mean over its active days and its busiest day; NaN if null."""

    names: list[str]
    by: dict[tuple[str, str], NDArray[np.float64]]


class Volume(Peer[Volumes]):
    name = "volume"
    source = "rate threshold, common practice"
    needs = ("exchanges.ts",)
    unit = "account"
    settings: ClassVar[tuple[Setting, ...]] = tuple(
        {"of": of, "over": over, "least": least}
        for of, grid in (("exchanges", PER_DAY), ("output_tokens", TOKENS))
        for over, least in product(("mean", "busiest"), grid)
    )

    def prepare(self, log: Log, settings: Sequence[Setting]) -> Volumes:
        table = log.read("exchanges", "ts", "output_tokens")
        table = table.filter(pc.is_valid(table["ts"]))
        account, names = codes(table["account_id"])
        day = table["ts"].cast(pa.int64()).to_numpy() // US_PER_DAY
        day -= day.min()
        width = int(day.max()) + 1
        cell, place = np.unique(account * width + day, return_inverse=True)
        tokens = table["output_tokens"].cast(pa.float64(), safe=False).to_numpy()
        measured = np.bincount(place, weights=~np.isnan(tokens)) > 0
        sums = np.where(measured, np.bincount(place, weights=np.nan_to_num(tokens)), np.nan)
        per_day = {"exchanges": np.bincount(place).astype(np.float64), "output_tokens": sums}
        by: dict[tuple[str, str], NDArray[np.float64]] = {}
        for of, values in per_day.items():
            by[of, "mean"], by[of, "busiest"] = _over_days(cell // width, values, len(names))
        return Volumes(names, by)

    def decide(self, evidence: Volumes, setting: Setting) -> list[Group]:
        scores = evidence.by[str(setting["of"]), str(setting["over"])]
        return flagged(evidence.names, scores.tolist(), float(setting["least"]))


def _over_days(
    account: NDArray[np.int64], values: NDArray[np.float64], accounts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and maximum over the days of each account; NaN where no day was measured."""
    have = ~np.isnan(values)
    days = np.bincount(account[have], minlength=accounts)
    total = np.bincount(account[have], weights=values[have], minlength=accounts)
    most = np.full(accounts, -np.inf)
    np.maximum.at(most, account[have], values[have])
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / days, np.where(days > 0, most, np.nan)
