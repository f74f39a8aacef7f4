"""accounts: one row per account that sent at least one exchange, with a dense integer key.

Keys follow the first exchange: the accounts known before an instant are keys 0 to n-1, so a look
at the log as of that instant needs no renumbering, and a new day only appends.
"""

import pyarrow as pa

from iolaus.core.tables import ACCOUNTS
from iolaus.engine import Engine, Table

_CLAIMED = [name for name in ACCOUNTS.names if name not in ("account_id", "organization_id")]


def accounts(engine: Engine, claimed: pa.Table | None) -> Table:
    """Number the accounts and join what they claim to what was observed.

    In: features; `claimed` in the ACCOUNTS schema (None: nothing was claimed).
    Out: account (INTEGER, 0 to n-1 in order of first_seen), account_id, first_seen, channel (of
    the first exchange), organization_id (claimed, else of the first exchange that has one), and
    the claimed columns, null where unknown.
    """
    engine.register("claimed", claimed if claimed is not None else ACCOUNTS.empty_table())
    return engine.step(
        "accounts",
        f"""
        WITH seen AS (
            SELECT account_id, min(ts) AS first_seen, arg_min(channel, ts) AS channel,
                   arg_min(organization_id, ts) FILTER (WHERE organization_id IS NOT NULL)
                       AS organization_seen
            FROM features GROUP BY account_id
        )
        SELECT CAST(row_number() OVER (ORDER BY first_seen, account_id) - 1 AS INTEGER) AS account,
               account_id, first_seen, channel,
               coalesce(claimed.organization_id, organization_seen) AS organization_id,
               {", ".join(f"claimed.{name}" for name in _CLAIMED)}
        FROM seen LEFT JOIN claimed USING (account_id)
        ORDER BY account
        """,
    )
