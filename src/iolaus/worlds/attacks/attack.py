"""One distillation campaign: its parameters, drawn from the seed, and its accounts."""

from dataclasses import dataclass

import numpy as np

from iolaus.worlds.attacks import identity, infrastructure, work
from iolaus.worlds.model import COVER, HOUR, Account, Cohort, Floats, Ints, Schedule, Tokens
from iolaus.worlds.people import Stage, api_channel, heavy, nation, person
from iolaus.worlds.places import BY_CODE


@dataclass(frozen=True)
class Attack:
    """What an operator does. Shares are 0 to 1 of accounts unless said otherwise."""

    per_account: float  # mean exchanges per account
    days: float  # length of the campaign
    first: float  # its start, as a share of the log that it leaves free
    signup_days: float  # sign-ups are spread over so many days, from `lead` days before the start
    lead: float
    bursts: int  # sign-ups come in so many bursts
    card_share: float  # accounts that pay with a card of the pool
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


def build(
    stage: Stage, attack: Attack, count: int, rng: np.random.Generator, *, name: str = "c1"
) -> Cohort:
    """The campaign's accounts and the common queue's schedule.

    1. people, each outwardly a stranger; 2. identifiers shared by parts of them; 3. proxies;
    4. sign-ups, bans and replacements; 5. the queue that they work off together.
    """
    start = attack.first * max(0.0, stage.span - attack.days * 86_400)
    end = min(stage.span, start + attack.days * 86_400)
    voices = work.voices(stage, attack.templates, attack.injected, rng)
    tokens = _tokens(rng)
    accounts = [_member(stage, voices, tokens, name, rng) for _ in range(count)]
    identity.share_cards(stage, accounts, attack.card_share, attack.accounts_per_card, rng)
    identity.share_devices(stage, accounts, attack.device_share, attack.accounts_per_device, rng)
    identity.share_mail(stage, accounts, attack.mail_share, attack.mail_domains, rng)
    infrastructure.proxies(stage, attack, accounts, rng)
    infrastructure.clients_of(accounts, rng)
    _sign_up(attack, accounts, start, end, rng)
    _ban(attack, accounts, start, end, rng)
    _adopt(attack, accounts, rng)

    def schedule(total: int, draw: np.random.Generator) -> Schedule:
        return queue(attack, accounts, start, end, total, draw)

    return Cohort(accounts, schedule=schedule)


def _tokens(rng: np.random.Generator) -> Tokens:
    return Tokens(
        context=40.0, output=float(rng.uniform(1100, 1900)), spread=0.6,
        reasoning=float(rng.uniform(0.55, 0.9)), cached=0.03, limit=(8192, 16384, 4096),
        temperature=(1.0, None, 0.7)[int(rng.integers(3))], stream=float(rng.random()),
    )  # fmt: skip


def _member(
    stage: Stage, voices: work.Voices, tokens: Tokens, name: str, rng: np.random.Generator
) -> Account:
    country = nation(rng)
    return person(
        stage, "campaign", voices.draw(rng), rng, country=country, campaign_id=name,
        zone=BY_CODE[country].zone, plan="pay_as_you_go", verification=str(
            rng.choice(("payment", "phone", "identity"), p=(0.7, 0.25, 0.05))),
        payment=stage.fresh("card"), tokens=tokens, weight=heavy(rng, 0.4), second_tier=0.06,
        tier=int(rng.choice(3, p=(0.05, 0.45, 0.5))), rotate="request",
        channel=api_channel(rng),
    )  # fmt: skip


def _sign_up(
    attack: Attack, accounts: list[Account], start: float, end: float, rng: np.random.Generator
) -> None:
    """Sign-ups in bursts of minutes to hours; an account works from hours after it."""
    day = 86_400.0
    bursts = start - attack.lead * day + rng.uniform(0, attack.signup_days * day, attack.bursts)
    for account in accounts:
        within = float(rng.exponential(1.5 * HOUR))
        at = float(bursts[int(rng.integers(attack.bursts))]) + within
        account.created = min(at, end - 2 * HOUR)
        account.start = max(start, account.created + float(rng.exponential(2 * HOUR)))
        account.start = min(account.start, end - HOUR)
        account.end = end


def _ban(
    attack: Attack, accounts: list[Account], start: float, end: float, rng: np.random.Generator
) -> None:
    """Some are banned; others, kept in reserve, begin within hours of it."""
    order = rng.permutation(len(accounts))
    banned = order[: int(len(accounts) * attack.banned)]
    reserve = order[len(banned) : len(banned) + int(len(banned) * attack.regrown)]
    times = np.sort(
        rng.uniform(start + 0.15 * (end - start), end - 0.05 * (end - start), len(banned))
    )
    for index, at in zip(banned, times, strict=True):
        one = accounts[int(index)]
        one.end = max(float(at), one.start + HOUR)
        one.banned = one.end
    for index, at in zip(reserve, times[: len(reserve)], strict=True):
        one = accounts[int(index)]
        begin = float(at) + float(rng.uniform(0.2, 1)) * attack.failover_hours * HOUR
        one.start = min(max(begin, one.start), end - HOUR)


