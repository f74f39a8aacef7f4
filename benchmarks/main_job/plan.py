"""What is measured: every cell with its parameters, and what it will cost.

Seeds from 9201 on are kept for this benchmark; nothing was developed or tuned on them.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from benchmarks.harness.world import World

MEMORY: Final = "4GB"  # given to iolaus scan and iolaus replay
THREADS: Final = 2
EVERY: Final = "1d"
DAYS: Final = 45  # of every world

# Input columns left out together: (of exchanges, of accounts); None: no accounts file at all.
WITHOUT: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...] | None]]] = {
    "text": (("system_prompt", "prompt", "response"), ()),
    "network": (("client_ip", "asn", "country", "tls_fingerprint"), ("signup_ip",)),
    "accounts": ((), None),
    "payment_device": ((), ("payment_fingerprint", "device_fingerprint")),
}

# For the forecast alone, from runs on two shared cores.
SIMULATED_PER_S = 40_000  # exchanges
SCANNED_PER_S = 45_000  # exchanges
LOOK_S = 2.0  # one look of a replay of 3,000 accounts
START_S = 6.0  # a process, and the corpora
BYTES_PER_EXCHANGE = 250  # of a log and of the stages of its scan


@dataclass(frozen=True)
class Cell:
    """One measurement; its frozen result is results/NAME.json."""

    name: str
    world: World
    replayed: bool = False
    without: str | None = None  # a key of WITHOUT

    def parameters(self) -> dict[str, Any]:
        """All that decides the result, besides the code and the corpora."""
        columns = None if self.without is None else WITHOUT[self.without]
        return {
            **self.world.parameters(), "days": DAYS, "memory": MEMORY, "threads": THREADS,
            "every": EVERY if self.replayed else None, "without": self.without,
            "without_exchange_columns": list(columns[0]) if columns else [],
            "without_account_columns": None if columns and columns[1] is None
            else list((columns or ((), ()))[1] or ()),
        }  # fmt: skip

    @property
    def forecast_s(self) -> float:
        """Seconds, the world excluded."""
        looks = DAYS * LOOK_S * self.world.accounts / 3_000 if self.replayed else 0.0
        passes = 2 if self.replayed else 1
        return passes * (START_S + self.world.exchanges / SCANNED_PER_S) + looks


def forecast_world_s(world: World) -> float:
    return START_S + world.exchanges / SIMULATED_PER_S


def cells() -> list[Cell]:
    """Every cell, in the order in which they run."""
    found = [
        Cell(f"long-{seed}", World("long", seed, 12_000, 1_000, 4_150_000)) for seed in (9201, 9202)
    ]
    found += [
        Cell(f"spike-{seed}", World("spike", seed, 13_000, 3_000, 400_000)) for seed in (9203, 9204)
    ]
    found += [
        Cell(f"null-{seed}", World("null", seed, 6_000, 0, 400_000)) for seed in range(9211, 9221)
    ]
    found += [
        Cell("replay-long-9205", World("long", 9205, 3_000, 250, 500_000), replayed=True),
        Cell("replay-spike-9206", World("spike", 9206, 3_000, 600, 60_000), replayed=True),
    ]
    for world in (
        World("long", 9207, 5_000, 400, 900_000),
        World("spike", 9208, 5_000, 1_200, 150_000),
    ):
        whole = Cell(f"ablation-{world.family}-{world.seed}-all", world)
        found += [whole] + [
            replace(whole, name=f"ablation-{world.family}-{world.seed}-no-{kind}", without=kind)
            for kind in WITHOUT
        ]
    return found


def chosen(only: list[str]) -> list[Cell]:
    """The cells whose name begins with one of `only`; all of them where it is empty."""
    return [c for c in cells() if not only or any(c.name.startswith(name) for name in only)]
