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

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from iolaus.campaigns.content import Content
from iolaus.campaigns.customers import Customers
from iolaus.campaigns.odds import Group, weigh
from iolaus.campaigns.tallies import Desk, tied
from iolaus.campaigns.token_matrix import TokenMatrix
from iolaus.core.tables import FAMILIES

ROUNDS = 4
STAY_AMONG = 50.0  # a member's bits exceed log2(accounts / 50): the more accounts there are, the
# rarer a token of strangers can look. 12,000 accounts: 7.9 bits, 1,500 accounts: 4.9 bits
JOIN_BITS = 3.0  # as much again for an account that no link brought
# What the accounts of an open firm ask for, and in what words, ties them to nobody: two firms may
# collect from one public source.
CONTENT = FAMILIES.index("content")
ABOUT = (FAMILIES.index("wording"), CONTENT)
MOST_OPEN = 6.0  # bits against an open firm's account, as for wording: an operator can found one
MOSTLY = 0.5  # of a token's holders are members
FEW = 7  # accounts with cards and devices of their own in common: no campaign, which has 8 or more
RARE = 0.25  # of the members stand in such circles
# Bits of wording and content together that the middle member has where a group is after one thing;
# who then asks for something else, in other words, only shares a card with it.
ONE_AIM, OTHER_AIM = 8.0, -3.0
OPEN_SHARE = 0.5  # of a group in one organisation: then the organisation is what was found

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


@dataclass(frozen=True)
class Grounds:
    """A log in which groups are grown, by several threads at once if need be: `desks` are those
    that no thread works at."""

    tokens: TokenMatrix
    content: Content
    known: Customers
    desks: SimpleQueue[Desk] = field(default_factory=SimpleQueue, repr=False, compare=False)

    @cached_property
    def customer(self) -> Ints:
        """Each account's customer, by number."""
        return np.asarray(self.known.of.tocsc().indices, dtype=np.int64)

    @cached_property
    def size_of(self) -> Ints:
        """How many accounts each customer has."""
        return np.bincount(self.customer)

    @cached_property
    def firms(self) -> int:
        """How many accounts are an open firm's."""
        return int(self.known.firm.sum())

    def lay(self) -> None:
        """Make what all groups read, before several threads would each make it."""
        tokens = self.tokens
        _ = tokens.held, tokens.crowds, tokens.worded
        _ = tokens.identities, tokens.cards_and_devices
        _ = self.customer, self.size_of, self.firms, self.content.crowd_vectors

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        """One to work at. It is not used again where that failed: it may not be clean."""
        try:
            desk = self.desks.get_nowait()
        except Empty:
            desk = Desk.of(*self.tokens.held.shape)
        yield desk
        self.desks.put(desk)

    def grown(self, core: Ints, stay: float | None = None) -> Membership:
        """Grow and trim a group until it stands still, at most ROUNDS times, and drop who hangs
        together with each other and not with the group, and who then belongs no more.

        core: sorted account keys. stay: bits that a member needs, log2(accounts / STAY_AMONG) by
        default.
        """
        everybody = self.tokens.held.shape[0]
        least = float(np.log2(everybody / STAY_AMONG)) if stay is None else stay
        with self._desk() as desk:
            return _Growth(self, desk, core, least).grown()


