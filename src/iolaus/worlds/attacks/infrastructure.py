"""What a campaign's requests come through: commercial proxies, VPN exits, client software."""

from typing import TYPE_CHECKING

import numpy as np

from iolaus.worlds import clients
from iolaus.worlds.model import Account, Address
from iolaus.worlds.people import Stage, nation

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

COMMON = 10  # they are among the ten that most honest developers run, too


def pool(stage: Stage, attack: "Attack", count: int, rng: np.random.Generator) -> list[Address]:
    """Data-centre and residential addresses for `count` accounts of the operator."""
    size = max(4, round(count * attack.addresses_each / attack.accounts_per_proxy))
    homes = int(size * attack.residential)
    addresses = stage.network.hosted(size - homes, rng)
    return addresses + [stage.network.homes(nation(rng), 1, rng)[0] for _ in range(homes)]


def at_home(stage: Stage, account: Account, rng: np.random.Generator) -> None:
    """Residential addresses of the country that the account claims, and of nobody else."""
    account.addresses = stage.network.homes(account.country, int(rng.integers(1, 4)), rng)
    account.signup_ip, account.rotate = account.addresses[0].ip, "day"


def route(
    stage: Stage, attack: "Attack", accounts: list[Account], proxies: list[Address],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Give each account on the pool some of its addresses; some add VPN exits of honest users."""
    exits = stage.network.exits(max(3, len(accounts) // 25), rng)
    exits += stage.exits[: len(exits)]
    for account in accounts:
        account.rotate = "day"
        if rng.random() < attack.proxy_share:
            some = min(len(proxies), attack.addresses_each)
            own = account.addresses[:1] if rng.random() < 0.3 else []
            picked = rng.choice(len(proxies), some, replace=False)
            account.addresses = [proxies[int(i)] for i in picked] + own
            account.rotate = "request"
        if rng.random() < attack.exit_share:
            account.addresses = [*account.addresses, exits[int(rng.integers(len(exits)))]]
        account.signup_ip = account.addresses[int(rng.integers(len(account.addresses)))].ip


def clients_of(accounts: list[Account], versions: int, rng: np.random.Generator) -> None:
    """Few common SDK versions, as workers are deployed; popular ones, that honest users run too.

    In the web application a worker drives browsers instead.
    """
    software = clients.sdks(versions, rng, COMMON)
    browsers = clients.browsers(versions, rng)
    for account in accounts:
        these = browsers if account.channel == "web_app" else software
        picked = rng.permutation(versions)[: int(rng.integers(1, versions))]
        account.clients = [these[int(i)] for i in picked]
