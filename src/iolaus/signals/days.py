"""A day costs a day: every daily table is made from one UTC day of the log at a time.

    today            the day's exchanges, with the account's number     in memory
    *_today          what several tables are counted from               in memory
    NAME/day=...     one file per table and day                         kept

A day that was made once is not made again, in whatever run. What of a day's wording and prompts
nobody else used is most of a large log and says nothing; on a large day it is left out at once.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from iolaus.engine import Engine
from iolaus.signals import moments, profiles
from iolaus.signals.tokens import tempo, wording

# Exchanges. On a smaller day everything is kept, so that what two accounts share is found even if
# they never use it on the same day; on a larger one an operator's wording is shared every day.
LARGE_DAY: Final = 250_000

# In the order in which one needs the other. `..._today` names are made for the day alone.
SCRATCH: Final = {
    "prompts_today": "SELECT account, prompt_hash, min(ts) AS first_at, "
    "count(*) FILTER (WHERE status >= 400) AS failed, count(*) AS exchanges "
    "FROM today WHERE prompt_hash IS NOT NULL GROUP BY ALL",
    "software_today": "SELECT account, tls_fingerprint, user_agent, count(*) AS exchanges "
    "FROM today WHERE user_agent IS NOT NULL GROUP BY ALL",
    "volumes_today": "SELECT account, count(*) AS exchanges FROM today GROUP BY account",
}
SOFTWARE_DAYS: Final = (
    "SELECT account, tls_fingerprint, user_agent, $day AS day, exchanges FROM software_today "
    "WHERE tls_fingerprint IS NOT NULL ORDER BY account, tls_fingerprint, user_agent"
)
TABLES: Final = {
    "address_days": moments.ADDRESS_DAYS,
    "profiles": profiles.SQL,
    "operator_days": moments.OPERATOR_DAYS,
    "beats": moments.BEATS,
    "prompt_days": moments.PROMPT_DAYS,
    "model_uses": moments.MODEL_USES,
    "software_days": SOFTWARE_DAYS,
    "wording_days": wording.DAY,
    "skeleton_days": tempo.SKELETON_DAYS,
    "bursts": tempo.BUSY_BINS,
}
# What `today` has of an exchange, besides the account's number and billing country.
COLUMNS: Final = (
    "ts", "status", "conversation_id", "model", "client_ip", "asn", "country", "tls_fingerprint",
    "user_agent", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
    "choice_count", "tool_count", "prompt_hash", "system_hash", "skeleton", "system_skeleton",
    "phrases", "capability",
)  # fmt: skip


def daily(engine: Engine, tell: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Make the tables of every day that the log has, and attach them.

    In: features, accounts. `tell` hears how many days are done, and of how many.
    """
    found = engine.fetch(
        "SELECT CAST(ts AS DATE) AS day, count(*) AS exchanges FROM features GROUP BY day "
        "ORDER BY day"
    ).to_pylist()
    for done, row in enumerate(found):
        tell(done, len(found))
        _day(engine, row["day"], small=row["exchanges"] <= LARGE_DAY)
    for name in TABLES:
        engine.attach_days(name)
    engine.step("shared_prompts", moments.SHARED_PROMPTS)
    tell(len(found), len(found))


def _day(engine: Engine, day: date, *, small: bool) -> None:
    if all(engine.stages.part(name, day).exists() for name in TABLES):
        return
    columns = ", ".join(f"features.{name}" for name in COLUMNS)
    engine.scratch(
        "today",
        f"SELECT account, billing_country, {columns} FROM features JOIN accounts "
        "USING (account_id) WHERE ts >= $day AND ts < $next",
        {"day": day, "next": day + timedelta(days=1)},
    )
    for name, sql in SCRATCH.items():
        engine.scratch(name, sql)
    for name, sql in TABLES.items():
        given = {"day": day} | ({"small": small} if "$small" in sql else {})
        engine.day_step(name, day, sql, given)
        engine.attach_days(name)
        if name == "address_days":
            engine.scratch(
                "address_days_today", "SELECT * FROM address_days WHERE day = $day", {"day": day}
            )
    for name in ("today", "address_days_today", *SCRATCH):
        engine.forget(name)
