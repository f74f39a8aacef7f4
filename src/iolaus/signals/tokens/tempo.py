"""tempo: doing the same thing in the same minutes.

Three kinds. `burst`: the same skeleton within the same 10 minutes, where more accounts do so than
that skeleton's traffic up to that day leads to expect. `pivot`: the first use of a newly released
model in the same hour after its release, within a day. `after_ban`: an account that starts, or
starts again after days of silence, within hours of another account's ban.
"""

from typing import Final

BIN_MINUTES = 10  # 24 * 60 / 10 = 144 bins a day
BURST_FACTOR = 3.0  # times the expected number of accounts in a bin, and at least 3 more
PIVOT_HOURS = 24
FAILOVER_HOURS = 3
# A ban after which more accounts start within FAILOVER_HOURS is left out: what a thousand accounts
# do in three hours is no trace of one operator. Where thousands start after each of thousands of
# bans, these tokens would be millions of rows (docs/decisions/0031).
MOST_STARTS: Final = 1_000
SILENCE_DAYS = 3
HOUR = 3_600_000_000  # microseconds

# Who used which skeleton in which bin, skeletons that stand once left out on a large day; the
# skeletons of a day, on a large day those of several accounts; and those in their bins.
BINNED_TODAY = f"""
SELECT skeleton, time_bucket(INTERVAL '{BIN_MINUTES} minutes', ts) AS bin, account,
       count(*) AS exchanges
FROM said_today SEMI JOIN skeletons_again USING (skeleton) GROUP BY ALL
"""
SKELETONS_TODAY = """
SELECT skeleton, min(account) <> max(account) AS several FROM binned_today
GROUP BY skeleton HAVING $small OR min(account) <> max(account)
"""
BINS_TODAY = """
SELECT skeleton, several, bin, account, exchanges
FROM binned_today JOIN skeletons_today USING (skeleton)
"""
# Two tables of a day. In how many 10-minute bins how many accounts used a skeleton of several
# accounts: skeleton, day, accounts (summed over bins). And who did in a bin of 3 accounts or more:
# skeleton, bin, account, day, exchanges, accounts (in the bin).
SKELETON_DAYS = """
SELECT skeleton, $day AS day, count(*) AS accounts FROM bins_today WHERE several
GROUP BY skeleton ORDER BY skeleton
"""
BUSY_BINS = f"""
WITH holders AS (
    SELECT skeleton, bin, count(*) AS accounts FROM bins_today WHERE several
    GROUP BY ALL HAVING count(*) >= 3
),
expected AS (  -- accounts per bin, over the skeleton's days so far
    SELECT skeleton, sum(accounts) / ({24 * 60 // BIN_MINUTES} * count(*)) AS per_bin
    FROM skeleton_days SEMI JOIN holders USING (skeleton) WHERE day <= $day GROUP BY skeleton
),
busy AS (
    SELECT skeleton, bin FROM holders JOIN expected USING (skeleton)
    WHERE accounts >= {BURST_FACTOR} * per_bin + 3
)
SELECT skeleton, bin, account, $day AS day, exchanges
FROM bins_today SEMI JOIN busy USING (skeleton, bin)
ORDER BY skeleton, bin, account
"""

SQL = f"""
WITH pivots AS (
    SELECT account, model, released_at, min(first_at) AS used_at
    FROM model_uses JOIN releases USING (model)
    WHERE first_at >= released_at
    GROUP BY ALL
    HAVING min(first_at) < released_at + INTERVAL '{PIVOT_HOURS} hours'
),
visits AS (
    SELECT account, day, min(first_at) AS started_at,
           lag(day) OVER (PARTITION BY account ORDER BY day) AS last_day
    FROM model_uses GROUP BY account, day
),
starts AS (
    SELECT account, started_at, epoch_us(started_at) // {HOUR} AS hour FROM visits
    WHERE last_day IS NULL OR datediff('day', last_day, day) > {SILENCE_DAYS}
),
bans AS (
    SELECT DISTINCT "at" AS banned_at, "at" + INTERVAL '{FAILOVER_HOURS} hours' AS over_at,
           text_hash(concat_ws('|', account_id, time_text("at"))) AS value
    FROM enforcement WHERE action = 'ban'
),
moments AS (  -- how many accounts started before each: no ban need meet them to be counted
    SELECT moment, sum(started) OVER (ORDER BY moment) - started AS before
    FROM (
        SELECT moment, CAST(sum(started) AS BIGINT) AS started
        FROM (
            SELECT started_at AS moment, 1 AS started FROM starts
            UNION ALL SELECT banned_at, 0 FROM bans
            UNION ALL SELECT over_at, 0 FROM bans
        ) GROUP BY moment
    )
),
telling AS (  -- once for every hour that its window touches: a join by hours, not of all with all
    SELECT banned_at, over_at, value, epoch_us(banned_at) // {HOUR} + later AS hour
    FROM (
        SELECT banned_at, over_at, value, unnest({list(range(FAILOVER_HOURS + 1))}) AS later
        FROM bans JOIN moments AS opening ON opening.moment = banned_at
             JOIN moments AS closing ON closing.moment = over_at
        WHERE closing.before - opening.before <= {MOST_STARTS}
    )
)
SELECT account, 'tempo' AS family, 'burst' AS kind,
       text_hash(concat_ws('|', skeleton, time_text(bin))) AS value, day, exchanges
FROM bursts
UNION ALL
SELECT account, 'tempo', 'pivot',
       text_hash(concat_ws('|', model, datediff('hour', released_at, used_at))),
       CAST(used_at AS DATE), 1
FROM pivots
UNION ALL
SELECT starts.account, 'tempo', 'after_ban', telling.value, CAST(starts.started_at AS DATE), 1
FROM starts JOIN telling USING (hour)
WHERE starts.started_at >= telling.banned_at AND starts.started_at < telling.over_at
"""
