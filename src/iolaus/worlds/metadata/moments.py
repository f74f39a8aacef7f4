"""The exchanges of one UTC day, as sorted keys: account, moment and sitting in one integer.

    key = rank of the account << 41 | microsecond of the day << 4 | number of the sitting modulo 16

2^22 accounts take 22 bits, a day's microseconds 37: together 63. An account's rank is that of its
id among all ids, so sorting the keys gives the order of a store's files, by account and then by
time. An account's local day gives the same moments whichever UTC day asks for it.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.worlds.metadata.draws import State, begin, exponential, poisson, unit, whole
from iolaus.worlds.metadata.folk import INTS, REALS, Folk
from iolaus.worlds.metadata.volumes import Counts
from iolaus.worlds.model import DAY, HOUR, Floats, Ints, Schedule
from iolaus.worlds.rhythms import RHYTHMS, profile

MOMENT, RANK = 4, 41  # bits below the moment, and below the account
MOMENTS: Final = 1 << (RANK - MOMENT)  # microseconds of a day, and more: 137,438,953,472
MOST_ACCOUNTS: Final = 1 << (63 - RANK)  # that a key has room for: 4,194,304
SECOND = 1_000_000
EDGES: Final = np.array([np.cumsum(profile(r)[0]) for r in RHYTHMS])  # rhythms x 24


class Habits(NamedTuple):
    """What moments are drawn from, one entry per account."""

    start: Floats
    end: Floats
    zone: Floats  # seconds
    session: NDArray[np.float32]
    gap: NDArray[np.float32]
    rhythm: NDArray[np.int32]
    edges: Floats  # EDGES
    rank: NDArray[np.int32]  # of the account's id among all

    @staticmethod
    def of(folk: Folk, rank: NDArray[np.int32]) -> "Habits":
        """Take them from the accounts' columns."""
        zone = folk.reals[:, REALS.index("zone")].astype(np.float64) * HOUR
        session, gap = (folk.reals[:, REALS.index(n)].copy() for n in ("session", "gap"))
        return Habits(
            folk.start, folk.end, zone, session, gap,
            folk.ints[:, INTS.index("rhythm")].copy(), EDGES, rank,
        )  # fmt: skip


class Queued(NamedTuple):
    """The campaign's exchanges in order of time: what a schedule says, in a third of its room."""

    at: Ints  # microseconds since the log's first midnight
    slot: NDArray[np.int32]
    item: NDArray[np.int32]  # as Schedule has it
    failed: NDArray[np.bool_]

    @staticmethod
    def of(schedules: list[tuple[Schedule, int]]) -> "Queued":
        """Join the operators' queues; each comes with the slot of its first account."""
        parts = [
            ((s.ts * SECOND).astype(np.int64), (s.slot + first).astype(np.int32),
             s.item.astype(np.int32), s.failed)
            for s, first in schedules
        ]  # fmt: skip
        if len(parts) == 1:
            return Queued(*parts[0])
        if not parts:
            none = np.zeros(0, np.int64)
            return Queued(none, none.astype(np.int32), none.astype(np.int32), none.astype(bool))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        at, slot, item, failed = (column[order] for column in columns)
        return Queued(at, slot, item, failed)

    def day(self, number: int, rank: NDArray[np.int32]) -> tuple[Ints, "Queued"]:
        """Sorted keys of one UTC day, and the rows in the keys' order. rank: as in Habits."""
        low, high = np.searchsorted(self.at, np.array([number, number + 1]) * DAY * SECOND)
        since = self.at[low:high] - number * DAY * SECOND
        sitting = (np.arange(low, high) // 8) & 15
        keys = rank[self.slot[low:high]].astype(np.int64) << RANK | since << MOMENT | sitting
        order = np.argsort(keys, kind="stable")
        at, slot, item, failed = (column[low:high][order] for column in self.columns())
        return keys[order], Queued(at, slot, item, failed)

    def columns(self) -> tuple[Any, Any, Any, Any]:
        """The four of them."""
        return self.at, self.slot, self.item, self.failed


def day_keys(habits: Habits, counts: Counts, number: int, span: float, seed: int) -> Ints:
    """Keys of the honest exchanges of UTC day `number`, sorted."""
    near = counts[number : number + 3]
    out = np.empty(int(near.sum()), dtype=np.int64)
    size = _fill(out, habits, near, number, span, np.uint64(seed))
    keys = out[:size]
    keys.sort()
    return keys


@kernel
def _fill(
    out: Ints, habits: Habits, near: Counts, number: int, span: float, seed: np.uint64
) -> int:
    """Draw the moments of the three local days that touch the UTC day; how many fell into it."""
    state, size = np.zeros(1, np.uint64), 0
    for a in range(near.shape[1]):
        for step in range(near.shape[0]):
            count, local = whole(near[step, a]), number - 1 + step
            opens = local * DAY - habits.zone[a]
            if count == 0 or opens + DAY <= number * DAY or opens >= (number + 1) * DAY:
                continue
            begin(state, seed, np.uint64(a), np.uint64(local + 3))
            low = max(opens, max(habits.start[a], 0.0))
            high = max(min(opens + DAY, min(habits.end[a], span)), low + 0.001)
            size = _sittings(out, size, state, habits, a, count, opens, low, high, number)
    return size


@kernel
def _sittings(
    out: Ints, size: int, state: State, habits: Habits, a: int, count: int, opens: float,
    low: float, high: float, number: int,
) -> int:  # fmt: skip
    """One account's local day: sittings of unequal length, gaps of seconds to minutes between."""
    sittings = max(1, min(count, poisson(state, count / habits.session[a])))
    account = whole(habits.rank[a]) << RANK
    before, total = state[0], 0.0
    for _ in range(sittings):
        total += exponential(state) + 0.05
    draws, upto, done = np.array([before]), 0.0, 0  # the same shares again
    rest = unit(state)
    for sitting in range(sittings):
        upto += exponential(draws) + 0.05
        end = count if sitting == sittings - 1 else int(count * (upto / total) + rest)
        local = _begins(state, habits.edges[habits.rhythm[a]])
        for place in range(done, min(end, count)):
            if place > done:
                local += habits.gap[a] * exponential(state)
            if local >= DAY:  # a sitting past midnight goes on before it
                local = max(0.0, 2.0 * DAY - local)
            at = opens + local
            if at < low or at >= high:
                at = low + unit(state) * (high - low)
            since = at - number * DAY
            if 0.0 <= since < DAY:
                micro = min(whole(since * SECOND), DAY * SECOND - 1)
                out[size] = account | micro << MOMENT | sitting & 15
                size += 1
        done = max(done, end)
    return size


@kernel
def _begins(state: State, edges: Floats) -> float:
    """Second of the local day at which a sitting begins."""
    at, hour = unit(state), 0
    while hour < 23 and edges[hour] <= at:
        hour += 1
    return (hour + unit(state)) * HOUR
