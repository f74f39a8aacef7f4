"""weights: the best token of each family that accounts hold, how many others hold one; compiled.

As in tallies, every kernel finds the Desk's numbers 0 and leaves them so.
"""

import numpy as np

from iolaus.campaigns.tallies import Bits, Bools, Floats, Ints, Numbers, Pointers
from iolaus.core.compiled import kernel


@kernel
def best_by_token(
    start: Pointers,
    holders: Pointers,
    tokens: Ints,
    family: Ints,
    mark: Bools,
    inner: Floats,
    outer: Floats,
    crowd: Numbers,
    bits: Bits,
    asked: Ints,
    inside: Bools,
    linked: Bools,
    often_family: int,
    often_least: float,
    account: Numbers,
    best: Floats,
    often: Ints,
) -> None:
    """Raise `best` (asked x families) to what the tokens say of who holds them: `inner` of those
    that are `inside`, `outer` of the others; a token that is no mark speaks for `linked` ones only.
    `often`: how many tokens of one family say more than `often_least` of an account. A token with a
    `crowd` (its row of `bits`, else -1) is asked for each account where these are fewer."""
    for i in range(asked.size):
        account[asked[i]] = i + 1
    for k in range(tokens.size):
        f, first, last = family[k], start[tokens[k]], start[tokens[k] + 1]
        row = crowd[tokens[k]]
        by_bit = row >= 0 and asked.size < last - first
        for step in range(asked.size if by_bit else last - first):
            if by_bit:
                one = asked[step]
                if (bits[row, one >> 6] >> np.uint64(one & 63)) & np.uint64(1) == 0:
                    continue
                place = step
            else:
                place = account[holders[first + step]] - 1
                if place < 0:
                    continue
            if mark[k] or linked[place]:
                worth = inner[k] if inside[place] else outer[k]
                if worth > best[place, f]:
                    best[place, f] = worth
                if f == often_family and worth > often_least:
                    often[place] += 1
    for i in range(asked.size):
        account[asked[i]] = 0


@kernel
def others_holding(
    start: Pointers,
    holders: Pointers,
    tokens: Ints,
    family: Ints,
    crowd: Numbers,
    bits: Bits,
    ours: Ints,
    flag: Bits,
) -> Ints:
    """By family: how many accounts that are not `ours` hold one of the tokens."""
    used, crowded = np.zeros(flag.shape[0], np.bool_), np.zeros(flag.shape[0], np.bool_)
    for k in range(tokens.size):
        used[family[k]] = True
    for f in range(flag.shape[0]):
        if used[f]:
            for one in ours:
                flag[f, one >> 6] |= np.uint64(1) << np.uint64(one & 63)
    count = np.zeros(flag.shape[0], dtype=np.int64)
    for k in range(tokens.size):
        row, f = crowd[tokens[k]], family[k]
        if row >= 0:
            crowded[f] = True
            for word in range(flag.shape[1]):
                flag[f, word] |= bits[row, word]
    for f in range(flag.shape[0]):
        if crowded[f]:
            for word in range(flag.shape[1]):
                count[f] += _ones(flag[f, word])
            count[f] -= ours.size
    for k in range(tokens.size):
        f = family[k]
        if crowd[tokens[k]] < 0:
            for entry in range(start[tokens[k]], start[tokens[k] + 1]):
                one = holders[entry]
                bit = np.uint64(1) << np.uint64(one & 63)
                if flag[f, one >> 6] & bit == 0:
                    flag[f, one >> 6] |= bit
                    count[f] += 1
    for f in range(flag.shape[0]):
        if crowded[f]:
            flag[f, :] = 0
        elif used[f]:
            for one in ours:
                flag[f, one >> 6] = 0
    for k in range(tokens.size):
        if not crowded[family[k]]:
            for entry in range(start[tokens[k]], start[tokens[k] + 1]):
                flag[family[k], holders[entry] >> 6] = 0
    return count


@kernel
def _ones(word: np.uint64) -> np.int64:
    """How many bits of a word are set (added up in pairs, fours and eights side by side)."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    fours = np.uint64(0x3333333333333333)
    word = (word & fours) + ((word >> np.uint64(2)) & fours)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


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
    worths = np.empty((tokens.size, 2))  # side by side, and the family beside the place in it:
    for k in range(tokens.size):  # every look at another array waits for memory
        token[tokens[k], 0], token[tokens[k], 1] = k + 1, family[k]
        worths[k, 0], worths[k, 1] = outer[k], inner[k]
    for i in range(accounts.size):
        place = places[i]
        side = 1 if inside[place] else 0
        for entry in range(start[accounts[i]], start[accounts[i] + 1]):
            t = held[entry]
            if token[t, 0] > 0:
                worth, f = worths[token[t, 0] - 1, side], token[t, 1]
                if worth > best[place, f]:
                    best[place, f] = worth
                if f == often_family and worth > often_least:
                    often[place] += 1
    for k in range(tokens.size):
        token[tokens[k], 0] = 0
        token[tokens[k], 1] = 0
