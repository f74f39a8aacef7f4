"""accounts: one row per account that sent at least one exchange, with a dense integer key.

Keys follow the first exchange: the accounts known before an instant are keys 0 to n-1, so a look
at the log as of that instant needs no renumbering, and a new day only appends.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import pyarrow as pa

from iolaus.core.tables import ACCOUNTS
from iolaus.engine import Engine, Table, shared_out
from iolaus.signals.day import Day, attach_day, days_of, held_bytes
from iolaus.signals.parts import Keys, Parts, chained

_CLAIMED = [name for name in ACCOUNTS.names if name not in ("account_id", "organization_id")]

# Which of exchanges at the same instant counts as the first: microseconds of the day (37 bits),
# then 26 bits of the exchange's hash.
_MOMENT: Final = (
    "(epoch_us(ts) - epoch_us(CAST($day AS TIMESTAMP))) * 67108864 + (exchange_hash & 67108863)"
)
# account_id, day, first_at, last_at, exchanges; channel and organization_id of the day's first
# exchange that has one. Few accounts show several on a day: for those alone the moments of their
# exchanges are compared, whose hashes cost more than all the rest.
_ACCOUNT_DAYS: Final = f"""
WITH shown AS (
    SELECT account_id, channel, organization_id, min(ts) AS first_at, max(ts) AS last_at,
           count(*) AS exchanges
    FROM {{rows}} WHERE ts >= $day AND ts < $next GROUP BY ALL
),
whole AS (
    SELECT account_id, min(first_at) AS first_at, max(last_at) AS last_at,
           sum(exchanges)::BIGINT AS exchanges, min(channel) AS channel,
           min(organization_id) AS organization_id,
           min(channel) <> max(channel) OR min(organization_id) <> max(organization_id) AS several
    FROM shown GROUP BY account_id
),
told AS (
    SELECT account_id, arg_min(channel, {_MOMENT}) FILTER (WHERE channel IS NOT NULL) AS one,
           arg_min(organization_id, {_MOMENT}) FILTER (WHERE organization_id IS NOT NULL) AS other
    FROM {{rows}} SEMI JOIN (SELECT account_id FROM whole WHERE several) USING (account_id)
    WHERE ts >= $day AND ts < $next GROUP BY account_id
)
SELECT account_id, $day AS day, first_at, last_at, exchanges, coalesce(one, channel) AS channel,
       coalesce(other, organization_id) AS organization_id
FROM whole LEFT JOIN told USING (account_id) ORDER BY account_id
"""


def accounts(engine: Engine, claimed: pa.Table | None, days: Sequence[Day] | None = None) -> Table:
    """Number the accounts and join what they claim to what was observed.

    In: `days` (by default those of features); `claimed` in the ACCOUNTS schema (None: nothing was
    claimed). Kept is a day's part of account_days; the table is merged from those.
    Out: account (INTEGER, 0 to n-1 in order of first_seen), account_id, first_seen, channel (of
    the first exchange that has one), organization_id (claimed, else of the first exchange that has
    one), and the claimed columns, null where unknown.
    """
    found = days_of(engine) if days is None else days
    keys = {day.day: Keys(day.source, "", "", "") for day in found if day.source}
    parts = Parts(engine, _ACCOUNT_DAYS, keys)
    missing = [day for day in found if not parts.choose("account_days", day.day)]
    for _ in shared_out(engine, _count, missing, held_bytes(missing)):
        pass
    engine.attach_days("account_days")
    engine.register("claimed", claimed if claimed is not None else ACCOUNTS.empty_table())
    return engine.step(
        "accounts",
        f"""
        WITH seen AS (
            SELECT account_id, min(first_at) AS first_seen,
                   arg_min(channel, day) FILTER (WHERE channel IS NOT NULL) AS channel,
                   arg_min(organization_id, day) FILTER (WHERE organization_id IS NOT NULL)
                       AS organization_seen
            FROM account_days GROUP BY account_id
        )
        SELECT CAST(row_number() OVER (ORDER BY first_seen, account_id) - 1 AS INTEGER) AS account,
               account_id, first_seen, channel,
               coalesce(claimed.organization_id, organization_seen) AS organization_id,
               {", ".join(f"claimed.{name}" for name in _CLAIMED)}
        FROM seen LEFT JOIN claimed USING (account_id)
        ORDER BY account
        """,
    )


def _count(engine: Engine, day: Day) -> None:
    """Make the day's part of account_days."""
    sql = _ACCOUNT_DAYS.format(rows=attach_day(engine, day))
    engine.day_step("account_days", day.day, sql, day.span)


def day_keys(engine: Engine, days: Sequence[Day]) -> dict[date, Keys]:
    """What the parts of each day are made from; days without a source have none.

    In: accounts, account_days. Numbers and claims are told by 60-bit hashes, joined by xor.
    """
    sources = {day.day: day.source for day in days if day.source}
    if not sources:
        return {}
    rows = engine.fetch(
        """
        WITH told AS (
            SELECT account_id, text_hash(concat_ws('|', account, account_id)) AS numbered,
                   text_hash(concat_ws('|', account_id, billing_country)) AS claiming
            FROM accounts
        )
        SELECT day, CAST(bit_xor(numbered) AS VARCHAR) AS numbers,
               CAST(bit_xor(claiming) AS VARCHAR) AS claims
        FROM account_days JOIN told USING (account_id) GROUP BY day ORDER BY day
        """
    ).to_pylist()
    past = chained(sources)
    told: Mapping[date, dict[str, str]] = {row["day"]: row for row in rows}
    return {
        day: Keys(source, past[day], told[day]["numbers"], told[day]["claims"])
        for day, source in sources.items()
    }
