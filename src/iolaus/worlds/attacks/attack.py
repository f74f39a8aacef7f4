"""One distillation campaign: its parameters, drawn from the seed, and its accounts."""

from dataclasses import dataclass

import numpy as np

from iolaus.worlds.attacks import identity, infrastructure, members, timing, work
from iolaus.worlds.attacks.queue import queue
from iolaus.worlds.model import Account, Address, Cohort, Ints, Schedule
from iolaus.worlds.people import Stage


@dataclass(frozen=True)
class Attack:
    """What an operator does. Shares are 0 to 1 of accounts unless said otherwise."""

    per_account: float  # mean exchanges per account
    days: float  # length of the campaign
    first: float  # its start, as a share of the log that it leaves free
    signup_days: float  # sign-ups are spread over so many days, from `lead` days before the start
    lead: float
    bursts: int  # sign-ups come in so many bursts
    card_share: float  # paying accounts that pay with a card of the pool
    accounts_per_card: float
    device_share: float
    accounts_per_device: float
    mail_share: float  # accounts whose address follows the farm's pattern
    mail_domains: int
    proxy_share: float  # accounts on the operator's own proxy pool
    accounts_per_proxy: float
    addresses_each: int
    residential: float  # share of the pool that is residential proxies
    exit_share: float  # accounts that also use VPN exits that honest users use
    templates: int
    injected: float  # share of templates that carry the fixed instruction
    cover: float  # share of exchanges that are ordinary prompts
    retry: float  # share of failed exchanges sent again through another account
    failing: float  # share of exchanges that fail
    imbalance: float  # sigma of the lognormal of accounts' volume: 0 is perfectly balanced
    night: float  # how much slower the pool works in the operator's night, 0 to 1
    pivot: float  # accounts that move to a new release within `pivot_hours`
    pivot_hours: float
    banned: float  # accounts banned during the campaign
    failover_hours: float  # replacements appear so long after a ban
    regrown: float  # banned accounts that are replaced
    # From here on: what only some families do.
    name: str = "c1"  # campaign_id
    part: float = 1.0  # of the world's campaign accounts
    plans: tuple[float, float, float] = (0.1, 0.75, 0.15)  # free, pay as you go, subscription
    channels: tuple[float, float, float, float] = (0.8, 0.1, 0.08, 0.02)  # as members.CHANNELS
    checks: tuple[float, float, float] = (0.65, 0.25, 0.1)  # payment, phone, identity
    software: int = 4  # client versions that the workers run; 0: each account has its own
    at_home: bool = False  # each account has residential addresses of its claimed country
    pools: int = 1  # separate pools of cards, devices, mail and proxies
    network: str = ""  # name of a proxy network that several operators rent; "": their own
    articulate: float = 0.0  # share of templates that end in one request to articulate reasoning
    rubric: float = 0.0  # share of the work that is grading by rubric
    turn: float = 1.0  # share of the campaign after which prompts reconstruct reasoning traces
    paraphrase: float = 0.0  # share of prompts without any common wording
    unique: float = 0.0  # accounts whose card, device, mail and address are all their own
    jitter: float = 0.0  # hours by which sign-ups, failovers, pivots and retries are blurred
    diurnal: float = 0.0  # how closely an account keeps its country's hours: 0 not, 1 as people do
    pulse_minutes: float = 0.0  # the queue is worked off in bursts so far apart; 0: continuously
    pulse_seconds: float = 120.0  # length of such a burst
    around_release: bool = False  # the campaign stands around a release, and uses that tier
    purged: float = 0.0  # accounts of the first generation banned together, in mid-campaign
    regrow: float = 0.0  # accounts that are opened after that
    regrow_days: float = 3.0  # within so many days
    reuse: float = 0.0  # of those, share on an old card; also on an old device, and old proxies
    customers: float = 0.0  # ordinary customers in the same pool, per account of the campaign


def sizes(attacks: tuple[Attack, ...], count: int) -> list[int]:
    """Accounts of each operator; they sum to `count`."""
    edges = np.round(np.cumsum([0.0, *(a.part for a in attacks)]) * count).astype(int)
    return [int(n) for n in np.diff(edges)]


def volumes(attacks: tuple[Attack, ...], count: int) -> list[int]:
    """Exchanges of each operator, cover included."""
    return [
        round(attack.per_account * size)
        for attack, size in zip(attacks, sizes(attacks, count), strict=True)
    ]


