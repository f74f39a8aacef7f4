"""recognise: accounts that carry the marks of a known campaign, at the exchange that shows it.

Fellegi and Sunter's sum, as a stream of exchanges would see it: after each exchange, an account's
bits are the best mark of each family that it has shown so far, or what it means that it showed
none. It is named at the first exchange after which both hold:

- with the prior odds added, the posterior is 0.99;
- the bits alone exceed log2(10,000 x known campaigns), so that among strangers less than one
  account in 10,000 is named, however large a share of the log a campaign has.

One family alone (10 bits at most) never decides: cards are stolen, exits are shared, and a popular
wording is everybody's.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from iolaus.campaigns.known import LACK, Known
from iolaus.campaigns.marks import ADDRESS_DAYS, DECLARED, SIGNUP, SOFTWARE
from iolaus.core.tables import TS
from iolaus.engine import Engine, Table

ODDS = 6.63  # log2(0.99 / 0.01): of the accounts named, one in a hundred may be a stranger
STRANGERS = 13.29  # log2(10,000)
EARLY = 100  # exchanges: whoever sent more has been seen by the looks; links decide about him
OWN_SHARE = 0.1  # of an account's exchanges so far carry the wording; else it is a quotation
# SQL: bits that name an account as a campaign's, from known_campaigns.
NEEDED = (
    f"greatest({ODDS} - log2(prior / (1 - prior)), "
    f"{STRANGERS} + log2((SELECT count(*) FROM known_campaigns)))"
)
# Tempo needs a second account. Software and wording count as one (see marks).
ALONE = ("money", "device", "network", "registration")
FAMILIES = (*ALONE, "wording", SOFTWARE)

RECOGNISED: Final = pa.schema(
    [
        pa.field("account_id", pa.string()),
        pa.field("campaign_id", pa.string()),
        pa.field("bits", pa.float64()),  # log2 odds without the prior, at the deciding exchange
        pa.field("at", TS),  # when the deciding exchange arrived
        pa.field("by", pa.list_(pa.string())),  # families that carry a mark, strongest first
        pa.field("exchanges", pa.int64()),  # the account's in the window, the early ones
    ]
)


def recognise(engine: Engine, known: Known, since: date, until: date) -> pa.Table:
    """Accounts that are no members yet and show themselves in [since, until).

    Looked at are the exchanges of days before which the account had sent fewer than EARLY.
    In: accounts, features, profiles. Out: RECOGNISED, sorted by `at`, one row per account.
    """
    if len(known) == 0:
        return RECOGNISED.empty_table()
    engine.register("known_campaigns", known.campaigns)
    engine.register("known_members", known.members)
    engine.register("known_marks", known.marks)
    day = f"{until:%Y%m%d}"
    early = early_exchanges(engine, since, until, f"early_{day}")
    carried = carried_marks(engine, early, f"carried_{day}")
    claimed = claimed_marks(engine, early, f"claimed_{day}")
    rows = engine.fetch(_deciding(early, carried, claimed))
    return _named(rows)


def early_exchanges(engine: Engine, since: date, until: date, name: str) -> Table:
    """Exchanges of new accounts. Out: account, earlier (exchanges before the window), ts,
    exchange_hash, and what each exchange shows (hashes)."""
    return engine.step(
        name,
        f"""
        WITH days AS (
            SELECT account, day,
                   sum(exchanges) OVER (PARTITION BY account ORDER BY day) - exchanges AS before
            FROM profiles WHERE day < $until
        ),
        early AS (
            SELECT account, account_id, min(before)::BIGINT AS earlier, max(day) + 1 AS stop
            FROM days JOIN accounts USING (account)
            WHERE day >= $since AND before < {EARLY}
              AND account_id NOT IN (SELECT account_id FROM known_members)
            GROUP BY account, account_id
        )
        SELECT account, earlier, ts, exchange_hash, system_hash, system_skeleton, skeleton, phrases,
               text_hash(client_ip) AS ip, text_hash(network_of(client_ip)) AS network,
               CASE WHEN tls_fingerprint IS NOT NULL AND user_agent IS NOT NULL
                    THEN text_hash(concat_ws('|', tls_fingerprint, user_agent)) END AS software
        FROM features JOIN early USING (account_id)
        WHERE ts >= $since AND ts < $until AND ts < stop
        """,
        {"since": since, "until": until},
    )


def carried_marks(engine: Engine, early: Table, name: str) -> Table:
    """Marks that exchanges show. Out: account, campaign_id, ts, exchange_hash, family, bits."""
    kinds = {
        "system_prompt": "system_hash",
        "system_skeleton": "system_skeleton",
        "skeleton": "skeleton",
        "phrase": "unnest(phrases)",
        "client_software": "software",
        "ip": "ip",
        "network": "network",
    }
    shown = " UNION ALL ".join(
        f"SELECT account, ts, exchange_hash, '{kind}' AS kind, {column} AS value FROM {early.name}"
        for kind, column in kinds.items()
    )
    return engine.step(
        name,
        f"""
        WITH shown AS ({shown})
        SELECT account, campaign_id, ts, exchange_hash, family, max(bits) AS bits
        FROM shown JOIN known_marks USING (kind, value)
        WHERE kind NOT IN ('ip', 'network')
           OR ts < last_day + INTERVAL '{ADDRESS_DAYS + 1} days'
        GROUP BY ALL
        """,
    )


def claimed_marks(engine: Engine, early: Table, name: str) -> Table:
    """Marks that the accounts themselves carry. Out: account, campaign_id, family, bits."""
    kinds = {
        "payment": "text_hash(payment_fingerprint)",
        "device": "text_hash(device_fingerprint)",
        "signup_ip": "text_hash(signup_ip)",
        "email": "text_hash(email_hash)",
        "signup": f"CASE WHEN email_domain IS NOT NULL THEN {SIGNUP} END",
    }
    shown = " UNION ALL ".join(
        f"SELECT account, '{kind}' AS kind, {value} AS value FROM fresh"
        for kind, value in kinds.items()
    )
    return engine.step(
        name,
        f"""
        WITH fresh AS (
            SELECT * FROM accounts SEMI JOIN {early.name} USING (account)
        ),
        shown AS ({shown})
        SELECT account, campaign_id, family, max(bits) AS bits
        FROM shown JOIN known_marks USING (kind, value) GROUP BY ALL
        """,
    )


# Whether an account (or an exchange) shows anything of the family at all: what was not measured is
# no lack.
_MEASURED = {
    "money": "payment_fingerprint IS NOT NULL",
    "device": "device_fingerprint IS NOT NULL",
    "network": "ip IS NOT NULL OR signup_ip IS NOT NULL",
    "registration": "email_domain IS NOT NULL OR email_hash IS NOT NULL",
    "wording": "system_hash IS NOT NULL OR skeleton IS NOT NULL",
    SOFTWARE: "false",
}


def _deciding(early: Table, carried: Table, claimed: Table) -> str:
    """SQL: the first exchange of each (account, campaign) whose bits suffice."""

    def each(form: str, between: str = ",\n", families: Sequence[str] = FAMILIES) -> str:
        return between.join(form.format(f=f, measured=_MEASURED.get(f)) for f in families)

    lack = (
        f"coalesce(max(bits) FILTER (WHERE kind = '{LACK}' AND family = '{{f}}'), 0) AS lack_{{f}}"
    )
    lacks = each(lack, families=(*FAMILIES, DECLARED))
    return f"""
        WITH needs AS (
            SELECT campaign_id,
                   {NEEDED} AS needed,
                   {lacks}
            FROM known_campaigns LEFT JOIN known_marks USING (campaign_id)
            GROUP BY campaign_id, prior
        ),
        reach AS (  -- the most that each pair could come to: few are left
            SELECT account, campaign_id
            FROM (
                SELECT account, campaign_id, family, max(bits) AS bits
                FROM (SELECT account, campaign_id, family, bits FROM {carried.name}
                      UNION ALL SELECT account, campaign_id, family, bits FROM {claimed.name})
                GROUP BY ALL
            ) JOIN needs USING (campaign_id)
            GROUP BY account, campaign_id, needed
            HAVING sum(bits) >= needed
        ),
        claims AS (
            SELECT account, campaign_id, {each("max(bits) FILTER (WHERE family = '{f}') AS {f}")}
            FROM {claimed.name} GROUP BY ALL
        ),
        shown AS (
            SELECT account, campaign_id, ts, exchange_hash,
                   {each("max(bits) FILTER (WHERE family = '{f}') AS {f}")}
            FROM {carried.name} GROUP BY ALL
        ),
        so_far AS (
            SELECT account, campaign_id, organization_id, ts, exchange_hash,
                   count(*) OVER everything AS exchanges,
                   count(shown.wording) OVER steps
                       >= {OWN_SHARE} * (earlier + row_number() OVER steps) AS own_wording,
                   {each("greatest(claims.{f}, max(shown.{f}) OVER steps) AS {f}")},
                   {each("bool_or({measured}) OVER steps AS knows_{f}")}
            FROM reach JOIN {early.name} USING (account) JOIN accounts USING (account)
            LEFT JOIN claims USING (account, campaign_id)
            LEFT JOIN shown USING (account, campaign_id, ts, exchange_hash)
            WINDOW steps AS (PARTITION BY account, campaign_id ORDER BY ts, exchange_hash
                             ROWS UNBOUNDED PRECEDING),
                   everything AS (PARTITION BY account, campaign_id)
        ),
        owned AS (
            SELECT * EXCLUDE (wording), CASE WHEN own_wording THEN wording END AS wording
            FROM so_far
        ),
        summed AS (
            SELECT owned.*, needed, {each("coalesce({f}, 0)", " + ", ALONE)}
                   + coalesce(greatest(wording, {SOFTWARE}), 0)
                   + {each("CASE WHEN {f} IS NULL AND knows_{f} THEN lack_{f} ELSE 0 END", " + ")}
                   + CASE WHEN organization_id IS NOT NULL THEN lack_{DECLARED} ELSE 0 END
                       AS bits
            FROM owned JOIN needs USING (campaign_id)
        ),
        decided AS (
            SELECT * FROM summed WHERE bits >= needed
            QUALIFY row_number() OVER (
                PARTITION BY account ORDER BY ts, exchange_hash, bits DESC, campaign_id) = 1
        )
        SELECT account_id, campaign_id, bits, ts AS "at", exchanges,
               {each("{f}", families=(*ALONE, "wording"))},
               CASE WHEN wording IS NULL THEN {SOFTWARE} END AS {SOFTWARE}
        FROM decided JOIN accounts USING (account) ORDER BY "at", account_id
        """


def _named(rows: pa.Table) -> pa.Table:
    """Bits by family to the list of families, strongest first."""
    bits = np.column_stack([rows[f].fill_null(0.0).to_numpy() for f in FAMILIES])
    order = np.argsort(-bits, axis=1, kind="stable")
    names = [f if f != SOFTWARE else "device" for f in FAMILIES]
    by = [
        list(dict.fromkeys(names[f] for f in strongest if own[f] > 0))
        for own, strongest in zip(bits, order, strict=True)
    ]
    return (
        rows.select([name for name in RECOGNISED.names if name != "by"])
        .append_column("by", pa.array(by, pa.list_(pa.string())))
        .select(RECOGNISED.names)
        .cast(RECOGNISED)
    )
