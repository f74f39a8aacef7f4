"""Small daily tables beside the profiles: where, when and with what an account was seen.

All of them merge over days, so a look at the log as of a day leaves the later rows out.
"""

from iolaus.engine import DuckEngine, Table

BEAT_MINUTES = 10


def address_days(engine: DuckEngine) -> Table:
    """Out: account, client_ip, day, exchanges, claims (distinct billing countries of all accounts
    on that address that day; 2 or more mark an address that strangers share)."""
    return engine.step(
        "address_days",
        """
        WITH used AS (
            SELECT account, client_ip, CAST(ts AS DATE) AS day,
                   any_value(billing_country) AS billing_country, count(*) AS exchanges
            FROM features JOIN accounts USING (account_id)
            WHERE client_ip IS NOT NULL
            GROUP BY account, client_ip, day
        ),
        claimed AS (
            SELECT client_ip, day, count(DISTINCT billing_country) AS claims
            FROM used GROUP BY client_ip, day
        )
        SELECT account, client_ip, day, exchanges, claims
        FROM used JOIN claimed USING (client_ip, day)
        """,
    )


def beats(engine: DuckEngine) -> Table:
    """Out: account, beat (10-minute bins since 1970, UTC), day, exchanges."""
    return engine.step(
        "beats",
        f"""
        SELECT account, epoch_us(ts) // {BEAT_MINUTES * 60 * 1_000_000} AS beat,
               CAST(ts AS DATE) AS day, count(*) AS exchanges
        FROM features JOIN accounts USING (account_id)
        GROUP BY ALL
        """,
    )


def shared_prompts(engine: DuckEngine) -> Table:
    """Exact prompts that more than one account sent.

    Out: prompt_hash, account, day, first_at (first time that day), failed (requests of that day
    that failed), exchanges.
    """
    return engine.step(
        "shared_prompts",
        """
        WITH several AS (
            SELECT prompt_hash FROM features WHERE prompt_hash IS NOT NULL
            GROUP BY prompt_hash HAVING min(account_id) <> max(account_id)
        )
        SELECT prompt_hash, account, CAST(ts AS DATE) AS day, min(ts) AS first_at,
               count(*) FILTER (WHERE status >= 400) AS failed, count(*) AS exchanges
        FROM features SEMI JOIN several USING (prompt_hash) JOIN accounts USING (account_id)
        GROUP BY ALL
        """,
    )


def model_uses(engine: DuckEngine) -> Table:
    """Out: account, model, day, first_at (first use that day), exchanges."""
    return engine.step(
        "model_uses",
        """
        SELECT account, model, CAST(ts AS DATE) AS day, min(ts) AS first_at,
               count(*) AS exchanges
        FROM features JOIN accounts USING (account_id)
        GROUP BY ALL
        """,
    )
