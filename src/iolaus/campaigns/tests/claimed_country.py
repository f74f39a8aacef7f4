"""Do members' requests come from the countries that they claim?

Only requests out of access networks say so. Whoever works on a hosted machine or through a VPN is
seen where that stands, whatever he claims, and so are all its customers: an operator counts as
hosting where accounts outside the group are mostly seen abroad. Each account speaks for the
operators that it uses in proportion to its requests, so that accounts whose addresses rotate over
a hundred access networks do not make them hosting. Requests of an unknown operator are taken
together, as those of one.

Null: coherent groups.
"""

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Operators, ratio
from iolaus.campaigns.nulls import compare_mean
from iolaus.campaigns.scene import Finding, Floats, Ints, Scene, Suspect

DETECTOR = "claimed country"
HOSTING = 0.3  # of an operator's customers, by their requests, are seen abroad; 0.0 to 0.1 of an
# access network's, 0.6 to 1.0 of a hosting firm's or VPN's, on development worlds
AT_HOME = 1.0  # account's worth of customers at home that every operator is given
LEAST_SCALE = 0.03  # of a share
SPREAD = 0.5  # of one account's share, at most; the mean of n varies by SPREAD / sqrt(n)
NULL = "groups with one token in common, outside this one"
STATISTIC = "share of requests out of access networks from another country than the account claims"


def examine(suspect: Suspect, scene: Scene) -> list[Finding]:
    seen, members = scene.seen, suspect.members
    everybody = scene.once(DETECTOR, lambda: abroad(seen.operators, seen.accounts))
    values = everybody.copy()
    values[members] = abroad(seen.operators, seen.accounts, judges_but=members)[members]
    known = int(np.isfinite(values[members]).sum())
    if not known:
        why = "no member claims a country and is seen on an access network"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    null = scene.group_means(DETECTOR, everybody, members)
    least = max(LEAST_SCALE, SPREAD / np.sqrt(known))
    mean, tail = compare_mean(values, members, null, least_scale=least, robust=True)
    if not np.isfinite(tail.p):
        why = f"{known} of {members.size} members are seen on an access network, or no other group"
        return [Finding(DETECTOR, "deception", STATISTIC, np.nan, NULL, np.nan, why)]
    detail = f"z = {tail.z:.1f}; {known} of {members.size} members are seen on an access network"
    return [Finding(DETECTOR, "deception", STATISTIC, mean, NULL, tail.p, detail, null)]


def abroad(operators: Operators, accounts: int, judges_but: Ints | None = None) -> Floats:
    """STATISTIC per account; NaN where nothing was seen. `judges_but`: accounts that say nothing
    about what kind of network an operator's is."""
    access = ~hosting(operators, accounts, judges_but)[operators.operator]
    account = operators.account[access]
    seen: Floats = np.zeros(accounts)
    away: Floats = np.zeros(accounts)
    np.add.at(seen, account, operators.exchanges[access])
    np.add.at(away, account, operators.abroad[access])
    return ratio(away, seen)


def hosting(
    operators: Operators, accounts: int, judges_but: Ints | None = None
) -> NDArray[np.bool_]:
    """Per operator, whether its customers are mostly seen abroad."""
    total = np.bincount(operators.account, weights=operators.exchanges, minlength=accounts)
    judge = np.ones(accounts)
    if judges_but is not None:
        judge[judges_but] = 0.0
    each = judge[operators.account] / np.maximum(total[operators.account], 1.0)
    customers = np.bincount(operators.operator, weights=each * operators.exchanges)
    away = np.bincount(operators.operator, weights=each * operators.abroad)
    return np.asarray(away > HOSTING * (customers + AT_HOME))
