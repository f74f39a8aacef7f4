"""When a member is banned, do others start, or start again, within hours?

Statistic: starts of other members (a first day, or one after days of silence) in the FAILOVER_HOURS
after a member's ban. Null: the bans shifted by whole days, every shift that stays in the window.
"""

import numpy as np
import pyarrow as pa

from iolaus.campaigns.scene import Finding, Floats, Scene, Suspect
from iolaus.core.statistics import upper_tail

FAILOVER_HOURS = 3
SILENCE_DAYS = 3
MOST_SHIFT_DAYS = 21
LEAST_SHIFTS = 6
NULL = "the bans shifted by whole days"
STATISTIC = "starts within 3 hours after a member's ban"
HOUR = 3600.0


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    scene.engine.register("suspects", _members_table(suspect))
    bans = _hours(
        scene,
        """
        SELECT epoch("at") / 3600 AS hour
        FROM enforcement JOIN accounts USING (account_id) JOIN suspects USING (account)
        WHERE action = 'ban' AND "at" < $until ORDER BY hour
        """,
    )
    if bans.size == 0:
        why = "no member was banned"
        return [Finding("failover", "coordination", STATISTIC, np.nan, NULL, np.nan, why)]
    starts = _hours(scene, _STARTS)
    first, last = _hours(scene, _WINDOW)
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


_STARTS = f"""
    WITH visits AS (
        SELECT account, day, min(first_at) AS started_at,
               lag(day) OVER (PARTITION BY account ORDER BY day) AS last_day
        FROM model_uses JOIN suspects USING (account) WHERE day < $until GROUP BY account, day
    )
    SELECT epoch(started_at) / 3600 AS hour FROM visits
    WHERE last_day IS NULL OR datediff('day', last_day, day) > {SILENCE_DAYS} ORDER BY hour
"""
_WINDOW = """
    SELECT unnest([epoch(min(first_at)) / 3600, epoch(max(first_at)) / 3600]) AS hour
    FROM model_uses WHERE day < $until
"""


def _members_table(suspect: Suspect) -> pa.Table:
    return pa.table({"account": pa.array(suspect.members, pa.int32())})


def _hours(scene: Scene, sql: str) -> Floats:
    rows = scene.engine.fetch(sql, {"until": scene.until})
    hours: Floats = rows["hour"].to_numpy(zero_copy_only=False).astype(np.float64)
    return hours


def _started(bans: Floats, starts: Floats) -> int:
    """Starts that fall into the hours after at least one ban."""
    last_ban = np.searchsorted(bans, starts, side="right") - 1
    since = np.where(last_ban >= 0, starts - bans[np.maximum(last_ban, 0)], np.inf)
    return int((since < FAILOVER_HOURS).sum())
