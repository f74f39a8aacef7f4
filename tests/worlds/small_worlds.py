"""One small world, read back for tests."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from iolaus.worlds import simulate


@dataclass(frozen=True)
class Small:
    """One world, read back."""

    root: Path
    exchanges: pa.Table
    accounts: dict[str, dict]
    truth: dict[str, dict]

    def of(self, population: str) -> list[dict]:
        """The accounts of one population."""
        return [self.accounts[a] for a, t in self.truth.items() if t["population"] == population]

    def sent(self, population: str) -> list[dict]:
        """The exchanges of one population."""
        who = pa.array([a for a, t in self.truth.items() if t["population"] == population])
        mask = pc.is_in(self.exchanges["account_id"], value_set=who)
        return self.exchanges.filter(mask).to_pylist()


def make(root: Path, family: str, **given: object) -> Small:
    """Simulate and read back."""
    sizes = {"seed": 3, "accounts": 400, "exchanges": 30_000, "campaign_accounts": 15}
    simulate(family, out=root, **(sizes | given))
    accounts = pq.read_table(root / "log" / "accounts.parquet").to_pylist()
    truth = pq.read_table(root / "truth" / "accounts.parquet").to_pylist()
    return Small(
        root,
        ds.dataset(sorted((root / "log" / "exchanges").iterdir())).to_table(),
        {row["account_id"]: row for row in accounts},
        {row["account_id"]: row for row in truth},
    )
