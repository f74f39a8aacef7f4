"""wording: the same system prompt, the same prompt skeleton, the same phrases.

Phrases come from a sample, at most about SAMPLE prompts per account and day, so that the cost does
not grow with an account's volume. Whether a phrase is a signature of an account (stands in a
large enough share of its sampled prompts) is decided when days are merged.
"""

from iolaus.signals.tokens.kinds import BY_KIND

SAMPLE = 8  # prompts per account and day; 8 * 24 phrases = 192 rows at most

# Which exchanges of `today` phrases are taken from. volume: the account's exchanges of the day.
SAMPLED = f"""(prompt_hash IS NOT NULL OR system_hash IS NOT NULL)
    AND (xor(coalesce(prompt_hash, system_hash), epoch_us(ts)) & 1073741823)
        % greatest(1, volume // {SAMPLE}) = 0"""
PHRASES_TODAY = """
SELECT account, value, count(*) AS exchanges
FROM (SELECT account, unnest(phrases) AS value FROM said_today) GROUP BY account, value
"""
# Wordings of one day: account, kind, value, day, exchanges. On a large day only skeletons and
# phrases that several accounts used. In: uses_today, bins_today, phrases_today.
DAY = f"""
WITH used AS (
    SELECT account, 'skeleton' AS kind, skeleton AS value, sum(exchanges)::BIGINT AS exchanges
    FROM bins_today GROUP BY account, skeleton
    UNION ALL
    SELECT account, 'phrase', value, exchanges
    FROM phrases_today SEMI JOIN (
        SELECT value FROM phrases_today GROUP BY value HAVING $small OR min(account) <> max(account)
    ) USING (value)
    UNION ALL
    SELECT account, 'system_prompt', system_hash, sum(exchanges)::BIGINT
    FROM uses_today WHERE system_hash IS NOT NULL GROUP BY account, system_hash
    UNION ALL
    SELECT account, 'system_skeleton', system_skeleton, sum(exchanges)::BIGINT
    FROM uses_today WHERE system_skeleton IS NOT NULL GROUP BY account, system_skeleton
)
SELECT account, kind, value, $day AS day, exchanges FROM used ORDER BY {BY_KIND}, value, account
"""

DAILY = "SELECT account, 'wording' AS family, kind, value, day, exchanges FROM wording_days"
