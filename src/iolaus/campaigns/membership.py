"""membership: who belongs to a group, by what the group's members hold and others do not.

Links find a group's core. Its tokens (those that stand inside it and hardly outside) then decide
about every account, so that a member who shares only hubs with the rest is found, and a bystander
who came in over one shared address is let go. An account that no link brought is judged by the
group's marks alone, tokens that many members hold: among all accounts of a log somebody always
shares some rare token with somebody.

The accounts of one declared organisation count as one holder, for what they share is shared openly:
it ties them to each other and to nobody else (unless the group is that organisation itself).
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.content import Content
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES, TOKEN_FAMILIES

ROUNDS = 4
MOST_BITS = 10.0  # one family alone never decides: 10 bits are odds of a thousand to one
MARK_SHARE = 0.05  # of the members, and at least LEAST_MARK of them, hold a mark
LEAST_MARK = 3
STAY_AMONG = 50.0  # a member's bits exceed log2(accounts / 50): the more accounts there are, the
# rarer a token of strangers can look. 12,000 accounts: 7.9 bits, 1,500 accounts: 4.9 bits
JOIN_BITS = 3.0  # as much again for an account that no link brought
# Accounts of one declared organisation, this many or more, say who they are. What they ask for, and
# in what words, then ties them to nobody: two firms may collect from one public source.
SEVERAL = 3
ABOUT = (FAMILIES.index("wording"), FAMILIES.index("content"))
OPEN_SHARE = 0.5  # of a group in one organisation: then the organisation is what was found
CHARACTERISTIC_BITS = 2.0  # a token that is worth less is everybody's, and as good as none

# How much the lack of a mark may count against an account. An operator can buy unique cards and
# addresses, so their lack says little; the wording is what he is there for.
LACK_BITS = {
    "money": 1.0,
    "device": 1.0,
    "network": 2.0,
    "registration": 1.0,
    "wording": 6.0,
    "tempo": 1.0,
}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Membership:
    """`members`: account keys, sorted; `bits`: log2 odds of belonging, for every account."""

    members: NDArray[np.int64]
    bits: Floats
    families: Floats  # accounts x FAMILIES, bits

    @property
    def probability(self) -> Floats:
        return np.asarray(1.0 / (1.0 + np.exp2(-self.bits)))


def membership(
    core: NDArray[np.int64], tokens: TokenMatrix, content: Content, entities: sp.csr_array
) -> Membership:
    """Grow and trim a group until it stands still, at most ROUNDS times.

    entities: customers x accounts, 1 where the account is the customer's (see `customers`).
    """
    linked = np.zeros(tokens.held.shape[0], dtype=bool)
    linked[core] = True
    if entities[:, core].sum(axis=1).max() >= OPEN_SHARE * core.size:
        entities = sp.eye_array(linked.size, dtype=np.float32, format="csr")
    members = core
    for _ in range(ROUNDS):
        result = _decide(members, linked, tokens, content, entities)
        if np.array_equal(result.members, members) or result.members.size == 0:
            break
        members = result.members
    return result


def customers(organizations: NDArray[np.object_]) -> sp.csr_array:
    """Customers x accounts: a declared organisation is one customer, any other account one too."""
    own = [f"\0{i}" if name is None else str(name) for i, name in enumerate(organizations)]
    number = np.unique(np.asarray(own, dtype=object), return_inverse=True)[1]
    ones = np.ones(number.size, dtype=np.float32)
    shape = (int(number.max(initial=-1)) + 1, number.size)
    return sp.csr_array((ones, (number, np.arange(number.size))), shape=shape)


def _decide(
    members: NDArray[np.int64],
    linked: NDArray[np.bool_],
    tokens: TokenMatrix,
    content: Content,
    entities: sp.csr_array,
) -> Membership:
    accounts = tokens.held.shape[0]
    inside = np.zeros(accounts)
    inside[members] = 1.0
    among = (entities[:, members] @ tokens.held[members]).sign()
    count = np.asarray(among.sum(axis=0)).ravel()
    size, others = members.size, max(accounts - members.size, 1)
    mark = count >= max(LEAST_MARK, MARK_SHARE * size)
    families = np.zeros((accounts, len(FAMILIES)))
    for column, name in enumerate(TOKEN_FAMILIES):
        used = np.flatnonzero((tokens.family == column) & (count >= 2))
        if used.size:
            families[:, column] = _family_bits(
                _Part(tokens.held_by_token[:, used].tocsr(), count[used], tokens.holders[used]),
                mark[used],
                inside,
                linked,
                LACK_BITS[name],
            )
    families[:, FAMILIES.index("content")] = content.belonging(members)
    declared = np.asarray(entities.T @ entities.sum(axis=1)).ravel() >= SEVERAL
    for column in ABOUT:
        families[declared, column] = np.minimum(families[declared, column], 0.0)
    bits = families.sum(axis=1) + np.log2(size / others) - np.where(linked, 0.0, JOIN_BITS)
    return Membership(np.flatnonzero(bits > np.log2(accounts / STAY_AMONG)), bits, families)


@dataclass(frozen=True)
class _Part:
    """The tokens of one family that stand inside the group: accounts x tokens; per token how many
    members and how many accounts in all hold it."""

    held: sp.csr_array
    count: Floats
    holders: NDArray[np.int64]


def _family_bits(
    part: _Part,
    mark: NDArray[np.bool_],
    inside: Floats,
    linked: NDArray[np.bool_],
    most_lack: float,
) -> Floats:
    """Bits of the best token of one family per account; below 0 where an account has none.

    Every account is judged by the others: it does not count as a holder of its own token.
    """
    size, others = inside.sum(), max(inside.size - inside.sum(), 1)
    held = part.held
    rows = np.repeat(np.arange(inside.size), np.diff(held.indptr))
    within = part.count[held.indices] - inside[rows]
    without = part.holders[held.indices] - part.count[held.indices] - (1 - inside[rows])
    bits = np.log2((within + 0.1) / (size + 1)) - np.log2((without + 0.5) / (others + 1))
    best = np.full(inside.size, -np.inf)
    usable = linked[rows] | mark[held.indices]
    np.maximum.at(best, rows[usable], bits[usable])
    marked = best > CHARACTERISTIC_BITS
    share_in = (marked & (inside > 0)).sum() / (size + 1)
    share_out = (marked & (inside == 0)).sum() / (others + 1)
    lack = max(-most_lack, float(np.log2((1 - share_in) / (1 - share_out))))
    return np.where(marked, np.minimum(best, MOST_BITS), min(lack, 0.0))
