"""wording: the same system prompt, the same prompt skeleton, the same phrases.

Phrases come from a sample, at most about SAMPLE prompts per account and day, so that the cost does
not grow with an account's volume. Whether a phrase is a signature of an account (stands in a
large enough share of its sampled prompts) is decided when days are merged.
"""

SAMPLE = 8  # prompts per account and day; 8 * 24 phrases = 192 rows at most

SQL = f"""
WITH texts AS (
    SELECT account, CAST(ts AS DATE) AS day, system_hash, system_skeleton, skeleton, phrases,
           xor(coalesce(prompt_hash, system_hash), epoch_us(ts)) AS draw
    FROM features JOIN accounts USING (account_id)
    WHERE prompt_hash IS NOT NULL OR system_hash IS NOT NULL
),
sampled AS (
    SELECT account, day, unnest(phrases) AS value
    FROM texts JOIN (SELECT account, day, exchanges FROM profiles) USING (account, day)
    WHERE (draw & 1073741823) % greatest(1, exchanges // {SAMPLE}) = 0
)
SELECT account, 'wording' AS family, 'system_prompt' AS kind, system_hash AS value, day,
       count(*) AS exchanges
FROM texts WHERE system_hash IS NOT NULL GROUP BY ALL
UNION ALL
SELECT account, 'wording', 'system_skeleton', system_skeleton, day, count(*)
FROM texts WHERE system_skeleton IS NOT NULL GROUP BY ALL
UNION ALL
SELECT account, 'wording', 'skeleton', skeleton, day, count(*)
FROM texts WHERE skeleton IS NOT NULL GROUP BY ALL
UNION ALL
SELECT account, 'wording', 'phrase', value, day, count(*)
FROM sampled GROUP BY ALL
"""
