"""Shared evidence as rows of one narrow table, one file per family.

    token_days(account, family, kind, value, day, exchanges)

`value` is a 60-bit hash, `day` the UTC day on which the account showed it. Rows merge over days by
adding `exchanges`, and whoever looks at the log as of a day just leaves the later rows out.
"""

from iolaus.engine import Engine, Table
from iolaus.signals.tokens import device, money, network, registration, tempo, wording

# Each family's SQL gives (account, family, kind, value, day, exchanges).
_FAMILIES = (money.SQL, device.SQL, network.SQL, registration.SQL, wording.SQL, tempo.SQL)


def token_days(engine: Engine) -> Table:
    """Collect the tokens of all families; a token that one account alone ever held is left out.

    In: accounts, address_days, software_days, wording_days, bursts, model_uses, releases,
    enforcement.
    Out: the table named above.
    """
    union = " UNION ALL ".join(f"SELECT * FROM ({sql})" for sql in _FAMILIES)
    return engine.step(
        "token_days",
        f"""
        WITH everything AS ({union}),
        shared AS (
            SELECT kind, value FROM everything GROUP BY kind, value
            HAVING min(account) <> max(account)
        )
        SELECT account, family, kind, value, day, exchanges
        FROM everything SEMI JOIN shared USING (kind, value)
        ORDER BY account, kind, value, day
        """,
    )
