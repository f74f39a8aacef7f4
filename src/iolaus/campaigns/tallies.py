"""tallies: the loops over who holds what, compiled, each a pass over the entries that it needs.

A Desk has a number per token and per account to count in. Every kernel finds it all 0 and leaves it
so: what a group costs is what its members hold and who holds what they hold, with nothing sorted,
and nothing cleared for everybody. One Desk serves one thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.core.tables import FAMILIES

Bits = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Pointers = NDArray[np.int32] | NDArray[np.int64]  # of a matrix


@dataclass(frozen=True)
class Desk:
    """`token`: tokens x 2, side by side because they are read together; `account`: a place;
    `flag`: families x accounts, in bits. 8 bytes per token and 5 per account."""

    token: Numbers
    account: Numbers
    flag: Bits

    @classmethod
    def of(cls, accounts: int, tokens: int) -> "Desk":
        return cls(
            np.zeros((tokens, 2), dtype=np.int32),
            np.zeros(accounts, dtype=np.int32),
            np.zeros((len(FAMILIES), words(accounts)), dtype=np.uint64),
        )


def words(accounts: int) -> int:
    """How many words of 64 bits have one for each account."""
    return (accounts + 63) // 64


@kernel
def as_bits(start: Pointers, holders: Pointers, tokens: Ints, bits: Bits) -> None:
    """Set the bit of each holder of a token in the token's row of `bits`."""
    for k in range(tokens.size):
        for entry in range(start[tokens[k]], start[tokens[k] + 1]):
            one = holders[entry]
            bits[k, one >> 6] |= np.uint64(1) << np.uint64(one & 63)


@kernel
def shared(
    start: Pointers, held: Pointers, members: Ints, whose: Ints, token: Numbers
) -> tuple[Ints, Ints]:
    """The tokens that two customers or more hold, and how many do. `start`, `held`: accounts x
    tokens, stored by account; `whose`: the customer of each member, those of one side by side."""
    total = 0
    for member in members:
        total += start[member + 1] - start[member]
    met = np.empty(total, dtype=np.int32)
    size = 0
    for i in range(members.size):
        stamp = whose[i] + 1
        for entry in range(start[members[i]], start[members[i] + 1]):
            t = held[entry]
            if token[t, 1] != stamp:
                if token[t, 0] == 0:
                    met[size] = t
                    size += 1
                token[t, 0] += 1
                token[t, 1] = stamp
    several = 0
    for i in range(size):
        several += token[met[i], 0] >= 2
    found, count = np.empty(several, dtype=np.int64), np.empty(several, dtype=np.int64)
    place = 0
    for i in range(size):
        t = met[i]
        if token[t, 0] >= 2:
            found[place], count[place] = t, token[t, 0]
            place += 1
        token[t, 0] = 0
        token[t, 1] = 0
    return found, count


@kernel
def reached(
    start: Pointers, holders: Pointers, tokens: Ints, members: Ints, core: Ints, account: Numbers
) -> Numbers:
    """The members, the core, and whoever holds one of the tokens: each account once, in no order.
    `start`, `holders`: accounts x tokens, stored by token."""
    most = members.size + core.size
    for t in tokens:
        most += start[t + 1] - start[t]
    found = np.empty(min(most, account.size), dtype=np.int32)
    size = 0
    for known in (members, core):
        for one in known:
            if account[one] == 0:
                account[one] = 1
                found[size] = one
                size += 1
    for t in tokens:
        for entry in range(start[t], start[t + 1]):
            one = holders[entry]
            if account[one] == 0:
                account[one] = 1
                found[size] = one
                size += 1
    for i in range(size):
        account[found[i]] = 0
    return found[:size].copy()


@kernel
def tied(
    start: Pointers,
    held: Pointers,
    members: Ints,
    chosen: Bools,
    holders: Ints,
    mostly: float,
    token: Numbers,
) -> Ints:
    """A number per member, the same for those that hang together by `chosen` tokens of whose
    holders such a share are members; numbers in the order of each part's first member."""
    total = 0
    for member in members:
        total += start[member + 1] - start[member]
    met = np.empty(total, dtype=np.int32)
    size = 0
    for member in members:
        for entry in range(start[member], start[member + 1]):
            t = held[entry]
            if chosen[t]:
                if token[t, 0] == 0:
                    met[size] = t
                    size += 1
                token[t, 0] += 1
    for i in range(size):
        t = met[i]
        if token[t, 0] < 2 or token[t, 0] < mostly * holders[t]:
            token[t, 0] = 0  # ties nobody
    above = np.arange(members.size)  # a member of the same part who comes first, or himself
    for i in range(members.size):
        for entry in range(start[members[i]], start[members[i] + 1]):
            t = held[entry]
            if token[t, 0] > 0:
                if token[t, 1] == 0:
                    token[t, 1] = i + 1
                one, other = i, token[t, 1] - 1
                while above[one] != one:
                    above[one] = above[above[one]]
                    one = above[one]
                while above[other] != other:
                    above[other] = above[above[other]]
                    other = above[other]
                above[max(one, other)] = min(one, other)
    for i in range(size):
        token[met[i], 0] = 0
        token[met[i], 1] = 0
    label = np.empty(members.size, dtype=np.int64)
    parts = 0
    for i in range(members.size):
        if above[i] == i:
            label[i] = parts
            parts += 1
        else:  # the one above comes before
            label[i] = label[above[i]]
    return label
