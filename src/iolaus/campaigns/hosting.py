"""Who works on a hosted machine, or through a VPN: where such requests come from, and when, says
nothing about where somebody lives.

The log tells hosting operators by their customers, who are mostly seen in other countries than they
claim. Each account speaks for the operators that it uses in proportion to its requests, so that
accounts whose addresses rotate over a hundred access networks do not make them hosting. Requests of
an unknown operator are taken together, as those of one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Floats, Ints, Operators, ratio
from iolaus.campaigns.scene import Scene

HOSTING = 0.3  # of an operator's customers, by their requests, are seen abroad; 0.0 to 0.1 of an
# access network's, 0.6 to 1.0 of a hosting firm's or VPN's, on development worlds
AT_HOME = 1.0  # account's worth of customers at home that every operator is given
MOSTLY = 0.5  # of an account's requests come out of hosting

NOBODY = np.empty(0, dtype=np.int64)

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Networks:
    """Whose network everybody's requests came from. Rows stand by account, those of account a at
    start[a] to start[a + 1]; `customers` and `away` per operator: accounts, each in proportion to
    its requests there, and how much of them is seen abroad.

    `but`: accounts that do not count, since a group does not judge the operators that it is
    tested on itself.
    """

    rows: Operators
    start: Ints
    share: Floats  # of the account's requests, per row
    away_share: Floats
    customers: Floats
    away: Floats

    @classmethod
    def of(cls, rows: Operators, accounts: int) -> "Networks":
        order = np.argsort(rows.account, kind="stable")
        rows = Operators(*(c[order] for c in vars(rows).values()))
        start = np.searchsorted(rows.account, np.arange(accounts + 1)).astype(np.int64)
        total = np.maximum(_sums(rows.account, rows.exchanges, accounts), 1.0)[rows.account]
        share, away = rows.exchanges / total, rows.abroad / total
        operators = int(rows.operator.max(initial=-1)) + 1
        return cls(
            rows, start, share, away,
            _sums(rows.operator, share, operators), _sums(rows.operator, away, operators),
        )  # fmt: skip

    def hosting(self, but: Ints = NOBODY) -> Bools:
        """Per operator, whether its customers are mostly seen abroad."""
        _, theirs = self._rows_of(but)
        operator, count = self.rows.operator[theirs], self.customers.size
        customers = self.customers - _sums(operator, self.share[theirs], count)
        away = self.away - _sums(operator, self.away_share[theirs], count)
        return np.asarray(away > HOSTING * (customers + AT_HOME))

    def abroad(self, accounts: Ints, but: Ints = NOBODY) -> Floats:
        """Per given account, the share of its requests out of access networks from another country
        than it claims; NaN where nothing was seen there."""
        place, theirs = self._rows_of(accounts)
        access = ~self.hosting(but)[self.rows.operator[theirs]]
        place, theirs = place[access], theirs[access]
        return ratio(
            _sums(place, self.rows.abroad[theirs], accounts.size),
            _sums(place, self.rows.exchanges[theirs], accounts.size),
        )

    def hosted(self, accounts: Ints, but: Ints = NOBODY) -> Bools:
        """Per given account, whether it works on hosted machines; False where that is not known."""
        place, theirs = self._rows_of(accounts)
        inside = self.hosting(but)[self.rows.operator[theirs]]
        share = _sums(place[inside], self.share[theirs[inside]], accounts.size)
        return np.asarray(share >= MOSTLY)

    def _rows_of(self, accounts: Ints) -> tuple[Ints, Ints]:
        """The accounts' rows, and for each the place of its account among those given."""
        first, count = self.start[accounts], self.start[accounts + 1] - self.start[accounts]
        place = np.repeat(np.arange(accounts.size), count)
        within = np.arange(place.size) - np.repeat(np.cumsum(count) - count, count)
        return place, np.repeat(first, count) + within


def networks(scene: Scene) -> Networks:
    """Those of the log, made once."""
    seen = scene.seen
    return scene.once("networks", lambda: Networks.of(seen.operators, seen.accounts))


def _sums(place: Ints, values: Floats, size: int) -> Floats:
    sums: Floats = np.zeros(size)
    np.add.at(sums, place, values)
    return sums
