"""behaviour: what each account did before an instant, as arrays indexed by the account key.

Shares are 0 to 1 and NaN where the input was not measured.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.core.tables import CAPABILITIES
from iolaus.engine import Engine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.number[Any]]
Strings = NDArray[np.object_]


@dataclass(frozen=True)
class Behaviour:
    """Per account known before an instant. `counts`: sums of the profiles' columns. `hours`:
    accounts x 24, UTC. `capabilities`: accounts x CAPABILITIES, exchanges. `beats`: accounts x
    10-minute bins, exchanges."""

    counts: dict[str, Floats]
    hours: Floats
    capabilities: Floats
    beats: sp.csr_array
    days: Floats  # active days
    claims: dict[str, Strings]  # account_id and what the account claims; None where unknown
    created_day: Floats  # days since 1970, NaN where unknown
    cards: NDArray[np.bool_]  # whether the account's card is known
    devices: NDArray[np.bool_]  # whether the device it was opened with is known
    operators: "Operators"
    mixed_addresses: Floats  # share of exchanges from addresses that several countries claim

    @property
    def accounts(self) -> int:
        return int(self.days.size)

    @property
    def exchanges(self) -> Floats:
        return self.counts["exchanges"]

    def share(self, part: str, whole: str) -> Floats:
        """counts[part] / counts[whole], NaN where the whole is 0."""
        return ratio(self.counts[part], self.counts[whole])


@dataclass(frozen=True)
class Operators:
    """Whose network the accounts' requests came from, one row per account and operator: `account`,
    `operator` (numbered), `exchanges` of a known country, `abroad` of them from another than the
    account claims. Accounts that claim no country have no row."""

    account: Ints
    operator: Ints
    exchanges: Floats
    abroad: Floats


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where the whole is 0."""
    result = np.full(part.shape, np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def numbered(values: Strings) -> NDArray[np.int64]:
    """A number per value, in order; -1 for None."""
    names = pa.array(values, pa.string()).dictionary_encode()
    place = np.argsort(np.argsort(names.dictionary.to_numpy(zero_copy_only=False)))
    number = names.indices.fill_null(-1).to_numpy().astype(np.int64)
    numbers: NDArray[np.int64] = np.append(place, -1)[number]
    return numbers


CLAIMS = (
    "account_id",
    "organization_id",
    "billing_country",
    "email_domain",
    "plan",
    "verification",
    "program",
    "channel",
    "legal_name",
)


def behaviour(engine: Engine, until: date) -> Behaviour:
    """Add up the days before `until`, for the accounts known by then.

    In: accounts, profiles, beats, address_days, operator_days.
    """
    account_rows = engine.fetch(
        f"SELECT {', '.join(CLAIMS)}, epoch(created_at) / 86400 AS created, "
        "payment_fingerprint IS NOT NULL AS card, device_fingerprint IS NOT NULL AS device "
        "FROM accounts "
        "WHERE first_seen < $until ORDER BY account",
        {"until": until},
    )
    accounts = account_rows.num_rows
    sums = _profile_sums(engine, until)
    row = sums["account"].to_numpy()

    def spread(name: str) -> Floats:
        values = np.zeros(accounts)
        values[row] = sums[name].cast(pa.float64()).to_numpy()  # of decimals: numpy would be slow
        return values

    names = [n for n in sums.column_names if n != "account"]
    columns = {name: spread(name) for name in names}
    hours = np.column_stack([columns.pop(f"hour_{h}") for h in range(24)])
    capabilities = np.column_stack(
        [columns.pop(f"capability_{i}") for i in range(len(CAPABILITIES))]
    )
    return Behaviour(
        counts=columns,
        hours=hours,
        capabilities=capabilities,
        beats=_beats(engine, until, accounts),
        days=columns.pop("days"),
        claims={n: np.asarray(account_rows[n].to_pylist(), dtype=object) for n in CLAIMS},
        created_day=account_rows["created"].to_numpy(zero_copy_only=False).astype(np.float64),
        cards=account_rows["card"].to_numpy(zero_copy_only=False),
        devices=account_rows["device"].to_numpy(zero_copy_only=False),
        operators=_operators(engine, until),
        mixed_addresses=_mixed_addresses(engine, until, accounts),
    )


def _profile_sums(engine: Engine, until: date) -> pa.Table:
    return engine.fetch(
        """
        SELECT account, count(*) AS days,
               sum(COLUMNS(* EXCLUDE (account, day)))
        FROM profiles WHERE day < $until GROUP BY account ORDER BY account
        """,
        {"until": until},
    )


def _beats(engine: Engine, until: date, accounts: int) -> sp.csr_array:
    """A day at a time into its place: at 300 million exchanges there are 100 million rows."""
    span = engine.fetch(
        "SELECT min(beat) AS first, max(beat) AS last, count(*) AS n FROM beats WHERE day < $until",
        {"until": until},
    ).to_pylist()[0]
    first = span["first"] or 0
    width = (span["last"] or 0) - first + 1
    start = _starts(engine, until, accounts)
    beat, exchanges = np.empty(span["n"], np.int32), np.empty(span["n"], np.float32)
    free = start[:-1].copy()
    days = engine.fetch("SELECT DISTINCT day FROM beats WHERE day < $until ORDER BY day",
                        {"until": until})  # fmt: skip
    for day in days["day"].to_pylist():
        rows = engine.fetch(
            "SELECT account, beat, exchanges FROM beats WHERE day = $day ORDER BY account, beat",
            {"day": day},
        )
        who, when, many = (rows[name].to_numpy() for name in ("account", "beat", "exchanges"))
        _put(who, when, many, first, free, beat, exchanges)
    return sp.csr_array((exchanges, beat, start), shape=(accounts, width))


def _starts(engine: Engine, until: date, accounts: int) -> Ints:
    """Where each account's beats begin, and where the last ones end."""
    rows = engine.fetch(
        "SELECT account, count(*) AS n FROM beats WHERE day < $until GROUP BY account",
        {"until": until},
    )
    many = np.zeros(accounts + 1, np.int64)
    many[rows["account"].to_numpy() + 1] = rows["n"].to_numpy()
    return np.cumsum(many)


@kernel
def _put(
    account: Ints, beat: Ints, count: Ints, first: int, free: Ints, to: Numbers, counts: Numbers
) -> None:
    """Put rows behind those that their account has; `free`: the next place of each."""
    for row in range(account.size):
        place = free[account[row]]
        free[account[row]] += 1
        to[place], counts[place] = beat[row] - first, count[row]


def _operators(engine: Engine, until: date) -> Operators:
    rows = engine.fetch(
        """
        SELECT account, dense_rank() OVER (ORDER BY asn NULLS FIRST) - 1 AS operator,
               sum(exchanges)::DOUBLE AS exchanges, sum(abroad)::DOUBLE AS abroad
        FROM operator_days WHERE day < $until GROUP BY account, asn
        ORDER BY account, operator
        """,
        {"until": until},
    )
    account, operator = (rows[n].to_numpy().astype(np.int64) for n in ("account", "operator"))
    return Operators(account, operator, rows["exchanges"].to_numpy(), rows["abroad"].to_numpy())


def _mixed_addresses(engine: Engine, until: date, accounts: int) -> Floats:
    rows = engine.fetch(
        """
        SELECT account, sum(exchanges)::DOUBLE AS seen,
               coalesce(sum(exchanges) FILTER (WHERE claims > 1), 0)::DOUBLE AS mixed
        FROM address_days WHERE day < $until AND claims > 0 GROUP BY account ORDER BY account
        """,
        {"until": until},
    )
    share = np.full(accounts, np.nan)
    share[rows["account"].to_numpy()] = rows["mixed"].to_numpy() / rows["seen"].to_numpy()
    return share
