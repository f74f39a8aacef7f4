"""tallies: the loops over who holds what, compiled, each a pass over the entries that it needs.

A Desk has a number per token and per account to count in. Every kernel finds it all 0 and leaves it
so: what a group costs is what its members hold and who holds what they hold, with nothing sorted,
and nothing cleared for everybody. One Desk serves one thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.int32]
Pointers = NDArray[np.int32] | NDArray[np.int64]  # of a matrix


@dataclass(frozen=True)
class Desk:
    """`token`: tokens x 2, side by side because they are read together; `account`: a place;
    `family`: a bit per family. 8 bytes per token and 6 per account."""

    token: Numbers
    account: Numbers
    family: NDArray[np.uint16]

    @classmethod
    def of(cls, accounts: int, tokens: int) -> "Desk":
        return cls(
            np.zeros((tokens, 2), dtype=np.int32),
            np.zeros(accounts, dtype=np.int32),
            np.zeros(accounts, dtype=np.uint16),
        )


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
def best_by_token(
    start: Pointers,
    holders: Pointers,
    tokens: Ints,
    family: Ints,
    mark: Bools,
    counted: Bools,
    inner: Floats,
    outer: Floats,
    asked: Ints,
    inside: Bools,
    linked: Bools,
    often_family: int,
    often_least: float,
    account: Numbers,
    seen: NDArray[np.uint16],
    best: Floats,
    often: Ints,
) -> Ints:
    """Raise `best` (asked x families) to what the tokens say of who holds them: `inner` of those
    that are `inside`, `outer` of the others; a token that is no mark speaks for `linked` ones only.
    `often`: how many tokens of one family say more than `often_least` of an account.

    Out, by family: how many accounts, neither inside nor linked, hold a token that is `counted`.
    """
    for i in range(asked.size):
        account[asked[i]] = i + 1
    most = 0
    for k in range(tokens.size):
        if counted[k]:
            most += start[tokens[k] + 1] - start[tokens[k]]
    met = np.empty(min(most, account.size), dtype=np.int32)
    size = 0
    outsiders = np.zeros(best.shape[1], dtype=np.int64)
    for k in range(tokens.size):
        f = family[k]
        bit = np.uint16(1 << f)
        for entry in range(start[tokens[k]], start[tokens[k] + 1]):
            one = holders[entry]
            place = account[one] - 1
            stranger = True
            if place >= 0:
                stranger = not (inside[place] or linked[place])
                if mark[k] or linked[place]:
                    worth = inner[k] if inside[place] else outer[k]
                    if worth > best[place, f]:
                        best[place, f] = worth
                    if f == often_family and worth > often_least:
                        often[place] += 1
            if stranger and counted[k] and seen[one] & bit == 0:
                if seen[one] == 0:
                    met[size] = one
                    size += 1
                seen[one] |= bit
                outsiders[f] += 1
    for i in range(size):
        seen[met[i]] = 0
    for i in range(asked.size):
        account[asked[i]] = 0
    return outsiders


@kernel
def best_by_account(
    start: Pointers,
    held: Pointers,
    tokens: Ints,
    family: Ints,
    inner: Floats,
    outer: Floats,
    accounts: Ints,
    places: Ints,
    inside: Bools,
    often_family: int,
    often_least: float,
    token: Numbers,
    best: Floats,
    often: Ints,
) -> None:
    """The same for some accounts alone, who stand at `places`, by going through what they hold."""
    for k in range(tokens.size):
        token[tokens[k], 0] = k + 1
    for i in range(accounts.size):
        place = places[i]
        for entry in range(start[accounts[i]], start[accounts[i] + 1]):
            k = token[held[entry], 0] - 1
            if k >= 0:
                worth = inner[k] if inside[place] else outer[k]
                f = family[k]
                if worth > best[place, f]:
                    best[place, f] = worth
                if f == often_family and worth > often_least:
                    often[place] += 1
    for k in range(tokens.size):
        token[tokens[k], 0] = 0


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
    for member in members:
        for entry in range(start[member], start[member + 1]):
            if chosen[held[entry]]:
                token[held[entry], 0] += 1
    above = np.arange(members.size)  # a member of the same part who comes first, or himself
    for i in range(members.size):
        for entry in range(start[members[i]], start[members[i] + 1]):
            t = held[entry]
            if chosen[t] and token[t, 0] >= 2 and token[t, 0] >= mostly * holders[t]:
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
    for member in members:
        for entry in range(start[member], start[member + 1]):
            token[held[entry], 0] = 0
            token[held[entry], 1] = 0
    label = np.empty(members.size, dtype=np.int64)
    parts = 0
    for i in range(members.size):
        if above[i] == i:
            label[i] = parts
            parts += 1
        else:  # the one above comes before
            label[i] = label[above[i]]
    return label
