"""membership: who belongs to a group, by what the group's members hold and others do not.

Links find a group's core. Its tokens (those that stand inside it and hardly outside) then decide
about every account, so that a member who shares only hubs with the rest is found, and a bystander
who came in over one shared address is let go. An account that no link brought is judged by the
group's marks alone, tokens that many members hold: among all accounts of a log somebody always
shares some rare token with somebody.

The accounts of one declared organisation count as one holder, for what they share is shared openly:
it ties them to each other and to nobody else (unless the group is that organisation itself).

A log has many groups and many accounts, so a group costs what its members hold and who else holds
the tokens that tell them: nobody is looked at whom all he could hold would not bring in.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import Customers
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES

ROUNDS = 4
MOST_BITS = 10.0  # one family alone never decides: 10 bits are odds of a thousand to one
MARK_SHARE = 0.05  # of the members, and at least LEAST_MARK of them, hold a mark
LEAST_MARK = 3
STAY_AMONG = 50.0  # a member's bits exceed log2(accounts / 50): the more accounts there are, the
# rarer a token of strangers can look. 12,000 accounts: 7.9 bits, 1,500 accounts: 4.9 bits
JOIN_BITS = 3.0  # as much again for an account that no link brought
# What the accounts of an open firm ask for, and in what words, ties them to nobody: two firms may
# collect from one public source.
CONTENT = FAMILIES.index("content")
ABOUT = (FAMILIES.index("wording"), CONTENT)
# Without text nothing but addresses ties who has a card and a device of his own: who meets members
# there day after day met them not by chance.
NETWORK = FAMILIES.index("network")
OFTEN_BITS, TELLING_BITS = 3.0, 5.0  # at most so many; an address that is worth more counts
MOST_OPEN = 6.0  # bits against an open firm's account, as for wording: an operator can found one
MOSTLY = 0.5  # of a token's holders are members
FEW = 7  # accounts with cards and devices of their own in common: no campaign, which has 8 or more
RARE = 0.25  # of the members stand in such circles
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
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Membership:
    """`members`: account keys, sorted. `accounts`: those that were looked at, sorted, members among
    them; no other could belong. `bits`: their log2 odds of belonging; `families`: accounts x
    FAMILIES, bits. `everybody`: how many accounts the log has."""

    members: Ints
    accounts: Ints
    bits: Floats
    families: Floats
    everybody: int

    def places(self, wanted: Ints) -> Ints:
        """Where accounts that were looked at stand along `accounts`."""
        return np.searchsorted(self.accounts, wanted)

    @property
    def probability(self) -> Floats:
        """Of belonging, for every account of the log; 0 where nothing brings it in."""
        belongs = np.zeros(self.everybody)
        belongs[self.accounts] = 1.0 / (1.0 + np.exp2(-self.bits))
        return belongs


def membership(
    core: Ints, tokens: TokenMatrix, content: Content, known: Customers, stay: float | None = None
) -> Membership:
    """One group, grown in its log: see Grounds.grown."""
    return Grounds(tokens, content, known).grown(core, stay)


@dataclass(frozen=True)
class Grounds:
    """A log in which groups are grown."""

    tokens: TokenMatrix
    content: Content
    known: Customers

    @cached_property
    def customer(self) -> Ints:
        """Each account's customer, by number."""
        return np.asarray(self.known.of.tocsc().indices, dtype=np.int64)

    @cached_property
    def size_of(self) -> Ints:
        """How many accounts each customer has."""
        return np.bincount(self.customer)

    @cached_property
    def identities(self) -> NDArray[np.bool_]:
        """The tokens that say who an account is: cards, devices, addresses, sign-ups."""
        families = [FAMILIES.index(f) for f in ("money", "device", "network", "registration")]
        among = np.isin(self.tokens.family, families)
        return np.asarray(among & ~self.tokens.of_kind("client_software"))

    @cached_property
    def cards_and_devices(self) -> NDArray[np.bool_]:
        """The tokens that colleagues and families share among themselves."""
        families = [FAMILIES.index(f) for f in ("money", "device")]
        return np.asarray(self.identities & np.isin(self.tokens.family, families))

    def grown(self, core: Ints, stay: float | None = None) -> Membership:
        """Grow and trim a group until it stands still, at most ROUNDS times, and drop who hangs
        together with each other and not with the group, and who then belongs no more.

        core: sorted account keys. stay: bits that a member needs, log2(accounts / STAY_AMONG) by
        default.
        """
        everybody = self.tokens.held.shape[0]
        least = float(np.log2(everybody / STAY_AMONG)) if stay is None else stay
        customer, firm = self.customer, self.known.firm
        if np.unique(customer[core], return_counts=True)[1].max() >= OPEN_SHARE * core.size:
            customer, firm = np.arange(everybody), np.zeros(0, dtype=bool)  # as if none declared
        members = core
        for _ in range(ROUNDS):
            result = self._decided(_Group.of(members, core, self.tokens, customer), firm, least)
            if np.array_equal(result.members, members) or result.members.size == 0:
                break
            members = result.members
        members = self._together(result)
        while 0 < members.size < result.members.size:  # some left: who belonged through them?
            again = self._decided(_Group.of(members, core, self.tokens, customer), firm, least)
            stayed = np.intersect1d(members, again.members, assume_unique=True)
            result = replace(again, members=stayed)
            members = self._together(result)
        circles = self._as_one(members, customer)
        if circles is not customer:
            again = self._decided(_Group.of(members, core, self.tokens, circles), firm, least)
            result, members = again, np.intersect1d(members, again.members, assume_unique=True)
        return replace(result, members=members)

    def _decided(self, group: "_Group", firm: NDArray[np.bool_], least: float) -> Membership:
        """Who belongs to a group as it stands."""
        asked = self._possible(group, least)
        families = np.zeros((asked.size, len(FAMILIES)))
        among = _Among.of(asked, group, self.tokens)
        for column in np.unique(group.family):
            families[:, column] = among.bits_of(int(column))
        families[:, CONTENT] = self.content.belonging(group.members, asked)
        if firm.size:
            for column in ABOUT:
                mine = firm[asked]
                families[mine, column] = np.minimum(families[mine, column], 0.0)
        bits = families.sum(axis=1) + group.odds - np.where(among.linked, 0.0, JOIN_BITS)
        if firm.size:
            bits += self._openness(group.members, asked)
        return Membership(asked[bits > least], asked, bits, families, group.everybody)

    def _openness(self, members: Ints, asked: Ints) -> Floats:
        """What it says of each of `asked` that it is an open firm's, in bits: log2 of the share of
        such accounts among the members over that among the others, at most 0. No firm speaks for
        itself: its accounts came together, as they would into any group."""
        firm, customer = self.known.firm, self.customer
        bits = np.zeros(asked.size)
        opened = np.flatnonzero(firm[asked])
        whose = customer[asked[opened]]
        names, counts = np.unique(customer[members[firm[members]]], return_counts=True)
        found = np.append(names, -1)[np.searchsorted(names, whose)] == whose
        mine = np.where(found, np.append(counts, 0)[np.searchsorted(names, whose)], 0)
        elsewhere = self.size_of[whose] - mine
        inside = (counts.sum() - mine + 0.5) / (members.size - mine + 1)
        left = firm.size - members.size - elsewhere
        outside = (firm.sum() - counts.sum() - elsewhere + 0.5) / (left + 1)
        bits[opened] = np.clip(np.log2(inside / outside), -MOST_OPEN, 0.0)
        return bits

    def _possible(self, group: "_Group", least: float) -> Ints:
        """The members, the core, and of the others whoever could belong to the group.

        An account that holds no mark worth more than b bits has at most b in each family, or what
        the family's best mark gives. Only holders of dearer marks than the b at which this comes to
        the bits that are needed are looked at.
        """
        need = least - group.odds + JOIN_BITS - self.content.most_bits(group.members)
        if need <= 0:  # what they ask about could bring in anybody
            return np.arange(group.everybody)
        worth = np.where(group.mark, np.minimum(group.outer, MOST_BITS), -np.inf)
        best = np.zeros(len(FAMILIES))
        np.maximum.at(best, group.family, worth)
        floor = max(_level(best, need) - 1e-9, CHARACTERISTIC_BITS)
        marks = group.used[group.mark & (group.outer > floor)]
        return np.unique(np.concatenate([group.members, group.core, self.tokens.holders_of(marks)]))

    def _together(self, found: Membership) -> Ints:
        """The members without those that cards, devices, addresses and sign-ups tie to each other
        and not to the rest, while neither wording nor what they ask about ties them either."""
        members = found.members
        if not self.tokens.worded or members.size == 0:
            return members
        label = self._tied(members, self.identities, MOSTLY)
        families = found.families[found.places(members)]
        about = families[:, list(ABOUT)].sum(axis=1)
        together = (label == np.bincount(label).argmax()) | (about > 0)
        if np.median(about) >= ONE_AIM:
            together &= (about > 0) | (families[:, CONTENT] > OTHER_AIM)
        return np.asarray(members[together], dtype=np.int64)

    def _as_one(self, members: Ints, customer: Ints) -> Ints:
        """Each account's customer, where a few members who have cards and devices in common with
        each other, and with no other member, are one: colleagues, or a family. What they share
        among themselves then speaks for none of them. The largest such circle is the group; and
        where many stand in such circles, that is how the group is made."""
        if members.size == 0:
            return customer
        label = self._tied(members, self.cards_and_devices, 0.0)
        size = np.bincount(label)
        circle = (size[label] >= 2) & (size[label] <= FEW) & (label != size.argmax())
        if not 0 < circle.sum() <= RARE * members.size:
            return customer
        merged = customer.copy()
        merged[members[circle]] = customer.max() + 1 + label[circle]
        return merged

    def _tied(self, members: Ints, tokens: NDArray[np.bool_], mostly: float) -> Ints:
        """A number per member, the same for those that hang together by some of these tokens of
        whose holders such a share are members."""
        rows, held = self.tokens.held_by(members)
        mine = tokens[held]
        names, token, within = np.unique(held[mine], return_inverse=True, return_counts=True)
        tie = (within >= 2) & (within >= mostly * self.tokens.holders[names])
        rows, token = rows[mine][tie[token]], token[tie[token]]
        size = members.size + names.size
        ends = (rows, members.size + token)
        both = sp.csr_array((np.ones(rows.size, dtype=np.float32), ends), shape=(size, size))
        label = connected_components(both, directed=False)[1][: members.size]
        return np.asarray(label, dtype=np.int64)


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
class _Group:
    """A group as it stands. Along `used`, the tokens that two of its customers or more hold:
    their family; how many accounts hold each (`holders`), how many members' customers (`count`);
    whether it is a mark; and what it says for a member and for an outsider who hold it, in bits.
    Everybody is judged by the others: nobody counts as a holder of his own token."""

    members: Ints
    core: Ints
    everybody: int
    used: Ints
    family: Ints
    mark: NDArray[np.bool_]
    inner: Floats
    outer: Floats

    @classmethod
    def of(cls, members: Ints, core: Ints, tokens: TokenMatrix, customer: Ints) -> "_Group":
        everybody = tokens.held.shape[0]
        used, count = _used(members, tokens, customer)
        holders = tokens.holders[used]
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


