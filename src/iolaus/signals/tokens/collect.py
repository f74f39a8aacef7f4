"""token_days: the tokens of all families, in one file or where they stand in daily tables."""

from typing import Final

from iolaus.engine import Engine, Table
from iolaus.signals.day import LARGE_DAY
from iolaus.signals.tokens import device, money, network, registration, tempo, wording
from iolaus.signals.tokens.kinds import BY_KIND

# Each family's SQL gives (account, family, kind, value, day, exchanges): what is told from accounts
# and tables of the whole log, and what stands in daily tables as it is.
_MADE: Final = (money.SQL, device.SQL, network.SQL, registration.SQL, tempo.SQL)
_MAY_HOLD_LONE: Final = (device.DAILY, wording.DAILY)
_DAILY: Final = (network.DAILY, *_MAY_HOLD_LONE)
# What one account alone showed stands in the daily tables of a large day if it is of these kinds.
_MAY_BE_ALONE: Final = "('client_software', 'system_prompt', 'system_skeleton')"


def token_days(engine: Engine) -> Table | None:
    """Collect the tokens of all families; a token that one account alone ever held is left out.

    In: accounts, account_days, network_days, software_days, wording_days, bursts, model_uses,
    releases, enforcement.
    Out: the table named above. Where a day was large, nearly all its rows stand in daily tables
    already and are read from these: then the table has no file of its own, and this returns None.
    """
    days = "SELECT sum(exchanges) AS n FROM account_days GROUP BY day"
    sizes = engine.fetch(f"SELECT CAST(min(n) AS BIGINT) AS least, CAST(max(n) AS BIGINT) AS most "
                         f"FROM ({days})")  # fmt: skip
    least, most = (sizes[name][0].as_py() or 0 for name in ("least", "most"))
    if most <= LARGE_DAY:
        return engine.step("token_days", _shared((*_MADE, *_DAILY)))
    engine.step("made_tokens", _shared(_MADE))
    engine.step("lone_tokens", _LONE, {"small": least <= LARGE_DAY})
    engine.view("token_days", _WHERE_THEY_STAND)
    return None


def _union(parts: tuple[str, ...]) -> str:
    return " UNION ALL ".join(f"SELECT * FROM ({sql})" for sql in parts)


def _shared(parts: tuple[str, ...]) -> str:
    return f"""
        WITH everything AS ({_union(parts)}),
        shared AS (
            SELECT kind, value FROM everything GROUP BY kind, value
            HAVING min(account) <> max(account)
        )
        SELECT account, family, kind, value, day, exchanges
        FROM everything SEMI JOIN shared USING (kind, value)
        ORDER BY account, {BY_KIND}, value, day
        """


# kind, value: of the daily tables' tokens those of one account alone.
_LONE: Final = f"""
SELECT kind, value FROM ({_union(_MAY_HOLD_LONE)})
WHERE kind IN {_MAY_BE_ALONE} OR ($small AND family = 'wording')
GROUP BY kind, value HAVING min(account) = max(account)
"""

_WHERE_THEY_STAND: Final = f"""
SELECT account, family, kind, value, day, exchanges FROM ({_union(_MAY_HOLD_LONE)})
ANTI JOIN lone_tokens USING (kind, value)
UNION ALL
SELECT account, family, kind, value, day, exchanges FROM ({network.DAILY})
UNION ALL
SELECT account, family, kind, value, day, exchanges FROM made_tokens
"""
