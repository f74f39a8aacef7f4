"""What each family's operator is like: one function a family, every parameter from the seed.

`long` and `spike` follow the field notes; the others are `long` with a shorter, smaller campaign
and what makes them what they are.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from iolaus.worlds.attacks.attack import Attack

LONG = 1_150.0  # exchanges per account: 28.8 million by 25,000 accounts
SPIKE = 4.0  # 16,000 by 4,000 accounts
USUAL = 200.0  # of the families between the two
SMALL = 300.0
OWN: dict[str, Any] = {
    "card_share": 0.0, "device_share": 0.0, "mail_share": 0.0, "proxy_share": 0.0,
    "exit_share": 0.0, "at_home": True, "software": 0,
}  # fmt: skip


def _shares(rng: np.random.Generator, *usual: float, sure: float = 25.0) -> Any:
    """Shares around `usual`; the larger `sure`, the nearer."""
    return tuple(float(x) for x in rng.dirichlet(np.array(usual) * sure))


def _habits(rng: np.random.Generator) -> dict[str, Any]:
    """How an operator's accounts are spread over plans, channels and checks."""
    return {
        "plans": _shares(rng, 0.12, 0.7, 0.18),
        "channels": _shares(rng, 0.76, 0.1, 0.1, 0.04, sure=60.0),
        "checks": _shares(rng, 0.65, 0.25, 0.1),
    }


def long(rng: np.random.Generator) -> Attack:
    """Field notes: 28.8 million exchanges, 25,000 accounts, 45 days: 1,150 per account."""
    return Attack(
        per_account=LONG, days=45, first=0.0, signup_days=float(rng.uniform(15, 30)),
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
        **_habits(rng),
    )  # fmt: skip


def spike(rng: np.random.Generator) -> Attack:
    """Field notes: 16,000 exchanges by 4,000 accounts over 2 days: 4 per account."""
    return Attack(
        per_account=SPIKE, days=2, first=float(rng.uniform(0.3, 0.8)),
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
        banned=float(rng.uniform(0.01, 0.05)), failover_hours=2.0, regrown=0.5, **_habits(rng),
    )  # fmt: skip


def _usual(rng: np.random.Generator) -> Attack:
    """`long`, but weeks instead of the whole log, and fewer exchanges per account."""
    return replace(
        long(rng), per_account=USUAL, days=float(rng.uniform(18, 38)),
        first=float(rng.uniform(0.1, 0.9)), signup_days=float(rng.uniform(6, 18)),
        lead=float(rng.uniform(3, 12)), bursts=int(rng.integers(6, 20)),
    )  # fmt: skip


def pools(rng: np.random.Generator) -> Attack:
    """Two pools, one instruction in every request, many bans and failover within hours."""
    return replace(
        _usual(rng), pools=2, injected=1.0, cover=0.0, banned=float(rng.uniform(0.3, 0.45)),
        regrown=float(rng.uniform(0.9, 1.0)), failover_hours=float(rng.uniform(1, 5)),
        lead=float(rng.uniform(8, 15)),
    )  # fmt: skip


def synchronised(rng: np.random.Generator) -> Attack:
    """Shared cards, grading by rubric, articulated reasoning, bursts of many accounts at once."""
    return replace(
        _usual(rng), card_share=float(rng.uniform(0.75, 0.95)),
        accounts_per_card=float(rng.uniform(6, 20)), rubric=float(rng.uniform(0.3, 0.6)),
        articulate=float(rng.uniform(0.6, 1.0)), pulse_minutes=float(rng.uniform(20, 60)),
        pulse_seconds=float(rng.uniform(60, 240)), imbalance=float(rng.uniform(0.05, 0.2)),
    )  # fmt: skip


def channels(rng: np.random.Generator) -> Attack:
    """All channels and plans; later the prompts reconstruct reasoning traces."""
    return replace(
        _usual(rng), channels=_shares(rng, 0.35, 0.2, 0.2, 0.25, sure=40.0),
        plans=_shares(rng, 0.3, 0.4, 0.3), turn=float(rng.uniform(0.45, 0.7)),
    )  # fmt: skip


