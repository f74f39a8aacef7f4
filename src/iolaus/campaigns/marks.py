"""marks: what the members of a campaign show and hardly anybody else, and what each is worth.

A mark is to name an account that nobody has linked to anything yet, so it is weighed by what
strangers *show at least once*, not by what they hold as their own (as `tokens` does).

1. What members hold: every token that three customers among them showed before the instant;
   a wording only where it is a share of what each of them says, and five members' in a hundred.
2. Its level: log2 of the members' rate over the others'. Everybody else is judged without his own
   token, so that tokens that one stranger shows count against those that none has shown yet
   (Good and Turing's estimate of the unseen).
3. Its bits: log2 of the rate of members whose best token of the family has that level or more, over
   the same rate of others. A campaign with thousands of addresses has thousands of chances that a
   stranger meets one; rates of single addresses would not show that.
"""

from datetime import date, timedelta
from typing import Final

import pyarrow as pa

from iolaus.campaigns.known import LACK
from iolaus.campaigns.odds import CHARACTERISTIC_BITS, LACK_BITS, MOST_BITS
from iolaus.engine import Engine

LEAST_MARK = 3  # customers among the members
MARK_SHARE = 0.005  # of the members: 25,000 members hold each of 200 addresses 125 times
ADDRESS_DAYS = 7  # an address is remembered as long: it belongs to somebody else some day
# A wording is a member's own as it is in `tokens`: in that share of his (sampled) prompts.
SIGNATURE_SHARE, PHRASE_SHARE, SAMPLE = 0.05, 0.10, 8
WORDING_SHARE = 0.05  # of the members: thousands of questions are asked by some few of them
LEAST_BITS = 1.0  # what is worth less is not remembered

# Kinds that are remembered as they are. Others are of a day or an hour that does not come again.
LASTING = (
    "'payment', 'device', 'client_software', 'signup_ip', 'email', 'system_prompt', "
    "'system_skeleton', 'skeleton', 'phrase'"
)
# Client software and wording come with the same tool, so they are no independent evidence: software
# is a family of its own here, and only the better of the two counts.
SOFTWARE = "software"
# Whoever openly belongs to an organisation is less likely one of a campaign whose members do not.
DECLARED = "declared"
MOST_DECLARED = 6.0  # bits, as for wording: an operator can found an organisation, too
SIGNUP = "text_hash(concat_ws('|', email_domain, plan, verification))"  # without its time

# Everything that an account showed before $until, addresses since $recent: account, family, kind,
# value, day, exchanges. Rows may repeat.
SHOWN = f"""
    SELECT account, CASE kind WHEN 'client_software' THEN '{SOFTWARE}' ELSE family END AS family,
           kind, value, day, exchanges
    FROM token_days
    WHERE day < $until AND kind IN ({LASTING})
    UNION ALL
    SELECT account, 'network', 'ip', text_hash(client_ip), day, exchanges
    FROM address_days
    WHERE day < $until AND day >= $recent
    UNION ALL
    SELECT account, 'network', 'network', text_hash(network_of(client_ip)), day, exchanges
    FROM address_days
    WHERE day < $until AND day >= $recent
    UNION ALL
    SELECT account, 'registration', 'signup', {SIGNUP}, CAST(first_seen AS DATE), 1
    FROM accounts
    WHERE first_seen < $until AND email_domain IS NOT NULL
"""

# Apart, and not as parts of one statement: an engine that groups before it joins would group all
# that everybody showed, which took more than 5 GB at 300 million exchanges.
_SHOWN_INSIDE = f"WITH shown AS ({SHOWN}) SELECT * FROM shown SEMI JOIN grouped USING (account)"
_SHOWN_OF_ASKED = f"""
    WITH shown AS ({SHOWN})
    SELECT kind, value, account FROM shown SEMI JOIN asked USING (kind, value)
"""

# 1. What members hold, counted by customers: an organisation's accounts are one.
_SIZES = """
    sizes AS (
        SELECT campaign_id, count(*) AS size,
               greatest(1, (SELECT count(*) FROM accounts WHERE first_seen < $until) - count(*))
                   AS rest
        FROM grouped GROUP BY campaign_id
    )
"""
_INSIDE = f"""
    WITH customers AS (
        SELECT account, coalesce(organization_id, account_id) AS customer
        FROM accounts WHERE first_seen < $until
    ),
    volume AS (  -- exchanges, and about how many of them phrases were taken from
        SELECT account, sum(exchanges) AS total,
               sum(exchanges / greatest(1, exchanges // {SAMPLE})) AS sampled
        FROM profiles SEMI JOIN grouped USING (account) WHERE day < $until GROUP BY account
    ),
    held AS (
        SELECT campaign_id, account, family, kind, value, max(day) AS last_day
        FROM shown_inside JOIN grouped USING (account) JOIN volume USING (account)
        GROUP BY ALL
        HAVING family <> 'wording'
            OR sum(exchanges) >= CASE kind
                   WHEN 'phrase' THEN {PHRASE_SHARE} * any_value(sampled)
                   ELSE {SIGNATURE_SHARE} * any_value(total) END
    )
    SELECT campaign_id, family, kind, value, count(DISTINCT customer) AS members,
           max(last_day) AS last_day
    FROM held JOIN customers USING (account) GROUP BY ALL
"""

