"""tokens: token_days merged over the days before an instant, with how many accounts hold each.

An address, a network and a burst are of one day: their rows stand as they are. What else an account
showed is added up over its days once, for the whole window and for its even days alone. Kinds are
numbers (kinds.py) until a row is written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final

from iolaus.engine import Engine, Table
from iolaus.signals.tokens.kinds import BY_KIND, FAMILY, KIND, PLACES
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

# Two sums in one number, the even days' above the whole window's: half the memory of two, and there
# are tens of millions of groups. It overflows at 2^31 exchanges of one account and token.
_EVEN: Final = 2**32
_BOTH: Final = f"CAST(sum(exchanges * CASE WHEN {{odd}} THEN 1 ELSE {_EVEN + 1} END) AS BIGINT)"
_SAMPLED: Final = f"CAST(exchanges / greatest(1, exchanges // {SAMPLE}) AS DECIMAL(18, 6))"
_SHARE: Final = (
    f"CASE place WHEN {PLACES['phrase']} THEN {PHRASE_SHARE} * {{even}}sampled "
    f"ELSE {SIGNATURE_SHARE} * {{even}}total END"
)

# account, place (of the kind), value, exchanges, even_exchanges (of the even days, and of what is
# of no day): null where there are none, or too few of a wording to be the account's own. Skeletons
# are most of all groups and have a group key of their own, without the kind.
_ADDED: Final = f"""
WITH volume AS (  -- decimals: a sum of doubles depends on the order of its terms
    SELECT account,
           sum(exchanges) AS total, sum(exchanges) FILTER (WHERE NOT ({ODD})) AS even_total,
           CAST(sum({_SAMPLED}) AS DOUBLE) AS sampled,
           CAST(sum({_SAMPLED}) FILTER (WHERE NOT ({ODD})) AS DOUBLE) AS even_sampled
    FROM profiles WHERE day < $until GROUP BY account
),
said AS (
    SELECT account, {PLACES["skeleton"]} AS place, value, {_BOTH.format(odd=ODD)} AS sums
    FROM token_days WHERE day < $until AND kind = 'skeleton' GROUP BY account, value
    UNION ALL
    SELECT account, place, value, {_BOTH.format(odd=ODD)}
    FROM (
        SELECT account, {BY_KIND} AS place, value, day, exchanges FROM token_days
        WHERE day < $until AND family = 'wording' AND kind <> 'skeleton'
    ) GROUP BY account, place, value
),
own AS (
    SELECT account, place, value,
           CASE WHEN exchanges >= {_SHARE.format(even="")} THEN exchanges END AS exchanges,
           CASE WHEN even_exchanges >= {_SHARE.format(even="even_")} THEN even_exchanges END
               AS even_exchanges
    FROM (
        SELECT account, place, value, sums % {_EVEN} AS exchanges, sums // {_EVEN} AS even_exchanges
        FROM said
    ) JOIN volume USING (account)
),
other AS (
    SELECT account, place, value, {_BOTH.format(odd="odd")} AS sums
    FROM (
        SELECT account, {BY_KIND} AS place, value, {ODD} AND {DATED} AS odd, exchanges
        FROM token_days WHERE day < $until AND family <> 'wording' AND kind NOT IN {ONCE}
    ) GROUP BY account, place, value
)
SELECT account, place, value, exchanges, nullif(even_exchanges, 0) AS even_exchanges
FROM own WHERE exchanges IS NOT NULL OR even_exchanges IS NOT NULL
UNION ALL
SELECT account, place, value, sums % {_EVEN}, nullif(sums // {_EVEN}, 0) FROM other
"""


def tokens(engine: Engine, until: date, name: str = "tokens", *, even_days: bool = False) -> Table:
    """Merge the days before `until`.

    In: token_days, profiles. Out: account, family, kind, value, exchanges, holders (accounts that
    hold the token, at least 2). `even_days` leaves out what was seen on odd days (counted since
    1970): the half of the window that links are made from when the other half shall test them.
    """
    with _added(engine, until, (name,)):
        return _merged(engine, until, name, even_days)


def whole_and_even_tokens(
    engine: Engine, until: date, name: str, even_name: str
) -> tuple[Table, Table]:
    """`tokens` of the whole window and of its even days, for little more than the first alone."""
    with _added(engine, until, (name, even_name)):
        return _merged(engine, until, name, False), _merged(engine, until, even_name, True)


def held_out_tokens(engine: Engine, until: date, name: str) -> Table:
    """The addresses and moments of the odd days before `until`: what may test links that were
    made from the even ones. Columns as in `tokens`."""
    rows = f"""
        SELECT account, {BY_KIND} AS place, value, exchanges
        FROM token_days WHERE day < $until AND {ODD} AND kind IN {HELD_OUT_KINDS}
    """
    return engine.step(name, _shared(rows), {"until": until})


@contextmanager
def _added(engine: Engine, until: date, names: Sequence[str]) -> Iterator[None]:
    """Let SQL use added_tokens, if one of the tables is still to be made."""
    if not all(engine.stages.done(name) for name in names):
        engine.scratch("added_tokens", _ADDED, {"until": until})
    try:
        yield
    finally:
        engine.forget("added_tokens")


def _merged(engine: Engine, until: date, name: str, even_days: bool) -> Table:
    column, seen = ("even_exchanges", f"NOT ({ODD})") if even_days else ("exchanges", "true")
    rows = f"""
        SELECT account, place, value, {column} AS exchanges
        FROM added_tokens WHERE {column} IS NOT NULL
        UNION ALL
        SELECT account, {BY_KIND}, value, exchanges
        FROM token_days WHERE day < $until AND {seen} AND kind IN {ONCE}
    """
    return engine.step(name, _shared(rows), {"until": until})


def _shared(rows: str) -> str:
    """Of rows (account, place, value, exchanges) those whose value several have, as `tokens`.

    Counted and joined back: a window would sort all rows once more.
    """
    return f"""
        SELECT account, {FAMILY} AS family, {KIND} AS kind, value, exchanges, holders
        FROM ({rows}) JOIN (
            SELECT place, value, CAST(count(*) AS INTEGER) AS holders
            FROM ({rows}) GROUP BY place, value HAVING count(*) > 1
        ) USING (place, value)
        ORDER BY place, value, account
        """
