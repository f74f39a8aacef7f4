"""odds: what the tokens of a group say about accounts, in bits, for a group as it stands."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.tallies import Desk, reached, shared
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.campaigns.weights import best_by_account, best_by_token, others_holding
from iolaus.core.tables import FAMILIES

MOST_BITS = 10.0  # one family alone never decides: 10 bits are odds of a thousand to one
MARK_SHARE = 0.05  # of the members, and at least LEAST_MARK of them, hold a mark
LEAST_MARK = 3
CHARACTERISTIC_BITS = 2.0  # a token that is worth less is everybody's, and as good as none
# Without text nothing but addresses ties who has a card and a device of his own: who meets members
# there day after day met them not by chance.
NETWORK = FAMILIES.index("network")
OFTEN_BITS, TELLING_BITS = 3.0, 5.0  # at most so many; an address that is worth more counts

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

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """A group as it stands. Along `used`, the tokens that two of its customers or more hold, in no
    order: their family; whether it is a mark; and what it says for a member and for an outsider who
    hold it, in bits. Everybody is judged by the others: nobody counts as a holder of his own token.
    """

    members: Ints
    core: Ints
    everybody: int
    used: Ints
    family: Ints
    mark: Bools
    inner: Floats
    outer: Floats

    @classmethod
    def of(cls, members: Ints, core: Ints, whose: Ints, tokens: TokenMatrix, desk: Desk) -> "Group":
        """`whose`: each member's customer, who counts once."""
        everybody = tokens.held.shape[0]
        order = np.argsort(whose, kind="stable")
        used, customers = shared(
            tokens.held.indptr, tokens.held.indices, members[order], whose[order], desk.token
        )
        count, holders = customers.astype(np.float64), tokens.holders[used]
        size, others = float(members.size), float(max(everybody - members.size, 1))
        without = np.maximum(holders - count - 1.0, 0.0)  # below 0 where no outsider holds it
        return cls(
            members=members,
            core=core,
            everybody=everybody,
            used=used,
            family=tokens.family[used].astype(np.int64),
            mark=count >= max(LEAST_MARK, MARK_SHARE * size),
            inner=np.log2((count - 1.0 + 0.1) / (size + 1))
            - np.log2((holders - count + 0.5) / (others + 1)),
            outer=np.log2((count + 0.1) / (size + 1)) - np.log2((without + 0.5) / (others + 1)),
        )

    @property
    def others(self) -> int:
        return max(self.everybody - self.members.size, 1)

    @property
    def odds(self) -> float:
        """log2 of the odds of belonging before anything is known."""
        return float(np.log2(self.members.size / self.others))

    def possible(self, need: float, tokens: TokenMatrix, desk: Desk) -> Ints:
        """The members, the core, and whoever could have `need` bits by what he holds; sorted.
        Everybody where none are needed.

        An account that holds no mark worth more than b bits has at most b in each family, or what
        the family's best mark gives. Only holders of dearer marks than the b at which this comes to
        the bits that are needed are looked at.
        """
        if need <= 0:
            return np.arange(self.everybody)
        worth = np.minimum(self.outer[self.mark], MOST_BITS)
        best = np.zeros(len(FAMILIES))
        np.maximum.at(best, self.family[self.mark], worth)
        floor = max(_level(best, need) - 1e-9, CHARACTERISTIC_BITS)
        marks = self.used[self.mark & (self.outer > floor)]
        by_token = tokens.held_by_token
        found = reached(
            by_token.indptr, by_token.indices, marks, self.members, self.core, desk.account
        )
        found.sort()
        return found.astype(np.int64)


def _level(best: Floats, need: float) -> float:
    """The largest b at which the sum of min(b, best) over the families is at most `need`."""
    left = need
    for place, one in enumerate(np.sort(best)):
        others = best.size - place
        if one * others >= left:
            return left / others
        left -= one
    return np.inf


@dataclass(frozen=True)
class Weighed:
    """`families`: accounts x FAMILIES, bits; `linked`: in the core, so that links brought them."""

    families: Floats
    linked: Bools


def weigh(asked: Ints, group: Group, tokens: TokenMatrix, desk: Desk) -> Weighed:
    """What the group's tokens say of some accounts (sorted, the members and the core among them):
    bits of the best token of each family; below 0 where an account has none."""
    inside, linked = np.zeros(asked.size, dtype=bool), np.zeros(asked.size, dtype=bool)
    inside[np.searchsorted(asked, group.members)] = True
    linked[np.searchsorted(asked, group.core)] = True
    best = np.full((asked.size, len(FAMILIES)), -np.inf)
    often = np.zeros(asked.size, dtype=np.int64)
    _raise_to_best(best, often, asked, inside, linked, group, tokens, desk)
    marked = best > CHARACTERISTIC_BITS
    strangers = _strangers(asked[inside | linked], group, tokens, desk)
    strangers += marked[linked & ~inside].sum(axis=0)
    share_in = marked[inside].sum(axis=0) / (group.members.size + 1)
    share_out = strangers / (group.others + 1)
    most = np.asarray([LACK_BITS.get(name, 0.0) for name in FAMILIES])
    lack = np.maximum(-most, np.log2((1 - share_in) / (1 - share_out)))
    bits = np.minimum(best, MOST_BITS)
    if not tokens.worded:  # an account that shares telling addresses again and again
        bits[:, NETWORK] += np.minimum(np.log2(np.maximum(often, 1)), OFTEN_BITS)
    return Weighed(np.where(marked, bits, np.minimum(lack, 0.0)), linked)


def _raise_to_best(
    best: Floats,
    often: Ints,
    asked: Ints,
    inside: Bools,
    linked: Bools,
    group: Group,
    tokens: TokenMatrix,
    desk: Desk,
) -> None:
    """Fill `best` and `often`. Marks are looked up by their holders. What is no mark speaks for the
    core alone: it is looked up the same way, or by what the core holds where that is less."""
    telling = np.maximum(group.inner, group.outer) > CHARACTERISTIC_BITS
    by_token, by_account = tokens.held_by_token, tokens.held
    rest = telling & ~group.mark
    core_holds = (by_account.indptr[group.core + 1] - by_account.indptr[group.core]).sum()
    if tokens.holders[group.used[rest]].sum() > core_holds:
        telling &= group.mark
        best_by_account(
            by_account.indptr, by_account.indices, group.used[rest], group.family[rest],
            group.inner[rest], group.outer[rest], group.core, np.searchsorted(asked, group.core),
            inside, NETWORK, TELLING_BITS, desk.token, best, often,
        )  # fmt: skip
    best_by_token(
        by_token.indptr, by_token.indices, group.used[telling], group.family[telling],
        group.mark[telling], group.inner[telling], group.outer[telling], tokens.crowds.row,
        tokens.crowds.bits, asked, inside, linked, NETWORK, TELLING_BITS, desk.account, best, often,
    )  # fmt: skip


def _strangers(ours: Ints, group: Group, tokens: TokenMatrix, desk: Desk) -> Ints:
    """By family: how many accounts, neither members nor of the core, hold a telling mark."""
    telling = group.mark & (group.outer > CHARACTERISTIC_BITS)
    by_token, crowds = tokens.held_by_token, tokens.crowds
    return others_holding(
        by_token.indptr, by_token.indices, group.used[telling], group.family[telling],
        crowds.row, crowds.bits, ours, desk.flag,
    )  # fmt: skip