def pivot(rng: np.random.Generator) -> Attack:
    """Half of the traffic moves to a new release within 24 hours; it ran before, too."""
    return replace(
        _usual(rng), pivot=float(rng.uniform(0.48, 0.6)), pivot_hours=float(rng.uniform(10, 24)),
        around_release=True, signup_days=float(rng.uniform(4, 8)), lead=float(rng.uniform(6, 12)),
    )  # fmt: skip


def hydra(rng: np.random.Generator) -> Attack:
    """A reseller's pool: 3 in 10 accounts distil, 7 in 10 are ordinary customers: 7 / 3 each."""
    return replace(
        _usual(rng), customers=7 / 3, card_share=float(rng.uniform(0.6, 0.9)),
        device_share=float(rng.uniform(0.6, 0.9)), proxy_share=float(rng.uniform(0.85, 1.0)),
        lead=float(rng.uniform(20, 40)), signup_days=float(rng.uniform(18, 34)),
        bursts=int(rng.integers(20, 40)), channels=(1.0, 0.0, 0.0, 0.0),
        plans=(0.0, 1.0, 0.0), checks=(1.0, 0.0, 0.0),
    )  # fmt: skip


def careful(rng: np.random.Generator) -> Attack:
    """Card, device, mail, client and residential address of their own; sign-ups and hours, too.

    Wording, the work split and joint reactions (pivot, failover) are common.
    """
    lead = float(rng.uniform(35, 70))
    return replace(
        _usual(rng), **OWN, bursts=10_000, signup_days=lead + float(rng.uniform(2, 12)),
        lead=lead, diurnal=float(rng.uniform(0.4, 0.8)),
        pivot=float(rng.uniform(0.5, 0.8)), banned=float(rng.uniform(0.08, 0.15)),
    )  # fmt: skip


def paraphrase(rng: np.random.Generator) -> Attack:
    """No common wording and no common identifier; aim, work split, sign-ups and rhythm are."""
    return replace(
        _usual(rng), **OWN, paraphrase=1.0, injected=0.0, bursts=int(rng.integers(4, 10)),
        imbalance=float(rng.uniform(0.05, 0.2)),
    )  # fmt: skip


def cover(rng: np.random.Generator) -> Attack:
    """Accounts keep the hours of the country that they claim, and half of what they send is
    ordinary."""
    return replace(
        _usual(rng), cover=float(rng.uniform(0.45, 0.55)), diurnal=float(rng.uniform(0.85, 1.0)),
        night=0.0,
    )  # fmt: skip


def small(rng: np.random.Generator) -> Attack:
    """Thirty accounts, 9,000 exchanges in all."""
    return replace(_usual(rng), per_account=SMALL, bursts=int(rng.integers(3, 7)))


def two(rng: np.random.Generator) -> tuple[Attack, ...]:
    """Two operators that rent one proxy network, and have nothing else in common."""
    share = float(rng.uniform(0.4, 0.6))
    rented: dict[str, Any] = {
        "network": "rented", "accounts_per_proxy": float(rng.uniform(4, 10)),
        "addresses_each": int(rng.integers(4, 13)), "residential": float(rng.uniform(0.2, 0.6)),
    }  # fmt: skip
    first, second = (
        replace(_usual(rng), **rented, proxy_share=float(rng.uniform(0.8, 1.0))) for _ in range(2)
    )
    return replace(first, part=share), replace(second, name="c2", part=1.0 - share)


def regrow(rng: np.random.Generator) -> Attack:
    """Most accounts are banned in mid-campaign; new ones sign up within days and go on."""
    return replace(
        _usual(rng), days=float(rng.uniform(24, 40)), purged=float(rng.uniform(0.8, 0.95)),
        regrow=float(rng.uniform(0.35, 0.5)), regrow_days=float(rng.uniform(2, 5)),
        reuse=float(rng.uniform(0.3, 0.6)), banned=float(rng.uniform(0.0, 0.04)),
    )  # fmt: skip


def as_long(rng: np.random.Generator) -> Attack:
    """`long` with fewer exchanges per account; the log lacks some columns."""
    return replace(long(rng), per_account=USUAL)
