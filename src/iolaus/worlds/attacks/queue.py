"""A campaign's common work queue: when items leave it, through which account, what is retried."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iolaus.worlds.attacks import work
from iolaus.worlds.model import COVER, DAY, HOUR, Account, Floats, Ints, Schedule
from iolaus.worlds.rhythms import habit

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

GRID = 24 * 64 + 1  # moments at which the pool's rate is known
SAMPLED = 60  # accounts whose hours make the rate of a pool that keeps local hours
SLICES = 2_000
AWAKE = 1.5  # an account at this rate or above, relative to its mean, is certainly at work

Marks = NDArray[np.bool_]


def queue(
    attack: "Attack", accounts: list[Account], start: float, end: float, total: int,
    rng: np.random.Generator,
) -> Schedule:  # fmt: skip
    """Items leave the queue at a near-constant rate, to whichever account is free.

    Each item is sent once; a failed one is sent again through another account, at once unless
    there is jitter. Prompts without common wording have items of their own.
    """
    ts = _pooled(attack, accounts, end, total, rng)
    slot = _busy(_dispatch(attack, accounts, ts, rng), accounts, ts, rng)
    failed = rng.random(total) < attack.failing
    cover = rng.random(total) < attack.cover
    plain = rng.random(total) < attack.paraphrase
    item = items(attack, slot, ts, failed & ~plain, cover, plain, rng)
    late = ts >= start + attack.turn * (end - start)
    item = np.where(cover, COVER, work.coded(item, plain, late))
    return Schedule(slot, ts, item, np.arange(total) // 8, failed, ~cover)


def items(
    attack: "Attack", slot: Ints, ts: Floats, failed: Marks, cover: Marks, plain: Marks,
    rng: np.random.Generator,
) -> Ints:  # fmt: skip
    """Number of the item of each exchange: a new one, or that of a failed exchange before it."""
    total = ts.size
    source = np.full(total, -1, dtype=np.int64)
    lost = np.flatnonzero(failed & ~cover & (rng.random(total) < attack.retry))
    due = ts[lost] + rng.uniform(0, 1, lost.size) * attack.jitter * HOUR
    again = np.maximum(np.searchsorted(ts, due) if attack.jitter else 0, lost + 1)
    for before, after in zip(lost.tolist(), again.tolist(), strict=True):
        free = after < total and not cover[after] and not plain[after] and source[after] < 0
        if free and slot[after] != slot[before]:
            source[after] = before
    item: Ints = np.cumsum((source < 0) & ~cover) - 1
    for after in np.flatnonzero(source >= 0).tolist():
        item[after] = item[source[after]]
    return item


def _pooled(
    attack: "Attack", accounts: list[Account], end: float, total: int, rng: np.random.Generator
) -> Floats:
    """Moments of the pool: stratified, so smoother than chance, slower in the operator's night."""
    start = min(a.start for a in accounts)
    uniform = (np.arange(total) + rng.random(total)) / total
    grid = np.linspace(start, end, GRID)
    phase = rng.uniform(0, 2 * np.pi)
    rate = 1.0 - attack.night * 0.5 * (1 + np.cos(grid * (2 * np.pi / DAY) + phase))
    if attack.diurnal:
        rate = rate * (1 - attack.diurnal + attack.diurnal * _hours(accounts, grid, rng))
    if attack.regrow:  # as many requests as there are accounts left to send them
        begins, ends = (np.sort([getattr(a, n) for a in accounts]) for n in ("start", "end"))
        rate = rate * (np.searchsorted(begins, grid, "right") - np.searchsorted(ends, grid) + 0.5)
    done = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2)])
    moments: Floats = np.sort(np.interp(uniform, done / done[-1], grid))
    return _pulses(attack, moments, end, rng) if attack.pulse_minutes else moments


def _hours(accounts: list[Account], grid: Floats, rng: np.random.Generator) -> Floats:
    """Mean rate of a sample of accounts, each at its own local time."""
    picked = [accounts[int(i)] for i in rng.permutation(len(accounts))[:SAMPLED]]
    rates = [habit([a.rhythm] * grid.size, grid + a.zone * HOUR) for a in picked]
    mean: Floats = np.mean(rates, axis=0)
    return mean


def _pulses(attack: "Attack", ts: Floats, end: float, rng: np.random.Generator) -> Floats:
    """The same exchanges gathered in bursts, in which many accounts send in the same minutes."""
    count = max(1, round((ts[-1] - ts[0]) / (60 * attack.pulse_minutes)))
    begins = np.sort(rng.uniform(ts[0], max(ts[0], end - attack.pulse_seconds), count))
    nearest = np.clip(np.searchsorted(begins, ts), 0, count - 1)
    moments: Floats = np.sort(begins[nearest] + rng.uniform(0, attack.pulse_seconds, ts.size))
    return np.minimum(moments, end - 1)


def _dispatch(
    attack: "Attack", accounts: list[Account], ts: Floats, rng: np.random.Generator
) -> Ints:
    """Which account sends what: in each slice of time, active ones in turns, by their weight."""
    begins = np.array([a.start for a in accounts])
    ends = np.array([a.end for a in accounts])
    zones, rhythms = np.array([a.zone for a in accounts]) * HOUR, [a.rhythm for a in accounts]
    weights = rng.lognormal(0.0, attack.imbalance, len(accounts))
    slices = np.array_split(
        np.arange(ts.size), max(1, min(SLICES, ts.size // max(8, len(accounts) // 8)))
    )
    out = np.zeros(ts.size, dtype=np.int64)
    credit = np.zeros(len(accounts))
    for part in slices:
        if part.size == 0:
            continue
        active = np.flatnonzero((begins <= ts[part[0]]) & (ends > ts[part[-1]]))
        if active.size == 0:
            active = np.array([int(np.argmin(np.abs(begins - ts[part[0]])))])
        if attack.diurnal:
            rate = habit([rhythms[int(i)] for i in active], ts[part[0]] + zones[active])
            chance = (1 - attack.diurnal + attack.diurnal * rate) / AWAKE
            awake = active[rng.random(active.size) < chance]
            active = awake if awake.size else active
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
