"""When people work: hour-of-week profiles in local time, and sittings drawn from them."""

from typing import Final

import numpy as np

from iolaus.worlds.model import DAY, HOUR, Account, Floats, Ints

# Relative rate per local hour 0..23 on a weekday, and what a weekend day is worth.
_HOURS: Final[dict[str, tuple[tuple[float, ...], float]]] = {
    "office": (
        (
            0.1,
            0.05,
            0.05,
            0.05,
            0.05,
            0.1,
            0.3,
            0.8,
            1.6,
            2.4,
            2.6,
            2.4,
            1.8,
            2,
            2.5,
            2.5,
            2.3,
            1.8,
            1.1,
            0.8,
            0.7,
            0.6,
            0.4,
            0.2,
        ),
        0.3,
    ),
    "evening": (
        (
            0.5,
            0.3,
            0.15,
            0.1,
            0.1,
            0.15,
            0.3,
            0.6,
            0.8,
            0.9,
            1,
            1,
            1.1,
            1,
            1,
            1,
            1.1,
            1.2,
            1.4,
            1.8,
            2.2,
            2.3,
            1.8,
            1,
        ),
        1.15,
    ),
    "hacker": (
        (
            1.6,
            1.2,
            0.8,
            0.5,
            0.3,
            0.2,
            0.2,
            0.3,
            0.5,
            0.9,
            1.2,
            1.2,
            1,
            1.1,
            1.3,
            1.4,
            1.4,
            1.2,
            1.2,
            1.5,
            1.9,
            2.2,
            2.3,
            2,
        ),
        0.9,
    ),
    "product": (  # follows the product's users, who live in several zones
        (
            0.7,
            0.6,
            0.5,
            0.5,
            0.5,
            0.6,
            0.7,
            0.9,
            1.1,
            1.3,
            1.4,
            1.4,
            1.4,
            1.4,
            1.4,
            1.4,
            1.3,
            1.3,
            1.2,
            1.2,
            1.2,
            1.1,
            1,
            0.8,
        ),
        0.8,
    ),
    "flat": ((1.0,) * 24, 1.0),
}
RHYTHMS: Final = tuple(_HOURS)
FIRST_WEEKDAY = 0  # every world starts on a Monday


def profile(rhythm: str) -> tuple[Floats, float]:
    """Share of each local hour 0..23 of a weekday, and what a weekend day is worth."""
    hours, weekend = _HOURS[rhythm]
    weights = np.asarray(hours, dtype=np.float64)
    return weights / weights.sum(), weekend


def _days(account: Account, span: float, sittings: int, rng: np.random.Generator) -> Floats:
    """Local days of `sittings`: weekly rhythm, and days on which nothing is done."""
    first = max(account.start, 0.0) + account.zone * HOUR
    last = min(account.end, span) + account.zone * HOUR
    days = np.arange(np.floor(first / DAY), np.floor((last - 1) / DAY) + 1)
    _, weekend = profile(account.rhythm)
    weights = np.where((days + FIRST_WEEKDAY) % 7 >= 5, weekend, 1.0)
    if account.rhythm not in ("product", "flat"):
        weights = weights * rng.lognormal(0.0, 1.0, days.size)  # projects come and go
    covered = np.minimum(last, (days + 1) * DAY) - np.maximum(first, days * DAY)
    weights = weights * np.maximum(covered, 1.0)
    picked: Floats = rng.choice(days, size=sittings, p=weights / weights.sum())
    return picked


def sit(account: Account, count: int, span: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Moments of `count` exchanges (seconds, sorted) and the number of the sitting of each."""
    sittings = max(1, min(count, int(rng.poisson(count / account.session)) or 1))
    hours, _ = profile(account.rhythm)
    local = _days(account, span, sittings, rng) * DAY
    local += (rng.choice(24, size=sittings, p=hours) + rng.random(sittings)) * HOUR
    starts = np.sort(local - account.zone * HOUR)
    shares = rng.gamma(0.8, size=sittings) + 0.05  # some sittings are long, most are short
    sitting = np.sort(rng.choice(sittings, size=count, p=shares / shares.sum()))
    gaps = rng.exponential(account.gap, count) * (np.diff(sitting, prepend=-1) == 0)
    since = np.cumsum(gaps)
    begins = np.flatnonzero(np.diff(sitting, prepend=-1))
    since -= np.repeat(since[begins], np.diff(np.append(begins, count)))
    moments = starts[sitting] + since
    lo, hi = max(account.start, 0.0), min(account.end, span)
    outside = (moments < lo) | (moments >= hi)
    moments[outside] = rng.uniform(lo, hi, int(outside.sum()))
    order = np.argsort(moments, kind="stable")
    return moments[order], sitting[order]


def habit(rhythms: list[str], local: Floats) -> Floats:
    """Rate of each account's own rhythm at its local time (seconds); about 1 on average."""
    out = np.empty(local.size)
    for name in set(rhythms):
        hours, weekend = profile(name)
        mine = np.array([r == name for r in rhythms])
        days = np.floor(local[mine] / DAY)
        rate = hours[((local[mine] % DAY) // HOUR).astype(np.int64)] * 24
        out[mine] = rate * np.where((days + FIRST_WEEKDAY) % 7 >= 5, weekend, 1.0)
    return out