def customers(attacks: tuple[Attack, ...], count: int) -> int:
    """Ordinary customers who stand in the pools of the operators."""
    return sum(
        round(attack.customers * size)
        for attack, size in zip(attacks, sizes(attacks, count), strict=True)
    )


def build(
    stage: Stage, attacks: tuple[Attack, ...], count: int, rng: np.random.Generator
) -> dict[str, Cohort]:
    """Each operator's campaign, and the customers in its pool where it has any."""
    networks: dict[str, list[Address]] = {}
    cohorts: dict[str, Cohort] = {}
    for number, (attack, size, total) in enumerate(
        zip(attacks, sizes(attacks, count), volumes(attacks, count), strict=True)
    ):
        if not size:  # a part of very few accounts
            continue
        if attack.network and attack.network not in networks:
            networks[attack.network] = infrastructure.pool(stage, attack, count, rng)
        rented = networks.get(attack.network)
        campaign, others = _operation(stage, attack, size, rented, number, rng)
        campaign.exchanges = total
        cohorts[f"campaign {attack.name}"] = campaign
        if others.accounts:
            cohorts[f"customers of {attack.name}"] = others
    return cohorts


def _operation(
    stage: Stage, attack: Attack, count: int, rented: list[Address] | None, number: int,
    rng: np.random.Generator,
) -> tuple[Cohort, Cohort]:  # fmt: skip
    """The campaign's accounts and the common queue's schedule, and its pool's customers.

    1. people, each outwardly a stranger; 2. identifiers shared by parts of them; 3. proxies;
    4. sign-ups, bans and replacements; 5. the queue that they work off together.
    """
    start, end = timing.window(stage, attack)
    voices = work.voices(stage, attack, number, start + attack.turn * (end - start), rng)
    habits = members.habits(stage, attack, rng)
    accounts = [members.member(stage, attack, voices, habits, rng) for _ in range(count)]
    others = [members.customer(stage, rng) for _ in range(round(attack.customers * count))]
    pool, late = _generations(attack, count, len(others))
    _share(stage, attack, [*accounts, *others], pool, rented, rng)
    timing.sign_up(attack, accounts, others, start, end, rng)
    timing.purge(attack, accounts, late, start, end, rng)
    timing.ban(attack, accounts, start, end, rng)
    timing.adopt(attack, accounts, rng)

    def schedule(total: int, draw: np.random.Generator) -> Schedule:
        return queue(attack, accounts, start, end, total, draw)

    return Cohort(accounts, schedule=schedule), Cohort(others, share=members.CUSTOMER_VOLUME)


def _generations(attack: Attack, count: int, others: int) -> tuple[Ints, Ints]:
    """Whose identifiers each account gets (customers: the first pool's), and who comes late."""
    pool = np.arange(count + others) % attack.pools
    late = np.arange(count - round(attack.regrow * count), count)
    pool[count:] = 0
    pool[late] = attack.pools
    return pool, late


def _share(
    stage: Stage, attack: Attack, everyone: list[Account], pool: Ints,
    rented: list[Address] | None, rng: np.random.Generator,
) -> None:  # fmt: skip
    """Cards, devices, mail, proxies and software, pool by pool; loners keep what is their own."""
    if attack.at_home:
        for account in everyone:
            infrastructure.at_home(stage, account, rng)
    alone = rng.random(len(everyone)) < attack.unique

    def pools() -> list[list[Account]]:
        """Members by pool; a late one is in an old pool with the chance `reuse`."""
        old = rng.integers(0, attack.pools, pool.size)
        back = (pool == attack.pools) & (rng.random(pool.size) < attack.reuse)
        mine = np.where(back, old, pool)
        return [
            [everyone[int(i)] for i in np.flatnonzero((mine == p) & ~alone)]
            for p in np.unique(mine)
        ]

    for group in pools():
        identity.share_cards(stage, group, attack.card_share, attack.accounts_per_card, rng)
    for group in pools():
        identity.share_devices(stage, group, attack.device_share, attack.accounts_per_device, rng)
    for group in pools():
        identity.share_mail(stage, group, attack.mail_share, attack.mail_domains, rng)
    for group in [] if attack.at_home else pools():
        proxies = rented or infrastructure.pool(stage, attack, len(group), rng)
        infrastructure.route(stage, attack, group, proxies, rng)
    for i in np.flatnonzero(alone):
        infrastructure.at_home(stage, everyone[int(i)], rng)
    if attack.software:
        infrastructure.clients_of(everyone, attack.software, rng)
