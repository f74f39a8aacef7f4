"""When a campaign runs, signs up, is banned, comes back, and moves to a new release.

Times in seconds since the log's first midnight.
"""

from typing import TYPE_CHECKING

import numpy as np

from iolaus.worlds.model import DAY, HOUR, Account, Ints
from iolaus.worlds.people import Stage

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

LATEST = 0.8  # share of a campaign after which nobody signs up for it, purges aside
PURGE_HOURS = 6.0  # mean delay of one ban of a purge


def window(stage: Stage, attack: "Attack") -> tuple[float, float]:
    """The campaign's first and last moment; around the first release where it stands there."""
    length = min(attack.days * DAY, stage.span)
    start = attack.first * (stage.span - length)
    if attack.around_release and stage.released:
        start = stage.released[0] - (0.2 + 0.4 * attack.first) * length
        start = min(max(0.0, start), stage.span - length)
    return start, start + length


def sign_up(
    attack: "Attack", accounts: list[Account], others: list[Account], start: float, end: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Sign-ups in bursts of minutes to hours; an account works from hours after it."""
    bursts = start - attack.lead * DAY + rng.uniform(0, attack.signup_days * DAY, attack.bursts)
    for account in [*accounts, *others]:
        at = float(bursts[int(rng.integers(attack.bursts))]) + float(rng.exponential(1.5 * HOUR))
        at += float(rng.uniform(-1, 1)) * attack.jitter * HOUR
        if at > start + LATEST * (end - start):  # in a short log: not all at one moment
            at = float(rng.uniform(start - attack.lead * DAY, start + LATEST * (end - start)))
        account.created = min(at, end - 2 * HOUR)
        account.start = max(start, account.created + float(rng.exponential(2 * HOUR)))
        account.start = min(account.start, end - HOUR)
        account.end = end
    for account in others:
        account.start, account.end = account.created, 1e12


def purge(
    attack: "Attack", accounts: list[Account], late: Ints, start: float, end: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Most of the first generation is banned in mid-campaign; a second one signs up in days."""
    if not late.size:
        return
    at = start + float(rng.uniform(0.4, 0.55)) * (end - start)
    early = np.setdiff1d(np.arange(len(accounts)), late)
    for index in early:
        one = accounts[int(index)]
        one.created = min(one.created, at - DAY)
        one.start = min(one.start, max(at - 0.5 * DAY, one.created))
    for index in _spared(accounts, early):
        if rng.random() < attack.purged:
            _strike(accounts[int(index)], at + float(rng.exponential(PURGE_HOURS * HOUR)), end)
    bursts = at + rng.uniform(0.1, 1.0, max(2, attack.bursts // 4)) * attack.regrow_days * DAY
    for index in late:
        one = accounts[int(index)]
        opened = float(bursts[int(rng.integers(bursts.size))]) + float(rng.exponential(HOUR))
        opened += float(rng.uniform(0, 1)) * attack.jitter * HOUR
        one.created = min(opened, end - 3 * HOUR)
        one.start = min(one.created + float(rng.exponential(2 * HOUR)), end - HOUR)


def _spared(accounts: list[Account], among: Ints) -> Ints:
    """`among` without the account that begins first, so that somebody always works."""
    first = min(among, key=lambda i: accounts[int(i)].start, default=-1)
    rest: Ints = among[among != first]
    return rest


def _strike(account: Account, at: float, end: float) -> None:
    """A ban, an hour after the first use at the earliest."""
    account.end = min(max(at, account.start + HOUR), end)
    account.banned = account.end


def ban(
    attack: "Attack", accounts: list[Account], start: float, end: float, rng: np.random.Generator
) -> None:
    """Some are banned; others, kept in reserve, begin within hours of it."""
    free = np.array([i for i, a in enumerate(accounts) if a.banned is None], dtype=np.int64)
    order = rng.permutation(_spared(accounts, free))
    banned = order[: int(len(accounts) * attack.banned)]
    reserve = order[len(banned) : len(banned) + int(len(banned) * attack.regrown)]
    times = np.sort(
        rng.uniform(start + 0.15 * (end - start), end - 0.05 * (end - start), len(banned))
    )
    for index, at in zip(banned, times, strict=True):
        _strike(accounts[int(index)], float(at), end)
    for index, at in zip(reserve, times[: len(reserve)], strict=True):
        one = accounts[int(index)]
        begin = float(at) + float(rng.uniform(0.2, 1)) * attack.failover_hours * HOUR
        begin += float(rng.uniform(0, 1)) * attack.jitter * HOUR
        one.start = min(max(begin, one.start), end - HOUR)


def adopt(attack: "Attack", accounts: list[Account], rng: np.random.Generator) -> None:
    """A part moves to each new release within hours."""
    for account in accounts:
        if rng.random() < attack.pivot:
            account.adoption = float(rng.uniform(0.1, 1.0)) * attack.pivot_hours * HOUR
            account.adoption += float(rng.uniform(0, 1)) * attack.jitter * HOUR
