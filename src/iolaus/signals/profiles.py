"""profiles: one row per (account, UTC day); every column is a sum, so days merge by adding."""

from iolaus.core.tables import CAPABILITIES
from iolaus.signals.moments import BEAT_MINUTES

BEATS_AN_HOUR = 60 // BEAT_MINUTES

# How the exchanges are counted. A `..._known` column counts those in which the input was there at
# all: not measured is never 0. To count a column's values is cheaper than to count where one is.
COUNTS = {
    "failed": "count(*) FILTER (WHERE status >= 400)",
    "in_conversation": "count(conversation_id)",
    "has_prompt": "count(prompt_hash)",
    "tools_offered": "count(*) FILTER (WHERE tool_count > 0)",
    "many_choices": "count(*) FILTER (WHERE choice_count > 1)",
    "choices_known": "count(choice_count)",
    "tokens_known": "count(CASE WHEN input_tokens IS NOT NULL THEN output_tokens END)",
    "cache_known": "count(cached_input_tokens)",
    "cache_used": "count(*) FILTER (WHERE cached_input_tokens > 0)",
    "reasoning_known": "count(reasoning_tokens)",
    "reasoning_used": "count(*) FILTER (WHERE reasoning_tokens > 0)",
}
SUMS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


_counts = ",\n".join(f"{count} AS {name}" for name, count in COUNTS.items())
_sums = ",\n".join(f"coalesce(sum({name}), 0)::BIGINT AS {name}" for name in SUMS)
_capabilities = ",\n".join(
    f"count(*) FILTER (WHERE capability = '{name}') AS capability_{i}"
    for i, name in enumerate(CAPABILITIES)
)
_hours = ",\n".join(
    f"sum(CASE WHEN beat // {BEATS_AN_HOUR} % 24 = {h} THEN exchanges ELSE 0 END)::BIGINT "
    f"AS hour_{h}"
    for h in range(24)
)

_last = ", ".join(
    [*(f"capability_{i}" for i in range(len(CAPABILITIES))), *(f"hour_{h}" for h in range(24))]
)

# What each account did on the day. In: today, numbers_today, beats_today (the part of beats: in its
# order they are counted in half the time), prompts_today (every prompt that stands more than once,
# at least), software_today, networks_today.
# Out: account, day, exchanges, the COUNTS, the SUMS (tokens); distinct conversations, prompts,
# networks and user agents of the day; capability_0..8 (exchanges with that capability first);
# hour_0..23 (exchanges by hour, UTC).
SQL = f"""
WITH counted AS (
    SELECT account_id, count(*) AS exchanges,
           {_counts},
           {_sums},
           {_capabilities}
    FROM today GROUP BY account_id
),
hours AS (
    SELECT account, {_hours} FROM beats_today GROUP BY account
),
talks AS (  -- apart from the counts: a distinct count among them costs half as much again
    SELECT account_id, count(*) AS conversations FROM (
        SELECT account_id, conversation_id FROM today WHERE conversation_id IS NOT NULL GROUP BY ALL
    ) GROUP BY account_id
),
again AS (  -- exchanges with a prompt that the account had sent before on the day
    SELECT account, CAST(sum(exchanges) - count(*) AS BIGINT) AS resent
    FROM prompts_today GROUP BY account
),
places AS (
    SELECT account, count(network) AS networks FROM networks_today GROUP BY account
),
agents AS (
    SELECT account, count(DISTINCT user_agent) AS user_agents FROM software_today GROUP BY account
)
SELECT account, $day AS day, counted.exchanges, {", ".join((*COUNTS, *SUMS))},
       coalesce(conversations, 0) AS conversations, {_last},
       has_prompt - coalesce(resent, 0) AS distinct_prompts, coalesce(networks, 0) AS networks,
       coalesce(user_agents, 0) AS user_agents
FROM counted JOIN numbers_today USING (account_id) LEFT JOIN talks USING (account_id)
     JOIN hours USING (account) LEFT JOIN again USING (account) LEFT JOIN places USING (account)
     LEFT JOIN agents USING (account)
ORDER BY account
"""