@dataclass(frozen=True)
class _Growth:
    """One group as it grows. `least`: bits that a member needs."""

    grounds: Grounds
    desk: Desk
    core: Ints
    least: float

    @cached_property
    def alone(self) -> bool:
        """Whether the group is one organisation: then all are judged as if none declared any."""
        counts = np.unique(self.grounds.customer[self.core], return_counts=True)[1]
        return bool(counts.max() >= OPEN_SHARE * self.core.size)

    def whose(self, members: Ints) -> Ints:
        """Each member's customer."""
        return members if self.alone else self.grounds.customer[members]

    def grown(self) -> Membership:
        members = self.core
        for _ in range(ROUNDS):
            result = self._decided(members, self.whose(members))
            if np.array_equal(result.members, members) or result.members.size == 0:
                break
            members = result.members
        members = self._together(result)
        while 0 < members.size < result.members.size:  # some left: who belonged through them?
            again = self._decided(members, self.whose(members))
            stayed = np.intersect1d(members, again.members, assume_unique=True)
            result = replace(again, members=stayed)
            members = self._together(result)
        circles = self._as_one(members)
        if circles is not None:
            result = self._decided(members, circles)
            members = np.intersect1d(members, result.members, assume_unique=True)
        return replace(result, members=members)

    def _decided(self, members: Ints, whose: Ints) -> Membership:
        """Who belongs to a group as it stands. `whose`: each member's customer."""
        grounds = self.grounds
        tokens, content = grounds.tokens, grounds.content
        group = Group.of(members, self.core, whose, tokens, self.desk)
        need = self.least - group.odds + JOIN_BITS - content.most_bits(members)
        asked = group.possible(need, tokens, self.desk)
        weighed = weigh(asked, group, tokens, self.desk)
        families = weighed.families
        families[:, CONTENT] = content.belonging(members, asked)
        if not self.alone:
            mine = np.flatnonzero(grounds.known.firm[asked])
            for column in ABOUT:
                families[mine, column] = np.minimum(families[mine, column], 0.0)
        bits = families.sum(axis=1) + group.odds - np.where(weighed.linked, 0.0, JOIN_BITS)
        if not self.alone:
            bits += self._openness(members, asked)
        return Membership(asked[bits > self.least], asked, bits, families, group.everybody)

    def _openness(self, members: Ints, asked: Ints) -> Floats:
        """What it says of each of `asked` that it is an open firm's, in bits: log2 of the share of
        such accounts among the members over that among the others, at most 0. No firm speaks for
        itself: its accounts came together, as they would into any group."""
        firm, customer = self.grounds.known.firm, self.grounds.customer
        bits = np.zeros(asked.size)
        opened = np.flatnonzero(firm[asked])
        if opened.size == 0:
            return bits
        whose = customer[asked[opened]]
        names, counts = np.unique(customer[members[firm[members]]], return_counts=True)
        found = np.append(names, -1)[np.searchsorted(names, whose)] == whose
        mine = np.where(found, np.append(counts, 0)[np.searchsorted(names, whose)], 0)
        elsewhere = self.grounds.size_of[whose] - mine
        inside = (counts.sum() - mine + 0.5) / (members.size - mine + 1)
        left = firm.size - members.size - elsewhere
        outside = (self.grounds.firms - counts.sum() - elsewhere + 0.5) / (left + 1)
        bits[opened] = np.clip(np.log2(inside / outside), -MOST_OPEN, 0.0)
        return bits

    def _together(self, found: Membership) -> Ints:
        """The members without those that cards, devices, addresses and sign-ups tie to each other
        and not to the rest, while neither wording nor what they ask about ties them either."""
        members = found.members
        if not self.grounds.tokens.worded or members.size == 0:
            return members
        label = self._tied(members, self.grounds.tokens.identities, MOSTLY)
        families = found.families[found.places(members)]
        about = families[:, list(ABOUT)].sum(axis=1)
        together = (label == np.bincount(label).argmax()) | (about > 0)
        if np.median(about) >= ONE_AIM:
            together &= (about > 0) | (families[:, CONTENT] > OTHER_AIM)
        return np.asarray(members[together], dtype=np.int64)

    def _as_one(self, members: Ints) -> Ints | None:
        """Each member's customer, where a few members who have cards and devices in common with
        each other, and with no other member, are one: colleagues, or a family. What they share
        among themselves then speaks for none of them. The largest such circle is the group; and
        where many stand in such circles, that is how the group is made: then None."""
        if members.size == 0:
            return None
        label = self._tied(members, self.grounds.tokens.cards_and_devices, 0.0)
        size = np.bincount(label)
        circle = (size[label] >= 2) & (size[label] <= FEW) & (label != size.argmax())
        if not 0 < circle.sum() <= RARE * members.size:
            return None
        whose = self.whose(members)
        return np.where(circle, whose.max() + 1 + label, whose)

    def _tied(self, members: Ints, chosen: NDArray[np.bool_], mostly: float) -> Ints:
        """A number per member, the same for those that hang together by some of these tokens of
        whose holders such a share are members."""
        tokens = self.grounds.tokens
        return tied(
            tokens.held.indptr,
            tokens.held.indices,
            members,
            chosen,
            tokens.holders,
            mostly,
            self.desk.token,
        )
