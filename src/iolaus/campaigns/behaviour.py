"""behaviour: what each account did before an instant, as arrays indexed by the account key.

Shares are 0 to 1 and NaN where the input was not measured.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.core.tables import CAPABILITIES
from iolaus.engine import Engine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
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
    known = np.asarray([value is not None for value in values], dtype=bool)
    number = np.full(values.size, -1, dtype=np.int64)
    number[known] = np.unique(values[known].astype(str), return_inverse=True)[1]
    return number


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
        values[row] = sums[name].to_numpy().astype(np.float64)
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
    rows = engine.fetch(
        "SELECT account, beat, exchanges FROM beats WHERE day < $until ORDER BY account, beat",
        {"until": until},
    )
    account, beat = rows["account"].to_numpy(), rows["beat"].to_numpy()
    start = int(beat.min()) if beat.size else 0
    width = int(beat.max()) - start + 1 if beat.size else 1
    values = rows["exchanges"].to_numpy().astype(np.float32)
    return sp.csr_array((values, (account, beat - start)), shape=(accounts, width))


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
