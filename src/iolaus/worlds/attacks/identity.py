"""Identifiers that parts of a campaign share: cards, devices, mail patterns."""

import numpy as np

from iolaus.worlds.model import Account
from iolaus.worlds.people import Stage, company_domain


def _part(accounts: list[Account], share: float, rng: np.random.Generator) -> list[Account]:
    return [account for account in accounts if rng.random() < share]


def share_cards(
    stage: Stage, accounts: list[Account], share: float, each: float, rng: np.random.Generator
) -> None:
    """A part pays with a pool of cards, about `each` accounts a card; billed wherever it lives.

    Accounts on a free plan have none.
    """
    members = _part([a for a in accounts if a.payment], share, rng)
    cards = [stage.fresh("card") for _ in range(max(1, round(len(members) / each)))]
    for account in members:
        account.payment = cards[int(rng.integers(len(cards)))]


def share_devices(
    stage: Stage, accounts: list[Account], share: float, each: float, rng: np.random.Generator
) -> None:
    """A part was opened on a farm's devices, about `each` accounts a device."""
    members = _part(accounts, share, rng)
    devices = [stage.fresh("device") for _ in range(max(1, round(len(members) / each)))]
    for account in members:
        account.device = devices[int(rng.integers(len(devices)))]


def share_mail(
    stage: Stage, accounts: list[Account], share: float, domains: int, rng: np.random.Generator
) -> None:
    """A part has mail at the farm's domains: bought ones, disposable ones, free ones."""
    names = [company_domain(stage, rng) for _ in range(max(1, domains // 2))]
    names += [str(d) for d in rng.choice(stage.disposable, max(1, domains - len(names)))]
    names += ["gmail.com", "outlook.com"]
    for account in _part(accounts, share, rng):
        account.email_domain = names[int(rng.integers(len(names)))]
