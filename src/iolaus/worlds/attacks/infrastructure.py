"""What a campaign's requests come through: commercial proxies, VPN exits, client software."""

from typing import TYPE_CHECKING

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.model import Account
from iolaus.worlds.people import Stage, nation

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

COMMON = 10  # they are among the ten that most honest developers run, too
SOFTWARE = 4  # client versions that the operator's workers run


def proxies(
    stage: Stage, attack: "Attack", accounts: list[Account], rng: np.random.Generator
) -> None:
    """A pool of data-centre and residential addresses, of which each account gets some."""
    size = max(4, round(len(accounts) * attack.addresses_each / attack.accounts_per_proxy))
    homes = int(size * attack.residential)
    pool = stage.network.hosted(size - homes, rng)
    pool += [stage.network.homes(nation(rng), 1, rng)[0] for _ in range(homes)]
    exits = stage.network.exits(max(3, len(accounts) // 25), rng)
    exits += stage.exits[: len(exits)]
    for account in accounts:
        if rng.random() < attack.proxy_share:
            picked = rng.choice(len(pool), min(len(pool), attack.addresses_each), replace=False)
            own = account.addresses[:1] if rng.random() < 0.3 else []
            account.addresses = [pool[int(i)] for i in picked] + own
        if rng.random() < attack.exit_share:
            account.addresses = [*account.addresses, exits[int(rng.integers(len(exits)))]]
        account.signup_ip = account.addresses[int(rng.integers(len(account.addresses)))].ip


def clients_of(accounts: list[Account], rng: np.random.Generator) -> None:
    """Few common SDK versions, as workers are deployed; popular ones, that honest users run too."""
    software = clients.sdks(SOFTWARE, rng, COMMON)
    for account in accounts:
        picked = rng.permutation(SOFTWARE)[: int(rng.integers(1, 4))]
        account.clients = [software[int(i)] for i in picked]
