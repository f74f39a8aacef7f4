"""tokens: token_days merged over the days before an instant, with how many accounts hold each."""

from datetime import date

from iolaus.engine import Engine, Table
from iolaus.signals.tokens.kinds import BY_KIND
from iolaus.signals.tokens.wording import SAMPLE

# A wording is an account's own when it stands in this share of the account's prompts. Below it,
# two strangers who once asked the same question would look alike.
SIGNATURE_SHARE = 0.05
PHRASE_SHARE = 0.10  # of the sampled prompts


# Tokens of one day, which another day can confirm; a card or a sign-up is of no day.
DATED = "(family IN ('wording', 'tempo') OR kind IN ('ip_day', 'network_day'))"
ONCE = "('ip_day', 'network_day', 'burst')"  # of these an account has one row of a value
HELD_OUT_KINDS = "('ip_day', 'network_day', 'burst', 'after_ban')"
ODD = "datediff('day', DATE '1970-01-01', day) % 2 = 1"


def tokens(engine: Engine, until: date, name: str = "tokens", *, even_days: bool = False) -> Table:
    """Merge the days before `until`.

    In: token_days, profiles. Out: account, family, kind, value, exchanges, holders (accounts that
    hold the token, at least 2). `even_days` leaves out what was seen on odd days (counted since
    1970): the half of the window that links are made from when the other half shall test them.
    """
    seen = f"NOT ({ODD})" if even_days else "true"
    return engine.step(
        name,
        f"""
        WITH volume AS (  -- decimals: a sum of doubles depends on the order of its terms
            SELECT account, sum(exchanges) AS total,
                   CAST(sum(CAST(exchanges / greatest(1, exchanges // {SAMPLE})
                                 AS DECIMAL(18, 6))) AS DOUBLE) AS sampled
            FROM profiles WHERE day < $until AND {seen} GROUP BY account
        ),
        said AS (
            SELECT account, kind, value, sum(exchanges)::BIGINT AS exchanges
            FROM token_days WHERE day < $until AND {seen} AND family = 'wording'
            GROUP BY account, kind, value
        ),
        own AS (
            SELECT account, 'wording' AS family, kind, value, exchanges
            FROM said JOIN volume USING (account)
            WHERE exchanges >= CASE kind WHEN 'phrase' THEN {PHRASE_SHARE} * sampled
                                         ELSE {SIGNATURE_SHARE} * total END
            UNION ALL
            SELECT account, family, kind, value, exchanges
            FROM token_days WHERE day < $until AND {seen} AND kind IN {ONCE}
            UNION ALL
            SELECT account, family, kind, value, sum(exchanges)::BIGINT
            FROM token_days WHERE day < $until AND ({seen} OR NOT {DATED})
                AND family <> 'wording' AND kind NOT IN {ONCE}
            GROUP BY account, family, kind, value
        )
        SELECT account, family, kind, value, exchanges,
               count(*) OVER (PARTITION BY kind, value)::INTEGER AS holders
        FROM own
        QUALIFY holders > 1
        ORDER BY {BY_KIND}, value, account
        """,
        {"until": until},
    )


def held_out_tokens(engine: Engine, until: date, name: str) -> Table:
    """The addresses and moments of the odd days before `until`: what may test links that were
    made from the even ones. Columns as in `tokens`."""
    return engine.step(
        name,
        f"""
        SELECT account, family, kind, value, exchanges,
               count(*) OVER (PARTITION BY kind, value)::INTEGER AS holders
        FROM token_days WHERE day < $until AND {ODD} AND kind IN {HELD_OUT_KINDS}
        QUALIFY holders > 1
        ORDER BY {BY_KIND}, value, account
        """,
        {"until": until},
    )
