"""Who works on a hosted machine, or through a VPN: where such requests come from, and when, says
nothing about where somebody lives.

The log tells hosting operators by their customers, who are mostly seen in other countries than they
claim. Each account speaks for the operators that it uses in proportion to its requests, so that
accounts whose addresses rotate over a hundred access networks do not make them hosting. Requests of
an unknown operator are taken together, as those of one.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Floats, Ints, Operators, ratio

HOSTING = 0.3  # of an operator's customers, by their requests, are seen abroad; 0.0 to 0.1 of an
# access network's, 0.6 to 1.0 of a hosting firm's or VPN's, on development worlds
AT_HOME = 1.0  # account's worth of customers at home that every operator is given
MOSTLY = 0.5  # of an account's requests come out of hosting

Bools = NDArray[np.bool_]


def hosting(operators: Operators, accounts: int, judges_but: Ints | None = None) -> Bools:
    """Per operator, whether its customers are mostly seen abroad. `judges_but`: accounts that do
    not count, since a group does not judge the operators that it is tested on itself."""
    total = _sums(operators.account, operators.exchanges, accounts)
    judge = np.ones(accounts)
    if judges_but is not None:
        judge[judges_but] = 0.0
    each = judge[operators.account] / np.maximum(total[operators.account], 1.0)
    customers = np.bincount(operators.operator, weights=each * operators.exchanges)
    away = np.bincount(operators.operator, weights=each * operators.abroad)
    return np.asarray(away > HOSTING * (customers + AT_HOME))


def abroad(operators: Operators, accounts: int, judges_but: Ints | None = None) -> Floats:
    """Per account, the share of its requests out of access networks from another country than it
    claims; NaN where nothing was seen there."""
    access = ~hosting(operators, accounts, judges_but)[operators.operator]
    account = operators.account[access]
    return ratio(
        _sums(account, operators.abroad[access], accounts),
        _sums(account, operators.exchanges[access], accounts),
    )


def hosted(operators: Operators, accounts: int, judges_but: Ints | None = None) -> Bools:
    """Per account, whether it works on hosted machines; False where that is not known."""
    of = hosting(operators, accounts, judges_but)[operators.operator]
    inside = _sums(operators.account[of], operators.exchanges[of], accounts)
    total = _sums(operators.account, operators.exchanges, accounts)
    return np.asarray((total > 0) & (inside >= MOSTLY * total))


def _sums(account: Ints, values: Floats, accounts: int) -> Floats:
    sums: Floats = np.zeros(accounts)
    np.add.at(sums, account, values)
    return sums