# 2. The level of each token that enough of them hold, and of every mark that is remembered.
_ASKED = f"""
    WITH {_SIZES}
    SELECT campaign_id, family, kind, value, members, last_day, size, rest
    FROM inside JOIN sizes USING (campaign_id)
    LEFT JOIN (SELECT campaign_id, kind, value, bits FROM remembered) AS before
        USING (campaign_id, kind, value)
    WHERE members >= greatest({LEAST_MARK}, size * CASE family WHEN 'wording'
                     THEN {WORDING_SHARE} ELSE {MARK_SHARE} END)
       OR bits IS NOT NULL
    UNION ALL
    SELECT campaign_id, family, kind, value, 0, last_day, size, rest
    FROM remembered ANTI JOIN inside USING (campaign_id, kind, value)
    JOIN sizes USING (campaign_id)
"""
_RATED = """
    holders AS (
        SELECT DISTINCT asked.campaign_id, asked.family, kind, value, account,
               grouped.account IS NOT NULL AS member
        FROM shown_of_asked JOIN asked USING (kind, value)
        LEFT JOIN grouped USING (campaign_id, account)
    ),
    counted AS (
        SELECT campaign_id, kind, value, count(*) FILTER (WHERE NOT member) AS others
        FROM holders GROUP BY ALL
    ),
    rated AS (
        SELECT asked.*, log2((members + 0.1) / (size + 1)) AS rate,
               rate - log2((others + 0.5) / (rest + 1)) AS level,
               rate - log2((greatest(others - 1, 0) + 0.5) / (rest + 1)) AS level_of_other
        FROM asked JOIN counted USING (campaign_id, kind, value)
    )
"""

# 3. Rates of members and of others whose best token of the family has a level or more.
_TAILS = """
    best AS (
        SELECT campaign_id, family, account, member,
               max(CASE WHEN member THEN level ELSE level_of_other END) AS level
        FROM holders JOIN rated USING (campaign_id, family, kind, value) GROUP BY ALL
    ),
    ladder AS (
        SELECT campaign_id, family, level, count(*) FILTER (WHERE member) AS inside,
               count(*) FILTER (WHERE NOT member) AS outside
        FROM best GROUP BY ALL
        UNION ALL
        SELECT DISTINCT campaign_id, family, level, 0, 0 FROM rated
    ),
    tails AS (
        SELECT campaign_id, family, level,
               (sum(sum(inside)) OVER stronger + 0.1) / (size + 1) AS inside,
               (sum(sum(outside)) OVER stronger + 0.5) / (rest + 1) AS outside
        FROM ladder JOIN sizes USING (campaign_id)
        GROUP BY campaign_id, family, level, size, rest
        WINDOW stronger AS (PARTITION BY campaign_id, family ORDER BY level DESC)
    )
"""

# 4. What marks and their lack are worth.
_LACKS = ", ".join(f"('{family}', {most})" for family, most in LACK_BITS.items())
_WORTH = f"""
    worth AS (
        SELECT campaign_id, family, kind, value,
               least({MOST_BITS}, log2(inside / outside)) AS bits, last_day
        FROM rated JOIN tails USING (campaign_id, family, level)
        WHERE level > {CHARACTERISTIC_BITS}
    ),
    lacking AS (
        SELECT campaign_id, family,
               greatest(-any_value(most), log2((1 - least(0.999, max(inside)))
                                               / (1 - least(0.999, max(outside))))) AS bits
        FROM tails JOIN (VALUES {_LACKS}) AS lacks (family, most) USING (family)
        WHERE level > {CHARACTERISTIC_BITS} GROUP BY campaign_id, family
        UNION ALL
        SELECT campaign_id, '{DECLARED}' AS family,
               greatest(-{MOST_DECLARED}, log2((members + 0.5) / (size + 1))
                        - log2((declared - members + 0.5) / (rest + 1)))
        FROM sizes JOIN (
            SELECT campaign_id, count(organization_id) AS members
            FROM grouped JOIN accounts USING (account) GROUP BY campaign_id
        ) USING (campaign_id), (
            SELECT count(organization_id) AS declared FROM accounts WHERE first_seen < $until
        )
    )
"""

# What is kept in between, in order.
_BEFORE: Final = {
    "shown_inside": _SHOWN_INSIDE,
    "inside": _INSIDE,
    "asked": _ASKED,
    "shown_of_asked": _SHOWN_OF_ASKED,
}


def instants(until: date) -> dict[str, object]:
    """Parameters of SHOWN."""
    return {"until": until, "recent": until - timedelta(days=ADDRESS_DAYS)}


def marks(engine: Engine, groups: pa.Table, until: date, remembered: pa.Table) -> pa.Table:
    """Marks of each group as of `until`.

    groups: campaign_id, account (key). remembered: marks known before (without LACK), weighed anew
    where members in this log show them, and forgotten where strangers alone do.
    In: accounts, profiles, token_days, address_days. Out: MARKS, with a row LACK for each family
    (and for DECLARED: what belonging to an organisation is worth, 0 or less).
    """
    engine.register("grouped", groups)
    engine.register("remembered", remembered)
    for name, sql in _BEFORE.items():
        given = {key: at for key, at in instants(until).items() if f"${key}" in sql}
        engine.scratch(name, sql, given)
    found = engine.fetch(
        f"""
        WITH {_SIZES}, {_RATED}, {_TAILS}, {_WORTH}
        SELECT * FROM worth WHERE bits >= {LEAST_BITS}
        UNION ALL
        SELECT campaign_id, family, '{LACK}', 0, least(bits, 0.0), $until FROM lacking
        UNION ALL
        SELECT campaign_id, family, kind, value, bits, last_day  -- b bits: 1 stranger in 2^b
        FROM remembered ANTI JOIN inside USING (campaign_id, kind, value)
        JOIN sizes USING (campaign_id) LEFT JOIN counted USING (campaign_id, kind, value)
        WHERE coalesce(others, 0) <= 1 + rest / pow(2, bits)
        ORDER BY campaign_id, kind, value, family
        """,
        {"until": until},
    )
    for name in _BEFORE:
        engine.forget(name)
    return found
