"""What else is kept of a day, beside the profiles: where, when and with what accounts were seen.

Every statement is one day's, from `today` and what was grouped from it (signals.days).
"""

BEAT_MINUTES = 10

# account, client_ip, day, exchanges, claims (distinct billing countries of all accounts on that
# address that day; 2 or more mark an address that strangers share).
ADDRESS_DAYS = """
WITH claimed AS (
    SELECT client_ip, count(DISTINCT billing_country) AS claims
    FROM addresses_today GROUP BY client_ip
)
SELECT account, client_ip, $day AS day, exchanges, claims
FROM addresses_today JOIN claimed USING (client_ip)
ORDER BY account, client_ip
"""

# account, asn (null: unknown), country, day, exchanges: of known country.
COUNTRY_DAYS = """
SELECT account, asn, country, $day AS day, exchanges FROM countries_today
ORDER BY account, asn, country
"""

# account, asn (null: unknown), day, exchanges (of known country, by accounts that claim one),
# abroad (of those, from another country than the account claims).
OPERATOR_DAYS = """
SELECT account, asn, $day AS day, CAST(sum(exchanges) AS BIGINT) AS exchanges,
       CAST(coalesce(sum(exchanges) FILTER (WHERE country <> billing_country), 0) AS BIGINT)
           AS abroad
FROM countries_today WHERE billing_country IS NOT NULL GROUP BY account, asn
ORDER BY account, asn
"""

# account, beat (10-minute bins since 1970, UTC), day, exchanges.
BEATS = f"""
SELECT account, epoch_us(ts) // {BEAT_MINUTES * 60 * 1_000_000} AS beat, $day AS day,
       count(*) AS exchanges
FROM said_today GROUP BY account, beat ORDER BY account, beat
"""

# prompt_hash, account, day, first_at (first time that day), failed (requests of that day that
# failed), exchanges. On a large day only prompts that several accounts sent. Most prompts of a day
# come once: accounts are looked at for those alone that come again.
PROMPTS_TODAY = """
SELECT account, prompt_hash, min(ts) AS first_at, count(*) FILTER (WHERE failed) AS failed,
       count(*) AS exchanges
FROM said_today SEMI JOIN prompts_again USING (prompt_hash) GROUP BY account, prompt_hash
"""
PROMPT_DAYS = """
SELECT prompt_hash, account, $day AS day, first_at, failed, exchanges
FROM prompts_today SEMI JOIN (
    SELECT prompt_hash FROM prompts_today GROUP BY prompt_hash
    HAVING $small OR min(account) <> max(account)
) USING (prompt_hash)
ORDER BY prompt_hash, account
"""

# account, model, day, first_at (first use that day), exchanges. Accounts have few models and few
# system prompts, so these and signals.tokens.wording are counted from one pass over the exchanges.
USES_TODAY = """
SELECT account, model, system_hash, system_skeleton, min(ts) AS first_at, count(*) AS exchanges
FROM said_today GROUP BY account, model, system_hash, system_skeleton
"""
MODEL_USES = """
SELECT account, model, $day AS day, min(first_at) AS first_at, sum(exchanges)::BIGINT AS exchanges
FROM uses_today GROUP BY account, model
ORDER BY account, model
"""

# Exact prompts that more than one account ever sent, out of prompt_days.
SHARED_PROMPTS = """
SELECT prompt_hash, account, day, first_at, failed, exchanges
FROM prompt_days SEMI JOIN (
    SELECT prompt_hash FROM prompt_days GROUP BY prompt_hash HAVING min(account) <> max(account)
) USING (prompt_hash)
ORDER BY prompt_hash, account, day
"""