def _adopt(attack: Attack, accounts: list[Account], rng: np.random.Generator) -> None:
    for account in accounts:
        if rng.random() < attack.pivot:
            account.adoption = float(rng.uniform(0.1, 1.0)) * attack.pivot_hours * HOUR


def queue(
    attack: Attack, accounts: list[Account], start: float, end: float, total: int,
    rng: np.random.Generator,
) -> Schedule:  # fmt: skip
    """A common work queue: items leave it at a near-constant rate, to whichever account is free.

    Each item is sent once; a failed one is sent again, at once, through another account.
    """
    ts = _pooled(attack, min(a.start for a in accounts), end, total, rng)
    slot = _busy(_dispatch(attack, accounts, ts, rng), accounts, ts, rng)
    failed = rng.random(total) < attack.failing
    cover = rng.random(total) < attack.cover
    again = np.zeros(total, dtype=bool)
    again[1:] = failed[:-1] & (slot[1:] != slot[:-1]) & (rng.random(total - 1) < attack.retry)
    again &= ~cover
    again[1:] &= ~cover[:-1]
    item = np.cumsum(~again & ~cover) - 1
    item = np.where(cover, COVER, item)
    return Schedule(slot, ts, item, np.arange(total) // 8, failed, ~cover)


def _pooled(
    attack: Attack, start: float, end: float, total: int, rng: np.random.Generator
) -> Floats:
    """Moments of the pool: stratified, so smoother than chance, slower in the operator's night."""
    uniform = (np.arange(total) + rng.random(total)) / total
    grid = np.linspace(start, end, 24 * 64 + 1)
    phase = rng.uniform(0, 2 * np.pi)
    rate = 1.0 - attack.night * 0.5 * (1 + np.cos(grid * (2 * np.pi / 86_400) + phase))
    done = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
    moments: Floats = np.interp(uniform, done / done[-1], grid)
    return np.sort(moments)


def _dispatch(
    attack: Attack, accounts: list[Account], ts: Floats, rng: np.random.Generator
) -> Ints:
    """Which account sends what: in each slice of time, active ones in turns, by their weight."""
    begins = np.array([a.start for a in accounts])
    ends = np.array([a.end for a in accounts])
    weights = rng.lognormal(0.0, attack.imbalance, len(accounts))
    slices = np.array_split(
        np.arange(ts.size), max(1, min(2_000, ts.size // max(8, len(accounts) // 8)))
    )
    out = np.zeros(ts.size, dtype=np.int64)
    credit = np.zeros(len(accounts))
    for part in slices:
        if part.size == 0:
            continue
        active = np.flatnonzero((begins <= ts[part[0]]) & (ends > ts[part[-1]]))
        if active.size == 0:
            active = np.array([int(np.argmin(np.abs(begins - ts[part[0]])))])
        credit[active] += weights[active] / weights[active].sum() * part.size
        take = _owed(credit, active, part.size, rng)
        credit -= np.bincount(take, minlength=len(accounts))
        out[part] = rng.permutation(take)
    return out


def _busy(slot: Ints, accounts: list[Account], ts: Floats, rng: np.random.Generator) -> Ints:
    """Give each account that got nothing one exchange of a busier one, inside its own time: an
    account without any would stand in the truth and not in the log."""
    count = np.bincount(slot, minlength=len(accounts))
    for idle in np.flatnonzero(count == 0):
        one = accounts[int(idle)]
        free = np.flatnonzero((ts >= one.start) & (ts < one.end) & (count[slot] > 1))
        if free.size:
            taken = int(rng.choice(free))
            count[slot[taken]] -= 1
            slot[taken], count[idle] = idle, 1
    return slot


def _owed(
    credit: Floats, active: Ints, size: int,
    rng: np.random.Generator,
) -> Ints:  # fmt: skip
    """`size` accounts, those that are owed most first: load balancing by least use."""
    owed = np.maximum(credit[active] + rng.uniform(0, 1, active.size), 0.0)
    whole = np.repeat(active, np.floor(owed).astype(np.int64))[:size]
    left = size - whole.size
    if left:
        more = active[np.argsort(-(owed - np.floor(owed)), kind="stable")]
        whole = np.concatenate([whole, np.resize(more, left)])
    return whole.astype(np.int64)
