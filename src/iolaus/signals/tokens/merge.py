"""tokens: token_days merged over the days before an instant, with how many accounts hold each."""

from datetime import date

from iolaus.engine import DuckEngine, Table
from iolaus.signals.tokens.wording import SAMPLE

# A wording is an account's own when it stands in this share of the account's prompts. Below it,
# two strangers who once asked the same question would look alike.
SIGNATURE_SHARE = 0.05
PHRASE_SHARE = 0.10  # of the sampled prompts


def tokens(engine: DuckEngine, until: date, name: str = "tokens") -> Table:
    """Merge the days before `until`.

    In: token_days, profiles. Out: account, family, kind, value, exchanges, holders (accounts that
    hold the token, at least 2).
    """
    return engine.step(
        name,
        f"""
        WITH volume AS (
            SELECT account, sum(exchanges) AS total,
                   sum(exchanges / greatest(1, exchanges // {SAMPLE})) AS sampled
            FROM profiles WHERE day < $until GROUP BY account
        ),
        merged AS (
            SELECT account, family, kind, value, sum(exchanges)::BIGINT AS exchanges
            FROM token_days WHERE day < $until GROUP BY ALL
        ),
        own AS (
            SELECT merged.* FROM merged JOIN volume USING (account)
            WHERE family <> 'wording'
               OR (kind = 'phrase' AND exchanges >= {PHRASE_SHARE} * sampled)
               OR (kind <> 'phrase' AND exchanges >= {SIGNATURE_SHARE} * total)
        )
        SELECT account, family, kind, value, exchanges,
               count(*) OVER (PARTITION BY kind, value)::INTEGER AS holders
        FROM own
        QUALIFY holders > 1
        ORDER BY kind, value, account
        """,
        {"until": until},
    )
