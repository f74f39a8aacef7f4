"""profiles: one row per (account, UTC day); every column is a sum, so days merge by adding."""

from iolaus.core.tables import CAPABILITIES
from iolaus.signals.moments import BEAT_MINUTES

BEATS_AN_HOUR = 60 // BEAT_MINUTES

# Each is counted once per exchange where the condition is true. A `..._known` column counts the
# exchanges in which the input was there at all: not measured is never 0.
COUNTS = {
    "failed": "status >= 400",
    "in_conversation": "conversation_id IS NOT NULL",
    "has_prompt": "prompt_hash IS NOT NULL",
    "tools_offered": "tool_count > 0",
    "many_choices": "choice_count > 1",
    "choices_known": "choice_count IS NOT NULL",
    "tokens_known": "input_tokens IS NOT NULL AND output_tokens IS NOT NULL",
    "cache_known": "cached_input_tokens IS NOT NULL",
    "cache_used": "cached_input_tokens > 0",
    "reasoning_known": "reasoning_tokens IS NOT NULL",
    "reasoning_used": "reasoning_tokens > 0",
}
SUMS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")


_counts = ",\n".join(
    f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in COUNTS.items()
)
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

# What each account did on the day. In: today, numbers_today, beats_today, prompts_today (every
# prompt that stands more than once, at least), software_today, addresses_today.
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
    SELECT account, count(DISTINCT network_of(client_ip)) AS networks
    FROM addresses_today GROUP BY account
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
