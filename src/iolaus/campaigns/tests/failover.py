"""When a member is banned, do others start, or start again, within hours?

Statistic: starts of other members (a first day, or one after days of silence) in the FAILOVER_HOURS
after a member's ban. Null: the bans shifted by whole days, every shift that stays in the window.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from iolaus.campaigns.scene import Finding, Floats, Ints, Scene, Suspect
from iolaus.core.statistics import upper_tail

FAILOVER_HOURS = 3
SILENCE_DAYS = 3
MOST_SHIFT_DAYS = 21
LEAST_SHIFTS = 6
NULL = "the bans shifted by whole days"
STATISTIC = "starts within 3 hours after a member's ban"
HOUR = 3600.0


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    banned, started, (first, last) = scene.once("bans and starts", lambda: _happened(scene))
    bans = banned.of(suspect.members)
    if bans.size == 0:
        why = "no member was banned"
        return [Finding("failover", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    starts = started.of(suspect.members)
    shifts = [
        24.0 * day
        for day in range(-MOST_SHIFT_DAYS, MOST_SHIFT_DAYS + 1)
        if day != 0 and bans[0] + 24 * day >= first and bans[-1] + 24 * day <= last
    ]
    if len(shifts) < LEAST_SHIFTS:
        why = "the window is too short to shift the bans"
        return [Finding("failover", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    value = _started(bans, starts)
    null = np.asarray([_started(bans + shift, starts) for shift in shifts], dtype=np.float64)
    tail = upper_tail(float(value), null, least_scale=max(1.0, float(np.sqrt(null.mean()))))
    detail = f"{bans.size} bans among members"
    return [
        Finding("failover", "coordination", STATISTIC, float(value), NULL, tail.p, detail, null)
    ]


@dataclass(frozen=True)
class Moments:
    """When something happened to whom: accounts, in order, and hours since 1970."""

    accounts: Ints
    hours: Floats

    @classmethod
    def of_rows(cls, rows: pa.Table) -> "Moments":
        hours = rows["hour"].to_numpy(zero_copy_only=False).astype(np.float64)
        return cls(rows["account"].to_numpy().astype(np.int64), hours)

    def of(self, members: Ints) -> Floats:
        """The members' hours, in order."""
        first = np.searchsorted(self.accounts, members, side="left")
        last = np.searchsorted(self.accounts, members, side="right")
        parts = [self.hours[a:b] for a, b in zip(first, last, strict=True) if a < b]
        return np.sort(np.concatenate([np.empty(0), *parts]))


_BANS = """
    SELECT account, epoch("at") / 3600 AS hour FROM enforcement JOIN accounts USING (account_id)
    WHERE action = 'ban' AND "at" < $until ORDER BY account, hour
"""
_STARTS = f"""
    WITH visits AS (
        SELECT account, day, min(first_at) AS started_at,
               lag(day) OVER (PARTITION BY account ORDER BY day) AS last_day
        FROM model_uses WHERE day < $until GROUP BY account, day
    )
    SELECT account, epoch(started_at) / 3600 AS hour FROM visits
    WHERE last_day IS NULL OR datediff('day', last_day, day) > {SILENCE_DAYS}
    ORDER BY account, hour
"""
_WINDOW = """
    SELECT epoch(min(first_at)) / 3600 AS first, epoch(max(first_at)) / 3600 AS last
    FROM model_uses WHERE day < $until
"""


def _happened(scene: Scene) -> tuple[Moments, Moments, tuple[float, float]]:
    """Bans, starts, and the first and last hour of the log; only bans where there are none."""
    until = {"until": scene.until}
    bans = Moments.of_rows(scene.engine.fetch(_BANS, until))
    if bans.hours.size == 0:
        return bans, bans, (np.nan, np.nan)
    starts = Moments.of_rows(scene.engine.fetch(_STARTS, until))
    window = scene.engine.fetch(_WINDOW, until).to_pylist()[0]
    return bans, starts, (window["first"], window["last"])


def _started(bans: Floats, starts: Floats) -> int:
    """Starts that fall into the hours after at least one ban."""
    last_ban = np.searchsorted(bans, starts, side="right") - 1
    since = np.where(last_ban >= 0, starts - bans[np.maximum(last_ban, 0)], np.inf)
    return int((since < FAILOVER_HOURS).sum())
