"""Attack families: name -> parameters drawn from the seed. A new family is one more function."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from iolaus.worlds.attacks.attack import Attack, build

__all__ = ["FAMILIES", "Attack", "Family", "build"]


@dataclass(frozen=True)
class Family:
    """A family of worlds. `accounts`: share of all accounts that the campaign has by default."""

    accounts: float
    draw: Callable[[np.random.Generator], Attack] | None  # None: no campaign
    per_account: float = 0.0


def _long(rng: np.random.Generator) -> Attack:
    """Field notes: 28.8 million exchanges, 25,000 accounts, 45 days: 1,150 per account."""
    return Attack(
        per_account=1_150, days=45, first=0.0, signup_days=float(rng.uniform(15, 30)),
        lead=float(rng.uniform(5, 20)), bursts=int(rng.integers(10, 30)),
        card_share=float(rng.uniform(0.45, 0.85)), accounts_per_card=float(rng.uniform(4, 15)),
        device_share=float(rng.uniform(0.4, 0.8)), accounts_per_device=float(rng.uniform(4, 25)),
        mail_share=float(rng.uniform(0.5, 0.9)), mail_domains=int(rng.integers(5, 16)),
        proxy_share=float(rng.uniform(0.6, 0.95)), accounts_per_proxy=float(rng.uniform(4, 12)),
        addresses_each=int(rng.integers(4, 13)), residential=float(rng.uniform(0.2, 0.6)),
        exit_share=float(rng.uniform(0.05, 0.2)), templates=int(rng.integers(4, 9)),
        injected=float(rng.uniform(0.4, 0.9)), cover=float(rng.uniform(0.05, 0.2)),
        retry=0.8, failing=float(rng.uniform(0.01, 0.03)), imbalance=float(rng.uniform(0.1, 0.35)),
        night=float(rng.uniform(0.05, 0.3)), pivot=float(rng.uniform(0.35, 0.7)),
        pivot_hours=24.0, banned=float(rng.uniform(0.04, 0.12)),
        failover_hours=float(rng.uniform(2, 8)), regrown=float(rng.uniform(0.5, 0.9)),
    )  # fmt: skip


def _spike(rng: np.random.Generator) -> Attack:
    """Field notes: 16,000 exchanges by 4,000 accounts over 2 days: 4 per account."""
    return Attack(
        per_account=4, days=2, first=float(rng.uniform(0.3, 0.8)),
        signup_days=float(rng.uniform(1.5, 2.5)), lead=1.0, bursts=int(rng.integers(15, 40)),
        card_share=float(rng.uniform(0.4, 0.8)), accounts_per_card=float(rng.uniform(5, 20)),
        device_share=float(rng.uniform(0.4, 0.8)), accounts_per_device=float(rng.uniform(5, 30)),
        mail_share=float(rng.uniform(0.5, 0.9)), mail_domains=int(rng.integers(5, 20)),
        proxy_share=float(rng.uniform(0.6, 0.95)), accounts_per_proxy=float(rng.uniform(4, 15)),
        addresses_each=int(rng.integers(1, 4)), residential=float(rng.uniform(0.2, 0.6)),
        exit_share=float(rng.uniform(0.05, 0.2)), templates=int(rng.integers(2, 6)),
        injected=float(rng.uniform(0.5, 1.0)), cover=float(rng.uniform(0.03, 0.1)),
        retry=0.8, failing=float(rng.uniform(0.01, 0.04)), imbalance=float(rng.uniform(0.05, 0.3)),
        night=float(rng.uniform(0.0, 0.3)), pivot=0.5, pivot_hours=24.0,
        banned=float(rng.uniform(0.01, 0.05)), failover_hours=2.0, regrown=0.5,
    )  # fmt: skip


FAMILIES: Final[dict[str, Family]] = {
    "long": Family(1 / 11, _long, 1_150.0),
    "spike": Family(3 / 13, _spike, 4.0),
    "null": Family(0.0, None),
}
