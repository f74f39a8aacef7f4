"""membership: who belongs to a group, by what the group's members hold and others do not.

Links find a group's core. Its tokens (those that stand inside it and hardly outside) then decide
about every account, so that a member who shares only hubs with the rest is found, and a bystander
who came in over one shared address is let go. An account that no link brought is judged by the
group's marks alone, tokens that many members hold: among all accounts of a log somebody always
shares some rare token with somebody.

The accounts of one declared organisation count as one holder, for what they share is shared openly:
it ties them to each other and to nobody else (unless the group is that organisation itself).
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import Customers
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES, TOKEN_FAMILIES

ROUNDS = 4
MOST_BITS = 10.0  # one family alone never decides: 10 bits are odds of a thousand to one
MARK_SHARE = 0.05  # of the members, and at least LEAST_MARK of them, hold a mark
LEAST_MARK = 3
STAY_AMONG = 50.0  # a member's bits exceed log2(accounts / 50): the more accounts there are, the
# rarer a token of strangers can look. 12,000 accounts: 7.9 bits, 1,500 accounts: 4.9 bits
JOIN_BITS = 3.0  # as much again for an account that no link brought
# What the accounts of an open firm ask for, and in what words, ties them to nobody: two firms may
# collect from one public source.
ABOUT = (FAMILIES.index("wording"), FAMILIES.index("content"))
MOSTLY = 0.5  # of a token's holders are members
# Bits of wording and content together that the middle member has where a group is after one thing;
# who then asks for something else, in other words, only shares a card with it.
ONE_AIM, OTHER_AIM = 8.0, -3.0
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
    core: NDArray[np.int64],
    tokens: TokenMatrix,
    content: Content,
    known: Customers,
    stay: float | None = None,
) -> Membership:
    """Grow and trim a group until it stands still, at most ROUNDS times, and drop who hangs
    together with each other and not with the group.

    stay: bits that a member needs, log2(accounts / STAY_AMONG) by default.
    """
    linked = np.zeros(tokens.held.shape[0], dtype=bool)
    linked[core] = True
    if known.of[:, core].sum(axis=1).max() >= OPEN_SHARE * core.size:
        known = known.each_alone()
    members = core
    least = float(np.log2(linked.size / STAY_AMONG)) if stay is None else stay
    for _ in range(ROUNDS):
        result = _decide(members, linked, tokens, content, known, least)
        if np.array_equal(result.members, members) or result.members.size == 0:
            break
        members = result.members
    return replace(result, members=_together(result, tokens))


def _together(found: Membership, tokens: TokenMatrix) -> NDArray[np.int64]:
    """The members without those that cards, devices, addresses and sign-ups tie to each other and
    not to the rest, while neither wording nor what they ask about ties them either."""
    if not (tokens.family == FAMILIES.index("wording")).any() or found.members.size == 0:
        return found.members
    marks = tokens.columns(_identities(tokens))
    held = marks.held[found.members]
    within = np.asarray(held.sum(axis=0)).ravel()
    held = held[:, (within >= 2) & (within >= MOSTLY * marks.holders)]
    size = found.members.size
    both = sp.block_array([[None, held], [held.T, None]])
    label = connected_components(both, directed=False)[1][:size]
    main = np.bincount(label).argmax()
    about = found.families[found.members][:, list(ABOUT)].sum(axis=1)
    together = (label == main) | (about > 0)
    if np.median(about) >= ONE_AIM:
        together &= (about > 0) | (found.families[found.members, ABOUT[1]] > OTHER_AIM)
    return np.asarray(found.members[together], dtype=np.int64)


def _identities(tokens: TokenMatrix) -> NDArray[np.bool_]:
    families = [FAMILIES.index(f) for f in ("money", "device", "network", "registration")]
    return np.asarray(np.isin(tokens.family, families) & (tokens.kind != "client_software"))


def _decide(
    members: NDArray[np.int64],
    linked: NDArray[np.bool_],
    tokens: TokenMatrix,
    content: Content,
    known: Customers,
    least: float,
) -> Membership:
    accounts = tokens.held.shape[0]
    inside = np.zeros(accounts)
    inside[members] = 1.0
    among = (known.of[:, members] @ tokens.held[members]).sign()
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
    for column in ABOUT:
        families[known.firm, column] = np.minimum(families[known.firm, column], 0.0)
    bits = families.sum(axis=1) + np.log2(size / others) - np.where(linked, 0.0, JOIN_BITS)
    return Membership(np.flatnonzero(bits > least), bits, families)


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