def _used(members: Ints, tokens: TokenMatrix, customer: Ints) -> tuple[Ints, Floats]:
    """The tokens that two customers or more of the members hold, and how many do."""
    rows, held = tokens.held_by(members)
    whose = customer[members]
    if np.unique(whose).size < whose.size:  # some are one customer, who holds a token once
        names = int(whose.max()) + 1
        held = np.unique(held * names + whose[rows]) // names
    names_of, count = np.unique(held, return_counts=True)
    return names_of[count >= 2], count[count >= 2].astype(np.float64)


@dataclass(frozen=True)
class _Among:
    """The accounts asked about, and what of the group's telling tokens they hold: account
    `rows[i]` (a place along `asked`) holds token `held[i]` (a place along the group's `used`)."""

    group: _Group
    tokens: TokenMatrix
    inside: NDArray[np.bool_]
    linked: NDArray[np.bool_]  # in the core: links brought them
    rows: Ints
    held: Ints

    @classmethod
    def of(cls, asked: Ints, group: _Group, tokens: TokenMatrix) -> "_Among":
        telling = np.maximum(group.inner, group.outer) > CHARACTERISTIC_BITS
        local = np.flatnonzero(telling)
        rows, at = tokens.held_among(asked, group.used[local])
        inside, linked = np.zeros(asked.size, dtype=bool), np.zeros(asked.size, dtype=bool)
        inside[np.searchsorted(asked, group.members)] = True
        linked[np.searchsorted(asked, group.core)] = True
        return cls(group, tokens, inside, linked, rows, local[at])

    def bits_of(self, column: int) -> Floats:
        """Bits of the best token of one family per account; below 0 where an account has none."""
        group = self.group
        usable = self.linked[self.rows] | group.mark[self.held]
        usable &= group.family[self.held] == column
        rows, held = self.rows[usable], self.held[usable]
        best = np.full(self.inside.size, -np.inf)
        np.maximum.at(best, rows, np.where(self.inside[rows], group.inner[held], group.outer[held]))
        marked = best > CHARACTERISTIC_BITS
        count = self._outsiders(column) + int((marked & self.linked & ~self.inside).sum())
        share_in = (marked & self.inside).sum() / (group.members.size + 1)
        share_out = count / (group.others + 1)
        lack = max(-LACK_BITS[FAMILIES[column]], float(np.log2((1 - share_in) / (1 - share_out))))
        bits = np.minimum(best, MOST_BITS)
        if column == NETWORK and not self.tokens.worded:
            bits += self._often(rows, held)
        return np.where(marked, bits, min(lack, 0.0))

    def _often(self, rows: Ints, held: Ints) -> Floats:
        """More bits for an account that shares telling addresses again and again: log2 of how many,
        at most OFTEN_BITS."""
        worth = np.where(self.inside[rows], self.group.inner[held], self.group.outer[held])
        many = np.bincount(rows[worth > TELLING_BITS], minlength=self.inside.size)
        return np.minimum(np.log2(np.maximum(many, 1)), OFTEN_BITS)

    def _outsiders(self, column: int) -> int:
        """How many accounts, neither members nor of the core, hold a telling mark of the family."""
        group = self.group
        mine = group.mark & (group.family == column) & (group.outer > CHARACTERISTIC_BITS)
        holders = self.tokens.holders_of(group.used[mine])
        if (
            holders.size < group.everybody // 16
        ):  # to sort them is cheaper than a flag for everybody
            holders = np.unique(holders)
            ours = np.union1d(group.members, group.core)
            return int(holders.size - np.intersect1d(holders, ours, assume_unique=True).size)
        flag = np.zeros(group.everybody, dtype=bool)
        flag[holders] = True
        flag[group.members] = False
        flag[group.core] = False
        return int(np.count_nonzero(flag))
